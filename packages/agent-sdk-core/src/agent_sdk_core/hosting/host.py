"""`SessionHost`: a backend and the sessions that are served of it, each opened once and closed once, whoever asks.

What stands on it are shells: the chats of an application, and the actor of a fleet. They say how a session is opened
and what is done with what it tells.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from math import inf
from typing import Generic, TypeVar

import anyio

from agent_sdk_core.errors import AgentError, SessionClosedError
from agent_sdk_core.hosting.locks import KeyedLocks
from agent_sdk_core.hosting.served import ServedSession
from agent_sdk_core.hosting.shared import SharedBackend
from agent_sdk_core.interfaces.backend import AgentBackend
from agent_sdk_core.interfaces.events import BackendEvent
from agent_sdk_core.runtime.beginning import start_in
from agent_sdk_core.runtime.host import Host

_log = logging.getLogger(__name__)

S = TypeVar("S", bound=ServedSession)


class SessionHost(Generic[S]):
    """Owns a backend and the sessions that are served of it, by key; in one event loop.

    Args:
        make: Makes the backend, which is started with the first session, and anew when it has died.
        told: Takes what happens to it.
        name: What the host is called.
        last_seconds: How long what a session told last may take to be taken, when the host is closed.
    """

    def __init__(
        self,
        make: Callable[[], AgentBackend],
        told: Callable[[BackendEvent], None],
        *,
        name: str = "host",
        last_seconds: float = inf,
    ) -> None:
        self.name = name
        self._last_seconds = last_seconds
        self._backend = SharedBackend(make, told)
        self._host = Host(f"the session host {name}", on_stop=self._stop, on_abort=self._abort)
        self._sessions: dict[str, S] = {}
        self._locks = KeyedLocks()

    @property
    def sessions(self) -> Mapping[str, S]:
        """The open sessions by key."""
        return self._sessions

    async def backend(self) -> AgentBackend:
        """Return the backend, started.

        Raises:
            AgentError: The host is closed; or what making and starting it raise: then the next call tries again.
        """
        await self._enter()
        return await self._backend.get()

    async def open(self, key: str, begin: Callable[[], Awaitable[S]], *, works: Callable[[S], bool] | None = None) -> S:
        """Return the session of a key: the one that is open, or one that is begun now.

        Who asks meanwhile gets the same one.

        Args:
            key: The session, as the shell calls it.
            begin: Opens it.
            works: Whether one that is open can be used; else it is closed first. Absent: as long as it has not ended.

        Raises:
            AgentError: The host is closed, or what `begin` raises.
        """
        async with self._locks.of(key):
            await self._enter()
            served = self._sessions.get(key)
            if served is not None and not served.ended.is_set() and (works is None or works(served)):
                return served
            return await self._begin(key, begin)

    async def close(self, key: str, *, kill: bool = False, when: Callable[[S], bool] | None = None) -> S | None:
        """Close the session of a key, and return it; None where none is open. One that is being opened is waited for.

        Args:
            key: The session.
            kill: Whether its agent is given no time.
            when: Whether it is closed, looked at when nobody else opens or closes it; absent: it is.
        """
        async with self._locks.of(key):
            served = self._sessions.get(key)
            if served is None or (when is not None and not when(served)):
                return None
            await self._end(key, kill=kill)
            return served

    async def aclose(self) -> None:
        """Close every session and the backend; never raises. Nothing is opened any more."""
        await self._host.aclose()

    async def rest(self) -> None:
        """Close the backend where no session is open; the next one has it started again."""
        if not self._sessions:
            await self._backend.aclose()

    # For what stands on it

    async def _ended(self, key: str) -> None:
        """Do what is left to do for a session that is closed."""

    # Inside

    async def _enter(self) -> None:
        await self._host.start()
        if self._host.ended:
            raise SessionClosedError(f"The session host {self.name} is closed; create a new one.")

    async def _begin(self, key: str, begin: Callable[[], Awaitable[S]]) -> S:
        if (left := self._sessions.pop(key, None)) is not None:
            await left.close(seconds=self._last_seconds)
        served = self._sessions[key] = await begin()
        return served

    async def _end(self, key: str, *, kill: bool = False) -> None:
        if (served := self._sessions.pop(key, None)) is not None:
            await served.close(kill=kill, seconds=self._last_seconds)
            await self._ended(key)

    async def _stop(self) -> None:
        async with anyio.create_task_group() as tasks:
            for key in list(self._sessions):
                start_in(tasks, self._end_quietly, key)
        await self._backend.aclose()

    async def _end_quietly(self, key: str) -> None:
        try:
            await self._end(key)
        except AgentError as error:
            _log.warning("session %s is not given back: %s", key, error)

    def _abort(self, error: AgentError) -> None:
        _log.warning("the session host %s has ended: %s", self.name, error)
