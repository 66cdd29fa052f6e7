from __future__ import annotations

from typing import Any

import pytest

from agent_sdk_testing import InputMessage
from agent_sdk_testing.model.anthropic.request import parse

_QUEUED = (
    "The user sent a new message while you were working:\nstop\n\nand think\n\n"
    "This is how Claude Code surfaces messages the user sends mid-turn."
)


def reminder(text: str) -> str:
    return f"<system-reminder>\n{text}\n</system-reminder>"


def block(text: str) -> dict[str, Any]:
    return {"type": "text", "text": text}


def said(*messages: dict[str, Any]) -> list[tuple[str, str]]:
    return [(message.role, message.text) for message in parse({"messages": list(messages)}).messages]


def test_messages_are_found_by_role() -> None:
    found = parse(
        {
            "model": "claude",
            "system": [
                block("x-anthropic-billing-header: cc_version=1;"),
                block("You are an agent."),
                block("Be brief."),
            ],
            "messages": [
                {"role": "user", "content": "hi"},
                {"role": "assistant", "content": [{"type": "thinking", "thinking": "hm"}, block("Hello")]},
            ],
        }
    )
    assert found.model == "claude"
    assert found.instructions == "You are an agent.\nBe brief."
    assert found.messages == (InputMessage("user", "hi"), InputMessage("assistant", "Hello"))


def test_instructions_may_be_a_string() -> None:
    assert parse({"system": "Be brief."}).instructions == "Be brief."


@pytest.mark.parametrize(
    "text",
    [
        reminder("Today's date is 2026-11-21."),
        "<command-name>/compact</command-name>",
        "Stop hook feedback:\nkeep going",
        "[Request interrupted by user]",
        "[Image: source: /x/1.png]",
        "Output token limit hit. Resume directly",
    ],
)
def test_what_claude_writes_as_the_user_is_not_the_user(text: str) -> None:
    assert said({"role": "user", "content": [block(text), block("hi")]}) == [("context", text), ("user", "hi")]


def test_an_assistant_that_begins_like_claude_is_the_assistant() -> None:
    assert said({"role": "assistant", "content": "[Request interrupted by user]"})[0][0] == "assistant"


def test_a_message_of_the_system_in_the_conversation_is_context() -> None:
    assert said({"role": "system", "content": [block("# Environment")]}) == [("context", "# Environment")]


def test_a_prompt_that_was_sent_into_the_turn_is_the_users() -> None:
    assert said({"role": "system", "content": _QUEUED})[-1] == ("user", "stop\n\nand think")
    result = {"type": "tool_result", "tool_use_id": "1", "content": "out\n\n" + reminder(_QUEUED)}
    assert said({"role": "user", "content": [result]})[-1] == ("user", "stop\n\nand think")


def test_words_of_the_user_are_never_taken_for_a_prompt_in_a_prompt() -> None:
    assert said({"role": "user", "content": _QUEUED}) == [("user", _QUEUED)]


def test_tool_outputs_are_text_without_the_reminders_at_their_end() -> None:
    content = [
        {"type": "tool_result", "tool_use_id": "1", "content": f"a\n\n{reminder('b')}\n{reminder('c')}"},
        {"type": "tool_result", "tool_use_id": "2", "content": [block("x"), {"type": "image"}, block("y")]},
        {"type": "tool_result", "tool_use_id": "3", "content": f"{reminder('first')} last", "is_error": True},
        {"type": "tool_result", "tool_use_id": "4"},
    ]
    found = parse({"messages": [{"role": "user", "content": content}]})
    assert [(output.call_id, output.text) for output in found.tool_outputs] == [
        ("1", "a"),
        ("2", "x\ny"),
        ("3", f"{reminder('first')} last"),
        ("4", ""),
    ]
    assert found.tool_outputs[2].raw == content[2]
    assert [message.text for message in found.messages] == [reminder("b"), reminder("c")]


def test_an_end_of_a_reminder_without_its_beginning_is_output() -> None:
    result = {"type": "tool_result", "tool_use_id": "1", "content": "a </system-reminder>"}
    assert parse({"messages": [{"role": "user", "content": [result]}]}).tool_outputs[0].text == "a </system-reminder>"


def test_tools_are_found_by_name() -> None:
    found = parse({"tools": [{"name": "Bash"}, {"type": "web_search_20250305", "name": "web_search"}, 5]})
    assert list(found.tools) == ["Bash", "web_search"]


def test_a_body_of_another_shape_is_an_empty_conversation() -> None:
    found = parse({"tools": "none", "messages": [5, {"role": "user", "content": 7}], "system": 3})
    assert (found.model, found.messages, found.tools, found.instructions) == ("", (), {}, "")


def test_a_prompt_that_was_sent_into_a_turn_is_the_users_also_without_a_reminder() -> None:
    result = {"type": "tool_result", "tool_use_id": "1", "content": "out"}
    assert said({"role": "user", "content": [result, block(_QUEUED)]}) == [
        ("context", _QUEUED),
        ("user", "stop\n\nand think"),
    ]
