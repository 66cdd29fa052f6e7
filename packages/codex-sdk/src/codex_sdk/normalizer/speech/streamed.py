"""One message while it is written: its deltas as they come, then the full blocks that finalize them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Final

from pydantic_core import to_json

from agent_sdk_core.messages.base import Source
from agent_sdk_core.messages.conversation import StreamEvent
from agent_sdk_core.messages.parse import SDKMessage
from agent_sdk_core.wire.reading import Json
from codex_sdk.normalizer.emitter import Frames

_FIELDS: Final = set(StreamEvent.model_fields)


class StreamedMessage:
    """The text of an agentMessage item; block 0.

    Nothing is emitted before the first delta, so that an item which never said anything leaves no trace. Blocks are
    kept by index; their deltas may interleave.

    Args:
        frames: Where messages are added.
        source: Origin of this item's messages.
        message_id: `message.id` of all of them.
        model: The model that writes.
    """

    block_type: ClassVar[str] = "text"
    delta_type: ClassVar[str] = "text_delta"
    key: ClassVar[str] = "text"

    __slots__ = ("_blocks", "_frames", "_source", "message_id", "model")

    def __init__(self, frames: Frames, source: Source, message_id: str, model: str | None) -> None:
        self._frames = frames
        self._source = source
        self._blocks: dict[int, list[str]] = {}
        self.message_id = message_id
        self.model = model

    def texts(self) -> list[str]:
        """Return what arrived by block, empty strings for blocks before the last that did not begin."""
        return ["".join(self._blocks.get(index, ())) for index in range(max(self._blocks, default=-1) + 1)]

    def add(self, index: int, piece: str) -> None:
        """Take a delta of a block. This is the hot path: no validation, no copy."""
        if not piece:
            return
        block = self._blocks.get(index)
        if block is None:
            block = self._open(index)
        block.append(piece)
        frames = self._frames
        if not frames.partial:
            return
        frames.count = count = frames.count + 1
        message = StreamEvent.assembled(
            {
                "type": "stream_event",
                "uuid": f"{frames.prefix}{count:012x}",
                "session_id": frames.session_id,
                "parent_tool_use_id": frames.parent_tool_use_id,
                "event": {
                    "type": "content_block_delta",
                    "index": index,
                    "delta": {"type": self.delta_type, self.key: self._delta(piece)},
                },
                "api_message_id": self.message_id,
            },
            _FIELDS,
            self._source,
            frames.raw,
        )
        frames.out.append(message)

    def goes_on(self, index: int, number: object) -> bool:
        """Tell whether a delta of this part of a block does no more than to add its text."""
        return index in self._blocks

    def add_run(self, index: int, pieces: Sequence[str], lines: Sequence[bytes]) -> list[SDKMessage] | None:
        """Take deltas on end of a block that is open, and return what they become; as `add` for each, at less cost.

        Args:
            index: The block.
            pieces: What each adds; None is returned, and nothing taken, if one adds nothing.
            lines: What holds each.
        """
        if not all(pieces):
            return None
        self._blocks[index].extend(pieces)
        frames = self._frames
        if not frames.partial:
            return []
        prefix, session_id, parent = frames.prefix, frames.session_id, frames.parent_tool_use_id
        delta_type, key, message_id, source = self.delta_type, self.key, self.message_id, self._source
        assembled = StreamEvent.assembled
        made: list[SDKMessage] = [
            assembled(
                {
                    "type": "stream_event",
                    "uuid": f"{prefix}{count:012x}",
                    "session_id": session_id,
                    "parent_tool_use_id": parent,
                    "event": {"type": "content_block_delta", "index": index, "delta": {"type": delta_type, key: piece}},
                    "api_message_id": message_id,
                },
                _FIELDS,
                source,
                line,
            )
            for count, (piece, line) in enumerate(zip(pieces, lines, strict=True), frames.count + 1)
        ]
        frames.count += len(made)
        return made

    def finish(self, texts: list[str], extra: Json) -> bool:
        """Emit the full blocks under the item's final `texts`; what was missing of them becomes a last delta.

        Returns:
            Whether what streamed was a beginning of them. If not, nothing was emitted: abort, and write them anew.
        """
        if not self._frames.partial:
            self._blocks = {index: [full] for index, full in enumerate(texts) if full}
        for index in self._blocks:
            if index >= len(texts) or not texts[index].startswith("".join(self._blocks[index])):
                return False
        for index, full in enumerate(texts):
            streamed = "".join(self._blocks.get(index, ()))
            if len(full) > len(streamed):
                self.add(index, full[len(streamed) :])
        self._emit(extra)
        return True

    def abort(self) -> None:
        """Emit what arrived as full blocks that were cut off."""
        self._emit({"aborted": True})

    def _emit(self, extra: Json) -> None:
        frames, source, message_id = self._frames, self._source, self.message_id
        for index in sorted(self._blocks):
            self._close(index)
            frames.assistant(source, message_id, self.model, self._block("".join(self._blocks[index])), extra)
            frames.stream(source, message_id, {"type": "content_block_stop", "index": index})
        if self._blocks:
            frames.stream(source, message_id, {"type": "message_delta", "delta": {"stop_reason": None}})
            frames.stream(source, message_id, {"type": "message_stop"})

    def _open(self, index: int) -> list[str]:
        if not self._blocks:
            message: Json = {
                "id": self.message_id,
                "type": "message",
                "role": "assistant",
                "model": self.model,
                "content": [],
                "stop_reason": None,
            }
            self._frames.stream(self._source, self.message_id, {"type": "message_start", "message": message})
        block: list[str] = []
        self._blocks[index] = block
        start = {"type": "content_block_start", "index": index, "content_block": self._empty_block()}
        self._frames.stream(self._source, self.message_id, start)  # type: ignore[arg-type]  # a cast would cost as much as the call
        return block

    def _close(self, index: int) -> None:
        """Add the deltas that complete a block."""

    def _delta(self, piece: str) -> str:
        return piece

    def _empty_block(self) -> Json:
        return self._block("")

    def _block(self, full: str) -> Json:
        return {"type": self.block_type, self.key: full}


class StreamedThinking(StreamedMessage):
    """A reasoning item: block 0 the summary, block 1 the raw content; the parts of a block joined by a blank line."""

    block_type = "thinking"
    delta_type = "thinking_delta"
    key = "thinking"

    __slots__ = ("_parts",)

    def __init__(self, frames: Frames, source: Source, message_id: str, model: str | None) -> None:
        super().__init__(frames, source, message_id, model)
        self._parts: dict[int, int] = {}

    def goes_on(self, index: int, number: object) -> bool:
        """Tell whether a delta of this part of a block does no more than to add its text."""
        return super().goes_on(index, number) and (type(number) is not int or number <= self._parts.get(index, 0))

    def part(self, index: int, number: int) -> None:
        """Begin the part `number` of a block, if it has not begun."""
        last = self._parts.get(index, 0)
        if number > last:
            self._parts[index] = number
            # A number far ahead is a corrupt one: the parts between would be nothing but separators.
            self.add(index, "\n\n" * min(number - last, 8))


class StreamedPlan(StreamedMessage):
    """A plan item as the input of an ExitPlanMode tool use, streamed as JSON."""

    block_type = "tool_use"
    delta_type = "input_json_delta"
    key = "partial_json"

    __slots__ = ()

    def _delta(self, piece: str) -> str:
        return to_json(piece).decode()[1:-1]

    def _open(self, index: int) -> list[str]:
        block = super()._open(index)
        self._json(index, '{"plan":"')
        return block

    def _close(self, index: int) -> None:
        self._json(index, '"}')

    def _json(self, index: int, piece: str) -> None:
        delta = {"type": "content_block_delta", "index": index, "delta": {"type": self.delta_type, self.key: piece}}
        self._frames.stream(self._source, self.message_id, delta)  # type: ignore[arg-type]  # a cast would cost as much as the call

    def _empty_block(self) -> Json:
        return {"type": "tool_use", "id": self.message_id, "name": "ExitPlanMode", "input": {}}

    def _block(self, full: str) -> Json:
        return {"type": "tool_use", "id": self.message_id, "name": "ExitPlanMode", "input": {"plan": full}}
