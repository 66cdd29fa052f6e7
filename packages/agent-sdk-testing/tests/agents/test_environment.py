from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from agent_sdk_core import InvalidRequestError
from agent_sdk_testing import ScriptedModel, clean_env, scratch_folder
from agent_sdk_testing.agents.environment import cache_folder, unfit_for_codex


def test_nothing_that_configures_an_agent_is_inherited() -> None:
    inherited = {"PATH": "/bin", "OPENAI_API_KEY": "x", "codex_home": "x", "CLAUDECODE": "1", "ANTHROPIC_BASE_URL": "x"}
    assert clean_env(inherit=inherited) == {"PATH": "/bin"}


def test_where_no_folder_can_be_made_it_is_said_with_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    with pytest.raises(
        InvalidRequestError, match=r"^No folder can be made in .*file/agent-sdk-testing: .*XDG_CACHE_HOME"
    ):
        scratch_folder().__enter__()
    with pytest.raises(InvalidRequestError, match=r"^No folder can be made in .*below: Not a directory\.$"):
        scratch_folder(tmp_path / "file" / "below").__enter__()


def test_the_environment_of_this_process_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CODEX_API_KEY", "x")
    env = clean_env(EXTRA="1")
    assert "CODEX_API_KEY" not in env
    assert (env["PATH"], env["EXTRA"]) == (os.environ["PATH"], "1")


def test_a_codex_home_brings_a_home_folder(tmp_path: Path) -> None:
    env = clean_env(codex_home=tmp_path, inherit={"HOME": "/home/dev"})
    assert (env["CODEX_HOME"], env["HOME"]) == (str(tmp_path), str(tmp_path / "home"))
    assert (tmp_path / "home").is_dir()
    assert clean_env(codex_home=tmp_path, HOME="/else")["HOME"] == "/else"


@pytest.mark.parametrize("agent", ["codex_home", "claude_config_dir"])
def test_neither_an_agent_nor_a_shell_of_its_tools_finds_the_files_of_a_developer(tmp_path: Path, agent: str) -> None:
    leads = {"XDG_CONFIG_HOME", "XDG_DATA_HOME", "BASH_ENV", "ENV", "ZDOTDIR", "PROMPT_COMMAND", "BASH_FUNC_ls%%"}
    inherited = {"PATH": "/bin", **dict.fromkeys(leads, "/home/dev/x")}
    folders: dict[str, Any] = {agent: tmp_path}
    env = clean_env(**folders, model="http://127.0.0.1:1", inherit=inherited)
    assert not leads & env.keys()
    assert (env["PATH"], env["HOME"]) == ("/bin", str(tmp_path / "home"))


def test_a_claude_asks_the_model_and_nobody_else(tmp_path: Path) -> None:
    inherited = {"HOME": "/home/dev", "XDG_RUNTIME_DIR": "/run/user/1000", "PATH": "/bin", "ANTHROPIC_API_KEY": "real"}
    env = clean_env(claude_config_dir=tmp_path, model="http://127.0.0.1:9", inherit=inherited)
    assert (env["ANTHROPIC_BASE_URL"], env["ANTHROPIC_API_KEY"]) == ("http://127.0.0.1:9", "scripted")
    assert (env["CLAUDE_CONFIG_DIR"], env["HOME"], env["PATH"]) == (str(tmp_path), str(tmp_path / "home"), "/bin")
    assert "XDG_RUNTIME_DIR" not in env
    assert env["CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC"] == "1"
    assert (tmp_path / "home").is_dir()
    assert Path(env["CLAUDE_CODE_TMPDIR"]).is_dir()


def test_a_claude_fails_at_once_unless_told_otherwise(model: ScriptedModel, tmp_path: Path) -> None:
    env = clean_env(claude_config_dir=tmp_path, model=model)
    assert (env["CLAUDE_CODE_MAX_RETRIES"], env["ANTHROPIC_BASE_URL"]) == ("0", model.url)
    patient = clean_env(claude_config_dir=tmp_path, model=model, CLAUDE_CODE_MAX_RETRIES="2")
    assert patient["CLAUDE_CODE_MAX_RETRIES"] == "2"


def test_a_claude_without_a_model_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="needs model"):
        clean_env(claude_config_dir=tmp_path)


@pytest.mark.parametrize(
    ("given", "exempt"), [({}, "127.0.0.1,localhost"), ({"no_proxy": "corp"}, "127.0.0.1,localhost,corp")]
)
def test_a_proxy_is_not_asked_for_the_loopback_interface(given: dict[str, str], exempt: str) -> None:
    env = clean_env(inherit={"HTTP_PROXY": "http://proxy:1", **given})
    assert (env["NO_PROXY"], env["no_proxy"], env["HTTP_PROXY"]) == (exempt, exempt, "http://proxy:1")


def test_a_scratch_folder_is_removed_with_its_content(tmp_path: Path) -> None:
    with scratch_folder(tmp_path / "base", prefix="x-") as path:
        (path / "file").write_text("x")
        assert path.parent == tmp_path / "base"
        assert path.name.startswith("x-")
    assert not path.exists()


def test_a_scratch_folder_is_in_the_cache_by_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr("sys.platform", "linux")
    with scratch_folder() as path:
        assert path.parent == tmp_path / "agent-sdk-testing"


@pytest.mark.parametrize(("platform", "folder"), [("linux", ".cache"), ("darwin", "Library/Caches")])
def test_the_cache_is_where_the_platform_keeps_it(
    platform: str, folder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.platform", platform)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    assert cache_folder() == tmp_path / folder / "agent-sdk-testing"


def test_a_folder_below_the_temporary_one_is_not_for_codex(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    why = unfit_for_codex(tmp_path / "cache")
    assert why is not None
    assert str(tmp_path) in why
    assert "to a folder elsewhere" in why
    assert unfit_for_codex(Path("/somewhere/else")) is None


def test_what_a_killed_process_left_is_removed_by_the_next_one(tmp_path: Path) -> None:
    code = (
        "import os, signal, sys; from pathlib import Path; from agent_sdk_testing import scratch_folder\n"
        "with scratch_folder(Path(sys.argv[1])) as path:\n"
        "    (path / 'file').touch(); print(path, flush=True); os.kill(os.getpid(), signal.SIGKILL)"
    )
    killed = subprocess.run([sys.executable, "-c", code, tmp_path], capture_output=True, text=True, check=False)
    left = Path(killed.stdout.strip())
    assert (left / "file").exists()
    foreign = tmp_path / "test-abc.elsewhere.4194304"
    odd = left.with_name(f"{left.name}x")
    for folder in (foreign, odd):
        folder.mkdir()
    with scratch_folder(tmp_path) as path, scratch_folder(tmp_path) as other:
        assert not left.exists()
        assert path.is_dir()
        assert other.is_dir()
        assert foreign.is_dir()
        assert odd.is_dir()
