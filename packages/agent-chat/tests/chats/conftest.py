"""A service over an agent in memory, and waits for what its chats tell."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from agent_chat.chats.chat import Chat
from agent_chat.chats.service import ChatService
from agent_chat.storage.memory_store import MemoryStore
from agent_sdk_core import RuntimeConfig
from agent_sdk_testing import MemoryBackend


class Watcher:
    """A front end in a test: keeps what it was told.

    Attributes:
        events: Every event so far.
    """

    def __init__(self, chat: Chat) -> None:
        self.reader = chat.follow(chat.feed.stream.cursor)
        self.events: list[dict[str, Any]] = []
        self._ahead: deque[dict[str, Any]] = deque()

    async def until(self, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Read until an event is as wanted, and return it."""
        while True:
            while self._ahead:
                event = self._ahead.popleft()
                self.events.append(event)
                if wanted(event):
                    return event
            told = await self.reader.read()
            assert told is not None, "the stream has ended"
            assert told["type"] == "events"
            self._ahead += told["events"]

    async def until_state(self, state: str) -> dict[str, Any]:
        return await self.until(lambda event: event["kind"] == "chat" and event["chat"]["state"] == state)

    async def until_request(self) -> dict[str, Any]:
        return (await self.until(lambda event: "request" in event))["request"]

    async def until_ending(self) -> dict[str, Any]:
        return (await self.until(lambda event: "ending" in event))["ending"]

    async def until_done(self) -> dict[str, Any]:
        ending = await self.until_ending()
        await self.until_state("idle")
        return ending

    def messages(self, kind: str) -> list[dict[str, Any]]:
        found = [event["message"] for event in self.events if event["kind"] == "message"]
        return [message for message in found if message["type"] == kind]


Service = Callable[..., ChatService]


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def agent() -> MemoryBackend:
    return MemoryBackend()


@pytest.fixture
def make_service(store: MemoryStore, agent: MemoryBackend, tmp_path: Path) -> Service:
    """Make services over one store and one agent, as one process after the other would."""

    def always(name: str) -> MemoryBackend:
        del name
        return agent

    def make(**changed: Any) -> ChatService:
        settings: dict[str, Any] = {
            "config": RuntimeConfig(),
            "store": store,
            "make_backend": always,
            "backends": ("memory", "other"),
            "cwd": tmp_path,
        }
        return ChatService(**settings | changed)

    return make


@pytest.fixture
async def service(make_service: Service) -> AsyncIterator[ChatService]:
    async with make_service() as service:
        yield service


@pytest.fixture
def watch() -> Callable[[Chat], Watcher]:
    return Watcher
