"""`SharedBackend`: one backend for all who need it, started with the first of them, and anew when it has died."""

from __future__ import annotations

import logging
from collections.abc import Callable

import anyio

from agent_sdk_core.interfaces.backend import AgentBackend
from agent_sdk_core.interfaces.events import BackendEvent
from agent_sdk_core.interfaces.streams import Stream
from agent_sdk_core.runtime.host import start_beside

_log = logging.getLogger(__name__)


class SharedBackend:
    """A backend that several use.

    Args:
        make: Makes it, not yet started.
        told: Takes what happens to it.
    """

    def __init__(self, make: Callable[[], AgentBackend], told: Callable[[BackendEvent], None]) -> None:
        self._make = make
        self._told = told
        self._backend: AgentBackend | None = None
        self._starting = anyio.Lock()

    async def get(self) -> AgentBackend:
        """Return the backend, started. Raises what making and starting it raise; the next call tries again."""
        async with self._starting:
            if self._backend is None:
                made = self._make()
                try:
                    await made.start()
                except BaseException:
                    with anyio.CancelScope(shield=True):
                        await made.aclose()
                    raise
                self._backend = made
                start_beside(self._watch, made, made.events(), name=f"the events of the {made.type} backend")
            return self._backend

    async def aclose(self) -> None:
        """Close the backend, one that is just being started too; who calls `get` again has another one."""
        async with self._starting:
            backend, self._backend = self._backend, None
        if backend is not None:
            await backend.aclose()

    async def _watch(self, backend: AgentBackend, events: Stream[BackendEvent]) -> None:
        """Tell what happens to a backend, until it is closed; one that is dead gives way to another."""
        try:
            async for event in events:
                dead = event.kind == "dead"
                if dead and self._backend is backend:
                    self._backend = None
                self._told(event)
                if dead:
                    await backend.aclose()
        except Exception:
            _log.exception("the %s backend is not watched any more", backend.type)
