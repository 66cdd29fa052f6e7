from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from agent_chat import settings
from agent_chat.chats.trust import project_files
from agent_sdk_core.config.runtime import RuntimeConfig

Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def backend(monkeypatch: pytest.MonkeyPatch, wire: Any, fake_backend: Any) -> Any:
    async def script(session: Any) -> AsyncIterator[Any]:
        yield wire.text("m", "all done")
        yield wire.result()

    made = fake_backend(script)

    def open_backend(name: str | None, config: RuntimeConfig) -> Any:
        return made

    monkeypatch.setattr(settings, "open_backend", open_backend)
    return made


@pytest.fixture
def user_file(command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    file = tmp_path / "ours" / "config.toml"
    monkeypatch.setenv("AGENT_SDK_CONFIG", str(file))
    file.parent.mkdir()
    file.touch()
    return file


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    (folder / ".claude").mkdir(parents=True)
    return folder


def test_a_folder_without_settings_of_its_own_is_no_question(command: Command, backend: Any, tmp_path: Path) -> None:
    _, _, err = command("run", "--cwd", str(tmp_path), "go")
    assert "trust" not in err
    assert backend.opened[0].options.setting_sources is None


def test_without_a_terminal_a_project_is_not_trusted_and_stderr_says_so(
    command: Command, backend: Any, user_file: Path, project: Path
) -> None:
    code, _, err = command("run", "--cwd", str(project), "go")
    assert code == 0
    assert "project is not trusted: its .claude may be left out; --trust lets them apply." in err
    assert backend.opened[0].options.setting_sources == ("user",)
    assert user_file.read_text() == ""


def test_a_project_that_is_trusted_on_the_command_line_is_remembered(
    command: Command, backend: Any, user_file: Path, project: Path
) -> None:
    code, _, err = command("run", "--trust", "--cwd", str(project), "go")
    assert code == 0
    assert "project is trusted from now on" in err
    assert str(project) in user_file.read_text()
    _, _, err = command("run", "--cwd", str(project), "go")
    assert "trust" not in err
    assert [opened.options.setting_sources for opened in backend.opened] == [("user", "project")] * 2


def test_trust_that_cannot_be_kept_is_a_usage_error(
    command: Command, backend: Any, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code, _, err = command("run", "--trust", "--cwd", str(project), "go")  # AGENT_SDK_CONFIG is /dev/null
    assert code == 2
    assert "it is not a regular file" in err
    assert backend.opened == []


def test_what_agents_read_of_a_project_is_found_once(tmp_path: Path) -> None:
    assert project_files(tmp_path) == ()
    (tmp_path / "sub").mkdir()
    for path in (tmp_path / "AGENTS.md", tmp_path / "sub" / "AGENTS.md", tmp_path / "sub" / ".mcp.json"):
        path.touch()
    assert project_files(tmp_path, tmp_path / "sub") == (".mcp.json", "AGENTS.md")


@pytest.mark.parametrize(
    "name",
    [
        ".claude/settings.json",
        ".mcp.json",
        ".codex/config.toml",
        ".agents/skills/s/SKILL.md",
        "CLAUDE.md",
        "AGENTS.md",
        "AGENTS.override.md",
    ],
)
@pytest.mark.parametrize("where", [".", "a", "a/b"])
def test_whatever_agents_read_from_the_root_down_to_the_folder_is_left_out_untrusted(
    command: Command, backend: Any, user_file: Path, tmp_path: Path, name: str, where: str
) -> None:
    root = tmp_path / "project"
    (root / ".git").mkdir(parents=True)
    (root / "a" / "b").mkdir(parents=True)
    (root / where / name).parent.mkdir(parents=True, exist_ok=True)
    (root / where / name).touch()
    code, _, err = command("run", "--cwd", str(root / "a" / "b"), "go")
    assert code == 0
    assert f"project is not trusted: its {name.partition('/')[0]} may be left out" in err
    assert backend.opened[0].options.setting_sources == ("user",)


def test_what_lies_beside_the_folder_or_above_the_root_is_no_question(
    command: Command, backend: Any, user_file: Path, tmp_path: Path
) -> None:
    (tmp_path / "project" / ".git").mkdir(parents=True)
    (tmp_path / "project" / "beside" / ".claude").mkdir(parents=True)
    (tmp_path / "project" / "a").mkdir()
    (tmp_path / ".claude").mkdir()
    _, _, err = command("run", "--cwd", str(tmp_path / "project" / "a"), "go")
    assert "trust" not in err


def test_what_is_piped_answers_no_question_of_trust(
    command: Command, backend: Any, user_file: Path, project: Path
) -> None:
    for arguments, piped in (([], "y\n"), (["go"], "y\ny\n")):
        code, _, err = command("run", "--cwd", str(project), *arguments, piped=piped)
        assert code == 0
        assert "project is not trusted" in err
    assert [opened.options.setting_sources for opened in backend.opened] == [("user",)] * 2
    assert user_file.read_text() == ""


def test_the_flag_is_a_yes_where_the_prompt_is_piped(
    command: Command, backend: Any, user_file: Path, project: Path
) -> None:
    code, out, err = command("run", "--trust", "--json", "--cwd", str(project), piped="go")
    assert code == 0
    assert "project is trusted from now on" in err
    assert "trusted" not in out
    assert backend.opened[0].options.setting_sources == ("user", "project")


@pytest.mark.parametrize("flags", [[], ["--trust"]], ids=["unasked", "--trust"])
def test_a_broken_file_of_the_user_starts_nothing_and_stays_as_it_is(
    command: Command, backend: Any, user_file: Path, project: Path, flags: list[str]
) -> None:
    user_file.write_text("trusted_folders = [")
    code, _, err = command("run", *flags, "--cwd", str(project), "go")
    assert code == 2
    assert "config.toml" in err
    assert backend.opened == []
    assert user_file.read_text() == "trusted_folders = ["
