"""Secrets taken out of what a chat is told, before it is stored and before any front end gets it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, cast

from agent_sdk_core.hosting.stream import Piece
from agent_sdk_core.messages.blocks import TextBlock, ThinkingBlock
from agent_sdk_core.messages.conversation import AssistantMessage
from agent_sdk_core.messages.parse import SDKMessage, parse_message
from agent_sdk_core.messages.result import ResultMessage
from agent_sdk_core.redaction import RedactedText, redact_value


@dataclass(slots=True)
class _Open:
    text: RedactedText
    piece: Piece
    data: Mapping[str, Any]


class Redactor:
    """Redacts the messages of one chat, in order; a delta waits until its last word is whole, or its block."""

    def __init__(self) -> None:
        self._open: dict[tuple[object, ...], _Open] = {}

    def piece(self, piece: Piece, data: Mapping[str, Any]) -> Piece | None:
        """Return a delta without secrets; None while all of it has to wait.

        Args:
            piece: The delta.
            data: The data of its entry.
        """
        known = self._open.get(piece.block)
        if known is None:
            known = self._open[piece.block] = _Open(RedactedText(), piece, data)
        text = known.text.feed(piece.text)
        return replace(piece, text=text) if text else None

    def rest(self, message: SDKMessage) -> Iterable[tuple[Piece, Mapping[str, Any]]]:
        """Return what waited in the blocks that a message completes, as deltas that go before it."""
        if isinstance(message, AssistantMessage):
            for block in message.content:
                if isinstance(block, TextBlock | ThinkingBlock):
                    yield from self._finished(message, block.type)
        elif isinstance(message, ResultMessage) and message.parent_tool_use_id is None:
            self._open.clear()

    def message(self, message: SDKMessage) -> SDKMessage:
        """Return a message without secrets: itself, where it has none."""
        wire = message.to_wire()
        redacted = cast("dict[str, object]", redact_value(wire))
        if redacted == wire:
            return message
        return parse_message(redacted, source=message.source)

    def _finished(self, message: AssistantMessage, kind: str) -> Iterable[tuple[Piece, Mapping[str, Any]]]:
        for block, known in self._open.items():
            if len(block) == 4 and block[:2] == (message.parent_tool_use_id, message.message.id) and block[3] == kind:
                del self._open[block]
                if rest := known.text.finish():
                    yield replace(known.piece, text=rest), known.data
                return
