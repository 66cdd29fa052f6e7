"""Messages while they stream: what has begun and not ended, so that nothing that was shown stays unfinished.

Claude finishes what it started but for a few faults: a stream that broke, and its own death. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import field
from typing import Any
from uuid import uuid4

from agent_sdk_core.messages.base import Source
from agent_sdk_core.messages.conversation import AssistantMessage, StreamEvent
from agent_sdk_core.messages.parse import SDKMessage
from agent_sdk_core.records import dataclass
from agent_sdk_core.wire.reading import Json, filled_text, record_of


@dataclass(slots=True)
class _Block:
    """A block that streams: how it began, what came, whether it came in full, and whether its stop was told."""

    start: Json
    pieces: list[str] = field(default_factory=list[str])
    full: bool = False
    stopped: bool = False

    def aborted(self) -> Json:
        """Return the block as far as it came."""
        joined = "".join(self.pieces)
        match self.start.get("type"):
            case "text":
                return {**self.start, "text": joined}
            case "thinking":
                return {**self.start, "thinking": joined}
            case _ if self.pieces:
                return {**self.start, "partial_input": joined}
            case _:
                return self.start


@dataclass(slots=True)
class _Stream:
    """One message that streams."""

    model: str | None
    usage: Json = field(default_factory=dict[str, Any])
    blocks: dict[int, _Block] = field(default_factory=dict[int, _Block])


class OpenStreams:
    """The messages of one thread that have started and not stopped."""

    def __init__(self) -> None:
        self._open: dict[str, _Stream] = {}

    def take(self, frame: Json) -> Json | None:
        """Note a stream event; one that stops a message returns the tokens that its call took."""
        identity, event = frame.get("api_message_id"), record_of(frame.get("event"))
        if type(identity) is not str:
            return None
        kind = event.get("type")
        if kind == "content_block_delta":  # First, for nearly all of them are.
            stream, index = self._open.get(identity), event.get("index")
            block = stream.blocks.get(index) if stream is not None and type(index) is int else None
            if block is not None:
                delta = record_of(event.get("delta"))
                piece = delta.get("text") or delta.get("thinking") or delta.get("partial_json")
                if type(piece) is str:
                    block.pieces.append(piece)
            return None
        index = event.get("index")
        if kind == "message_start":
            message = record_of(event.get("message"))
            self._open[identity] = _Stream(
                filled_text(message.get("model")), usage=dict(record_of(message.get("usage")))
            )
        elif kind == "message_stop":
            ended = self._open.pop(identity, None)
            return None if ended is None else ended.usage
        elif (stream := self._open.get(identity)) is not None:
            if kind == "message_delta":
                stream.usage.update(record_of(event.get("usage")))
            elif kind == "content_block_start" and type(index) is int:
                block = record_of(event.get("content_block"))
                stream.blocks[index] = _Block(block if isinstance(block.get("type"), str) else {"type": ""})
            elif kind == "content_block_stop" and type(index) is int and index in stream.blocks:
                stream.blocks[index].stopped = True
        return None

    def take_run(self, like: Json, pieces: Sequence[str]) -> None:
        """Note deltas on end of one block.

        Args:
            like: One of them, but for its text.
            pieces: What each adds.
        """
        stream, index = self._open.get(like["api_message_id"]), like["event"].get("index")
        block = stream.blocks.get(index) if stream is not None and type(index) is int else None
        if block is not None:
            block.pieces.extend(pieces)

    def complete(self, message_id: object, count: int) -> None:
        """Note that full blocks of a message came."""
        stream = self._open.get(message_id) if isinstance(message_id, str) else None
        for block in stream.blocks.values() if stream is not None else ():
            if count and not block.full:
                block.full = True
                count -= 1

    def abandon(self, frame: Json, source: Source, session_id: str) -> list[SDKMessage]:
        """Return the block that a frame is about to stop, as far as it came, if it did not come in full.

        Claude stops what it streamed of an answer that broke off without a word of it (2.1.329).
        """
        identity, index = frame.get("api_message_id"), record_of(frame.get("event")).get("index")
        stream = self._open.get(identity) if isinstance(identity, str) else None
        block = stream.blocks.get(index) if stream is not None and type(index) is int else None
        if stream is None or block is None or block.full:
            return []
        block.full = True
        return [_aborted(source, session_id, str(identity), stream.model, block.aborted())]

    def finish(self, source: Source, session_id: str) -> list[SDKMessage]:
        """Return what ends every open message: its unfinished blocks as far as they came, and its stops."""
        ending: list[SDKMessage] = []
        for identity, stream in self._open.items():
            for index, block in sorted(stream.blocks.items()):
                if not block.full:
                    ending.append(_aborted(source, session_id, identity, stream.model, block.aborted()))
                if not block.stopped:
                    stop = {"type": "content_block_stop", "index": index}
                    ending.append(_event(source, session_id, identity, stop))
            ending.append(_event(source, session_id, identity, {"type": "message_stop"}))
        self._open.clear()
        return ending


def _aborted(source: Source, session_id: str, identity: str, model: str | None, block: Json) -> SDKMessage:
    message: dict[str, Any] = {"id": identity, "role": "assistant", "content": [block]}
    if model is not None:
        message["model"] = model
    return AssistantMessage.synthesize(source, session_id=session_id, message=message, aborted=True)


def _event(source: Source, session_id: str, identity: str, event: Json) -> SDKMessage:
    return StreamEvent.synthesize(
        source, session_id=session_id, event=event, api_message_id=identity, uuid=str(uuid4())
    )
