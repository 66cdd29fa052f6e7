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
from agent_sdk_testing.model.openai.stream import encode, error_body
from agent_sdk_testing.model.steps import Delay, Disconnect, HttpError, Stall

Event = dict[str, Any]


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


def kinds(found: list[Any]) -> list[str]:
    return [entry.removeprefix("response.") for entry in map(kind_of, found) if entry]


def kind_of(part: Any) -> str:
    """Return the type of an event, empty for what is none."""
    return "" if isinstance(part, bytes | Gate | Delay | Stall | Disconnect) else part["type"]


def deltas_of(found: list[Any], kind: str) -> list[str]:
    return [entry["delta"] for entry in found if kind_of(entry) == f"response.{kind}"]


def test_text_is_one_message_with_a_delta_for_each_chunk() -> None:
    found = events(text("Hel", "lo"))
    assert kinds(found) == [
        "created",
        "in_progress",
        "output_item.added",
        "content_part.added",
        "output_text.delta",
        "output_text.delta",
        "output_text.done",
        "content_part.done",
        "output_item.done",
        "completed",
    ]
    assert deltas_of(found, "output_text.delta") == ["Hel", "lo"]
    assert found[-2]["item"]["content"][0]["text"] == "Hello"
    assert found[-1]["response"]["output"] == [found[-2]["item"]]


def test_events_are_numbered_without_gaps() -> None:
    found = events(reasoning("a"), text("b", "c"), call("x"))
    assert [entry["sequence_number"] for entry in found] == list(range(len(found)))


def test_texts_that_follow_each_other_are_one_message_across_pauses() -> None:
    gate, pause = Gate(), delay(1)
    found = events(text("a", gate, "b"), pause, text("c"))
    assert kinds(found).count("output_item.added") == 1
    assert [entry for entry in found if not isinstance(entry, dict)] == [gate, pause]
    assert found[-1]["response"]["output"][0]["content"][0]["text"] == "abc"


def test_a_text_with_a_phase_is_a_message_of_its_own() -> None:
    output = events(text("a", phase="commentary"), text("b", phase="final_answer"))[-1]["response"]["output"]
    assert [(entry["phase"], entry["content"][0]["text"]) for entry in output] == [
        ("commentary", "a"),
        ("final_answer", "b"),
    ]


def test_reasonings_that_follow_each_other_are_parts_of_one_item() -> None:
    found = events(reasoning("a", "b", raw=["r", "s"]), reasoning("c"), reasoning(raw="t"))
    assert deltas_of(found, "reasoning_summary_text.delta") == ["a", "b", "c"]
    assert deltas_of(found, "reasoning_text.delta") == ["r", "s", "t"]
    (done,) = found[-1]["response"]["output"]
    assert [part["text"] for part in done["summary"]] == ["ab", "c"]
    assert [part["text"] for part in done["content"]] == ["rs", "t"]
    places = [entry["summary_index"] for entry in found if entry["type"] == "response.reasoning_summary_part.added"]
    assert places == [0, 1]


def test_reasoning_without_raw_text_has_no_content() -> None:
    assert "content" not in events(reasoning("a"))[-1]["response"]["output"][0]


def test_the_deltas_of_a_call_make_up_its_arguments() -> None:
    step = call("exec_command", cmd="x" * 200)
    found = events(step)
    pieces = deltas_of(found, "function_call_arguments.delta")
    assert len(pieces) > 1
    assert "".join(pieces) == step.arguments == found[-1]["response"]["output"][0]["arguments"]


def test_a_namespace_is_sent_only_where_it_is_given() -> None:
    output = events(call("a"), call("b", namespace="n"))[-1]["response"]["output"]
    assert "namespace" not in output[0]
    assert output[1]["namespace"] == "n"


def test_a_custom_call_carries_its_text() -> None:
    found = events(custom("apply_patch", "*** Begin"))
    assert "".join(deltas_of(found, "custom_tool_call_input.delta")) == "*** Begin"
    assert found[-1]["response"]["output"][0]["input"] == "*** Begin"


def test_ids_come_from_the_request_and_the_place_of_the_item() -> None:
    output = events(reasoning("a"), text("b"), call("c"), custom("d", ""), call("e", call_id="mine"), number=4)[-1]
    assert [entry["id"] for entry in output["response"]["output"]] == [
        "rs_4_1",
        "msg_4_2",
        "fc_4_3",
        "ctc_4_4",
        "fc_4_5",
    ]
    assert [entry.get("call_id") for entry in output["response"]["output"][2:]] == ["call_4_3", "call_4_4", "mine"]


def test_items_and_events_can_be_in_the_words_of_the_protocol() -> None:
    found = events(text("a"), event("response.metadata", x=1), item("web_search_call", status="completed"))
    assert kinds(found)[4:6] == ["output_text.delta", "metadata"]
    assert found[-1]["response"]["output"][1] == {"id": "item_1_2", "type": "web_search_call", "status": "completed"}


def test_usage_is_reported_at_the_end() -> None:
    found = events(text("a"), usage=Tokens(input=100, output=20, cached=60, cache_write=30, reasoning=7))
    assert found[0]["response"]["usage"] is None
    assert found[-1]["response"]["usage"] == {
        "input_tokens": 100,
        "input_tokens_details": {"cached_tokens": 60, "cache_write_tokens": 30},
        "output_tokens": 20,
        "output_tokens_details": {"reasoning_tokens": 7},
        "total_tokens": 120,
    }


def test_a_failed_response_leaves_the_message_open() -> None:
    found = events(text("a"), failed("context_length_exceeded", "too long"))
    assert kinds(found)[-2:] == ["output_text.delta", "failed"]
    assert found[-1]["response"]["error"] == {"code": "context_length_exceeded", "message": "too long"}


def test_an_incomplete_response_closes_the_message_as_incomplete() -> None:
    found = events(text("a"), incomplete())
    assert found[-2]["item"]["status"] == "incomplete"
    assert found[-1]["response"]["incomplete_details"] == {"reason": "max_output_tokens"}


@pytest.mark.parametrize("ending", [disconnect(), stall()])
def test_a_stream_that_is_cut_has_no_last_event(ending: Step) -> None:
    found = events(text("a"), malformed("junk"), ending)
    assert found[-2:] == [b"junk", ending]


def test_text_with_any_character_is_valid_json() -> None:
    odd = 'a"\\\n\u2028\x00\ud800\N{SNOWMAN}'
    assert deltas_of(events(text(odd, odd)), "output_text.delta") == [odd, odd]


def test_an_http_error_is_not_part_of_a_stream() -> None:
    with pytest.raises(ValueError, match="instead of a stream"):
        events(http_error(500))


@pytest.mark.parametrize(
    ("error", "body"),
    [
        (http_error(500, body="<html>"), "<html>"),
        (
            http_error(429, "out", kind="limit", resets_at=5),
            '{"error": {"message": "out", "type": "limit", "code": "limit", "resets_at": 5}}',
        ),
    ],
)
def test_the_body_of_an_http_error(error: HttpError, body: str) -> None:
    assert error_body(error).decode() == body
