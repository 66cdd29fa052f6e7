from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from agent_chat import settings
from agent_sdk_core.errors import SessionNotFoundError
from agent_sdk_core.interfaces.pages import HistoryPage, SessionPage, StoredSession

Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def backend(monkeypatch: pytest.MonkeyPatch, wire: Any, fake_backend: Any) -> Any:
    made = fake_backend(None)
    made.asked = []
    made.pages = []

    async def list_sessions(*, cwd: Any = None, limit: int = 50, cursor: str | None = None) -> SessionPage:
        made.asked.append((cwd, limit))
        stored = (StoredSession("one", "fix\nit", "/work", 1.0, 90_000.0), StoredSession("two"))
        return SessionPage(stored[:limit], None if limit > 1 else "more")

    async def read_history(session_id: str, *, limit: int | None = None, cursor: str | None = None) -> HistoryPage:
        if session_id != "one":
            if session_id == "four":
                raise SessionNotFoundError("No session four", backend="codex")
            raise SessionNotFoundError(f"There is no session {session_id}.")
        made.pages.append((limit, cursor))
        if cursor is None:
            return HistoryPage([wire.prompt("fix it\nplease"), wire.text("m", "It is fixed.")], "thanks")
        return HistoryPage([wire.prompt("thanks")])

    monkeypatch.setattr(made, "list_sessions", list_sessions)
    monkeypatch.setattr(made, "read_history", read_history)

    def open_backend(name: str | None, config: object) -> Any:
        return made

    monkeypatch.setattr(settings, "open_backend", open_backend)
    monkeypatch.setenv("TZ", "UTC")
    return made


def test_the_sessions_are_a_table(command: Command, backend: Any) -> None:
    code, out, err = command("sessions", "list")
    assert (code, err) == (0, "")
    heads, first, second = out.splitlines()
    assert heads.split() == ["SESSION", "LAST", "USED", "FOLDER", "TITLE"]
    assert first.startswith("one      1970-01-0")
    assert first.endswith("/work   fix it")
    assert second == "two"
    assert backend.asked == [(None, 20)]
    assert backend.closed


def test_those_of_a_folder_and_some_of_them(command: Command, backend: Any, tmp_path: Any) -> None:
    code, out, err = command("sessions", "list", "--cwd", str(tmp_path), "--limit", "1")
    assert (code, len(out.splitlines())) == (0, 2)
    assert err == "There are more: --limit 2 shows them.\n"
    assert backend.asked == [(str(tmp_path), 1)]
    assert command("sessions", "list", "--limit", "0")[0] == 2


@pytest.mark.parametrize("as_json", [False, True])
def test_that_there_is_none_is_said_to_people(
    command: Command, backend: Any, monkeypatch: pytest.MonkeyPatch, as_json: bool
) -> None:
    async def list_sessions(**wanted: Any) -> SessionPage:
        return SessionPage(())

    monkeypatch.setattr(backend, "list_sessions", list_sessions)
    code, out, err = command("sessions", "list", *(["--json"] if as_json else []))
    assert (code, err) == (0, "" if as_json else "No session is stored yet.\n")
    assert out.split() == ([] if as_json else ["SESSION", "LAST", "USED", "FOLDER", "TITLE"])


def test_json_is_a_session_a_line(command: Command, backend: Any) -> None:
    code, out, _ = command("sessions", "list", "--json")
    assert code == 0
    assert [json.loads(line)["session_id"] for line in out.splitlines()] == ["one", "two"]


def test_what_was_said_is_shown_with_who_said_it(command: Command, backend: Any) -> None:
    code, out, _ = command("sessions", "show", "one")
    assert (code, out) == (0, "> fix it\n> please\n\nIt is fixed.\n\n> thanks\n")
    code, out, _ = command("sessions", "show", "one", "--json")
    assert [json.loads(line)["type"] for line in out.splitlines()] == ["user", "assistant", "user"]


def test_a_session_is_read_page_by_page(command: Command, backend: Any) -> None:
    assert command("sessions", "show", "one")[0] == 0
    assert backend.pages == [(20, None), (20, "thanks")]
    assert backend.closed


def test_a_session_that_is_not_stored_is_one_sentence(command: Command, backend: Any) -> None:
    code, out, err = command("sessions", "show", "three")
    helps = "`agent-sdk sessions list` shows those that are stored."
    assert (code, out, err) == (1, "", f"agent-sdk: There is no session three. {helps} [session_not_found]\n")
    _, _, err = command("sessions", "show", "four")
    helps = "`agent-sdk sessions list --backend codex` shows those that are stored."
    assert err == f"agent-sdk: No session four. {helps} [session_not_found]\n"
