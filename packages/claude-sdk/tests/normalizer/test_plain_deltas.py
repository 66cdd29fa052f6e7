"""Deltas that are looked at by hand are those that a validation takes, and become the same message."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest

from agent_sdk_core import parse_message
from agent_sdk_core.messages.base import Source
from agent_sdk_core.messages.conversation import StreamEvent
from claude_sdk.normalizer.plain_deltas import FIELDS, holes_of, is_plain_delta

DELTA: dict[str, Any] = {
    "type": "stream_event",
    "event": {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "ab"}},
    "session_id": "s",
    "parent_tool_use_id": None,
    "uuid": "u",
    "api_message_id": "m",
}


def test_a_plain_delta_becomes_what_a_validation_makes_of_it() -> None:
    assert is_plain_delta(DELTA)
    source = Source("claude")
    made, read = StreamEvent.assembled(dict(DELTA), FIELDS, source, DELTA), parse_message(DELTA, source=source)
    assert made == read
    assert (made.source, made.raw, made.text) == (source, DELTA, "ab")
    assert made.to_wire() == read.to_wire() == DELTA
    assert list(made.to_wire()) == list(DELTA)
    assert repr(made) == repr(read)
    assert hash(type(made)) == hash(type(read))
    for copied in (copy.copy(made), copy.deepcopy(made), pickle.loads(pickle.dumps(made))):
        assert copied == made
        assert copied.source == source
    assert made.model_copy(update={"uuid": "v"}).to_wire() == {**DELTA, "uuid": "v"}
    assert made.model_extra == {}


@pytest.mark.parametrize(
    "change",
    [
        {"event": None},
        {"event": {"type": "content_block_delta", "delta": "x"}},
        {"event": {"type": "content_block_start", "content_block": {"type": "text"}}},
        {"event": {"type": "message_delta", "delta": {}}},
        {"uuid": None},
        {"uuid": 1},
        {"session_id": None},
        {"api_message_id": None},
        {"parent_tool_use_id": "t"},
        {"ttft_ms": 5},
    ],
)
def test_what_is_not_plain_is_validated(change: dict[str, Any]) -> None:
    assert not is_plain_delta({**DELTA, **change})


@pytest.mark.parametrize("name", sorted(DELTA))
def test_a_frame_without_a_field_is_validated(name: str) -> None:
    assert not is_plain_delta({key: value for key, value in DELTA.items() if key != name})


def test_deltas_of_text_of_thoughts_and_of_input_begin_a_run() -> None:
    for kind, key in (("text_delta", "text"), ("thinking_delta", "thinking"), ("input_json_delta", "partial_json")):
        delta = {"type": kind, key: "x"}
        holes = holes_of({**DELTA, "event": {"type": "content_block_delta", "index": 0, "delta": delta}})
        assert holes is not None
        assert holes.text[-1] == key


@pytest.mark.parametrize("delta", [{"type": []}, {"type": "text_delta", "text": 5}, {"type": "signature_delta"}, {}])
def test_an_odd_delta_begins_no_run(delta: dict[str, Any]) -> None:
    assert holes_of({**DELTA, "event": {"type": "content_block_delta", "index": 0, "delta": delta}}) is None
    assert holes_of({**DELTA, "type": "other"}) is None
    assert holes_of({**DELTA, "uuid": 1}) is None
