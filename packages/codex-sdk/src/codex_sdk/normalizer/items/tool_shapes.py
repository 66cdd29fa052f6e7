"""The shape of every item type that is a tool call; one that is not known is a tool of its own name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from agent_sdk_core.wire.reading import Json, as_record, records_at, text_at
from codex_sdk.normalizer.items.agents import AGENT_ACTIVITY, AGENT_CALL
from codex_sdk.normalizer.items.calls import DYNAMIC_CALL, MCP_CALL
from codex_sdk.normalizer.items.commands import COMMAND
from codex_sdk.normalizer.items.content import tool_content
from codex_sdk.normalizer.items.lookups import IMAGE_GENERATION, IMAGE_VIEW, SLEEP, WEB_SEARCH
from codex_sdk.normalizer.items.patches import PATCH
from codex_sdk.normalizer.items.raw_calls import RAW_CALL, RAW_SHAPE
from codex_sdk.normalizer.items.shapes import Outcome, ToolShape, ToolUse, failed, status


def tool_shape(item_type: str) -> ToolShape:
    """Return the shape for an item type."""
    return RAW_SHAPE if item_type == RAW_CALL else _SHAPES.get(item_type, _ANY)


def _any_uses(item: Json) -> list[ToolUse]:
    arguments = {key: value for key, value in item.items() if key not in ("type", "id")}
    return [ToolUse(text_at(item, "type") or "unknown", arguments)]


def _any_outcomes(item: Json, streamed: str) -> list[Outcome]:
    return [Outcome(streamed or status(item), failed(item), False, dict(item))]


def _output_uses(item: Json) -> list[ToolUse]:
    namespace = text_at(item, "namespace")
    return [ToolUse(f"mcp__{namespace}__{text_at(item, 'name')}" if namespace else text_at(item, "name"), {})]


def _output_outcomes(item: Json, streamed: str) -> list[Outcome]:
    del streamed
    output = item.get("output")
    if isinstance(output, str):
        return [Outcome(output)]
    entries = records_at(item, "output")
    return [Outcome(tool_content([_output_entry(entry) for entry in entries]))]


def _output_entry(entry: Json) -> Json:
    """Spell an entry of a function's output, `input_text`, as a dynamic tool's, `inputText`."""
    names = {"input_text": "inputText", "input_image": "inputImage"}
    image = entry.get("image_url")
    spelled = {**entry, "type": names.get(text_at(entry, "type"), text_at(entry, "type"))}
    return spelled if image is None or as_record(image) else {**spelled, "imageUrl": image}


_ANY: Final = ToolShape(_any_uses, _any_outcomes)
_OUTPUT: Final = ToolShape(_output_uses, _output_outcomes, opens="completed")
_SHAPES: Final[Mapping[str, ToolShape]] = {
    "commandExecution": COMMAND,
    "fileChange": PATCH,
    "mcpToolCall": MCP_CALL,
    "dynamicToolCall": DYNAMIC_CALL,
    "collabAgentToolCall": AGENT_CALL,
    "subAgentActivity": AGENT_ACTIVITY,
    "webSearch": WEB_SEARCH,
    "imageView": IMAGE_VIEW,
    "imageGeneration": IMAGE_GENERATION,
    "sleep": SLEEP,
    "functionCallOutput": _OUTPUT,
}

TOOL_ITEMS: Final = frozenset(_SHAPES)
"""The item types that are tool calls."""
