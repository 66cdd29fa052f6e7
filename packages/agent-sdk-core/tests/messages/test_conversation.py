from __future__ import annotations

from typing import Any

import pytest

from agent_sdk_core import parse_message
from agent_sdk_core.messages.conversation import AssistantMessage, StreamEvent, UserMessage

BLOCKS: list[dict[str, Any]] = [
    {"type": "text", "text": "a"},
    {"type": "tool_use", "id": "1", "name": "Bash", "input": {}},
    {"type": "text", "text": "b"},
    {"type": "tool_result", "tool_use_id": "1", "content": "out"},
]


def test_an_assistant_message_gives_its_text_and_tool_uses() -> None:
    message = AssistantMessage.model_validate({"message": {"content": BLOCKS}})
    assert message.text == "ab"
    assert [use.name for use in message.tool_uses] == ["Bash"]
    assert len(message.content) == 4


def test_a_user_message_gives_its_text_and_tool_results() -> None:
    message = UserMessage.model_validate({"message": {"content": BLOCKS}})
    assert message.text == "ab"
    assert [result.text for result in message.tool_results] == ["out"]
    plain = UserMessage.model_validate({"message": {"content": "hi"}, "isReplay": True})
    assert (plain.text, plain.tool_results, plain.is_replay) == ("hi", [], True)
    assert len(plain.content) == 1


@pytest.mark.parametrize(
    ("event", "text", "thinking"),
    [
        ({"type": "content_block_delta", "delta": {"type": "text_delta", "text": "x"}}, "x", ""),
        ({"type": "content_block_delta", "delta": {"type": "thinking_delta", "thinking": "x"}}, "", "x"),
        ({"type": "content_block_delta", "delta": {"type": "text_delta", "text": None}}, "", ""),
        ({"type": "content_block_delta", "delta": {"type": "text_delta", "text": 5}}, "", ""),
        ({"type": "message_stop"}, "", ""),
        ({}, "", ""),
    ],
)
def test_a_stream_event_gives_what_it_adds(event: dict[str, Any], text: str, thinking: str) -> None:
    message = StreamEvent.model_validate({"event": event})
    assert (message.text, message.thinking) == (text, thinking)
    assert message.event is event


def test_what_a_command_of_the_agents_own_printed_is_no_prompt() -> None:
    prompt = parse_message({"type": "user", "isReplay": True, "message": {"role": "user", "content": "Go."}})
    output = "<local-command-stdout>Set model</local-command-stdout>"
    printed = parse_message({"type": "user", "isReplay": True, "message": {"role": "user", "content": output}})
    mine = parse_message({"type": "user", "message": {"role": "user", "content": "Go."}})
    assert [message.is_prompt for message in (prompt, printed, mine) if isinstance(message, UserMessage)] == [
        True,
        False,
        False,
    ]
