"""Pieces of text and of output: what a delta adds to its block, and how neighbours become one message.

Pure. The data of an entry has the message under "message", as its `to_wire`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from agent_sdk_core.hosting.stream import Piece
from agent_sdk_core.messages.conversation import StreamEvent, ToolProgress
from agent_sdk_core.messages.parse import SDKMessage

_TEXTS: Final = ("text", "thinking")


def piece_of(message: SDKMessage) -> Piece | None:
    """Return what a delta of text, of thinking, or of a tool's output adds; None for every other message."""
    if isinstance(message, StreamEvent):
        delta = message.event.get("delta", {})
        for name in _TEXTS:
            if isinstance(text := delta.get(name), str):
                index = message.event.get("index", 0)
                block = (message.parent_tool_use_id, message.api_message_id, repr(index), name)
                return Piece(block, text, _with_text if name == "text" else _with_thinking)
    elif isinstance(message, ToolProgress) and message.output:
        return Piece((message.tool_use_id,), message.output, _with_output)
    return None


def _with_text(data: Mapping[str, Any], text: str) -> dict[str, Any]:
    return _with_delta(data, {"text": text})


def _with_thinking(data: Mapping[str, Any], text: str) -> dict[str, Any]:
    return _with_delta(data, {"thinking": text})


def _with_delta(data: Mapping[str, Any], changed: dict[str, str]) -> dict[str, Any]:
    message = data["message"]
    event = message["event"]
    return {**data, "message": {**message, "event": {**event, "delta": {**event["delta"], **changed}}}}


def _with_output(data: Mapping[str, Any], text: str) -> dict[str, Any]:
    return {**data, "message": {**data["message"], "output": text}}
