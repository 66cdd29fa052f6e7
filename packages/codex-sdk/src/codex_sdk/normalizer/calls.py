"""Calls of tools that others provide: MCP servers' and the application's own."""

from __future__ import annotations

from typing import Final

from codex_sdk.normalizer.content import tool_content
from codex_sdk.normalizer.shapes import Outcome, ToolShape, ToolUse, failed
from codex_sdk.normalizer.wire import Wire, as_record, integer, optional_text, record, records, text


def mcp_tool_name(server: str, tool: str) -> str:
    """Return the name under which both agents know a tool of an MCP server."""
    return f"mcp__{server}__{tool}"


def dynamic_tool_name(item: Wire) -> str:
    """Return the name of the application's tool that a dynamicToolCall item calls."""
    namespace, tool = optional_text(item, "namespace"), text(item, "tool")
    return mcp_tool_name(namespace, tool) if namespace else tool


def _arguments(item: Wire) -> Wire:
    value = item.get("arguments")
    if (arguments := as_record(value)) is not None:
        return arguments
    return {} if value is None else {"arguments": value}


def _mcp_uses(item: Wire) -> list[ToolUse]:
    return [ToolUse(mcp_tool_name(text(item, "server"), text(item, "tool")), _arguments(item), "mcp")]


def _mcp_outcomes(item: Wire, streamed: str) -> list[Outcome]:
    del streamed
    result, error = record(item, "result"), record(item, "error")
    structured = _durable(item)
    if result.get("structuredContent") is not None:
        structured["structuredContent"] = result["structuredContent"]
    if error or failed(item):
        message = text(error, "message") or "The tool failed."
        return [Outcome(tool_content(records(result, "content")) or message, True, False, structured)]
    return [Outcome(tool_content(records(result, "content")), False, False, structured)]


def _dynamic_uses(item: Wire) -> list[ToolUse]:
    return [ToolUse(dynamic_tool_name(item), _arguments(item), "mcp")]


def _dynamic_outcomes(item: Wire, streamed: str) -> list[Outcome]:
    del streamed
    is_error = failed(item) or item.get("success") is False
    content = tool_content(records(item, "contentItems"))
    return [Outcome(content or ("The tool failed." if is_error else ""), is_error, False, _durable(item))]


def _durable(item: Wire) -> Wire:
    duration = integer(item, "durationMs")
    return {} if duration is None else {"durationMs": duration}


MCP_CALL: Final = ToolShape(_mcp_uses, _mcp_outcomes)
"""The shape of mcpToolCall items."""

DYNAMIC_CALL: Final = ToolShape(_dynamic_uses, _dynamic_outcomes)
"""The shape of dynamicToolCall items."""
