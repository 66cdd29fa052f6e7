"""`config get`, `set`, `unset` and `edit`, as they are typed."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's file, which is not there yet, beside a workspace, which is the current folder."""
    (tmp_path / "project" / ".git").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "project")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("AGENT_SDK_CONFIG", str(tmp_path / "home" / "config.toml"))
    for name in ("AGENT_SDK_CODEX_PATH", "AGENT_SDK_CLAUDE_PATH", "VISUAL", "EDITOR"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path / "home" / "config.toml"


@pytest.fixture
def run(file: Path, capsys: pytest.CaptureFixture[str]) -> Command:
    from typer.testing import CliRunner

    from agent_chat.cli.main import app

    del file

    def run(*arguments: str) -> tuple[int, str, str]:
        done = CliRunner().invoke(app, ["config", *arguments])
        return done.exit_code, done.stdout, done.stderr

    return run


def test_a_setting_is_set_got_and_taken_out(run: Command, file: Path) -> None:
    assert run("get", "model") == (1, "", "") or run("get", "model")[0] == 2
    code, out, err = run("set", "backend", "Codex")
    assert (code, out) == (0, "")
    assert err == "backend is codex (~/config.toml:1).\n"
    assert file.read_text(encoding="utf-8") == 'backend = "codex"\n'
    assert run("get", "backend") == (0, "codex\n", "")
    assert run("get", "model") == (1, "", "")
    assert run("unset", "backend")[::2] == (0, "backend is codex, the default.\n")
    assert file.read_text(encoding="utf-8") == ""
    assert run("unset", "model")[::2] == (0, "model is not set.\n")


def test_lists_and_paths_mean_what_they_mean_here(run: Command, file: Path, tmp_path: Path) -> None:
    assert run("set", "trusted_folders", ".", "~/other")[0] == 0
    assert run("set", "backends.codex.executable", "bin/codex")[0] == 0
    assert run("set", "store.url", "chats.db")[0] == 0
    text = file.read_text(encoding="utf-8")
    assert f'trusted_folders = ["{tmp_path}/project", "~/other"]' in text
    assert f'executable = "{tmp_path}/project/bin/codex"' in text
    assert f'url = "{tmp_path}/project/chats.db"' in text
    assert run("get", "trusted_folders")[1] == f"{tmp_path}/project\n{tmp_path}/home/other\n"
    assert run("set", "backends.codex.executable", "bin/codex", "--workspace")[0] == 0
    assert 'executable = "bin/codex"' in Path(".agent-sdk.toml").read_text(encoding="utf-8")
    assert run("get", "backends.codex.executable")[1] == f"{tmp_path}/project/bin/codex\n"
    assert run("get", "store.url")[1] == "**********\n"


def test_what_comes_first_is_said(run: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AGENT_SDK_MODEL", "of the environment")
    assert (
        run("set", "model", "m")[2] == "model is of the environment here, as AGENT_SDK_MODEL says, which comes first.\n"
    )


def test_programs_get_json(run: Command) -> None:
    found = json.loads(run("set", "flags.redact_store", "off", "--json")[1])
    assert (found["key"], found["value"], found["is_set"]) == ("flags.redact_store", False, True)
    assert json.loads(run("get", "flags.redact_store", "--json")[1]) == found
    assert run("get", "flags.redact_store")[1] == "false\n"


def test_the_model_in_force_is_that_of_the_agent(run: Command) -> None:
    run("set", "backend", "codex")
    run("set", "backends.codex.model", "own")
    run("set", "model", "general")
    assert run("get", "model")[1] == "own\n"


def test_a_secret_need_not_stand_on_the_command_line(run: Command, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from typer.testing import CliRunner

    from agent_chat.cli.main import app

    done = CliRunner().invoke(app, ["config", "set", "backends.codex.env.KEY", "-"], input="from-stdin\n")
    assert done.exit_code == 0
    assert 'KEY = "from-stdin"' in file.read_text(encoding="utf-8")
    assert "from-stdin" not in done.output


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("set", "modle", "x"), "did you mean 'model'"),
        (("set", "backend", "codx"), "did you mean"),
        (("set", "model", "a", "b"), "model takes one value, not 2"),
        (("set", "request_timeout", "soon"), "agent-sdk: request_timeout must be a number"),
        (("set", "retention.max_age", "90x"), "agent-sdk: retention.max_age must be seconds, or a number of s, m, h"),
        (("set", "permission_mode", "bypass", "--workspace"), "a workspace file may not set permission_mode"),
        (("set", "sandbox", "{ mode"), "this is not TOML"),
        (("get", "modle"), "did you mean 'model'"),
        (("unset", "modle"), "did you mean 'model'"),
        (("edit",), "There is no editor"),
        (("set", "model", "m", "--cwd", "/nowhere/at/all"), "is not a folder"),
    ],
)
def test_what_cannot_be_done_is_one_line_and_exits_with_two(
    run: Command, file: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], said: str
) -> None:
    file.parent.mkdir()
    file.touch()
    monkeypatch.setenv("PATH", "/nowhere")
    code, out, err = run(*arguments)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert said in err
    assert file.read_bytes() == b""


def test_a_change_is_kept_where_something_else_is_wrong(run: Command, file: Path) -> None:
    Path(".agent-sdk.toml").write_text("nonsense = 1", encoding="utf-8")
    code, _, err = run("set", "model", "m")
    assert code == 0
    assert err.startswith("It is written, but the configuration cannot be used: ")
    assert file.read_text(encoding="utf-8") == 'model = "m"\n'


def _editor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, body: str) -> None:
    script = tmp_path / "my editor"
    script.write_text(f"#!/bin/sh\n{body}\n", encoding="utf-8")
    script.chmod(0o700)
    monkeypatch.setenv("EDITOR", f"'{script}' --wait")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))  # Drafts that are kept, too.


def test_an_editor_changes_the_file(run: Command, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _editor(tmp_path, monkeypatch, '[ "$1" = --wait ] && echo \'model = "m"  # mine\' >> "$2"')
    assert run("edit") == (0, "", "~/config.toml is saved.\n")
    assert file.read_text(encoding="utf-8") == 'model = "m"  # mine\n'
    _editor(tmp_path, monkeypatch, "true")
    assert run("edit") == (0, "", "Nothing was changed.\n")
    assert run("edit", "--workspace") == (0, "", "Nothing was changed.\n")


def test_an_editor_that_nobody_named_is_not_started_without_a_terminal(
    run: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    editor = tmp_path / "vi"
    editor.write_text(f"#!/bin/sh\ntouch '{tmp_path}/started'\n", encoding="utf-8")
    editor.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    monkeypatch.setattr("agent_chat.cli.config_changes._EDITORS", ("vi",))
    code, _, err = run("edit")
    assert (code, err.startswith("agent-sdk: An editor wants a terminal, and there is none")) == (2, True)
    assert not (tmp_path / "started").exists()


def test_what_an_editor_leaves_is_saved_only_if_it_can_be_used(
    run: Command, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _editor(tmp_path, monkeypatch, 'echo "modle = 1" >> "$2"')
    code, _, err = run("edit")
    assert code == 2
    assert "did you mean 'model'? Nothing was changed; what you wrote is in " in err
    assert not file.exists()
    draft = next(tmp_path.glob("agent-sdk-*.toml"))
    assert draft.read_text(encoding="utf-8") == "modle = 1\n"
    draft.unlink()
    _editor(tmp_path, monkeypatch, "exit 3")
    assert "ended with 3; nothing was changed" in run("edit")[2]
    monkeypatch.setenv("EDITOR", "/nowhere/vi")
    assert "cannot be started" in run("edit")[2]
    monkeypatch.setenv("EDITOR", "'")
    assert "EDITOR cannot be read" in run("edit")[2]
    assert not list(tmp_path.glob("agent-sdk-*"))


def test_a_file_that_somebody_else_changed_is_not_overwritten(
    run: Command, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file.parent.mkdir()
    _editor(tmp_path, monkeypatch, f"""echo 'model = "x"' >> "$2"; echo 'backend = "codex"' > '{file}'""")
    code, _, err = run("edit")
    assert code == 2
    assert "another program has changed it meanwhile" in err
    assert file.read_text(encoding="utf-8") == 'backend = "codex"\n'


def test_a_broken_file_is_mended_in_the_editor(
    run: Command, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file.parent.mkdir()
    file.write_text("model = [", encoding="utf-8")
    assert "not valid TOML" in run("set", "model", "m")[2]
    _editor(tmp_path, monkeypatch, 'echo "model = \\"m\\"" > "$2"')
    assert run("edit")[0] == 0
    assert run("get", "model")[1] == "m\n"


def test_flags_are_shown(run: Command) -> None:
    run("set", "flags.watch_settings", "false")
    lines = [line.split() for line in run()[1].splitlines()]
    assert ["flags.watch_settings", "off", "~/config.toml:2"] in lines
    assert ["flags.redact_store", "on", "default"] in lines
    run("set", "retention.max_age", "90d")
    run("set", "retention.archived_only", "yes")
    run("set", "retention.max_chats", "5")
    lines = [line.split() for line in run()[1].splitlines()]
    assert ["retention.max_age", "90", "days"] in [line[:3] for line in lines]
    run("set", "retention.max_age", "60m")
    assert ["retention.max_age", "1", "hour"] in [line.split()[:3] for line in run()[1].splitlines()]
    assert ["retention.archived_only", "yes"] in [line[:2] for line in lines]
    found = json.loads(run("--json")[1])["flags"]["watch_settings"]
    assert found["on"] is False
    assert found["default"] is True
    assert found["owner"]
    assert found["text"].endswith(".")
