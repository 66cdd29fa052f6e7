"""`ChatReader`: one front end's place on a chat's stream. It begins with a snapshot, or where its cursor says."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Final

from agent_sdk_core.hosting.pace import Pace
from agent_sdk_core.hosting.stream import Cursor, Entry, EventStream

DELTA_SECONDS: Final = 0.05
"""Between two batches of nothing but deltas: at most 20 a second."""


class ChatReader:
    """Reads a chat's stream at its own pace; it holds a cursor and nothing else.

    Args:
        stream: The stream.
        snapshot: Returns how the chat stands, for a reader whose cursor cannot be followed.
        cursor: How far the front end has come; None: it begins.
    """

    def __init__(self, stream: EventStream, snapshot: Callable[[], dict[str, Any]], cursor: Cursor | None) -> None:
        self._stream = stream
        self._snapshot = snapshot
        self._cursor = cursor
        self._pace = Pace(stream)

    async def read(self) -> dict[str, Any] | None:
        """Return what came since the last call, once something did, as JSON-compatible data; None at the end.

        It is `{"type": "snapshot", …}` at first and whenever the stream does not remember what came since, else
        `{"type": "events", "epoch": …, "events": […]}`. What has ended is told at once, deltas in batches.
        """
        entries: list[Entry] | None = None
        if (cursor := self._cursor) is not None:
            since = partial(self._stream.since, cursor)
            entries = await self._pace.read(since, cursor.seq, gather=DELTA_SECONDS)
            if entries == []:
                return None
        self._cursor = self._stream.cursor
        if entries is None:
            return {"type": "snapshot", **self._snapshot()}
        return {"type": "events", "epoch": self._stream.epoch, "events": [entry.to_wire() for entry in entries]}
