"""Pieces of the wire, both ways."""

from __future__ import annotations

from typing import Any, cast

import pytest

from agent_sdk_core import (
    AssistantMessage,
    ContextWindow,
    InitMessage,
    InvalidRequestError,
    ModelUsage,
    ResultMessage,
    SessionInfo,
    SessionUsage,
    TextBlock,
    ToolUseBlock,
    Usage,
    UserMessage,
    parse_message,
)
from agent_sdk_core.messages.conversation import ApiMessage

USAGE = Usage(input_tokens=3, output_tokens=4)
VALUES: list[Any] = [
    USAGE,
    Usage(),
    ModelUsage(inputTokens=1, costUSD=0.5),
    ContextWindow(5, 100),
    SessionUsage(USAGE, {"m": ModelUsage(inputTokens=1)}, ContextWindow(5), 0.25, "agent"),
    SessionUsage(Usage()),
    SessionInfo(model="m", tools=("Bash", "Read")),
    TextBlock(text="Hello"),
    ResultMessage(subtype="success", result="Hello", usage=USAGE, user_message_uuids=["p"]),
    AssistantMessage(
        message=ApiMessage(content=[TextBlock(text="Hello"), ToolUseBlock(id="t", name="Bash", input={})])
    ),
]


@pytest.mark.parametrize("value", VALUES, ids=[type(value).__name__ for value in VALUES])
def test_what_code_made_comes_back_from_its_wire_form_and_from_its_json(value: Any) -> None:
    kind = cast("Any", type(value))
    line = value.to_json()
    assert "\n" not in line
    assert kind.from_wire(value.to_wire()) == value
    assert kind.from_json(line) == kind.from_json(line.encode()) == value


def test_a_message_that_code_made_names_its_kind_on_the_wire() -> None:
    for message in (InitMessage(model="m"), ResultMessage(subtype="success"), *VALUES[-2:]):
        again = parse_message(message.to_json())
        assert type(again) is type(message)
        assert again == message
    assert TextBlock(text="x").to_wire() == {"type": "text", "text": "x"}


@pytest.mark.parametrize("text", ["", "{", "[]", "5", b"\xff"])
def test_what_is_no_object_is_refused(text: Any) -> None:
    for read in (parse_message, Usage.from_json, ContextWindow.from_json, UserMessage.from_json):
        with pytest.raises(InvalidRequestError, match=r"no JSON|not an object"):
            read(text)


def test_what_does_not_fit_is_refused_with_its_place() -> None:
    with pytest.raises(InvalidRequestError, match=r"^Usage.input_tokens does not fit"):
        Usage.from_wire({"input_tokens": "many"})
    with pytest.raises(InvalidRequestError, match=r"^AssistantMessage.type does not fit"):
        AssistantMessage.from_wire({"type": "user", "message": {"content": []}})
    with pytest.raises(InvalidRequestError, match=r"^ContextWindow.used_tokens is of type str, not an integer"):
        ContextWindow.from_wire({"used_tokens": "5"})
