"""What the models read, and what they write."""

from __future__ import annotations

from typing import Any

import pytest

from acp_sdk.protocol.asking import PermissionOption, PermissionRequest, PermissionResponse, ToolCallSubject
from acp_sdk.protocol.content import EmbeddedResource, TextContent, UnknownContent, read_content, text_of_blocks
from acp_sdk.protocol.sessions import PromptRequest
from acp_sdk.protocol.settings import SelectConfig, SelectGroup, SelectOption, UnknownChoice, read_config
from acp_sdk.protocol.tool_calls import ContentItem, DiffItem, ToolCall, ToolCallUpdate, UnknownItem
from acp_sdk.protocol.updates import AgentMessageChunk, PlanItems, PlanUpdate, UnknownUpdate, UsageUpdate, read_update


def test_what_code_makes_is_written_with_what_names_its_variant() -> None:
    update = AgentMessageChunk(message_id="m", content=TextContent(text="hi"))
    assert update.to_wire() == {
        "sessionUpdate": "agent_message_chunk",
        "messageId": "m",
        "content": {"type": "text", "text": "hi"},
    }
    request = PermissionRequest(
        session_id="s",
        title="Run it?",
        subject=ToolCallSubject(tool_call=ToolCall(tool_call_id="c", raw_input={"command": "ls"})),
        options=[PermissionOption(option_id="o", name="Yes", kind="allow_once")],
    )
    assert request.to_wire()["subject"] == {
        "type": "tool_call",
        "toolCall": {"toolCallId": "c", "rawInput": {"command": "ls"}},
    }


@pytest.mark.parametrize(
    "wire",
    [
        {"sessionUpdate": "tool_call_update", "toolCallId": "c", "status": None, "_meta": {"x": 1}, "later": [1]},
        {"sessionUpdate": "tool_call_update", "toolCallId": "c", "content": [{"type": "hologram", "of": "a cat"}]},
        {"sessionUpdate": "something_new", "deep": {"er": [1, {"two": None}]}},
        {"sessionUpdate": "plan_update", "plan": {"type": "tree", "planId": "p", "roots": []}},
    ],
)
def test_what_was_read_is_written_as_it_came(wire: dict[str, Any]) -> None:
    assert read_update(wire).to_wire() == wire


def test_a_field_of_the_wrong_kind_reads_as_absent() -> None:
    update = read_update({"sessionUpdate": "tool_call_update", "toolCallId": "c", "status": {"is": 3}, "kind": "read"})
    assert isinstance(update, ToolCallUpdate)
    assert (update.status, update.kind) == (None, "read")


def test_a_wrong_entry_of_a_list_is_left_out() -> None:
    request = PermissionRequest.read(
        {"sessionId": "s", "options": [{"optionId": 4}, {"optionId": "o", "kind": "allow_once"}, "x"]}
    )
    assert request is not None
    assert [each.option_id for each in request.options] == ["o"]
    update = read_update(
        {"sessionUpdate": "plan_update", "plan": {"type": "items", "planId": "p", "entries": [{"content": "a"}, {}]}}
    )
    assert isinstance(update, PlanUpdate)
    assert isinstance(update.plan, PlanItems)
    assert [entry.content for entry in update.plan.entries] == ["a"]


@pytest.mark.parametrize(
    "wire",
    [
        {"sessionUpdate": "agent_message_chunk", "content": {"type": "text", "text": "x"}},
        {"sessionUpdate": "usage_update", "used": "many", "size": 3},
        {"sessionUpdate": "plan_update"},
        {"sessionUpdate": 7},
        {},
    ],
)
def test_an_update_without_what_it_needs_is_unknown_and_whole(wire: dict[str, Any]) -> None:
    update = read_update(wire)
    assert isinstance(update, UnknownUpdate)
    assert update.to_wire() == wire


def test_contents_are_told_apart() -> None:
    resource = read_content({"type": "resource", "resource": {"uri": "file:///a", "text": "b"}})
    assert isinstance(resource, EmbeddedResource)
    assert resource.resource.text == "b"
    assert isinstance(read_content({"type": "image", "data": "x"}), UnknownContent)
    assert text_of_blocks([TextContent(text="a"), resource, TextContent(text="b")]) == "ab"
    prompt = PromptRequest.read({"sessionId": "s", "prompt": [{"type": "text", "text": "a"}, 5, {"type": "smell"}]})
    assert prompt is not None
    assert [type(block) for block in prompt.prompt] == [TextContent, UnknownContent]


def test_items_of_tools_are_told_apart() -> None:
    content: list[Any] = [
        {"type": "content", "content": {"type": "text", "text": "x"}},
        {"type": "diff", "path": "/a", "oldText": None, "newText": "b"},
        {"type": "terminal"},
    ]
    update = ToolCallUpdate.read({"toolCallId": "c", "content": content})
    assert update is not None
    assert [type(item) for item in update.content or []] == [ContentItem, DiffItem, UnknownItem]


def test_choices_stand_alone_or_under_headings() -> None:
    option = read_config(
        {
            "type": "select",
            "configId": "model",
            "name": "Model",
            "currentValue": "a",
            "options": [
                {"value": "a", "name": "A"},
                {"groupId": "g", "name": "More", "options": [{"value": "b", "name": "B"}]},
                {"label": "?"},
            ],
        }
    )
    assert isinstance(option, SelectConfig)
    assert [type(choice) for choice in option.options] == [SelectOption, SelectGroup, UnknownChoice]
    assert [each.value for each in option.values()] == ["a", "b"]
    made = SelectConfig(config_id="m", name="M", current_value="a", options=[SelectOption(value="a", name="A")])
    assert read_config(made.to_wire()) == made


def test_what_is_no_object_is_not_read() -> None:
    assert UsageUpdate.read("x") is None
    assert UsageUpdate.read({"used": 1}) is None
    with pytest.raises(ValueError, match="is an object"):
        read_update(3)


def test_answers_to_permissions() -> None:
    assert PermissionResponse.selected("o").to_wire() == {"outcome": {"outcome": "selected", "optionId": "o"}}
    assert PermissionResponse.cancelled().to_wire() == {"outcome": {"outcome": "cancelled"}}
