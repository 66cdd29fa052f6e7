"""Updates of a session as messages, where agents differ in what they count and when they tell of it."""

from __future__ import annotations

from typing import Any

import pytest

from acp_sdk.normalizer.facts import SessionFacts
from acp_sdk.normalizer.session import SessionNormalizer
from acp_sdk.normalizer.usage import usage_of
from acp_sdk.protocol.tool_calls import ToolCall
from acp_sdk.protocol.updates import read_update
from acp_sdk.protocol.upgrade import SessionUpgrade
from agent_sdk_core import AssistantMessage, UnknownMessage, UserMessage
from agent_sdk_testing.contract.rules import check_rules


def tokens(**told: int) -> dict[str, Any]:
    return {f"{name}Tokens": count for name, count in told.items()}


@pytest.mark.parametrize(
    "told",
    [
        tokens(input=20, cachedRead=100, output=4, thought=3, total=127),  # opencode 1.18
        tokens(input=20, cachedRead=100, output=7, thought=3, total=127),
        tokens(input=120, cachedRead=100, output=4, thought=3, total=127),
        tokens(input=120, cachedRead=100, output=7, thought=3, total=127),
    ],
)
def test_tokens_count_once_wherever_an_agent_counts_them(told: dict[str, Any]) -> None:
    usage = usage_of(told, None)
    assert usage is not None
    assert (usage.input_tokens, usage.cache_read_input_tokens, usage.output_tokens) == (20, 100, 7)
    assert usage.reasoning_output_tokens == 3


def test_a_call_that_a_turn_was_cut_off_in_gets_no_second_use() -> None:
    upgrade, normalizer = SessionUpgrade(), SessionNormalizer(SessionFacts("a", "s", "/"), partial=True)
    call = {"toolCallId": "c", "title": "ls", "kind": "execute", "rawInput": {"command": "ls"}}
    begun = {"sessionUpdate": "tool_call", **call, "status": "in_progress"}
    messages = normalizer.begin("p", "Hi", "t")
    messages += normalizer.feed(upgrade.update({"update": begun}), begun)
    messages += normalizer.abandon(code="x", message="Cut off.", terminal_reason="aborted_tools")
    late = {"sessionUpdate": "tool_call_update", "toolCallId": "c", "status": "failed"}
    messages += normalizer.feed(upgrade.update({"update": late}), late)
    told, facts, tool = normalizer.asked(ToolCall(tool_call_id="c", title="ls", kind="execute"), None)
    assert (told, facts.title, tool.name) == ([], "ls", "Bash")
    uses = [use.id for message in messages if isinstance(message, AssistantMessage) for use in message.tool_uses]
    ends = [end for message in messages if isinstance(message, UserMessage) for end in message.tool_results]
    assert (uses, [end.tool_use_id for end in ends]) == (["c"], ["c"])
    assert isinstance(messages[-1], UnknownMessage), "what came late is passed on"


def test_a_message_that_goes_on_after_a_call_is_another() -> None:
    upgrade, normalizer = SessionUpgrade(), SessionNormalizer(SessionFacts("a", "s", "/"), partial=True)
    said = {"sessionUpdate": "agent_message_chunk", "messageId": "m", "content": {"type": "text", "text": "One."}}
    call = {"sessionUpdate": "tool_call", "toolCallId": "c", "title": "ls", "status": "completed"}
    messages = normalizer.begin("p", "Hi", "t")
    for update in (said, call, said):
        messages += normalizer.feed(upgrade.update({"update": update}), update)
    messages += normalizer.feed(upgrade.ended({"stopReason": "end_turn"}), None)
    check_rules(messages, "s")
    spoken = [message for message in messages if isinstance(message, AssistantMessage) and message.text]
    assert [(message.message.id, message.text) for message in spoken] == [("m", "One."), ("m#2", "One.")]


def test_a_whole_message_ends_what_another_one_had_begun() -> None:
    normalizer = SessionNormalizer(SessionFacts("a", "s", "/"), partial=True)
    words, picture = {"type": "text", "text": "Hm."}, {"type": "image", "mimeType": "image/png", "data": "aGk="}
    begun = {"sessionUpdate": "agent_message_chunk", "content": {"type": "text", "text": "One."}}
    messages = normalizer.begin("p", "Hi", "t")
    for update in (
        {**begun, "messageId": "m1"},
        {"sessionUpdate": "agent_thought", "messageId": "t", "content": [words]},
        {**begun, "messageId": "m2"},
        {"sessionUpdate": "agent_message", "messageId": "m3", "content": [picture]},
    ):
        messages += normalizer.feed(read_update(update), update)
    messages += normalizer.feed(SessionUpgrade().ended({"stopReason": "end_turn"}), None)
    check_rules(messages, "s")
    told = [message for message in messages if isinstance(message, AssistantMessage)]
    blocks = [(message.message.id, message.content[0].type) for message in told]
    assert blocks == [("m1", "text"), ("t", "thinking"), ("m2", "text"), ("m3", "image")]
    assert [message.text for message in told] == ["One.", "", "One.", ""]


def test_a_block_that_cannot_be_read_is_none_of_the_known_ones() -> None:
    upgrade, normalizer = SessionUpgrade(), SessionNormalizer(SessionFacts("a", "s", "/"), partial=True)
    said = {"sessionUpdate": "agent_message_chunk", "content": {"type": "text"}}
    messages = normalizer.feed(upgrade.update({"update": said}), said)
    check_rules(messages, "s")
    assert [
        block.type for message in messages if isinstance(message, AssistantMessage) for block in message.content
    ] == ["unknown"]


@pytest.mark.parametrize(("code", "failed", "stopped"), [(0, False, False), (3, True, False), (None, True, True)])
def test_a_command_without_an_exit_code_was_ended(code: int | None, failed: bool, stopped: bool) -> None:
    upgrade, normalizer = SessionUpgrade(), SessionNormalizer(SessionFacts("a", "s", "/"), partial=True)
    call = {"toolCallId": "c", "title": "ls", "kind": "execute", "rawInput": {"command": "ls"}, "status": "completed"}
    told = {"sessionUpdate": "tool_call", **call, "rawOutput": {"output": "x", "metadata": {"exit": code}}}
    messages = normalizer.feed(upgrade.update({"update": told}), told)
    [ended] = [message for message in messages if isinstance(message, UserMessage)]
    assert ended.tool_results[0].is_error is failed
    assert ended.to_wire()["tool_use_result"]["interrupted"] is stopped


@pytest.mark.parametrize(("command", "told"), [("ls", {"command": "ls", "cwd": "/x"}), ("rm", {"command": "rm"})])
def test_a_request_that_repeats_a_part_is_asked_whole_and_one_that_differs_as_it_is(
    command: str, told: dict[str, str]
) -> None:
    upgrade, normalizer = SessionUpgrade(), SessionNormalizer(SessionFacts("a", "s", "/"), partial=True)
    call = {"toolCallId": "c", "title": "ls", "kind": "execute", "rawInput": {"command": "ls", "cwd": "/x"}}
    begun = {"sessionUpdate": "tool_call", **call, "status": "in_progress"}
    normalizer.feed(upgrade.update({"update": begun}), begun)
    asked = ToolCall(tool_call_id="c", title="ls", kind="execute", raw_input={"command": command})
    _, _, tool = normalizer.asked(asked, None)
    assert (tool.name, tool.input) == ("Bash", told)


@pytest.mark.parametrize("interrupting", [False, True])
def test_a_command_that_completes_in_an_interrupted_turn_was_ended(interrupting: bool) -> None:
    upgrade, normalizer = SessionUpgrade(), SessionNormalizer(SessionFacts("a", "s", "/"), partial=True)
    normalizer.begin("p", "Hi", "t")
    assert normalizer.turn is not None
    normalizer.turn.interrupting = interrupting
    told = {"sessionUpdate": "tool_call", "toolCallId": "c", "title": "ls", "kind": "execute", "status": "completed"}
    messages = normalizer.feed(upgrade.update({"update": told}), told)
    [ended] = [message for message in messages if isinstance(message, UserMessage)]
    assert ended.tool_results[0].is_error is interrupting
