from __future__ import annotations

from typing import Any

import pytest
from pydantic import TypeAdapter

from agent_sdk_core.messages import blocks
from agent_sdk_core.messages.blocks import ContentBlock, ToolResultBlock, ToolUseBlock, UnknownBlock

ADAPTER: TypeAdapter[Any] = TypeAdapter(ContentBlock)

VALID: dict[type, dict[str, Any]] = {
    blocks.TextBlock: {"type": "text", "text": "x", "citations": []},
    blocks.ThinkingBlock: {"type": "thinking", "thinking": "x", "signature": "s"},
    blocks.RedactedThinkingBlock: {"type": "redacted_thinking", "data": "x"},
    blocks.ToolUseBlock: {"type": "tool_use", "id": "1", "name": "Bash", "input": {}},
    blocks.ToolResultBlock: {"type": "tool_result", "tool_use_id": "1"},
    blocks.ImageBlock: {"type": "image", "source": {}},
    blocks.DocumentBlock: {"type": "document", "source": {}},
    blocks.ServerToolUseBlock: {"type": "server_tool_use", "id": "1", "name": "web_search", "input": {}},
    blocks.WebSearchToolResultBlock: {"type": "web_search_tool_result", "tool_use_id": "1", "content": []},
    blocks.UnknownBlock: {"type": "of tomorrow", "x": 1},
}


def test_every_known_block_is_tried_here() -> None:
    assert {frame["type"] for frame in VALID.values()} - {"of tomorrow"} == blocks.KNOWN_BLOCKS


@pytest.mark.parametrize(("cls", "frame"), VALID.items(), ids=lambda value: getattr(value, "__name__", ""))
def test_the_class_follows_from_the_type(cls: type, frame: dict[str, Any]) -> None:
    block = ADAPTER.validate_python(frame)
    assert type(block) is cls
    assert block.to_wire() == frame
    assert ADAPTER.validate_python(block) is block


@pytest.mark.parametrize(
    "frame",
    [
        {"type": "text"},
        {"type": "text", "text": None},
        {"type": "tool_use", "id": "1", "name": "Bash", "input": "ls"},
        {"type": "tool_use", "id": "1", "name": "Bash", "input": {}, "kind": "of tomorrow"},
        {"type": "tool_result", "tool_use_id": "1", "is_error": "yes"},
        {"no": "type"},
    ],
    ids=str,
)
def test_a_block_that_lacks_what_its_type_needs_is_unknown_with_its_fields(frame: dict[str, Any]) -> None:
    block = ADAPTER.validate_python(frame)
    assert type(block) is UnknownBlock
    assert block.to_wire() == frame


def test_the_kind_of_a_tool_use_is_declared_or_follows_from_its_name() -> None:
    block: dict[str, Any] = {"type": "tool_use", "id": "1", "name": "Bash", "input": {}}
    assert ToolUseBlock.model_validate(block).kind == "execute"
    assert ToolUseBlock.model_validate({**block, "kind": "search"}).kind == "search"
    assert blocks.ServerToolUseBlock(id="1", name="web_fetch", input={}).kind == "fetch"
    assert blocks.ServerToolUseBlock(id="1", name="code_execution", input={}).kind == "other"


def test_the_text_of_a_result_is_its_textual_part() -> None:
    content: list[dict[str, object]] = [
        {"type": "text", "text": "a"},
        {"type": "image", "source": {}},
        {"type": "text", "text": "b"},
    ]
    assert ToolResultBlock.model_validate({"tool_use_id": "1", "content": content}).text == "a\nb"
    assert ToolResultBlock(tool_use_id="1", content="plain").text == "plain"
    assert ToolResultBlock(tool_use_id="1").text == ""
