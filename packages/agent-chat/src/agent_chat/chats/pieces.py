"""Pieces of a chat that are not final yet: blocks that are being written and previews of running tools, as they stand.

Pure. A reader who comes in the middle of a turn gets them with its snapshot; a full message, a tool's result or the
end of the turn takes them away.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from agent_sdk_core.hosting.pieces import piece_of
from agent_sdk_core.hosting.stream import Piece
from agent_sdk_core.messages.blocks import TextBlock, ThinkingBlock
from agent_sdk_core.messages.conversation import AssistantMessage, StreamEvent, UserMessage
from agent_sdk_core.messages.parse import SDKMessage
from agent_sdk_core.messages.result import ResultMessage
from agent_sdk_core.messages.system import ApiRetry

PREVIEW_LIMIT: Final = 8_000
"""Characters of a running tool's output that are kept."""


def is_shown(message: SDKMessage) -> bool:
    """Whether a message is of use to a front end: steps of a stream that add no text are not."""
    return not isinstance(message, StreamEvent) or piece_of(message) is not None


class OpenPieces:
    """What is open in one chat."""

    def __init__(self) -> None:
        self._open: dict[tuple[object, ...], tuple[Piece, Mapping[str, Any], list[str]]] = {}

    def feed(self, message: SDKMessage) -> None:
        """Take the next message of the session."""
        if (piece := piece_of(message)) is not None:
            self.add(piece, {"message": message.to_wire()})
        elif isinstance(message, AssistantMessage):
            for block in message.content:
                if isinstance(block, TextBlock | ThinkingBlock):
                    self._finish(message, block.type)
        elif isinstance(message, UserMessage):
            for result in message.tool_results:
                self._open.pop((result.tool_use_id,), None)
        elif isinstance(message, ResultMessage | ApiRetry) and message.parent_tool_use_id is None:
            self._open.clear()

    def to_wire(self) -> list[dict[str, Any]]:
        """Return what is open as the data of one delta each, oldest first."""
        return [piece.put(data, "".join(texts)) for piece, data, texts in self._open.values()]

    def add(self, piece: Piece, data: Mapping[str, Any]) -> None:
        """Take a delta; `data` is that of its entry."""
        if (known := self._open.get(piece.block)) is not None:
            data = known[1]
        texts = [] if known is None else known[2]
        texts.append(piece.text)
        if len(piece.block) == 1 and sum(map(len, texts)) > PREVIEW_LIMIT:
            texts = ["".join(texts)[-PREVIEW_LIMIT:]]
        self._open[piece.block] = (piece, data, texts)

    def _finish(self, message: AssistantMessage, kind: str) -> None:
        """Take away the first open block of this kind of the message: its full form has come."""
        for block in self._open:
            if len(block) == 4 and block[:2] == (message.parent_tool_use_id, message.message.id) and block[3] == kind:
                del self._open[block]
                return
