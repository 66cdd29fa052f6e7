"""Parking of a session that nobody uses: when it has been idle for long enough, its agent may let it go."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import anyio

from agent_sdk_core.runtime.host import Host


class Parking:
    """Parks one session.

    Args:
        host: Waits.
        seconds: How long the session has to be idle.
        idle: Tells whether it is.
        park: Lets it go, unless the function that it is given says that it is idle no more.
    """

    def __init__(
        self,
        host: Host,
        seconds: float,
        *,
        idle: Callable[[], bool],
        park: Callable[[Callable[[], bool]], Awaitable[None]],
    ) -> None:
        self._host = host
        self._seconds = seconds
        self._idle = idle
        self._park = park
        self._waiting = anyio.CancelScope()

    def note(self) -> None:
        """Note that the session does something, or has done it: its time begins anew."""
        self._waiting.cancel()
        if self._host.running:
            self._waiting = anyio.CancelScope()
            self._host.start_soon(self._wait, self._waiting)

    async def _wait(self, scope: anyio.CancelScope) -> None:
        with scope:
            await anyio.sleep(self._seconds)
        if self._waiting is scope and self._idle():
            await self._park(self._idle)
