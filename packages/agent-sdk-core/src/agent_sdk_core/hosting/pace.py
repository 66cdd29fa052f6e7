"""`Pace`: how one reader of a stream waits for more, so that deltas come in batches and whatever else at once."""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from typing import Final

import anyio

from agent_sdk_core.hosting.stream import Entry, EventStream

FULL: Final = 500
"""Entries of a batch that waits for no more."""


class Pace:
    """When one reader of a stream is told.

    Args:
        stream: What it reads.
    """

    def __init__(self, stream: EventStream) -> None:
        self._stream = stream
        self._deltas_at = -inf

    async def read(
        self,
        since: Callable[[], list[Entry] | None],
        seq: int,
        *,
        gather: float,
        enough: float = inf,
        wait: float = inf,
    ) -> list[Entry] | None:
        """Return what came after an entry, once something did; empty at the end of the stream, or of the time.

        Args:
            since: Returns what came by now; None where the stream does not remember, which is then returned.
            seq: Number of the entry.
            gather: Seconds for which deltas gather since the last batch of nothing else; whatever else comes ends that.
            enough: So many deltas end it too.
            wait: Seconds after which there may be nothing.
        """
        entries = since()
        # Deltas that came meanwhile wait for their batch as well, for they may come faster than a client takes them.
        if entries is not None and len(entries) < enough and all(entry.piece is not None for entry in entries):
            with anyio.move_on_after(wait):
                await self._more(seq, gather, enough)
            entries = since()
        if entries and all(entry.piece is not None for entry in entries):
            self._deltas_at = anyio.current_time()
        return entries

    async def _more(self, seq: int, gather: float, enough: float) -> None:
        await self._stream.more(seq)
        left = self._deltas_at + gather - anyio.current_time()
        if left > 0:
            with anyio.move_on_after(left):
                await self._stream.more(seq, deltas=enough)
