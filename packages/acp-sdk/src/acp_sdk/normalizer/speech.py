"""`Speech`: what an agent says, one open block at a time: deltas as they come, the whole block when it is over."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Literal, assert_never

from acp_sdk.normalizer.frames import Frames
from acp_sdk.protocol.content import (
    AudioContent,
    EmbeddedResource,
    ImageContent,
    KnownContent,
    ResourceLink,
    TextContent,
    UnknownContent,
    text_of_blocks,
)
from agent_sdk_core.messages.blocks import KNOWN_BLOCKS
from agent_sdk_core.wire.reading import Json

Kind = Literal["text", "thinking"]


class Speech:
    """The agent's messages.

    Attributes:
        answer: The last text that was said whole.
        model: The model that speaks, where it is known.
    """

    def __init__(self, frames: Frames) -> None:
        self.answer: str | None = None
        self.model: str | None = None
        self._frames = frames
        self._open: tuple[Kind, str] | None = None
        self._id = ""
        self._begun: Counter[str] = Counter()
        self._text: list[str] = []
        self._said: dict[str, str] = {}

    @property
    def is_open(self) -> bool:
        """Whether a block is being said."""
        return self._open is not None

    def chunk(self, kind: Kind, message_id: str, content: KnownContent | UnknownContent) -> None:
        """Take a piece of a message."""
        if not isinstance(content, TextContent):
            self.close()
            self._frames.assistant(message_id, self.model, block_of(content))
            return
        if not content.text:  # A block without a word would have no message of its own.
            return
        if self._open != (kind, message_id):
            self.close()
            self._begin(kind, message_id)
        self._text.append(content.text)
        delta = {"type": f"{kind}_delta", kind: content.text}
        self._frames.stream(self._id, {"type": "content_block_delta", "index": 0, "delta": delta})

    def whole(self, kind: Kind, message_id: str, blocks: Sequence[KnownContent | UnknownContent] | None) -> None:
        """Take a whole message: it replaces what its chunks told, as far as that is not finished."""
        text = text_of_blocks(blocks or ())
        told = "".join(self._text) if self._open == (kind, message_id) else None
        if told is not None and text.startswith(told):
            self.chunk(kind, message_id, TextContent(text=text[len(told) :]))
            self.close()
            return
        if told is not None:
            self.close(aborted=True)
        if blocks:
            self.close()  # What another message had begun.
        if text and text != self._said.get(message_id):
            self.chunk(kind, message_id, TextContent(text=text))
            self.close()
        for block in blocks or ():
            if not isinstance(block, TextContent):
                self._frames.assistant(message_id, self.model, block_of(block))

    def close(self, *, aborted: bool = False) -> None:
        """End the open block with the whole of it."""
        if self._open is None:
            return
        (kind, message_id), text = self._open, "".join(self._text)
        self._open, self._text = None, []
        if kind == "text":
            self.answer = self._said[message_id] = text
        block: Json = {"type": kind, kind: text}
        self._frames.assistant(self._id, self.model, block, aborted=aborted)
        self._frames.stream(self._id, {"type": "content_block_stop", "index": 0})
        self._frames.stream(self._id, {"type": "message_stop"})

    def _begin(self, kind: Kind, message_id: str) -> None:
        self._open = kind, message_id
        self._begun[message_id] += 1
        again = self._begun[message_id]  # What comes between ends a message, and an agent may go on with its id.
        self._id = message_id if again == 1 else f"{message_id}#{again}"
        self._frames.stream(self._id, {"type": "message_start", "message": {"id": self._id, "role": "assistant"}})
        start = {"type": "content_block_start", "index": 0, "content_block": {"type": kind, kind: ""}}
        self._frames.stream(self._id, start)


def block_of(content: KnownContent | UnknownContent) -> Json:
    """Return a content block as messages have it; what they have no word for keeps all its fields."""
    match content:
        case TextContent():
            return {"type": "text", "text": content.text}
        case ImageContent():
            source = {"type": "base64", "media_type": content.mime_type, "data": content.data}
            return {"type": "image", "source": source}
        case EmbeddedResource() if content.resource.text is not None:
            return {"type": "text", "text": content.resource.text}
        case AudioContent() | ResourceLink() | EmbeddedResource() | UnknownContent():
            wire = content.to_wire()
            kind = wire.get("type")
            # A block of a word that messages have, which could not be read, is none of theirs.
            return {**wire, "type": kind if isinstance(kind, str) and kind not in KNOWN_BLOCKS else "unknown"}
        case _:  # pragma: no cover  # every kind has a case: the types say so
            assert_never(content)
