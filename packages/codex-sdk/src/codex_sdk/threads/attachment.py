"""Attachment of a session to its thread: which app-server has the thread open, and how it is opened again."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Final

import anyio

from agent_sdk_core.errors import ConnectionLostError
from agent_sdk_core.options import SessionOptions
from agent_sdk_core.runtime.driver import Away
from agent_sdk_core.runtime.host import Host
from agent_sdk_core.wire.reading import Json
from codex_sdk.normalizer import ThreadFamily
from codex_sdk.process.link import AppServerLink
from codex_sdk.threads.opener import ThreadOpener

_PARKED: Final = 0


class Attachment:
    """Where the thread of one session is open.

    Args:
        link: The way to the app-server.
        host: Opens it again, whatever becomes of who waits for that.
        opener: Opens threads.
        family: Makes messages of the events of the thread.
        options: The session's options.
        generation: The connection in which it was opened.

    Attributes:
        moved: Told the former thread, when another one took its place.
        changed: Told the settings that the thread had before and has not any more, as `turn/start` takes them.
    """

    def __init__(
        self,
        link: AppServerLink,
        host: Host,
        opener: ThreadOpener,
        family: ThreadFamily,
        options: SessionOptions,
        *,
        generation: int,
    ) -> None:
        self.moved: Callable[[str], object] | None = None
        self.changed: Callable[[Json], object] | None = None
        self._link = link
        self._host = host
        self._opener = opener
        self._family = family
        self._options = options
        self._generation = generation
        self._opening = anyio.Lock()

    @property
    def away(self) -> Away | None:
        """Why the thread is not at hand. One that the app-server of today has not opened yet is opened unasked."""
        if not self._link.is_up:
            return "disconnected"
        return "parked" if self._generation == _PARKED else None

    @property
    def holds(self) -> bool:
        """Whether the app-server of today has the thread open."""
        return self._link.is_up and self._generation == self._link.generation

    async def ready(self, *, stored: Callable[[], bool]) -> None:
        """Have the thread open in the app-server of today.

        Args:
            stored: Tells whether the thread must be on disk.

        Raises:
            AgentError: It cannot be opened.
        """
        if not self.holds or self._link.in_doubt:
            await self._host.call(lambda: self._open_again(stored))

    async def park(self, idle: Callable[[], bool], unload: Callable[[], Awaitable[object]]) -> None:
        """Unload the thread, unless somebody uses it by now; who asks for it meanwhile waits."""
        async with self._opening:
            if self.holds and idle():
                self._generation = _PARKED
                await unload()

    async def _open_again(self, stored: Callable[[], bool]) -> None:
        async with self._opening:
            while True:  # As often as the link comes back, which is bounded.
                await self._link.connect()
                if self.holds:
                    return
                generation, before = self._link.generation, self._family.main.facts
                try:
                    facts = await self._opener.reopen(self._options, before.thread_id, stored=stored())
                except ConnectionLostError:
                    continue
                self._generation = generation
                moved = replace(before, thread_id=facts.thread_id, version=facts.version)
                self._family.move_to(moved, anew=not self._link.elsewhere)
                if facts.thread_id != before.thread_id and self.moved is not None:
                    self.moved(before.thread_id)
                told = before.settings.items()
                lost = {name: value for name, value in told if value != facts.settings.get(name) and value is not None}
                if lost and self.changed is not None:
                    self.changed(lost)
                return
