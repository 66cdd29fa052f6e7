"""`Pace`: how one reader of a stream waits for more, so that deltas come in batches and whatever else at once."""

from __future__ import annotations

from collections.abc import Iterable
from math import inf

import anyio

from agent_sdk_core.hosting.stream import Entry, EventStream


class Pace:
    """When one reader of a stream is told.

    Args:
        stream: What it reads.
    """

    def __init__(self, stream: EventStream) -> None:
        self._stream = stream
        self._deltas_at = -inf

    async def more(self, seq: int, seconds: float) -> None:
        """Wait until something came after an entry, or nothing comes any more.

        Args:
            seq: Number of the entry.
            seconds: How long deltas gather since the last batch of nothing else; whatever else comes ends that.
        """
        await self._stream.more(seq)
        left = self._deltas_at + seconds - anyio.current_time()
        if left > 0:
            with anyio.move_on_after(left):
                await self._stream.more(seq, whole=True)

    def told(self, entries: Iterable[Entry]) -> None:
        """Take note that the reader was told these."""
        kinds = {entry.piece is not None for entry in entries}
        if kinds == {True}:
            self._deltas_at = anyio.current_time()
