"""Tools in the words of MCP and of claude-agent-sdk: hints, and results as content blocks."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping, Sequence
from typing import Any, Final, cast

from agent_sdk_core.errors import InvalidRequestError
from agent_sdk_core.names import nearest
from agent_sdk_core.tools.results import ToolImage, ToolResult

_HINTS: Final[Mapping[str, str]] = {
    "readOnlyHint": "read_only",
    "destructiveHint": "destructive",
    "openWorldHint": "open_world",
    "maxResultSizeChars": "max_result_chars",
}
_WITHOUT_MEANING: Final = ("idempotentHint", "title")
"""Hints that no agent reads."""


def hints_of(annotations: object) -> dict[str, Any]:
    """Return MCP's hints about a tool, a mapping or an object that has them, as fields of a `Tool`.

    Raises:
        InvalidRequestError: A mapping has one that there is not.
    """
    if annotations is None:
        return {}
    if isinstance(annotations, Mapping):
        told = cast("Mapping[object, object]", annotations)
        for name in told:
            if name not in (*_HINTS, *_WITHOUT_MEANING):
                meant = nearest(str(name), tuple(_HINTS))
                hint = f"did you mean {meant!r}?" if meant else f"there are: {', '.join(_HINTS)}."
                raise InvalidRequestError(f"@tool: annotations have no {name!r}; {hint}")
        found = {ours: told.get(theirs) for theirs, ours in _HINTS.items()}
    else:
        found = {ours: getattr(annotations, theirs, None) for theirs, ours in _HINTS.items()}
    return {name: value for name, value in found.items() if value is not None}


def result_of(value: object) -> object:
    """Return what a function returned, as a result if it is one in MCP's form, else as it is."""
    if not isinstance(value, Mapping):
        return value
    told = cast("Mapping[str, Any]", value)
    if not isinstance(told.get("content"), list):
        return told
    blocks = cast("Sequence[object]", told["content"])
    failed = told.get("is_error", told.get("isError")) is True
    structured = told.get("structured_content", told.get("structuredContent"))
    return ToolResult(tuple(_part(block) for block in blocks), is_error=failed, structured=structured)


def _part(block: object) -> str | ToolImage:
    match block:
        case {"type": "text", "text": str(text)}:
            return text
        case {"type": "image", "data": str(data), "mimeType": str(media_type)}:
            try:
                return ToolImage(base64.b64decode(data, validate=True), media_type)
            except binascii.Error:
                raise InvalidRequestError("The tool returned an image whose data is no base64.") from None
        case _:
            return json.dumps(block, default=repr, ensure_ascii=False)
