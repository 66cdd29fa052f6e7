from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
import pytest

from agent_sdk_core import SessionBusyError, SessionNotFoundError
from claude_sdk.store import delete, editing
from claude_sdk.store.stored_sessions import StoredSessions

pytestmark = pytest.mark.anyio

ID = "00000001-0000-4000-8000-000000000001"
ABSENT = "00000001-0000-4000-8000-00000000000f"


@pytest.fixture
def sessions(child_env: dict[str, str]) -> StoredSessions:
    return StoredSessions(child_env)


async def test_a_session_is_found_by_its_id(sessions: StoredSessions, stored: Callable[..., Path]) -> None:
    path = stored(ID)
    assert await sessions.find(ID) == path
    with pytest.raises(SessionNotFoundError):
        await sessions.find(ABSENT)


async def test_the_folder_is_the_first_that_its_file_names(
    sessions: StoredSessions, stored: Callable[..., Path], workspace: Path
) -> None:
    path = stored(ID)
    assert await sessions.folder_of(ID) == str(workspace)
    lines = [{"type": "summary"}, {"cwd": None}, {"uuid": "1", "cwd": "/first"}, {"uuid": "2", "cwd": "/second"}]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert await sessions.folder_of(ID) == "/first"


@pytest.mark.parametrize(
    "lines", ['{"uuid":"1"}\n', '{"uuid":"1","cwd":7}\n', "no JSON\n", "{}\n" * 90_000 + '{"uuid":"1","cwd":"/far"}\n']
)
async def test_a_file_that_names_no_folder_near_its_beginning_has_none(
    sessions: StoredSessions, stored: Callable[..., Path], lines: str
) -> None:
    stored(ID).write_text(lines)
    assert await sessions.folder_of(ID) is None


UNBEGUN = '{"type":"queue-operation","operation":"enqueue","content":"Hello."}\n'


async def test_a_session_that_has_not_begun_is_not_stored(
    sessions: StoredSessions, stored: Callable[..., Path]
) -> None:
    stored(ID).write_text(UNBEGUN)
    for ask in (sessions.find, sessions.folder_of, sessions.title_of, sessions.read):
        with pytest.raises(SessionNotFoundError, match=f"{ID}.* before it had stored the first prompt"):
            await ask(ID)


async def test_a_session_that_has_not_begun_makes_room_for_one_with_its_id_unless_that_is_open(
    sessions: StoredSessions, stored: Callable[..., Path]
) -> None:
    path = stored(ID)
    with pytest.raises(SessionBusyError, match=f"stored session {ID}; resume it"):
        await sessions.require_new(ID, Held)
    path.write_text(UNBEGUN)

    def refuse(session_id: str) -> Held:
        raise SessionBusyError(f"{session_id} is open.")

    with pytest.raises(SessionBusyError, match="is open"):
        await sessions.require_new(ID, refuse)
    assert path.exists()
    held: list[Held] = []
    await sessions.require_new(ID, lambda session_id: held.append(Held(session_id)) or held[0])
    assert not path.exists()
    assert (held[0].session_id, held[0].released.is_set()) == (ID, True)
    await sessions.require_new(ID, refuse)


class Held:
    """A lock that is held until it is released."""

    def __init__(self, session_id: str) -> None:
        self.session_id = session_id
        self.released = threading.Event()

    def release(self) -> None:
        self.released.set()


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_a_delete_that_asyncio_cancels_keeps_its_lock_until_it_is_done(
    sessions: StoredSessions, stored: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = stored(ID)
    locks: list[Held] = []
    begun, gate = threading.Event(), threading.Event()

    def lock(session_id: str) -> Held:
        locks.append(Held(session_id))
        return locks[-1]

    def slowly(file: Path) -> None:
        begun.set()
        gate.wait(30)
        delete(file)

    monkeypatch.setattr(editing, "delete", slowly)
    task = asyncio.get_running_loop().create_task(sessions.delete(ID, lock))
    with anyio.fail_after(30):
        await anyio.to_thread.run_sync(begun.wait)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert not locks[0].released.is_set()
        gate.set()
        await anyio.to_thread.run_sync(locks[0].released.wait)
    assert (locks[0].session_id, path.exists()) == (ID, False)


async def test_it_is_read_listed_renamed_archived_and_deleted(
    sessions: StoredSessions, stored: Callable[..., Path]
) -> None:
    path = stored(ID)
    assert [message.uuid for message in await sessions.read_history(ID, limit=None, cursor=None)] == [
        "asked", "answered"
    ]  # fmt: skip
    await sessions.rename(ID, "Greetings")
    (listed,) = (await sessions.list(cwd=None, limit=5, cursor=None)).sessions
    assert (listed.session_id, listed.title) == (ID, "Greetings")
    await sessions.archive(ID, Held)
    assert (await sessions.list(cwd=None, limit=5, cursor=None)).sessions == ()
    await sessions.delete(ID, Held)
    assert not path.exists()


CALLS: list[Callable[[StoredSessions], Coroutine[Any, Any, object]]] = [
    lambda it: it.folder_of(ABSENT),
    lambda it: it.read_history(ABSENT, limit=None, cursor=None),
    lambda it: it.rename(ABSENT, "x"),
    lambda it: it.archive(ABSENT, Held),
    lambda it: it.delete(ABSENT, Held),
]


@pytest.mark.parametrize("call", CALLS)
async def test_one_that_is_not_there_is_not_found(
    sessions: StoredSessions, call: Callable[[StoredSessions], Coroutine[Any, Any, object]]
) -> None:
    with pytest.raises(SessionNotFoundError):
        await call(sessions)
