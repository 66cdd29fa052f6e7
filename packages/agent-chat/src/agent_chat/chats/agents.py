"""Agents of the service: one backend of a type for all chats, started when a chat first needs it."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from agent_chat.chats.bus import EventBus
from agent_chat.chats.events import BackendChanged
from agent_sdk_core.errors import AgentError, SessionClosedError
from agent_sdk_core.interfaces.backend import AgentBackend
from agent_sdk_core.models import ChatModel

MakeBackend = Callable[[str], AgentBackend]
"""Makes the backend of this name, not yet started; raises `InvalidRequestError` when there is none."""

MODELS_SECONDS: Final = 300.0
"""For how long a list of models is taken to be of today."""


@dataclass(frozen=True, slots=True)
class ModelList:
    """The models that an agent offered.

    Attributes:
        models: The models.
        at: When it was asked, Unix time in seconds.
    """

    models: tuple[ChatModel, ...]
    at: float

    def offers(self, name: str) -> bool:
        """Whether a model is among them, by its name, or by a short name that is a word of it."""
        words = set(re.split(r"[^a-z0-9.]+", name.casefold()))
        return any(model.id == name or model.id.casefold() in words for model in self.models)


class Agents:
    """The started backends by type.

    Args:
        make: Makes a backend.
        bus: Told what happens to them.
    """

    def __init__(self, make: MakeBackend, bus: EventBus) -> None:
        self._make = make
        self._bus = bus
        self._started: dict[str, AgentBackend] = {}
        self._retired: list[tuple[AgentBackend, asyncio.Task[None]]] = []
        self._locks: dict[str, asyncio.Lock] = {}
        self._watchers: dict[str, asyncio.Task[None]] = {}
        self._models: dict[str, ModelList] = {}
        self._closed = False

    async def get(self, name: str) -> AgentBackend:
        """Return the backend of a type, started.

        Raises:
            InvalidRequestError: There is none of this name.
            AgentError: It cannot be started; the next call tries again.
        """
        async with self._locks.setdefault(name, asyncio.Lock()):
            if self._closed:
                raise SessionClosedError("The service is closed; start another one.")
            if (started := self._started.get(name)) is not None:
                return started
            made = self._make(name)
            try:
                await made.start()
            except BaseException:
                await made.aclose()
                raise
            self._started[name] = made
            self._watchers[name] = asyncio.create_task(self._watch(name, made))
            return made

    async def models(self, name: str, *, fresh: bool = False) -> ModelList:
        """Return the models of an agent, asked at most every five minutes unless they must be `fresh`."""
        known = self._models.get(name)
        if known is None or fresh or time.time() - known.at > MODELS_SECONDS:
            backend = await self.get(name)
            known = self._models[name] = ModelList(tuple(await backend.list_models()), time.time())
        return known

    def retire(self, name: str) -> None:
        """Give a backend out no more, as it would be started otherwise today; its sessions go on until the end."""
        self._models.pop(name, None)
        if (backend := self._started.pop(name, None)) is not None:
            self._retired.append((backend, self._watchers.pop(name)))

    async def aclose(self) -> None:
        """Close them, the last one started first; never raises."""
        self._closed = True
        while self._retired:
            backend, watcher = self._retired.pop()
            await backend.aclose()
            await _ended(watcher)
        while self._started:
            name, backend = self._started.popitem()
            await backend.aclose()
            await _ended(self._watchers.pop(name))
        for watcher in list(self._watchers.values()):
            await _ended(watcher)

    async def _watch(self, name: str, backend: AgentBackend) -> None:
        """Tell what happens to a backend; one that is dead gives way to another."""
        async for event in backend.events():
            if event.kind == "dead" and self._started.get(name) is backend:
                del self._started[name]
            self._bus.publish(BackendChanged(name, event.kind, event.message))


async def _ended(task: asyncio.Task[None]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError, AgentError):
        await task
