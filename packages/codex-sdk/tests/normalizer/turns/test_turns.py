from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest


def test_a_turn_opens_with_init_and_a_status(scene: Any) -> None:
    scene.thread.facts.tools = ("mcp__app__add",)
    scene.thread.facts = replace(scene.thread.facts, permission_mode="accept_edits")
    scene.feed("mcpServer/startupStatus/updated", name="files", status="ready")
    init, status = scene.begin()
    assert (init["subtype"], init["cwd"], init["model"]) == ("init", "/w", "gpt-test")
    assert (init["tools"], init["permissionMode"]) == (["mcp__app__add"], "acceptEdits")
    assert init["mcp_servers"] == [{"name": "files", "status": "ready"}]
    assert status["status"] == "requesting"
    assert scene.messages[0].source.synthetic
    assert scene.messages[1].raw["method"] == "turn/started"
    assert scene.begin() == []


def test_a_completed_turn_is_a_success_with_the_last_final_answer(scene: Any) -> None:
    scene.begin()
    assert scene.thread.active_turn_id == "turn-1"
    scene.completed("agentMessage", "m1", text="Looking", phase="commentary")
    scene.completed("agentMessage", "m2", text="42", phase="final_answer")
    scene.completed("agentMessage", "m3", text="Which?", phase="final_answer", delivery="async")
    assert not scene.thread.has_finished_turn
    (end,) = scene.end(durationMs=12)
    assert (end["subtype"], end["is_error"], end["result"]) == ("success", False, "42")
    assert (end["terminal_reason"], end["duration_ms"]) == ("completed", 12)
    assert scene.thread.active_turn_id is None
    assert scene.thread.has_finished_turn
    assert scene.messages[-1].outcome == "completed"


def test_without_a_final_answer_the_last_text_is_the_result(scene: Any) -> None:
    scene.begin()
    scene.completed("agentMessage", "m1", text="one")
    scene.completed("agentMessage", "m2", text="two")
    assert scene.end()[0]["result"] == "two"


def test_a_turn_that_was_joined_late_takes_its_answer_from_the_summary(scene: Any) -> None:
    wires = scene.end(items=[{"type": "agentMessage", "text": "summed up"}, {"type": "other"}])
    assert [wire.get("subtype") for wire in wires] == ["init", "status", "success"]
    assert wires[-1]["result"] == "summed up"


def test_an_interrupted_turn_is_no_failure(scene: Any) -> None:
    scene.begin()
    (end,) = scene.end("interrupted")
    assert (end["subtype"], end["terminal_reason"]) == ("error_during_execution", "aborted_streaming")
    assert scene.messages[-1].outcome == "interrupted"
    assert scene.messages[-1].error is None


def test_a_failed_turn_says_why(scene: Any) -> None:
    scene.begin()
    error = {"message": "You've hit your usage limit.", "codexErrorInfo": "usageLimitExceeded"}
    assert scene.feed("error", turnId="turn-1", willRetry=False, error=error) == []
    (end,) = scene.end("failed")
    assert (end["error_code"], end["errors"]) == ("usage_limit", ["You've hit your usage limit."])
    assert type(scene.messages[-1].error).__name__ == "UsageLimitError"


def test_the_error_of_the_end_itself_counts_more(scene: Any) -> None:
    scene.begin()
    scene.feed("error", turnId="turn-1", willRetry=False, error={"message": "first"})
    error = {"message": "no", "codexErrorInfo": {"httpConnectionFailed": {"httpStatusCode": 401}}}
    (end,) = scene.end("failed", error=error)
    assert (end["error_code"], end["api_error_status"]) == ("authentication_failed", 401)
    assert end["terminal_reason"] == "api_error"


def test_a_context_that_is_full_is_told_apart(scene: Any) -> None:
    (end,) = scene.end("failed", error={"message": "full", "codexErrorInfo": "contextWindowExceeded"})[-1:]
    assert end["terminal_reason"] == "prompt_too_long"


def test_a_turn_ends_once(scene: Any) -> None:
    scene.begin()
    scene.end()
    assert scene.end() == []
    assert scene.begin() == []
    assert scene.take(scene.thread.end(code="closed", message="Closed.", terminal_reason="cancelled")) == []


@pytest.mark.parametrize(
    "params",
    [
        {"threadId": "thread-1", "turn": "nonsense"},
        {"turn": {"id": 5, "status": ["completed"]}},
        {"turn": {"id": "turn-1", "status": "vanished"}},
        {"turnId": "turn-1"},
        {},
    ],
)
def test_a_malformed_end_is_an_end(scene: Any, params: dict[str, Any]) -> None:
    scene.begin()
    (end,) = scene.feed("turn/completed", params)
    assert (end["type"], end["error_code"]) == ("result", "protocol_error")


def test_an_end_without_a_turn_is_unknown(scene: Any) -> None:
    (wire,) = scene.feed("turn/completed", {"turn": {}})
    assert wire["type"] == "codex/turn/completed"


def test_an_end_that_breaks_the_code_is_an_end_all_the_same(scene: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def explode(*_: object) -> None:
        raise ValueError("corrupt")

    scene.begin()
    scene.said("part")
    monkeypatch.setattr(scene.thread._state.cards, "busy", explode)
    wires = scene.end()
    assert [wire["type"] for wire in wires if wire["type"] != "stream_event"] == [
        "codex/turn/completed",
        "assistant",
        "result",
    ]
    monkeypatch.undo()
    assert scene.end() == []


@pytest.mark.parametrize("params", [None, [], "x", 5])
def test_params_that_are_no_object_are_kept(scene: Any, params: Any) -> None:
    scene.begin()
    wires = scene.take(scene.thread.feed("item/started", params, {}))
    assert (wires[0]["type"], wires[0]["params"]) == ("codex/item/started", params)


def test_items_bring_a_turn_that_was_never_started(scene: Any) -> None:
    wires = scene.completed("agentMessage", text="hi")
    assert [wire.get("subtype") for wire in wires[:2]] == ["init", "status"]


def test_events_without_a_turn_belong_to_the_one_that_runs(scene: Any) -> None:
    scene.begin()
    wires = scene.feed("item/completed", {"item": {"type": "agentMessage", "id": "m", "text": "hi"}})
    assert any(wire["type"] == "assistant" for wire in wires)
    scene.end()
    (wire,) = scene.feed("item/completed", {"item": {"type": "agentMessage", "id": "n", "text": "hi"}})
    assert wire["type"] == "codex/item/completed"


@pytest.mark.parametrize("params", [{"turn": {}}, {"item": {"type": "agentMessage"}}])
def test_events_without_an_id_are_kept(scene: Any, params: dict[str, Any]) -> None:
    method = "turn/started" if "turn" in params else "item/started"
    assert scene.feed(method, params)[0]["type"] == f"codex/{method}"


def test_a_review_is_one_turn_under_two_ids(scene: Any) -> None:
    scene.completed("enteredReviewMode", "r1", review="look")
    assert scene.feed("turn/started", turn={"id": "turn-b", "rootTurnId": "turn-1"}) == []
    scene.started("agentMessage", "nested")
    scene.completed("exitedReviewMode", "r2", review="fine")
    wires = scene.end()
    assert [wire["type"] for wire in wires] == ["result"]
    assert scene.thread.active_turn_id is None
    assert scene.end(turn="turn-b") == []


def test_a_review_whose_start_comes_first_is_one_turn_as_well(scene: Any) -> None:
    scene.feed("turn/started", turn={"id": "turn-b", "rootTurnId": "turn-1"})
    assert [wire.get("subtype") for wire in scene.completed("enteredReviewMode", "r1", review="look")] == [
        "informational"
    ]
    assert [wire["type"] for wire in scene.end()] == ["result"]
    assert scene.thread.active_turn_id is None


def test_turns_of_a_child_thread_share_a_root_and_end_apart(scene: Any) -> None:
    scene.feed("turn/started", turn={"id": "child-1", "rootTurnId": "parent"})
    assert scene.end(turn="child-1")[-1]["type"] == "result"
    scene.feed("turn/started", turn={"id": "child-2", "rootTurnId": "parent"})
    assert scene.end(turn="child-2")[-1]["type"] == "result"


def test_one_turn_can_be_ended_by_us(scene: Any) -> None:
    scene.begin()
    scene.begin("turn-2")
    ended = scene.thread.end(
        code="timeout", message="No answer.", terminal_reason="aborted_streaming", turn_id="turn-2"
    )
    assert [wire["type"] for wire in scene.take(ended)] == ["result"]
    assert scene.thread.active_turn_id == "turn-1"
    assert scene.thread.end(code="timeout", message="x", terminal_reason=None, turn_id="turn-9") == []


def test_the_last_diff_is_told_with_the_result(scene: Any) -> None:
    scene.begin()
    scene.feed("turn/diff/updated", turnId="turn-1", diff="one")
    scene.feed("turn/diff/updated", turnId="turn-1", diff="two")
    scene.feed("turn/diff/updated", turnId="turn-9", diff="other")
    assert scene.end()[0]["diff"] == "two"


def test_a_checklist_is_a_pair_each_time(scene: Any, rules: Any) -> None:
    scene.begin()
    for status in ("inProgress", "completed", "strange"):
        plan = [{"step": "one", "status": status}]
        use, answer = scene.feed("turn/plan/updated", turnId="turn-1", plan=plan)
        assert answer["message"]["content"][0]["tool_use_id"] == use["message"]["content"][0]["id"]
    assert use["message"]["content"][0]["input"] == {
        "todos": [{"content": "one", "status": "pending", "activeForm": "one"}]
    }
    rules(scene.messages)
