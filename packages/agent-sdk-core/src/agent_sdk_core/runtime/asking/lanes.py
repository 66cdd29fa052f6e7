"""Lanes of tool calls: what only reads runs side by side, what may change something alone."""

from __future__ import annotations

import anyio


class Lane:
    """The calls of one agent: those that only read run side by side, any other alone, in the order in which they came.

    Claude sees to that itself, and codex 0.163 runs all one after the other; 0.169 calls all at once.
    """

    def __init__(self) -> None:
        self._turnstile = anyio.Lock()
        self._readers = 0
        self._empty = anyio.Event()

    def enter(self, *, alone: bool) -> _Pass:
        """Return what is entered with ``async with`` for a call."""
        return _Pass(self, alone=alone)

    async def wait(self, *, alone: bool) -> None:
        """Wait for the turn of a call."""
        await self._turnstile.acquire()
        if not alone:
            self._readers += 1
            self._turnstile.release()
            return
        try:
            while self._readers:
                self._empty = anyio.Event()
                await self._empty.wait()
        except BaseException:
            self._turnstile.release()
            raise

    def leave(self, *, alone: bool) -> None:
        """Let others pass."""
        if alone:
            self._turnstile.release()
            return
        self._readers -= 1
        if not self._readers:
            self._empty.set()


class _Pass:
    def __init__(self, lane: Lane, *, alone: bool) -> None:
        self._lane = lane
        self._alone = alone

    async def __aenter__(self) -> None:
        await self._lane.wait(alone=self._alone)

    async def __aexit__(self, *_: object) -> None:
        self._lane.leave(alone=self._alone)
