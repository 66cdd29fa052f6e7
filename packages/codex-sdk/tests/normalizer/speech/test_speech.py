from __future__ import annotations

import json
from typing import Any

import pytest


def kinds(wires: list[dict[str, Any]]) -> list[str]:
    return [wire["event"]["type"] if wire["type"] == "stream_event" else wire["type"] for wire in wires]


def deltas(wires: list[dict[str, Any]], key: str = "text") -> str:
    events = [wire["event"] for wire in wires if wire["type"] == "stream_event"]
    return "".join(event["delta"].get(key, "") for event in events if event["type"] == "content_block_delta")


def test_text_streams_and_is_finalized_by_the_full_message(scene: Any) -> None:
    scene.begin()
    assert scene.started("agentMessage", text="") == []
    first = scene.said("Hel")
    assert kinds(first) == ["message_start", "content_block_start", "content_block_delta"]
    second = scene.said("lo")
    last = scene.completed("agentMessage", text="Hello", phase="final_answer", delivery=None)
    assert kinds(last) == ["assistant", "content_block_stop", "message_delta", "message_stop"]
    assert last[0]["message"]["content"] == [{"type": "text", "text": "Hello"}]
    assert last[0]["message"]["id"] == "item-1"
    assert last[0]["phase"] == "final_answer"
    assert "delivery" not in last[0]
    assert {wire["api_message_id"] for wire in first + second + last[1:]} == {"item-1"}


def test_what_the_deltas_lacked_becomes_a_last_delta(scene: Any) -> None:
    scene.begin()
    scene.said("Hel")
    wires = scene.completed("agentMessage", text="Hello")
    assert kinds(wires)[:2] == ["content_block_delta", "assistant"]
    assert deltas(scene.wires) == "Hello"


def test_text_that_never_streamed_is_one_delta(scene: Any) -> None:
    scene.begin()
    wires = scene.completed("agentMessage", text="Hello")
    assert kinds(wires)[:4] == ["message_start", "content_block_start", "content_block_delta", "assistant"]
    assert deltas(wires) == "Hello"


def test_text_that_contradicts_its_deltas_is_given_anew_under_another_id(scene: Any, rules: Any) -> None:
    scene.begin()
    scene.said("Hallo")
    wires = scene.completed("agentMessage", text="Hello")
    full = [wire for wire in wires if wire["type"] == "assistant"]
    assert [(wire["message"]["id"], wire.get("aborted")) for wire in full] == [("item-1", True), ("item-1#2", None)]
    assert full[1]["message"]["content"][0]["text"] == "Hello"
    rules(scene.messages)


def test_without_partial_messages_only_the_full_ones_come(quiet_scene: Any) -> None:
    quiet_scene.begin()
    assert quiet_scene.said("Hallo") == []
    assert kinds(quiet_scene.completed("agentMessage", text="Hello")) == ["assistant"]
    quiet_scene.said("part", "item-2")
    assert quiet_scene.end("interrupted")[0]["message"]["content"][0]["text"] == "part"


def test_a_message_that_says_nothing_leaves_no_trace(scene: Any) -> None:
    scene.begin()
    scene.started("agentMessage")
    assert scene.said("") == []
    assert scene.completed("agentMessage", text="") == []
    scene.started("agentMessage", "item-2")
    assert kinds(scene.end()) == ["result"]


def test_questions_come_even_without_text(scene: Any) -> None:
    scene.begin()
    (wire,) = scene.completed("agentMessage", text="", delivery="async", questions=[{"title": "Which?"}])
    assert wire["questions"] == [{"title": "Which?"}]
    assert wire["message"]["content"] == [{"type": "text", "text": ""}]


def test_a_steer_cuts_off_what_was_being_said_before_its_prompt(scene: Any) -> None:
    scene.begin()
    scene.said("first half")
    wires = scene.started("userMessage", "user-2", clientId="uuid-2", content=[{"type": "text", "text": "stop"}])
    assert kinds(wires) == ["assistant", "content_block_stop", "message_delta", "message_stop", "user"]
    assert wires[0]["aborted"] is True
    assert wires[0]["message"]["content"][0]["text"] == "first half"


def test_a_retry_cuts_off_what_streamed(scene: Any) -> None:
    scene.begin()
    scene.said("try one")
    error = {
        "message": "Reconnecting... 1/5",
        "codexErrorInfo": {"responseStreamDisconnected": {"httpStatusCode": 502}},
    }
    wires = scene.feed("error", turnId="turn-1", willRetry=True, error={**error, "additionalDetails": "reset"})
    assert wires[0]["aborted"] is True
    retry = wires[-1]
    assert (retry["subtype"], retry["attempt"], retry["max_retries"]) == ("api_retry", 1, 5)
    assert (retry["error"], retry["error_status"], retry["details"]) == ("server_error", 502, "reset")


def test_a_new_message_means_that_the_one_before_was_given_up(scene: Any) -> None:
    scene.begin()
    scene.said("orphan")
    assert scene.started("agentMessage", "item-2")[0]["aborted"] is True


def test_a_cut_message_that_completes_after_all_is_told_once(scene: Any, rules: Any) -> None:
    scene.begin()
    scene.said("part")
    scene.end("interrupted")
    assert scene.completed("agentMessage", text="part") == []
    late = scene.completed("agentMessage", text="partial")
    assert [wire["message"]["id"] for wire in late if wire["type"] == "assistant"] == ["item-1#2"]
    assert scene.completed("agentMessage", text="partial") == []
    rules(scene.messages)


def test_a_silent_message_that_was_cut_keeps_its_id(scene: Any) -> None:
    scene.begin()
    scene.started("agentMessage")
    scene.started("agentMessage", "item-2")
    late = scene.completed("agentMessage", text="late")
    assert {wire["message"]["id"] for wire in late if wire["type"] == "assistant"} == {"item-1"}


@pytest.mark.parametrize(
    "params", [{"itemId": "item-1"}, {"itemId": "item-1", "delta": 5}, {"itemId": 5, "delta": "x"}]
)
def test_deltas_without_a_text_or_an_item_say_nothing(scene: Any, params: dict[str, Any]) -> None:
    scene.begin()
    assert scene.feed("item/agentMessage/delta", {"turnId": "turn-1", **params}) == []
    assert scene.feed("item/plan/delta", {"turnId": "turn-1", **params}) == []
    assert scene.feed("item/reasoning/textDelta", {"turnId": "turn-1", **params}) == []


def test_deltas_after_the_end_are_ignored(scene: Any) -> None:
    scene.begin()
    scene.completed("agentMessage", text="done")
    assert scene.said("more") == []
    assert scene.started("agentMessage") == []
    scene.end()
    assert scene.said("late", "item-9") == []
    assert scene.started("agentMessage", "item-8") == []


def test_reasoning_has_a_block_for_its_summary_and_one_for_its_content(scene: Any, rules: Any) -> None:
    scene.begin()
    scene.started("reasoning", summary=[], content=[])
    scene.feed("item/reasoning/summaryPartAdded", itemId="item-1", summaryIndex=0)
    scene.feed("item/reasoning/summaryTextDelta", itemId="item-1", summaryIndex=0, delta="One")
    scene.feed("item/reasoning/textDelta", itemId="item-1", contentIndex=0, delta="raw")
    (separator,) = scene.feed("item/reasoning/summaryPartAdded", itemId="item-1", summaryIndex=1)
    assert separator["event"]["delta"]["thinking"] == "\n\n"
    assert separator["event"]["index"] == 0
    scene.feed("item/reasoning/summaryTextDelta", itemId="item-1", summaryIndex=1, delta="Two")
    wires = scene.completed("reasoning", summary=["One", "Two"], content=["raw"])
    blocks = [wire["message"]["content"][0]["thinking"] for wire in wires if wire["type"] == "assistant"]
    assert blocks == ["One\n\nTwo", "raw"]
    assert kinds(wires)[-2:] == ["message_delta", "message_stop"]
    rules(scene.messages)


def test_reasoning_that_nobody_may_read_is_nothing(scene: Any) -> None:
    scene.begin()
    scene.started("reasoning")
    assert scene.completed("reasoning", summary=[], content=[]) == []


def test_reasoning_without_its_part_events_is_separated_all_the_same(scene: Any) -> None:
    scene.begin()
    scene.feed("item/reasoning/summaryTextDelta", itemId="item-1", summaryIndex=0, delta="One")
    scene.feed("item/reasoning/summaryTextDelta", itemId="item-1", summaryIndex=2, delta="Three")
    wires = scene.completed("reasoning", summary=["One", "", "Three"])
    assert wires[0]["message"]["content"][0]["thinking"] == "One\n\n\n\nThree"


def test_a_plan_streams_as_the_input_of_exit_plan_mode_inside_a_message(scene: Any, rules: Any) -> None:
    scene.begin()
    scene.said("Here:", "msg")
    scene.started("plan", "plan-1", text="")
    scene.feed("item/plan/delta", itemId="plan-1", delta='- say "hi"\n')
    scene.feed("item/plan/delta", itemId="plan-1", delta="- énd 🎉")
    scene.said(" bye", "msg")
    wires = scene.completed("plan", "plan-1", text='- say "hi"\n- énd 🎉')
    (use,) = wires[1]["message"]["content"]
    assert (use["name"], use["input"]) == ("ExitPlanMode", {"plan": '- say "hi"\n- énd 🎉'})
    assert json.loads(deltas(scene.wires, "partial_json")) == use["input"]
    assert wires[-1]["message"]["content"][0]["tool_use_id"] == "plan-1"
    scene.completed("agentMessage", "msg", text="Here: bye")
    rules(scene.messages)


def test_a_plan_that_is_cut_off_gets_its_result(scene: Any, rules: Any) -> None:
    scene.begin()
    scene.feed("item/plan/delta", itemId="plan-1", delta="- one")
    wires = scene.end("interrupted")
    (result,) = wires[-2]["message"]["content"]
    assert (result["tool_use_id"], result["is_error"]) == ("plan-1", True)
    rules(scene.messages)


def test_a_plan_that_contradicts_its_deltas_is_two_cards(scene: Any, rules: Any) -> None:
    scene.begin()
    scene.feed("item/plan/delta", itemId="plan-1", delta="- one")
    scene.completed("plan", "plan-1", text="- two")
    rules(scene.messages)
    uses = [use.id for message in scene.messages if message.type == "assistant" for use in message.tool_uses]
    assert uses == ["plan-1", "plan-1#2"]


def test_what_is_said_in_another_turn_goes_on(scene: Any, rules: Any) -> None:
    scene.begin()
    scene.said("one")
    scene.begin("turn-2")
    scene.end(turn="turn-2")
    assert kinds(scene.said(" more")) == ["content_block_delta"]
    scene.completed("agentMessage", text="one more")
    rules(scene.messages)
