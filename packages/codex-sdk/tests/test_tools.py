from __future__ import annotations

from pathlib import Path

from agent_sdk_core import ToolRegistry, ToolResult, tool
from agent_sdk_core.tools.results import ToolImage
from codex_sdk import protocol
from codex_sdk.tools import tool_response, tool_specs


@tool
async def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


@tool(name="look", description="Look around.")
async def look_around() -> str:
    return "a room"


def test_a_registry_is_a_namespace_of_functions(workspace: Path) -> None:
    registry = ToolRegistry("house", [add, look_around])
    specs = tool_specs(registry)
    protocol.ThreadStartParams.model_validate({"cwd": str(workspace), "dynamicTools": specs})
    (namespace,) = specs
    assert (namespace["type"], namespace["name"]) == ("namespace", "house")
    assert namespace["description"] == "Tools of the application (house)."
    assert [(spec["type"], spec["name"], spec["description"]) for spec in namespace["tools"]] == [
        ("function", "add", "Add two numbers."), ("function", "look", "Look around.")
    ]  # fmt: skip
    assert namespace["tools"][0]["inputSchema"] == add.input_schema


def test_a_result_is_texts_and_images_in_order() -> None:
    body = tool_response(ToolResult(("before", ToolImage(b"GIF89a", "image/gif"), "after")))
    assert body == {
        "contentItems": [
            {"type": "inputText", "text": "before"},
            {"type": "inputImage", "imageUrl": "data:image/gif;base64,R0lGODlh"},
            {"type": "inputText", "text": "after"},
        ],
        "success": True,
    }
    protocol.DynamicToolCallResponse.model_validate(body, extra="forbid")


def test_a_failed_result_says_so() -> None:
    text = {"type": "inputText", "text": "no"}
    assert tool_response(ToolResult.failed("no")) == {"contentItems": [text], "success": False}


def test_a_result_of_nothing_is_an_answer() -> None:
    assert tool_response(ToolResult.of(None)) == {"contentItems": [], "success": True}
