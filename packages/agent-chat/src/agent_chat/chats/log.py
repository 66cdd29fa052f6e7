"""The log of a chat that is open: written behind to the store, its end held in memory as front ends get it.

A message is shown at once and stored as soon as the store can: a reader's snapshot needs no database, and a store that
is slow, full or locked delays nobody. What is not stored yet is kept and tried again.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from agent_chat.storage.errors import LeaseLostError, StoreClosedError, as_agent_error
from agent_chat.storage.interface import ChatStore
from agent_chat.storage.records import ChatLease, StoredMessage
from agent_sdk_core.errors import AgentError
from agent_sdk_core.messages.conversation import CommandLifecycle, RateLimitEvent, StreamEvent, ToolProgress
from agent_sdk_core.messages.parse import SDKMessage
from agent_sdk_core.messages.system import ApiRetry, SessionStateChanged, StatusMessage
from agent_sdk_core.wire.json_lines import json_text

TAIL: Final = 200
"""Messages at the end of the log that are held in memory, unless they are large."""

TAIL_BYTES: Final = 4 * 2**20

RETRY_SECONDS: Final = 2.0
"""How long a store that failed is left alone."""

_LIVE_ONLY: Final = (
    StreamEvent,
    ToolProgress,
    CommandLifecycle,
    RateLimitEvent,
    ApiRetry,
    SessionStateChanged,
    StatusMessage,
)


def is_kept(message: SDKMessage) -> bool:
    """Whether a message belongs into the log; others mean something only while they are new."""
    return not isinstance(message, _LIVE_ONLY)


@dataclass(slots=True)
class _Line:
    view: Mapping[str, Any]
    at: float
    size: int
    index: int | None


class ChatLog:
    """The log of one chat.

    Args:
        store: Keeps it.
        chat_id: The chat.
        lease: The right to write it.
        failed: Told when the store fails, and None when it works again.
    """

    def __init__(
        self, store: ChatStore, chat_id: str, lease: ChatLease, failed: Callable[[AgentError | None], None]
    ) -> None:
        self.lease = lease
        self._store = store
        self._chat_id = chat_id
        self._failed = failed
        self._tail: deque[_Line] = deque()
        self._bytes = 0
        self._unsaved: deque[tuple[SDKMessage, _Line]] = deque()
        self._wanted = asyncio.Event()
        self._saved = asyncio.Event()
        self._writer: asyncio.Task[None] | None = None
        self._failing = False
        self._is_lost = False
        self._earlier = False

    @property
    def lost(self) -> bool:
        """Whether another process writes the chat now."""
        return self._is_lost

    def fill(self, views: Sequence[Mapping[str, Any]], stored: list[StoredMessage], *, earlier: bool) -> None:
        """Take what the store holds at the log's end; `earlier`: whether it holds more before that."""
        self._earlier = earlier
        for view, message in zip(views, stored, strict=True):
            self._hold(_Line(view, message.at, len(json_text(dict(view))), message.seq))

    def add(self, message: SDKMessage, view: Mapping[str, Any]) -> None:
        """Add a message; never waits."""
        line = _Line(view, time.time(), len(json_text(dict(view))), None)
        self._hold(line)
        self._unsaved.append((message, line))
        self._wanted.set()
        if self._writer is None and not self._is_lost:
            self._writer = asyncio.create_task(self._write())

    def tail(self) -> dict[str, Any]:
        """Return the end of the log for a snapshot, and where what stands before it ends."""
        first = next((line.index for line in self._tail if line.index is not None), None)
        before = first if self._earlier or (first or 1) > 1 else None
        return {
            "messages": [{**line.view, "at": line.at, "index": line.index} for line in self._tail],
            "before": before,
        }

    async def flush(self, seconds: float) -> bool:
        """Wait until everything is stored, and return whether it is."""
        try:
            async with asyncio.timeout(seconds):
                while self._unsaved and not self.lost:
                    self._saved.clear()
                    await self._saved.wait()
        except TimeoutError:
            pass
        return not self._unsaved

    async def aclose(self, seconds: float = 10.0) -> None:
        """Store what is left, as far as the store can."""
        await self.flush(seconds)
        if (writer := self._writer) is not None:
            writer.cancel()
            await asyncio.wait([writer])

    def _hold(self, line: _Line) -> None:
        self._tail.append(line)
        self._bytes += line.size
        while len(self._tail) > 1 and (len(self._tail) > TAIL or self._bytes > TAIL_BYTES):
            self._bytes -= self._tail.popleft().size
            self._earlier = True

    async def _write(self) -> None:
        while True:
            await self._wanted.wait()
            self._wanted.clear()
            batch = list(self._unsaved)
            if not batch:
                continue
            try:
                numbers = await self._store.append(
                    self._chat_id,
                    [message for message, _ in batch],
                    at=[line.at for _, line in batch],
                    lease=self.lease,
                )
            except (LeaseLostError, StoreClosedError) as error:
                self.give_up(error)
                return
            except Exception as error:  # whatever store this is: the next attempt is later
                await self._wait_after(error)
                continue
            for (_, line), number in zip(batch, numbers, strict=True):
                line.index = number
                self._unsaved.popleft()
            if self._failing and not self._is_lost:
                self._failing = False
                self._failed(None)
            self._saved.set()

    def give_up(self, error: AgentError) -> None:
        """Take note that another process writes the chat now."""
        self._failing = self._is_lost = True
        self._writer = None
        self._saved.set()
        self._failed(error)

    async def _wait_after(self, error: Exception) -> None:
        if not self._failing:
            self._failing = True
            self._failed(as_agent_error(error))
        self._wanted.set()
        await asyncio.sleep(RETRY_SECONDS)
