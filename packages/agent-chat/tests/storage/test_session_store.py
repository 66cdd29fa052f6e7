"""The store as a session store of the official Claude SDK, held to that SDK's own kit of contracts."""

from __future__ import annotations

import asyncio
import importlib
import importlib.util
import sys
import types
import uuid
from pathlib import Path
from typing import Any

import pytest

from agent_chat.storage.interface import ChatStore
from agent_chat.storage.session_store import TAG, ClaudeSessionStore

pytestmark = pytest.mark.anyio

KEY = {"project_key": "a/project", "session_id": "session-1"}


@pytest.fixture
def kit(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return the official kit, without the package around it, whose own requirements are not installed here."""
    spec = importlib.util.find_spec("claude_agent_sdk")
    assert spec is not None
    assert spec.origin is not None
    package = types.ModuleType("claude_agent_sdk")
    package.__path__ = [str(Path(spec.origin).parent)]
    monkeypatch.setitem(sys.modules, "claude_agent_sdk", package)
    before = set(sys.modules)
    yield importlib.import_module("claude_agent_sdk.testing.session_store_conformance")
    for name in set(sys.modules) - before:
        if name.startswith("claude_agent_sdk"):
            del sys.modules[name]


class Apart(ClaudeSessionStore):
    """A session store whose projects are its own, beside others in the same database."""

    def __init__(self, store: ChatStore) -> None:
        super().__init__(store)
        self.name = uuid.uuid4().hex

    async def append(self, key: Any, entries: Any) -> None:
        await super().append(self._key(key), entries)

    async def load(self, key: Any) -> Any:
        return await super().load(self._key(key))

    async def list_sessions(self, project_key: str) -> Any:
        return await super().list_sessions(self.name + project_key)

    async def list_subkeys(self, key: Any) -> Any:
        return await super().list_subkeys(self._key(key))

    async def delete(self, key: Any) -> None:
        await super().delete(self._key(key))

    def _key(self, key: Any) -> dict[str, str]:
        return {**key, "project_key": self.name + key["project_key"]}


async def test_it_keeps_the_contracts_of_the_official_kit(store: ChatStore, kit: Any) -> None:
    await kit.run_session_store_conformance(lambda: Apart(store))


async def test_lines_are_kept_once_and_as_they_are(store: ChatStore) -> None:
    sessions = ClaudeSessionStore(store)
    lines: list[dict[str, Any]] = [
        {"type": "user", "uuid": "u-1", "message": {"content": "needle"}, "timestamp": "2026-01-01T00:00:00.000Z"},
        {"type": "custom-title", "customTitle": "x"},
        {"type": "custom-title", "customTitle": "x"},
    ]
    await asyncio.gather(*(sessions.append(KEY, lines[:1]) for _ in range(4)))
    await sessions.append(KEY, lines)
    assert await sessions.load(KEY) == lines
    assert [hit.seq for hit in await store.search("needle")] == [1]


async def test_a_long_transcript_is_read_whole(store: ChatStore) -> None:
    sessions = ClaudeSessionStore(store)
    lines = [{"type": "x", "n": n} for n in range(2500)]
    await sessions.append(KEY, lines)
    assert await sessions.load(KEY) == lines


async def test_transcripts_are_in_no_list_of_chats(store: ChatStore) -> None:
    await ClaudeSessionStore(store).append(KEY, [{"type": "x"}])
    assert len(await store.list_chats()) == 0
    (chat,) = await store.list_chats(tag=TAG, archived=None)
    assert (chat.backend, chat.last_session_id) == ("claude", "session-1")


async def test_what_the_store_cannot_do_is_told(store: ChatStore) -> None:
    sessions = ClaudeSessionStore(store)
    await sessions.append(KEY, [{"type": "x"}])
    (chat,) = await store.list_chats(tag=TAG, archived=None)
    await store.acquire(chat.id)
    with pytest.raises(Exception, match="in use"):
        await sessions.delete(KEY)
