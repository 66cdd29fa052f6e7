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
from agent_sdk_core import AssistantMessage, ResultMessage, SDKMessage, ToolUseBlock, UnknownMessage, UserMessage
from agent_sdk_testing.contract.rules import check_rules


def uses(messages: list[SDKMessage]) -> list[ToolUseBlock]:
    return [use for message in messages if isinstance(message, AssistantMessage) for use in message.tool_uses]


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


def test_a_call_that_was_refused_has_its_result_before_the_agent_goes_on() -> None:
    """Gemini CLI tells none."""
    upgrade, normalizer = SessionUpgrade(), SessionNormalizer(SessionFacts("a", "s", "/"), partial=True)
    messages = normalizer.begin("p", "Hi", "t")
    messages += normalizer.asked(ToolCall(tool_call_id="c", title="ls", kind="execute"), None)[0]
    messages += normalizer.asked(ToolCall(tool_call_id="d", title="pwd", kind="execute"), None)[0]
    normalizer.refuse("c")
    said = {"sessionUpdate": "agent_message_chunk", "content": {"type": "text", "text": "Well."}}
    messages += normalizer.feed(upgrade.update({"update": said}), said)
    ends = [end for message in messages if isinstance(message, UserMessage) for end in message.tool_results]
    assert [(end.tool_use_id, end.is_error, end.content) for end in ends] == [("c", True, "Nobody allowed it.")]
    messages += normalizer.feed(upgrade.ended({"stopReason": "end_turn"}), None)
    check_rules(messages, "s")


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


@pytest.mark.parametrize(
    ("interrupting", "refused", "status", "reason"),
    [
        (True, False, "failed", "aborted_tools"),
        (True, False, "in_progress", "aborted_tools"),
        (True, True, "failed", "aborted_tools"),
        (False, True, "failed", "aborted_tools"),
        (False, False, "failed", "aborted_streaming"),
    ],
)
def test_a_turn_is_cut_off_in_the_call_that_it_ends(
    interrupting: bool, refused: bool, status: str, reason: str
) -> None:
    upgrade, normalizer = SessionUpgrade(), SessionNormalizer(SessionFacts("a", "s", "/"), partial=True)
    normalizer.begin("p", "Hi", "t")
    assert normalizer.turn is not None
    call = {"toolCallId": "c", "title": "ls", "kind": "execute"}
    begun = {"sessionUpdate": "tool_call", **call, "status": "in_progress"}
    normalizer.feed(upgrade.update({"update": begun}), begun)
    if refused:
        normalizer.refuse("c")
    normalizer.turn.interrupting = interrupting
    ended = {"sessionUpdate": "tool_call_update", "toolCallId": "c", "status": status}
    normalizer.feed(upgrade.update({"update": ended}), ended)
    result = normalizer.feed(upgrade.ended({"stopReason": "cancelled"}), None)[-1]
    assert isinstance(result, ResultMessage)
    assert result.terminal_reason == reason


@pytest.mark.parametrize("refused", [False, True])
def test_a_turn_that_is_cut_off_in_a_text_is_not_so_in_the_call_before(refused: bool) -> None:
    upgrade, normalizer = SessionUpgrade(), SessionNormalizer(SessionFacts("a", "s", "/"), partial=True)
    for interrupted in ("c", None):
        normalizer.begin("p", "Hi", "t")
        assert normalizer.turn is not None
        call = {"toolCallId": interrupted or "d", "title": "ls", "kind": "execute"}
        begun = {"sessionUpdate": "tool_call", **call, "status": "in_progress"}
        normalizer.feed(upgrade.update({"update": begun}), begun)
        if refused:
            normalizer.refuse(call["toolCallId"])
        normalizer.turn.interrupting = interrupted is not None
        ended = {"sessionUpdate": "tool_call_update", "toolCallId": call["toolCallId"], "status": "failed"}
        normalizer.feed(upgrade.update({"update": ended}), ended)
        normalizer.turn.interrupting = True
        result = normalizer.feed(upgrade.ended({"stopReason": "cancelled"}), None)[-1]
        assert isinstance(result, ResultMessage)
        assert result.terminal_reason == ("aborted_streaming" if interrupted is None else "aborted_tools")


SERVED = SessionFacts("a", "s", "/", mcp_servers=("bench", "bench_two", "my.own"))


@pytest.mark.parametrize(
    ("told", "name", "given", "surmised"),
    [
        ({"title": "bench_greet", "rawInput": {"name": "Ada"}}, "mcp__bench__greet", {"name": "Ada"}, True),
        ({"title": "bench_two_greet"}, "mcp__bench_two__greet", {}, True),
        ({"title": "my_own_greet"}, "mcp__my.own__greet", {}, True),
        ({"title": "Greet", "name": "mcp__bench__greet"}, "mcp__bench__greet", {}, False),
        ({"title": "Greet", "name": "mcp_bench_greet"}, "mcp__bench__greet", {}, False),
        ({"title": "greet (bench MCP Server)"}, "mcp__bench__greet", {}, True),
        ({"title": "greet (evil MCP Server)"}, "other", {"title": "greet (evil MCP Server)"}, False),
        ({"title": "greet (bench MCP Server) (evil MCP Server)"}, "other", None, False),
        ({"title": "bench"}, "bench", {"title": "bench"}, False),
        ({"title": "bench_greet", "kind": "think"}, "bench_greet", {"title": "bench_greet"}, False),
    ],
)
def test_a_tool_of_the_applications_server_is_called_as_on_every_agent(
    told: dict[str, Any], name: str, given: dict[str, Any] | None, surmised: bool
) -> None:
    upgrade, normalizer = SessionUpgrade(), SessionNormalizer(SERVED, partial=True)
    call = {"sessionUpdate": "tool_call", "toolCallId": "c", "kind": "other", "status": "in_progress", **told}
    [use] = uses(normalizer.feed(upgrade.update({"update": call}), call))
    assert (use.name, use.kind == "mcp") == (name, name.startswith("mcp__"))
    assert given is None or use.input == given
    _, _, tool = normalizer.asked(ToolCall(tool_call_id="c", title=told["title"]), None)
    assert tool.surmised is surmised, "what is known by a title alone is for a person"


def test_the_input_that_a_call_shows_is_its_input_until_it_has_ended() -> None:
    upgrade, normalizer = SessionUpgrade(), SessionNormalizer(SERVED, partial=True)
    shown = {"type": "content", "content": {"type": "text", "text": '{"name":"Ada"}'}}
    call = {"toolCallId": "c", "kind": "other", "title": "greet (bench MCP Server)", "content": [shown]}
    begun = {"sessionUpdate": "tool_call", **call, "status": "in_progress"}
    [use] = uses(normalizer.feed(upgrade.update({"update": begun}), begun))
    assert use.input == {"name": "Ada"}
    late = {"sessionUpdate": "tool_call", **call, "toolCallId": "d", "status": "completed"}
    [use] = uses(normalizer.feed(upgrade.update({"update": late}), late))
    assert use.input == {}


def test_an_edit_of_which_only_the_place_is_told_is_a_use_when_its_change_is() -> None:
    upgrade, normalizer = SessionUpgrade(), SessionNormalizer(SessionFacts("a", "s", "/"), partial=True)
    call = {"toolCallId": "c", "kind": "edit", "title": "Writing", "locations": [{"path": "/x"}]}
    begun = {"sessionUpdate": "tool_call", **call, "status": "in_progress", "content": []}
    assert uses(normalizer.feed(upgrade.update({"update": begun}), begun)) == []
    change = {"type": "diff", "path": "/x", "oldText": "", "newText": "one\n"}
    ended = {"sessionUpdate": "tool_call_update", **call, "status": "completed", "content": [change]}
    [use] = uses(normalizer.feed(upgrade.update({"update": ended}), ended))
    assert (use.name, use.input) == ("Write", {"file_path": "/x", "content": "one\n"})


OWN_DIFF = "Index: /x\n--- /x\n+++ /x\n@@ -8,1 +8,1 @@\n-red\n\\ No newline at end of file\n+blue\n"


@pytest.mark.parametrize(
    ("more", "places"),
    [
        ({}, (1, 1)),
        ({"locations": [{"path": "/x", "line": 5}]}, (5, 5)),
        ({"rawOutput": {"metadata": {"diff": OWN_DIFF}}}, (8, 8)),
        ({"rawOutput": {"metadata": {"diff": "nonsense"}}}, (1, 1)),
    ],
)
def test_a_change_is_told_as_hunks_where_its_lines_stand(more: dict[str, Any], places: tuple[int, int]) -> None:
    upgrade, normalizer = SessionUpgrade(), SessionNormalizer(SessionFacts("a", "s", "/"), partial=True)
    change = {"type": "diff", "path": "/x", "oldText": "red", "newText": "blue"}
    call = {"toolCallId": "c", "kind": "edit", "title": "Edit", "status": "completed", "content": [change], **more}
    told = {"sessionUpdate": "tool_call", **call}
    [ended] = [m for m in normalizer.feed(upgrade.update({"update": told}), told) if isinstance(m, UserMessage)]
    [hunk] = ended.to_wire()["tool_use_result"]["structuredPatch"]
    assert (hunk["oldStart"], hunk["newStart"]) == places
    assert hunk["lines"] == ["-red", "+blue"]


def test_a_file_that_is_new_has_one_hunk_and_changes_of_several_have_none() -> None:
    upgrade, normalizer = SessionUpgrade(), SessionNormalizer(SessionFacts("a", "s", "/"), partial=True)
    new = {"type": "diff", "path": "/x", "newText": "one\ntwo\n"}
    found: list[Any] = []
    for number, content in enumerate(([new], [new, {**new, "path": "/y"}])):
        call = {"toolCallId": f"c{number}", "kind": "edit", "title": "Edit", "status": "completed", "content": content}
        told = {"sessionUpdate": "tool_call", **call}
        [ended] = [m for m in normalizer.feed(upgrade.update({"update": told}), told) if isinstance(m, UserMessage)]
        found.append(ended.to_wire()["tool_use_result"].get("structuredPatch"))
    one = {"oldStart": 0, "oldLines": 0, "newStart": 1, "newLines": 2, "lines": ["+one", "+two"]}
    assert found == [[one], None]
