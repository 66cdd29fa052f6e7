"""Runs of deltas: what crosses as one is the same messages again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent_sdk_core import SDKMessage, Source, StreamEvent, parse_message
from agent_sdk_core.hosting.forms import message_to_wire
from agent_sdk_core.hosting.pieces import piece_of
from agent_sdk_core.hosting.runs import entries_to_wire, messages_from_wire
from agent_sdk_core.hosting.stream import Cursor, EventStream
from agent_sdk_core.wire.json_lines import decode_line, json_text

SOURCE = Source("claude", "t", "u", "i")


def delta(text: str, number: int = 0, /, source: Source | None = SOURCE, **changed: Any) -> SDKMessage:
    kind = changed.pop("kind", "text")
    wire: dict[str, Any] = {
        "type": "stream_event",
        "uuid": f"uuid-{number}",
        "session_id": "s",
        "parent_tool_use_id": None,
        "event": {"type": "content_block_delta", "index": 0, "delta": {"type": f"{kind}_delta", kind: text}},
        "api_message_id": "m",
        **changed,
    }
    return parse_message({name: value for name, value in wire.items() if value is not ...}, source=source)


def crossed(messages: Sequence[SDKMessage]) -> tuple[list[dict[str, Any]], list[SDKMessage]]:
    """Return messages as they cross, and as they arrive."""
    stream = EventStream()
    for message in messages:
        stream.publish("message", message_to_wire(message), piece_of(message))
    told = entries_to_wire(stream.since(Cursor(stream.epoch, 0), singly=len(messages)) or [])
    arrived = cast("list[dict[str, Any]]", decode_line(json_text(told).encode()))
    return arrived, [message for event in arrived for message in messages_from_wire(event)]


def test_deltas_on_end_cross_as_one_and_are_the_same_messages_again() -> None:
    sent = [delta(f"{number} ", number) for number in range(5)]
    told, arrived = crossed(sent)
    assert [event["seq"] for event in told] == [5]
    assert arrived == sent
    assert [message.to_wire() for message in arrived] == [message.to_wire() for message in sent]
    assert [message.source for message in arrived] == [SOURCE] * 5
    assert [message.raw["uuid"] for message in arrived] == [f"uuid-{number}" for number in range(5)]


OTHERS = {
    "another block": delta("x", event={"type": "content_block_delta", "index": 1, "delta": {"text": "x"}}),
    "another turn": delta("x", source=Source("claude", "t", "v", "i")),
    "no source": delta("x", source=None),
    "a sub-agent": delta("x", parent_tool_use_id="tool"),
    "thinking": delta("x", kind="thinking"),
    "a key of its own": delta("x", ttft_ms=3),
    "a key less": delta("x", session_id=...),
    "no uuid": delta("x", uuid=None),
    "no text": delta("x", event={"type": "content_block_stop", "index": 0, "delta": {}}),
    "output of a tool": parse_message({"type": "tool_progress", "tool_use_id": "t", "output": "x"}, source=SOURCE),
    "a result": parse_message({"type": "result", "subtype": "success"}, source=SOURCE),
}


@pytest.mark.parametrize("name", OTHERS)
def test_what_differs_in_more_than_its_text_crosses_by_itself(name: str) -> None:
    sent = [delta("a", 1), delta("b", 2), OTHERS[name], OTHERS[name], delta("c", 3)]
    told, arrived = crossed(sent)
    assert ["uuids" in event for event in told][0 :: len(told) - 1] == [True, False]
    assert [(message.to_wire(), message.source) for message in arrived] == [
        (message.to_wire(), message.source) for message in sent
    ]


@given(st.lists(st.one_of(st.text(max_size=5).map(delta), st.sampled_from(list(OTHERS.values()))), max_size=12))
def test_whatever_crosses_arrives_in_its_order(sent: list[SDKMessage]) -> None:
    told, arrived = crossed(sent)
    assert arrived == sent
    assert told[-1:] == [] or told[-1]["seq"] == len(sent)


def test_a_delta_is_told_as_its_wire_form_has_it() -> None:
    made = StreamEvent(event={"type": "message_stop"}, session_id="s")
    for message in (made, *OTHERS.values(), delta("x")):
        assert message_to_wire(message)["message"] == message.to_wire()
