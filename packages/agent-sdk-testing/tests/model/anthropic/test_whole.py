from __future__ import annotations

import json
from typing import Any

import pytest

from agent_sdk_testing import (
    Gate,
    Step,
    Tokens,
    call,
    custom,
    disconnect,
    event,
    failed,
    incomplete,
    item,
    malformed,
    reasoning,
    stall,
    text,
)
from agent_sdk_testing.model.anthropic.whole import encode


def parts(*steps: Step) -> list[Any]:
    return list(encode(steps, number=2, model="m", usage=Tokens(input=9, output=3)))


def message(*steps: Step) -> dict[str, Any]:
    (body,) = parts(*steps)
    return json.loads(body)


def test_a_message_holds_what_a_stream_would_have_told() -> None:
    whole = message(reasoning("Let ", "me."), text("Hel", "lo"), call("Bash", command="ls" * 99), incomplete())
    assert (whole["id"], whole["model"], whole["stop_reason"]) == ("msg_2", "m", "max_tokens")
    assert whole["content"] == [
        {"type": "thinking", "thinking": "Let me.", "signature": "signature_2_1"},
        {"type": "text", "text": "Hello"},
        {"type": "tool_use", "id": "toolu_2_3", "name": "Bash", "input": {"command": "ls" * 99}},
    ]
    assert (whole["usage"]["input_tokens"], whole["usage"]["output_tokens"]) == (9, 3)


def test_an_input_that_is_no_json_stays_a_string() -> None:
    assert message(call("Bash", '{"command": '))["content"][0]["input"] == '{"command": '
    assert message(call("Bash"))["content"][0]["input"] == {}


def test_a_block_without_pieces_is_whole_from_its_start() -> None:
    assert message(item("redacted_thinking", data="x"))["content"] == [{"type": "redacted_thinking", "data": "x"}]


def test_pauses_come_before_the_body() -> None:
    gate = Gate()
    first, body = parts(text("a", gate, "b"))
    assert first is gate
    assert json.loads(body)["content"][0]["text"] == "ab"


@pytest.mark.parametrize("ending", [disconnect(), stall()])
def test_a_response_that_is_cut_has_no_body(ending: Step) -> None:
    assert parts(text("a"), ending) == [ending]


def test_what_only_a_stream_can_hold_is_left_out() -> None:
    assert message(event("ping"), malformed(), text("a"))["content"] == [{"type": "text", "text": "a"}]


def test_a_failure_is_the_error() -> None:
    assert message(text("a"), failed("overloaded_error", "busy"))["error"]["message"] == "busy"


def test_what_the_api_has_no_form_for_is_refused() -> None:
    with pytest.raises(ValueError, match="for Codex"):
        parts(custom("apply_patch", ""))
