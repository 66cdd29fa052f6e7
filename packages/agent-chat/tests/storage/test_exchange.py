"""Chats out of one store and into another, and sessions of an agent into a store."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from agent_chat.storage.errors import ChatNotFoundError, StoreError
from agent_chat.storage.exchange import ImportReport, export_chats, import_chats
from agent_chat.storage.interface import ChatStore
from agent_chat.storage.memory_store import MemoryStore
from agent_chat.storage.records import ChatMeta
from agent_chat.storage.sessions import import_session, import_sessions
from agent_sdk_core import (
    HistoryPage,
    InvalidRequestError,
    SessionNotFoundError,
    SessionOptions,
    SessionPage,
    StoredSession,
    Usage,
)
from agent_sdk_testing import MemoryBackend, text

pytestmark = pytest.mark.anyio


async def filled() -> MemoryStore:
    store = MemoryStore()
    await store.open()
    for name in ("one", "two"):
        await store.create_chat(
            ChatMeta(name, title=name, tags=("a",), usage=Usage(input_tokens=1), archived=name == "two")
        )
        bodies = [{"type": "user", "uuid": f"{name}-{n}" if n % 2 else None, "n": n} for n in range(1200)]
        await store.append(name, bodies, at=[float(n) for n in range(1200)])
    return store


async def exported(store: ChatStore, **wanted: Any) -> list[str]:
    lines: list[str] = []
    await export_chats(store, lines.append, **wanted)
    return lines


async def test_what_is_exported_comes_in_as_it_was(store: ChatStore) -> None:
    source = await filled()
    done: list[int] = []
    lines = await exported(source, progress=done.append)
    assert done[-1] == 2400
    assert await import_chats(store, lines) == ImportReport(2, 2400)
    assert sorted(await exported(store, chat_ids=["one", "two"])) == sorted(lines)
    assert await import_chats(store, [line.encode() for line in lines]) == ImportReport(2, 0), "it may be repeated"
    assert await exported(store, chat_ids=["two"]) == await exported(source, chat_ids=["two"])
    with pytest.raises(ChatNotFoundError):
        await exported(store, chat_ids=["nobody"])


async def test_an_import_that_was_cut_off_goes_on_and_a_torn_line_is_told(store: ChatStore) -> None:
    lines = await exported(await filled(), chat_ids=["one"])
    seen: list[int] = []
    report = await import_chats(store, [*lines[:700], lines[700][:20]], progress=seen.append)
    assert (report.chats, report.messages) == (1, 699)
    assert [each[:25] for each in report.problems] == ["Line 701 cannot be read: "]
    assert seen[-1] == 699
    assert (await import_chats(store, lines)).messages == 501
    assert await exported(store) == lines


async def test_lines_that_mean_nothing_are_told_and_passed_over(store: ChatStore) -> None:
    good = await exported(await filled(), chat_ids=["one"])
    lines = [
        "",
        "[]\n",
        '{"type": "stored_message", "seq": 1, "at": 1, "body": {}}',
        "{}",
        '{"type": "chat"}',
        *good[:2],
    ]
    report = await import_chats(store, [*lines, '{"type": "stored_message", "seq": "x"}'])
    assert (report.chats, report.messages) == (1, 1)
    assert report.problems == (
        "Line 2: It is no object.",
        "Line 3: It is a message without a chat above it.",
        "Line 4: It is neither a chat nor a stored message.",
        "Line 5: ChatMeta.id is missing.",
        "Line 8: StoredMessage.seq is of type str, not an integer.",
    )
    assert len((await import_chats(store, ["?"] * 200)).problems) == 100


@pytest.fixture
def talk() -> Callable[[MemoryBackend, str | None, str], Any]:
    async def talk(backend: MemoryBackend, session_id: str | None, prompt: str) -> str:
        from agent_sdk_core import SessionOptions

        session = await backend.create_session(SessionOptions(resume=session_id))
        async with session:
            async with session.query(prompt) as turn:
                await turn.wait()
            return session.resolved_session_id

    return talk


async def test_sessions_of_an_agent_become_chats_that_go_on_with_them(store: ChatStore, talk: Any) -> None:
    async with MemoryBackend().otherwise(text("An answer.")) as backend:
        first = await talk(backend, None, "Mend the roof")
        second = await talk(backend, None, "Paint the door")
        done: list[int] = []
        report = await import_sessions(store, backend, progress=done.append)
        assert (report.chats, report.problems, done) == (2, (), [1, 2])
        assert report.messages > 0
        (chat,) = await store.list_chats(session_id=first)
        assert (chat.backend, chat.last_session_id, chat.title) == (backend.type, first, "Mend the roof")
        stored = await store.read_messages(chat.id)
        history = await backend.read_history(first)
        assert [each.message() for each in stored] == list(history)
        assert len(await store.search("door")) == 1
        assert (await import_sessions(store, backend)).messages == 0, "nothing was said since"
        await talk(backend, first, "And the window")
        assert (await import_sessions(store, backend, limit=5)).messages == len(
            await backend.read_history(first)
        ) - len(history)
        assert (await store.get_chat(chat.id)).last_seq == len(await backend.read_history(first))
        assert (await import_sessions(store, backend, limit=1)).chats == 1
        assert {each.last_session_id for each in await store.list_chats()} == {first, second}


class Scripted:
    """The part of a backend that an import uses."""

    type = "claude"

    def __init__(self, *sessions: StoredSession) -> None:
        self.sessions = sessions
        self.bodies: list[dict[str, object]] = []

    async def list_sessions(self, *, cwd: object, limit: int, cursor: str | None) -> SessionPage:
        start = int(cursor or 0)
        end = start + min(limit, 1)
        return SessionPage(self.sessions[start:end], str(end) if end < len(self.sessions) else None)

    async def read_history(self, session_id: str, *, limit: int, cursor: str | None) -> HistoryPage:
        from agent_sdk_core import parse_message

        if session_id == "gone":
            raise SessionNotFoundError("It was deleted.")
        start = int(cursor or 0)
        page = [parse_message(body) for body in self.bodies[start : start + 2]]
        return HistoryPage(page, str(start + 2) if start + 2 < len(self.bodies) else None)


async def test_times_model_and_workspace_are_taken_along(store: ChatStore, tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / "src").mkdir()
    session = StoredSession(
        "s-1",
        title="Long " * 100,
        cwd=str(tmp_path / "src"),
        created_at=1000.0,
        updated_at=2000.0,
        tag="kept",
        archived=True,
    )
    backend: Any = Scripted(session)
    backend.bodies = [
        {"type": "user", "uuid": "1", "message": {"role": "user", "content": "hello"}},
        {
            "type": "assistant",
            "uuid": "2",
            "timestamp": "1970-01-01T00:20:00.500Z",
            "message": {"model": "opus", "content": []},
        },
        {"type": "assistant", "uuid": "3", "timestamp": "1970-01-01T00:00:01Z", "message": {"content": []}},
        {"type": "user", "uuid": "4", "timestamp": "yesterday", "message": {"role": "user", "content": "x"}},
    ]
    chat, number = await import_session(store, backend, session)
    assert number == 4
    assert chat == replace(
        chat,
        model="opus",
        backend="claude",
        cwd=session.cwd,
        workspace=str(tmp_path.resolve()),
        created_at=1000.0,
        last_active_at=2000.0,
        archived=True,
        tags=("kept",),
    )
    assert len(chat.title) == 80
    assert [each.at for each in await store.read_messages(chat.id)] == [1000.0, 1200.5, 1200.5, 1200.5]
    assert (await import_session(store, backend, session)) == (replace(chat, generation=2), 0)
    renamed = await store.update_chat(chat.id, last_session_id="s-2")
    assert (await import_session(store, backend, session))[0] == replace(renamed, generation=3), (
        "it went on as another session"
    )


async def test_a_session_that_cannot_be_read_does_not_stop_the_others(store: ChatStore) -> None:
    backend: Any = Scripted(StoredSession("s-1"), StoredSession("gone"), StoredSession("s-3"))
    report = await import_sessions(store, backend)
    assert (report.chats, report.problems) == (2, ("The session gone: It was deleted.",))


async def test_a_store_that_cannot_be_written_stops_an_import() -> None:
    store = MemoryStore()
    backend: Any = Scripted(StoredSession("s-1"))
    with pytest.raises(StoreError):
        await import_sessions(store, backend)


async def test_two_imports_at_once_make_one_chat(store: ChatStore) -> None:
    backend: Any = Scripted(StoredSession("s-1", created_at=5.0))
    backend.bodies = [{"type": "user", "uuid": "1", "message": {"content": "x"}}]
    reports = await asyncio.gather(*(import_sessions(store, backend) for _ in range(3)))
    assert [report.problems for report in reports] == [()] * 3
    (chat,) = await store.list_chats()
    assert chat.last_seq == 1


async def test_a_chat_that_somebody_writes_is_told_and_the_others_come_in(store: ChatStore) -> None:
    lines = await exported(await filled())
    held = "two" if '"id":"two"' in lines[0].replace(" ", "") else "one"
    await store.create_chat(ChatMeta(held))
    await store.acquire(held, name="somebody")
    report = await import_chats(store, lines)
    assert (report.chats, report.messages, len(report.problems)) == (1, 1200, 1)
    assert report.problems[0].startswith("Line 1: " if held in lines[0] else "Line 1202: ")
    assert "somebody" in report.problems[0]


async def test_sessions_of_a_chat_that_somebody_writes_are_told_and_the_others_come_in(store: ChatStore) -> None:
    async with MemoryBackend().otherwise(text("Hello!")) as backend:
        for _ in range(2):
            async with backend.create_session(SessionOptions()) as session:
                await session.run("Hi")
        first = next(iter(await backend.list_sessions()))
        chat, _ = await import_session(store, backend, first)
        await store.acquire(chat.id, name="somebody")
        async with backend.create_session(SessionOptions(resume=first.session_id)) as session:
            await session.run("Again")
        report = await import_sessions(store, backend)
    assert (report.chats, len(report.problems)) == (1, 1)
    assert first.session_id in report.problems[0]


@pytest.mark.parametrize("at", [1.7e12, 1e10, float("inf"), float("nan")])
async def test_what_is_no_time_is_refused_and_told(store: ChatStore, at: float) -> None:
    await store.create_chat(ChatMeta("a"))
    for given in (at, [at]):
        with pytest.raises(InvalidRequestError, match="is no time: give Unix time in seconds"):
            await store.append("a", [{"type": "user"}], at=given)
    with pytest.raises(InvalidRequestError, match="is no time"):
        await store.create_chat(ChatMeta("b", created_at=at))
    lines = [
        '{"type": "chat", "id": "c"}',
        '{"type": "stored_message", "seq": 1, "at": 1e12, "body": {"type": "user"}}',
        '{"type": "stored_message", "seq": 2, "at": 5, "body": {"type": "user"}}',
    ]
    report = await import_chats(store, lines)
    assert report.messages == 1
    assert len(report.problems) == 1
    assert report.problems[0].startswith("Line 2: ")


async def test_a_session_with_times_that_are_none_comes_in_all_the_same(store: ChatStore) -> None:
    async with MemoryBackend().otherwise(text("Hello!")) as backend:
        async with backend.create_session(SessionOptions()) as session:
            await session.run("Hi")
        told = next(iter(await backend.list_sessions()))
        chat, messages = await import_session(store, backend, replace(told, created_at=1.7e12, updated_at=1.7e12))
    assert messages > 0
    assert chat.created_at < 8e9


async def test_secrets_are_left_out_of_what_comes_in(store: ChatStore) -> None:
    async with MemoryBackend().otherwise(text("It is sk-abcdefgh12345678.")) as backend:
        async with backend.create_session(SessionOptions()) as session:
            await session.run("What is sk-abcdefgh12345678?")
        told = next(iter(await backend.list_sessions()))
        chat, _ = await import_session(store, backend, told)
        assert "sk-abcdefgh" not in str([each.body for each in await store.read_messages(chat.id)])
        assert "sk-abcdefgh" not in chat.title
