"""One consumer's share of a session's messages: joins deltas when the consumer lags, so that nothing is lost.

Up to a high-water mark messages are kept one by one. Above it a delta is joined to the one before of the same block:
the text stays whole, only its pieces get larger. Beyond the limit the oldest give way, and a `MessagesDropped` says how
many full messages were lost; deltas are previews and not counted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final, cast

from agent_sdk_core.messages.base import Message, Source
from agent_sdk_core.messages.conversation import StreamEvent, StreamPayload, ToolProgress
from agent_sdk_core.messages.parse import SDKMessage
from agent_sdk_core.messages.system import MessagesDropped
from agent_sdk_core.runtime.streams import BoundedStream

HIGH_WATER: Final = 512
"""Messages a consumer may lag behind before deltas are joined."""

LIMIT: Final = 10_000
"""Messages a consumer may lag behind before the oldest are dropped."""

_TEXT_KEYS: Final = ("text", "thinking", "partial_json")


class _Joined:
    """Deltas of one block, or of one tool's output, with no full message between them, as one entry."""

    __slots__ = ("key", "last", "parts")

    def __init__(self, key: tuple[object, ...], first: Message, part: str) -> None:
        self.key = key
        self.last = first
        self.parts = [part]

    def message(self) -> SDKMessage:
        text = "".join(self.parts)
        last = self.last
        if isinstance(last, ToolProgress):
            wire: dict[str, object] = {**last.to_wire(), "output": text}
        else:
            event = cast("StreamEvent", last).event
            kind = cast("str", self.key[-1])
            delta = {**event.get("delta", {}), kind: text}
            wire = {**last.to_wire(), "event": cast("StreamPayload", {**event, "delta": delta})}
        return cast("SDKMessage", type(last).model_validate(wire).with_origin(last.source, last.raw))


class MessageBuffer(BoundedStream[SDKMessage]):
    """A bounded stream of messages that joins deltas under pressure."""

    def __init__(
        self,
        session_id: str,
        *,
        high_water: int = HIGH_WATER,
        limit: int = LIMIT,
        guard: Callable[[], None] = lambda: None,
        awaited: set[BoundedStream[SDKMessage]] | None = None,
    ) -> None:
        super().__init__(limit, guard=guard, awaited=awaited)
        self._session_id = session_id
        self._high_water = high_water
        self._told = 0
        self._growing: dict[tuple[object, ...], _Joined] = {}

    def join(self, high_water: int = HIGH_WATER) -> None:
        """Join deltas from another number of waiting messages on: for a consumer that has no use for single ones."""
        self._high_water = high_water

    def publish(self, items: Iterable[SDKMessage]) -> None:
        """Add messages and wake the consumer; never waits. What comes after the end is ignored."""
        batch = list(items)
        queue = self._items
        if self._closed or len(queue) + len(batch) <= self._high_water:
            super().publish(batch)
            return
        for message in batch:
            found = _piece(message) if len(queue) >= self._high_water else None
            if found is None:
                self._growing.clear()
                queue.append(message)
                continue
            key, part = found
            if (joined := self._growing.get(key)) is not None:
                joined.parts.append(part)
                joined.last = message
            else:
                joined = self._growing[key] = _Joined(key, message, part)
                queue.append(cast("SDKMessage", joined))
        self._trim()
        self._wake()

    def _drop(self) -> None:
        entry = cast("SDKMessage | _Joined", self._items.popleft())
        if isinstance(entry, _Joined):
            self._taken(entry)
        elif not isinstance(entry, (StreamEvent, ToolProgress)):
            self.dropped += 1

    def _pop(self) -> SDKMessage:
        if self._told != self.dropped:
            lost, self._told = self.dropped - self._told, self.dropped
            return MessagesDropped.synthesize(
                Source("agent_sdk", synthetic=True), dropped=lost, session_id=self._session_id
            )
        entry: Any = self._items.popleft()  # A message, or what was joined; hot, so that not even a cast is called.
        return self._taken(entry).message() if type(entry) is _Joined else entry

    def _taken(self, entry: _Joined) -> _Joined:
        self._growing.pop(entry.key, None)
        return entry


def _piece(message: SDKMessage) -> tuple[tuple[object, ...], str] | None:
    """Return what a delta continues and the text it adds, or None for a message that stands alone."""
    if isinstance(message, StreamEvent):
        delta = message.event.get("delta")
        if delta is None or message.event.get("type") != "content_block_delta":
            return None
        for name in _TEXT_KEYS:
            text = delta.get(name)
            if isinstance(text, str):
                # As text: an index may be anything.
                block = (message.parent_tool_use_id, message.api_message_id, repr(message.event.get("index")))
                return (message.session_id, *block, name), text
    elif isinstance(message, ToolProgress) and message.output is not None:
        return (message.session_id, message.tool_use_id), message.output
    return None
