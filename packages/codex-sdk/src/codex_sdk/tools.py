"""The application's own tools as Codex's dynamic tools: how they are offered, and how their results go back. Pure.

Shapes: `DynamicToolSpec`, `DynamicToolCallResponse`.
"""

from __future__ import annotations

from agent_sdk_core.tools.registry import ToolRegistry
from agent_sdk_core.tools.results import ToolImage, ToolResult
from agent_sdk_core.wire.reading import Json


def tool_specs(registry: ToolRegistry) -> list[Json]:
    """Return a registry as `dynamicTools` of `thread/start`: one namespace with its functions; none if it is empty."""
    if not len(registry):
        return []
    functions = [
        {
            "type": "function",
            "name": tool.name,
            "description": tool.description,
            "inputSchema": dict(tool.input_schema),
        }
        for tool in registry
    ]
    about = f"Tools of the application ({registry.name})."
    return [{"type": "namespace", "name": registry.name, "description": about, "tools": functions}]


def tool_response(result: ToolResult) -> Json:
    """Return a tool's result as the body of the response to `item/tool/call`."""
    items: list[Json] = [
        {"type": "inputImage", "imageUrl": part.url}
        if isinstance(part, ToolImage)
        else {"type": "inputText", "text": part}
        for part in result.content
    ]
    return {"contentItems": items, "success": not result.is_error}
