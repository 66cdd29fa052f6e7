from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from agent_chat import settings
from agent_chat.cli import resuming
from agent_chat.cli.resuming import with_id_of_resume
from agent_chat.terminal.screens import PipeSafeConsole, terminal_console
from agent_sdk_core.config.runtime import RuntimeConfig
from agent_sdk_core.interfaces.pages import SessionPage, StoredSession

Command = Callable[..., tuple[int, str, str]]


@pytest.mark.parametrize(
    ("given", "made"),
    [
        (["run", "--resume"], ["run", "--resume", "?"]),
        (["run", "--resume", "--json", "go"], ["run", "--resume", "?", "--json", "go"]),
        (["run", "--resume", "go on"], ["run", "--resume", "?", "go on"]),
        (["run", "--resume", "0b1c", "go on"], ["run", "--resume", "0b1c", "go on"]),
        (["run", "go on"], ["run", "go on"]),
        (["chat", "--resume"], ["chat", "--resume"]),
    ],
)
def test_a_resume_without_an_id_is_a_choice(given: list[str], made: list[str]) -> None:
    assert with_id_of_resume(given) == made


@pytest.fixture
def stored() -> list[StoredSession]:
    return [
        StoredSession("session-a", title="The roof", updated_at=1_700_000_000.0),
        StoredSession("session-b", updated_at=1_600_000_000.0),
    ]


@pytest.fixture
def backend(monkeypatch: pytest.MonkeyPatch, wire: Any, fake_backend: Any, stored: list[StoredSession]) -> Any:
    async def script(session: Any) -> AsyncIterator[Any]:
        yield wire.text("m", "all done")
        yield wire.result()

    made = fake_backend(script)

    async def list_sessions(**wanted: Any) -> SessionPage:
        made.asked = wanted
        return SessionPage(stored)

    def open_backend(name: str | None, config: RuntimeConfig) -> Any:
        return made

    made.list_sessions = list_sessions
    monkeypatch.setattr(settings, "open_backend", open_backend)
    return made


class Typist:
    """A keyboard of lines that are typed already."""

    is_terminal = True
    lines: list[str | None]

    async def line(self) -> str | None:
        return self.lines.pop(0)


@pytest.fixture
def typing(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    def on_stderr(*, as_json: bool) -> PipeSafeConsole:
        return terminal_console(sys.stderr)

    def type_lines(*lines: str | None) -> None:
        Typist.lines = list(lines)
        monkeypatch.setattr(resuming, "Keyboard", Typist)
        monkeypatch.setattr(resuming, "question_console", on_stderr)

    return type_lines


def test_without_a_terminal_it_says_what_to_do(command: Command, backend: Any, tmp_path: Path) -> None:
    code, out, err = command("run", "--cwd", str(tmp_path), "--resume", "go on")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "Say which session: --resume ID. The last ones are session-a, session-b; `agent-sdk sessions list`" in err
    assert backend.asked == {"cwd": str(tmp_path), "limit": 10}


def test_where_there_is_no_session_that_is_said(
    command: Command, backend: Any, stored: list[StoredSession], tmp_path: Path
) -> None:
    stored.clear()
    code, _, err = command("run", "--cwd", str(tmp_path), "--resume")
    assert code == 2
    assert f"There is no session of {tmp_path} to go on with" in err


@pytest.mark.parametrize("prompt", [("go on now",), ()])
def test_the_last_ones_are_offered(
    command: Command, backend: Any, typing: Callable[..., None], tmp_path: Path, prompt: tuple[str, ...]
) -> None:
    typing("7", "2", "go on now")
    code, _, err = command("run", "--cwd", str(tmp_path), "--resume", *prompt)
    assert code == 0
    assert "The roof" in err
    assert backend.opened[0].options.resume == "session-b"
    assert backend.opened[0].prompts == ["go on now"]


def test_nothing_chosen_is_no_run(command: Command, backend: Any, typing: Callable[..., None], tmp_path: Path) -> None:
    typing(None)
    code, _, err = command("run", "--cwd", str(tmp_path), "--resume", "go on")
    assert code == 2
    assert "No session was chosen." in err
    assert backend.opened == []
