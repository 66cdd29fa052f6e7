"""Agents of the service: one host a type of backend for all chats, whose agent starts when a chat first needs it."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final, TypeAlias

from agent_chat.chats.bus import EventBus
from agent_chat.chats.events import BackendChanged
from agent_sdk_core.errors import AgentError, SessionClosedError
from agent_sdk_core.hosting.host import SessionHost
from agent_sdk_core.hosting.served import ServedSession
from agent_sdk_core.interfaces.backend import AgentBackend
from agent_sdk_core.interfaces.events import BackendEvent
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


ChatHost: TypeAlias = SessionHost[ServedSession]
"""The host of a backend, whose sessions have the ids of chats."""


class Agents:
    """The hosts of the backends by type.

    Args:
        make: Makes a backend.
        bus: Told what happens to them.
    """

    def __init__(self, make: MakeBackend, bus: EventBus) -> None:
        self._make = make
        self._bus = bus
        self._hosts: dict[str, ChatHost] = {}
        self._retired: list[ChatHost] = []
        self._models: dict[str, ModelList] = {}
        self._unsupported: dict[str, frozenset[str]] = {}
        self._closed = False

    def host(self, name: str) -> ChatHost:
        """Return the host of a type of backend, which starts with the first session or question.

        Raises:
            SessionClosedError: The service is closed.
        """
        if self._closed:
            raise SessionClosedError("The service is closed; start another one.")
        if name not in self._hosts:
            self._hosts[name] = SessionHost(partial(self._make, name), partial(self._tell, name), name=name)
        return self._hosts[name]

    async def get(self, name: str) -> AgentBackend:
        """Return the backend of a type, started.

        Raises:
            InvalidRequestError: There is none of this name.
            AgentError: It cannot be started; the next call tries again.
        """
        return await self.host(name).backend()

    def unsupported(self, name: str) -> frozenset[str]:
        """Return the options that a backend of a type cannot honour, without starting it; none if that is unknown."""
        if name not in self._unsupported:
            try:
                self._unsupported[name] = self._make(name).capabilities.unsupported_options
            except AgentError:  # Whoever starts it is told.
                return frozenset()
        return self._unsupported[name]

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
        if (host := self._hosts.pop(name, None)) is not None:
            self._retired.append(host)

    async def aclose(self) -> None:
        """Close them, the last one started first; never raises."""
        self._closed = True
        for host in (*reversed(self._retired), *reversed(self._hosts.values())):
            await host.aclose()

    def _tell(self, name: str, event: BackendEvent) -> None:
        self._bus.publish(BackendChanged(name, event.kind, event.message))
