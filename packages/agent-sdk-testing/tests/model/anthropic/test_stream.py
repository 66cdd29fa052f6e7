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
    delay,
    deltas,
    disconnect,
    event,
    failed,
    http_error,
    incomplete,
    item,
    malformed,
    reasoning,
    stall,
    text,
)
from agent_sdk_testing.model.anthropic.stream import encode, error_body
from agent_sdk_testing.model.steps import Delay, Disconnect, HttpError, Stall


def events(*steps: Step, number: int = 1, usage: Tokens | None = None) -> list[Any]:
    """Return the decoded events, with pauses and raw bytes as they are."""
    found: list[Any] = []
    for part in encode(steps, number=number, model="m", usage=usage or Tokens()):
        if not isinstance(part, bytes) or not part.startswith(b"event: "):
            found.append(part)
            continue
        head, data, blank, end = part.decode().split("\n")
        decoded = json.loads(data.removeprefix("data: "))
        assert (head, blank, end) == (f"event: {decoded['type']}", "", "")
        found.append(decoded)
    return found


def kind_of(part: Any) -> str:
    """Return the type of an event, empty for what is none."""
    return "" if isinstance(part, bytes | Gate | Delay | Stall | Disconnect) else part["type"]


def kinds(found: list[Any]) -> list[str]:
    return [kind for kind in map(kind_of, found) if kind]


def deltas_of(found: list[Any], kind: str) -> list[str]:
    """Return what the deltas of one kind carry."""
    changes: list[dict[str, str]] = [entry["delta"] for entry in found if kind_of(entry) == "content_block_delta"]
    return [change[key] for change in changes if change["type"] == kind for key in change if key != "type"]


def blocks_of(found: list[Any]) -> list[Any]:
    """Return the content blocks as they start."""
    return [entry["content_block"] for entry in found if entry["type"] == "content_block_start"]


def stop_reason(*steps: Step) -> str:
    return events(*steps)[-2]["delta"]["stop_reason"]


def test_text_is_one_block_with_a_delta_for_each_chunk() -> None:
    found = events(text("Hel", "lo"))
    assert kinds(found) == [
        "message_start",
        "ping",
        "content_block_start",
        "content_block_delta",
        "content_block_delta",
        "content_block_stop",
        "message_delta",
        "message_stop",
    ]
    assert deltas_of(found, "text_delta") == ["Hel", "lo"]
    assert (found[0]["message"]["id"], found[0]["message"]["model"]) == ("msg_1", "m")


def test_blocks_are_numbered_from_zero() -> None:
    found = events(reasoning("a"), text("b"), call("c"), item("redacted_thinking", data="d"))
    assert [entry["index"] for entry in found if entry["type"] == "content_block_start"] == [0, 1, 2, 3]
    assert [entry["index"] for entry in found if entry["type"] == "content_block_stop"] == [0, 1, 2, 3]


def test_texts_that_follow_each_other_are_one_block_across_pauses() -> None:
    gate, pause = Gate(), delay(1)
    found = events(text("a", gate, "b"), pause, event("ping"), text("c"))
    assert kinds(found).count("content_block_start") == 1
    assert [entry for entry in found if not isinstance(entry, dict)] == [gate, pause]
    assert deltas_of(found, "text_delta") == ["a", "b", "c"]


def test_a_text_with_a_phase_is_a_block_of_its_own() -> None:
    assert len(blocks_of(events(text("a", phase="commentary"), text("b", phase="final_answer")))) == 2


def test_reasonings_that_follow_each_other_are_paragraphs_of_one_signed_block() -> None:
    found = events(reasoning("a", "b"), reasoning("c"), number=3)
    assert blocks_of(found) == [{"type": "thinking", "thinking": "", "signature": ""}]
    assert deltas_of(found, "thinking_delta") == ["a", "b", "\n\n", "c"]
    assert deltas_of(found, "signature_delta") == ["signature_3_1"]


def test_raw_reasoning_is_the_thinking_only_where_there_is_no_summary() -> None:
    assert deltas_of(events(reasoning("short", raw="long")), "thinking_delta") == ["short"]
    assert deltas_of(events(reasoning(raw=["lo", "ng"])), "thinking_delta") == ["lo", "ng"]


def test_the_deltas_of_a_call_make_up_its_input() -> None:
    step = call("Bash", command="x" * 200)
    found = events(step)
    assert blocks_of(found) == [{"type": "tool_use", "id": "toolu_1_1", "name": "Bash", "input": {}}]
    pieces = deltas_of(found, "input_json_delta")
    assert len(pieces) > 1
    assert "".join(pieces) == step.arguments


def test_a_long_input_takes_few_deltas() -> None:
    pieces = deltas_of(events(call("Write", content="x" * 5_000_000)), "input_json_delta")
    assert len(pieces) <= 256


def test_an_input_that_is_no_json_is_sent_as_it_is() -> None:
    assert deltas_of(events(call("Bash", '{"command": ')), "input_json_delta") == ['{"command": ']


def test_ids_come_from_the_request_and_the_place_of_the_block() -> None:
    found = events(text("b"), call("c"), call("e", call_id="mine"), number=4)
    assert [block.get("id") for block in blocks_of(found)] == [None, "toolu_4_2", "mine"]


def test_blocks_in_the_words_of_the_protocol_are_streamed_like_its_own() -> None:
    found = events(
        item("server_tool_use", id="srv", name="web_search", input={"query": "x"}),
        item("text", text="Cited", citations=[{"cited_text": "c"}]),
        item("thinking", thinking="hm", signature="s"),
        item("odd", text=5),
        item("tool_use", id="t", name="Bash", input='{"comm'),
    )
    assert blocks_of(found) == [
        {"type": "server_tool_use", "id": "srv", "name": "web_search", "input": {}},
        {"type": "text", "text": "", "citations": [{"cited_text": "c"}]},
        {"type": "thinking", "thinking": "", "signature": ""},
        {"type": "odd", "text": 5},
        {"type": "tool_use", "id": "t", "name": "Bash", "input": {}},
    ]
    assert deltas_of(found, "input_json_delta") == ['{"query": "x"}', '{"comm']
    assert deltas_of(found, "text_delta") == ["Cited"]
    assert (deltas_of(found, "thinking_delta"), deltas_of(found, "signature_delta")) == (["hm"], ["s"])


def test_usage_tells_fresh_input_from_cached() -> None:
    found = events(text("a"), usage=Tokens(input=100, output=20, cached=60, cache_write=30, reasoning=7))
    counts = {"input_tokens": 10, "cache_creation_input_tokens": 30, "cache_read_input_tokens": 60}
    assert found[0]["message"]["usage"] == {**counts, "output_tokens": 1, "service_tier": "standard"}
    thinking = {"thinking_tokens": 7}
    assert found[-2]["usage"] == {**counts, "output_tokens": 20, "output_tokens_details": thinking}


@pytest.mark.parametrize(
    ("steps", "reason"),
    [
        ([], "end_turn"),
        ([text("a")], "end_turn"),
        ([text("a"), call("b"), text("c")], "tool_use"),
        ([item("tool_use", id="t", name="x", input={})], "tool_use"),
        ([item("server_tool_use", id="t", name="x", input={})], "end_turn"),
        ([text("a"), incomplete()], "max_tokens"),
        ([text("a"), incomplete("content_filter")], "refusal"),
        ([call("a"), incomplete("pause_turn")], "pause_turn"),
    ],
)
def test_the_reason_to_stop(steps: list[Step], reason: str) -> None:
    assert stop_reason(*steps) == reason


@pytest.mark.parametrize(
    ("code", "kind"), [("overloaded_error", "overloaded_error"), ("server_is_overloaded", "overloaded_error")]
)
def test_a_failure_is_an_error_in_mid_stream(code: str, kind: str) -> None:
    found = events(text("a"), failed(code, "too busy"))
    assert kinds(found)[-2:] == ["content_block_delta", "error"]
    assert found[-1] == {"type": "error", "error": {"type": kind, "message": "too busy"}}


@pytest.mark.parametrize("ending", [disconnect(), stall()])
def test_a_stream_that_is_cut_has_no_last_event(ending: Step) -> None:
    found = events(text("a"), malformed("junk"), ending)
    assert found[-2:] == [b"junk", ending]


def test_a_malformed_event_is_one_that_a_client_would_read() -> None:
    broken = list(encode([malformed()], number=1, model="m", usage=Tokens()))[2]
    assert isinstance(broken, bytes)
    assert broken.startswith(b"event: content_block_delta\ndata: {")
    with pytest.raises(ValueError, match="Expecting value"):
        json.loads(broken.partition(b"data: ")[2])


def test_text_with_any_character_is_valid_json() -> None:
    odd = 'a"\\\n\u2028\x00\ud800\N{SNOWMAN}'
    assert deltas_of(events(text(odd, odd)), "text_delta") == [odd, odd]


def test_each_of_many_deltas_is_an_event() -> None:
    assert len(deltas_of(events(deltas(20_000)), "text_delta")) == 20_000


@pytest.mark.parametrize(
    ("step", "reason"),
    [
        (http_error(500), "instead of a stream"),
        (custom("apply_patch", "x"), r"custom\('apply_patch'\) is for Codex"),
        (call("add", namespace="calc"), "mcp__<server>__<tool>"),
    ],
)
def test_what_the_api_has_no_form_for_is_refused_before_anything_is_sent(step: Step, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        encode([text("a"), step], number=1, model="m", usage=Tokens())


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (http_error(400), "invalid_request_error"),
        (http_error(401), "authentication_error"),
        (http_error(429), "rate_limit_error"),
        (http_error(529), "overloaded_error"),
        (http_error(418), "invalid_request_error"),
        (http_error(502), "api_error"),
        (http_error(429, kind="usage_limit_reached"), "rate_limit_error"),
        (http_error(429, kind="its_own"), "its_own"),
    ],
)
def test_the_type_of_an_http_error_is_that_of_its_status(error: HttpError, kind: str) -> None:
    body = json.loads(error_body(error))
    assert (body["type"], body["error"]["type"], body["error"]["message"]) == ("error", kind, error.message)


def test_the_body_of_an_http_error_can_be_given() -> None:
    assert error_body(http_error(500, body="<html>")) == b"<html>"
    assert json.loads(error_body(http_error(429, "out", resets_at=5)))["error"]["resets_at"] == 5
