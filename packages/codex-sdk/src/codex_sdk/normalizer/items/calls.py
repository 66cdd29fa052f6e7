"""Calls of tools that others provide: MCP servers' and the application's own."""

from __future__ import annotations

from typing import Final

from agent_sdk_core.wire.reading import Json, as_record, integer_at, optional_text_at, record_at, records_at, text_at
from codex_sdk.normalizer.items.content import tool_content
from codex_sdk.normalizer.items.shapes import Outcome, ToolShape, ToolUse, failed


def mcp_tool_name(server: str, tool: str) -> str:
    """Return the name under which both agents know a tool of an MCP server."""
    return f"mcp__{server}__{tool}"


def dynamic_tool_name(item: Json) -> str:
    """Return the name of the application's tool that a dynamicToolCall item calls."""
    namespace, tool = optional_text_at(item, "namespace"), text_at(item, "tool")
    return mcp_tool_name(namespace, tool) if namespace else tool


def _arguments(item: Json) -> Json:
    value = item.get("arguments")
    if (arguments := as_record(value)) is not None:
        return arguments
    return {} if value is None else {"arguments": value}


def _mcp_uses(item: Json) -> list[ToolUse]:
    return [ToolUse(mcp_tool_name(text_at(item, "server"), text_at(item, "tool")), _arguments(item), "mcp")]


def _mcp_outcomes(item: Json, streamed: str) -> list[Outcome]:
    del streamed
    result, error = record_at(item, "result"), record_at(item, "error")
    structured = _durable(item)
    if result.get("structuredContent") is not None:
        structured["structuredContent"] = result["structuredContent"]
    if error or failed(item):
        message = text_at(error, "message") or "The tool failed."
        return [Outcome(tool_content(records_at(result, "content")) or message, True, False, structured)]
    return [Outcome(tool_content(records_at(result, "content")), False, False, structured)]


def _dynamic_uses(item: Json) -> list[ToolUse]:
    return [ToolUse(dynamic_tool_name(item), _arguments(item), "mcp")]


def _dynamic_outcomes(item: Json, streamed: str) -> list[Outcome]:
    del streamed
    is_error = failed(item) or item.get("success") is False
    content = tool_content(records_at(item, "contentItems"))
    return [Outcome(content or ("The tool failed." if is_error else ""), is_error, False, _durable(item))]


def _durable(item: Json) -> Json:
    duration = integer_at(item, "durationMs")
    return {} if duration is None else {"durationMs": duration}


MCP_CALL: Final = ToolShape(_mcp_uses, _mcp_outcomes)
"""The shape of mcpToolCall items."""

DYNAMIC_CALL: Final = ToolShape(_dynamic_uses, _dynamic_outcomes)
"""The shape of dynamicToolCall items."""
