"""`agent-sdk chats` takes chats out of a store, into one, and away."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
import pytest

from agent_chat import settings
from agent_chat.storage.opening import open_store
from agent_chat.storage.records import ChatMeta
from agent_sdk_core.errors import AgentError
from agent_sdk_core.interfaces.pages import HistoryPage, SessionPage, StoredSession

Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wire: Any) -> Path:
    """A store of two chats."""
    place = tmp_path / "chats.db"

    async def fill() -> None:
        async with open_store(place) as store:
            for name in ("one", "two"):
                await store.create_chat(ChatMeta(name, f"Title of {name}", archived=name == "two"))
                await store.append(name, [wire.prompt("Mend é"), wire.text("m", "It is mended.")])

    anyio.run(fill)
    monkeypatch.setenv("AGENT_SDK_STORE_URL", str(place))
    return place


def ids(command: Command, *options: str) -> set[str]:
    code, out, _ = command("chats", "list", "--archived", "--json", *options)
    assert code == 0
    return {json.loads(line)["id"] for line in out.splitlines()}


def test_what_goes_out_comes_in(command: Command, file: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.ndjson"
    assert command("chats", "export", "-o", str(out)) == (0, f"2 chats, 4 messages in {out}.\n", "")
    if os.name == "posix":
        assert out.stat().st_mode & 0o777 == 0o600
    other = str(tmp_path / "other.db")
    assert command("chats", "import", str(out), "--store", other) == (0, "2 chats, 4 new messages.\n", "")
    assert command("chats", "import", str(out), "--store", other) == (0, "2 chats, 0 new messages.\n", "")
    assert ids(command, "--store", other) == {"one", "two"}
    assert command("chats", "export", "--store", other)[1] == out.read_text(encoding="utf-8")


def test_one_chat_through_a_pipe(command: Command, file: Path, tmp_path: Path) -> None:
    code, lines, err = command("chats", "export", "one", "one")
    assert (code, len(lines.splitlines()), err) == (0, 3, "")
    assert "Mend é" in lines
    other = str(tmp_path / "other.db")
    code, out, err = command("chats", "import", "-", "--store", other, "--json", piped=lines)
    assert (code, json.loads(out), err) == (0, {"chats": 1, "messages": 2, "problems": []}, "")


def test_what_cannot_be_read_is_told_and_the_rest_is_there(command: Command, file: Path, tmp_path: Path) -> None:
    lines = command("chats", "export", "one")[1] + "[]\n"
    code, out, err = command("chats", "import", "-", "--store", str(tmp_path / "other.db"), piped=lines)
    assert (code, out) == (1, "1 chat, 2 new messages.\n")
    assert err.startswith("Line 4")


def test_a_file_that_exists_stays_unless_it_is_forced(command: Command, file: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.ndjson"
    out.write_text("mine")
    code, _, err = command("chats", "export", "-o", str(out))
    assert (code, out.read_text()) == (2, "mine")
    assert "add --force" in err
    code, told, _ = command("chats", "export", "one", "-o", str(out), "--force", "--json")
    assert (code, json.loads(told)) == (0, {"file": str(out), "chats": 1, "messages": 2})
    assert out.read_text().count("\n") == 3
    code, _, err = command("chats", "export", "-o", str(tmp_path), "--force")
    assert code == 2
    assert err.endswith("exists. Name a file.\n")


def test_an_export_that_fails_leaves_nothing(
    command: Command, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = set(tmp_path.iterdir())
    assert command("chats", "export", "one", "none", "-o", str(tmp_path / "out"))[0] == 1
    code, _, err = command("chats", "export", "-o", str(tmp_path / "none" / "out"))
    assert code == 2
    assert "cannot be made: No such file or directory" in err

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("agent_chat.cli.moving.os.fsync", full)
    code, out, err = command("chats", "export", "-o", str(tmp_path / "out"))
    assert (code, out) == (1, "")
    assert "cannot be written: No space left on device." in err
    assert err.endswith("[output_failed]\n")
    assert {path for path in tmp_path.iterdir() if not path.name.startswith("chats.db")} <= before


def test_sessions_of_an_agent_come_in(
    command: Command, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wire: Any, fake_backend: Any
) -> None:
    made = fake_backend(None)
    asked: list[object] = []
    history = HistoryPage([wire.prompt("fix it")])

    async def list_sessions(*, cwd: Any = None, limit: int = 50, cursor: str | None = None) -> SessionPage:
        asked.append((cwd, limit))
        return SessionPage((StoredSession("good"), StoredSession("bad"))[:limit], None)

    async def read_history(session_id: str, **_: object) -> HistoryPage:
        if session_id == "bad":
            raise AgentError("It is torn.")
        return history

    def open_backend(name: str | None, config: object) -> Any:
        asked.append(name)
        return made

    monkeypatch.setattr(made, "list_sessions", list_sessions)
    monkeypatch.setattr(made, "read_history", read_history)
    monkeypatch.setattr(settings, "open_backend", open_backend)
    code, out, err = command("chats", "import", "-b", "fake", "-C", str(tmp_path), "--limit", "1")
    assert (code, out, err) == (0, "1 chat, 1 new message.\n", "")
    assert asked == ["fake", (str(tmp_path), 1)]
    code, out, err = command("chats", "import", "-b", "fake")
    assert (code, out, err) == (1, "1 chat, 0 new messages.\n", "The session bad: It is torn.\n")
    assert made.closed


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ((), "Name a FILE that `chats export` wrote, or an agent"),
        (("x", "-b", "codex"), "Name a FILE that `chats export` wrote, or an agent"),
        (("x", "--limit", "1"), "a file is imported whole"),
        (("/no folder/x",), "/no folder/x cannot be read: No such file or directory."),
        (("-b", "codx"), "codex"),
    ],
)
def test_what_cannot_be_imported_is_one_sentence(
    command: Command, file: Path, arguments: tuple[str, ...], sentence: str
) -> None:
    code, out, err = command("chats", "import", *arguments)
    assert (code, out) == (2, "")
    assert sentence in err
    assert err.count("\n") == 1


def test_chats_are_deleted_all_or_none(command: Command, file: Path) -> None:
    code, out, err = command("chats", "delete", "one")
    assert (code, out) == (2, "")
    assert "add --yes" in err
    assert command("chats", "delete", "one", "none", "--yes")[0] == 1
    assert ids(command) == {"one", "two"}
    assert command("chats", "delete", "one", "--yes") == (0, "Deleted one.\n", "")
    assert json.loads(command("chats", "delete", "two", "-y", "--json")[1]) == {"deleted": "two"}
    assert ids(command) == set()


def test_a_chat_that_somebody_writes_stays(command: Command, file: Path) -> None:
    async def held() -> tuple[int, str]:
        async with open_store(file) as store:
            await store.acquire("one", name="web")
            code, _, err = await anyio.to_thread.run_sync(lambda: command("chats", "delete", "one", "--yes"))
            return code, err

    code, err = anyio.run(held)
    assert code == 1
    assert err.endswith("[chat_busy]\n")
    assert ids(command) == {"one", "two"}


@pytest.mark.skipif(sys.platform == "win32", reason="there is no pseudo-terminal")
def test_a_person_is_asked_before_a_chat_goes(terminal: Any, command: Command, file: Path) -> None:
    env = {"AGENT_SDK_STORE_URL": str(file), "AGENT_SDK_CONFIG": os.devnull}
    for answer, code, left in (("\n", 1, {"one", "two"}), ("\x04", 1, {"one", "two"}), ("y\n", 0, {"two"})):
        asking = terminal("chats", "delete", "one", env=env)
        asking.expect("one  2 messages  Title of one")
        asking.expect("Delete 1 chat for good? [y/N]")
        asking.type(answer)
        assert asking.wait() == code
        assert ids(command) == left
