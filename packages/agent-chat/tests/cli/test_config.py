"""`agent-sdk config` shows what applies in a folder and where it comes from, to people and to programs."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agent_chat.cli.config import show_config
from agent_chat.settings import UsageError

USER = """\
backend = "codex"
model = "of codex"
sandbox = { mode = "workspace-write", network = false, writable_roots = ["/x"] }
request_timeout = 30

[backends.codex]
executable = "/x/codex"
model = "own"

[backends.codex.env]
TOKEN = "sk-1"
"""


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A workspace beside a user's file."""
    for name in ("work", "home"):
        (tmp_path / name).mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("AGENT_SDK_CONFIG", str(tmp_path / "home" / "c.toml"))
    monkeypatch.delenv("AGENT_SDK_CODEX_PATH", raising=False)
    (tmp_path / "home" / "c.toml").write_text(USER, encoding="utf-8")
    return tmp_path / "work"


Shown = Callable[..., list[str]]


@pytest.fixture
def shown(place: Path, capsys: pytest.CaptureFixture[str]) -> Shown:
    def show() -> list[str]:
        assert show_config(str(place), as_json=False) == 0
        return capsys.readouterr().out.splitlines()

    return show


def test_what_only_the_users_own_file_says_is_shown_too(shown: Shown, place: Path) -> None:
    own = 'tools = ["shell"]\n[policy]\nscope = "asked_only"\n'
    (place.parent / "home" / "c.toml").write_text(own, encoding="utf-8")
    lines = [line.split() for line in shown()]
    assert ["tools", "shell", "~/c.toml:1"] in lines
    assert ["policy.scope", "asked_only", "~/c.toml:3"] in lines


def test_each_value_is_shown_with_its_source(shown: Shown, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (place / ".agent-sdk.toml").write_text('\npermission_mode = "plan"', encoding="utf-8")
    monkeypatch.setenv("AGENT_SDK_REASONING_EFFORT", "high")
    monkeypatch.setenv("AGENT_SDK_OF_SOMEBODY", "x")
    rows = [line.split("  ") for line in shown()]
    table = [[cell.strip() for cell in row if cell.strip()] for row in rows]
    assert table == [
        ["backend", "codex", "~/c.toml:1"],
        ["model", "own", "~/c.toml:8"],
        ["reasoning_effort", "high", "AGENT_SDK_REASONING_EFFORT"],
        ["permission_mode", "plan", f"{place}/.agent-sdk.toml:2"],
        ["sandbox", "workspace-write, without network, /x", "~/c.toml:3"],
        ["request_timeout", "30 s", "~/c.toml:4"],
        ["trusted_folders", "none", "default"],
        ["flags.redact_store", "on", "default"],
        ["flags.watch_settings", "on", "default"],
        ["backends.codex.executable", "/x/codex", "~/c.toml:7"],
        ["backends.codex.model", "own", "~/c.toml:8"],
        ["backends.codex.env.TOKEN", "**********", "~/c.toml:11"],
        [],
        ["Yours", "~/c.toml"],
        ["Workspace", f"{place}/.agent-sdk.toml"],
        ["Folder", f"{place} (not trusted: its file may choose backend, model and effort, and be stricter)"],
        ["Ignored", "AGENT_SDK_OF_SOMEBODY (not a setting of this version)"],
    ]


def test_what_nobody_configured_says_what_applies(shown: Shown, place: Path, tmp_path: Path) -> None:
    (tmp_path / "home" / "c.toml").write_text(f'trusted_folders = ["{place}"]', encoding="utf-8")
    lines = shown()
    assert lines[0].split() == ["backend", "codex", "default"]
    assert "as the agent is configured; `run` asks first" in lines[3]
    footer = [" ".join(line.split()) for line in lines]
    assert f"Workspace {place}/.agent-sdk.toml (not there)" in footer
    assert f"Folder {place} (trusted: its file may set everything but trusted_folders)" in footer


def test_programs_get_one_object(place: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert show_config(str(place), as_json=True) == 0
    out = capsys.readouterr().out
    assert out.count("\n") == 1
    assert "sk-1" not in out
    found = json.loads(out)
    file = str(tmp_path / "home" / "c.toml")
    assert found["settings"]["model"] == {"value": "own", "source": {"kind": "user", "path": file, "line": 8}}
    assert found["settings"]["permission_mode"] == {"value": None, "source": {"kind": "default"}}
    assert found["settings"]["trusted_folders"]["value"] == []
    assert found["settings"]["sandbox"]["value"]["mode"] == "workspace-write"
    assert found["settings"]["backends.codex.env.TOKEN"]["value"] == "**********"
    assert found["files"] == [
        {"kind": "user", "path": file, "exists": True},
        {"kind": "workspace", "path": str(place / ".agent-sdk.toml"), "exists": False},
    ]
    assert found["workspace"] == {"root": str(place), "trusted": False}
    assert found["unknown_variables"] == []


def test_a_strangers_text_does_not_reach_the_terminal_as_it_is(shown: Shown, place: Path) -> None:
    (place / ".agent-sdk.toml").write_text('model = "\\u001b[2Jx"\nbackend = "codex"', encoding="utf-8")
    lines = shown()
    assert not any("\x1b" in line for line in lines)
    assert any("\\x1b[2Jx" in line for line in lines)


def test_a_wrong_configuration_is_a_usage_error(place: Path) -> None:
    (place / ".agent-sdk.toml").write_text('backend = "nope"', encoding="utf-8")
    with pytest.raises(UsageError, match="No backend is called 'nope'"):
        show_config(str(place), as_json=False)
    with pytest.raises(UsageError, match="is not a folder"):
        show_config(str(place / "none"), as_json=False)


def test_the_command_ends_with_two_and_a_sentence(place: Path, command_env: dict[str, str]) -> None:
    (place / ".agent-sdk.toml").write_text("modle = 1", encoding="utf-8")
    command = [sys.executable, "-m", "agent_chat", "config"]
    done = subprocess.run(command, env=command_env, cwd=place, capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    where = f"{place}/.agent-sdk.toml, line 1"
    assert done.stderr == f"agent-sdk: {where}: there is no setting 'modle'; did you mean 'model'?\n"


def test_on_a_terminal_it_fits(place: Path, terminal: Callable[..., Any]) -> None:
    screen = terminal("config", "--cwd", str(place))
    assert screen.wait() == 0
    assert "backends.codex.env.TOKEN **********" in " ".join(screen.text.split())
    assert "\x1b[1m" in screen.raw
    assert max(len(line) for line in screen.text.splitlines()) <= 80
