"""The rules that every stream is checked against find what they are there to find."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from agent_sdk_core import PermissionRequest, SDKMessage, Source, parse_message
from agent_sdk_testing.contract.rules import check_rules, check_turn

Wire = dict[str, Any]
Change = Callable[[list[Wire]], None]

_TURN = Source("test", thread_id="s", turn_id="t")


def event(number: int, kind: str, **fields: object) -> Wire:
    return {
        "type": "stream_event",
        "uuid": f"e{number}",
        "event": {"type": kind, **fields},
        "api_message_id": "m",
    }


def stream() -> list[Wire]:
    """One turn with a streamed text, a tool use, a request and a result."""
    use = {"type": "tool_use", "id": "c", "name": "Bash", "input": {"command": "ls"}}
    result = {"type": "tool_result", "tool_use_id": "c", "content": "out", "is_error": False}
    delta = {"type": "text_delta"}
    return [
        {"type": "system", "subtype": "init", "uuid": "i"},
        {"type": "user", "uuid": "p", "message": {"role": "user", "content": "hi"}, "isReplay": True},
        event(1, "message_start", message={}),
        event(2, "content_block_start", index=0, content_block={"type": "text", "text": ""}),
        event(3, "content_block_delta", index=0, delta={**delta, "text": "Hel"}),
        event(4, "content_block_delta", index=0, delta={**delta, "text": "lo"}),
        {"type": "assistant", "uuid": "a", "message": {"id": "m", "content": [{"type": "text", "text": "Hello"}]}},
        event(5, "content_block_stop", index=0),
        event(6, "message_stop"),
        {"type": "assistant", "uuid": "b", "message": {"id": "c", "content": [use]}},
        {
            "type": "system",
            "subtype": "request_opened",
            "uuid": "q",
            "request_id": "r",
            "kind": "permission",
            "request": PermissionRequest("Bash", {"command": "ls"}, "r", "s").to_wire(),
        },
        {
            "type": "system",
            "subtype": "request_resolved",
            "uuid": "w",
            "request_id": "r",
            "kind": "permission",
            "outcome": "allowed",
            "by": "callback",
        },
        {"type": "tool_progress", "uuid": "o", "tool_use_id": "c"},
        {"type": "user", "uuid": "u", "message": {"role": "user", "content": [result]}},
        {"type": "result", "uuid": "z", "subtype": "success", "user_message_uuids": ["p"]},
    ]


def messages(wires: list[Wire]) -> list[SDKMessage]:
    return [parse_message({"session_id": "s", **wire}, source=_TURN) for wire in wires]


def drop(uuid: str) -> Change:
    return lambda wires: wires.remove(next(wire for wire in wires if wire["uuid"] == uuid))


def repeat(uuid: str) -> Change:
    def change(wires: list[Wire]) -> None:
        at = next(at for at, wire in enumerate(wires) if wire["uuid"] == uuid)
        wires.insert(at + 1, {**wires[at], "uuid": f"{uuid}-again"})

    return change


def swap(first: str, second: str) -> Change:
    def change(wires: list[Wire]) -> None:
        one, two = (next(at for at, wire in enumerate(wires) if wire["uuid"] == uuid) for uuid in (first, second))
        wires[one], wires[two] = wires[two], wires[one]

    return change


def put(which: str, **fields: object) -> Change:
    return lambda wires: next(wire for wire in wires if wire["uuid"] == which).update(fields)


def test_a_whole_stream_keeps_every_rule() -> None:
    check_rules(messages(stream()), "s")
    check_turn(messages(stream()), "p")


@pytest.mark.parametrize(
    "change",
    [
        drop("i"),
        drop("z"),
        repeat("z"),
        repeat("p"),
        drop("u"),
        repeat("u"),
        repeat("b"),
        swap("b", "u"),
        swap("b", "o"),
        drop("w"),
        repeat("w"),
        repeat("q"),
        swap("q", "w"),
        drop("a"),
        drop("e3"),
        repeat("e4"),
        swap("e4", "a"),
        swap("a", "e5"),
        drop("e2"),
        drop("e1"),
        drop("e6"),
        put("u", session_id="other"),
        put("u", session_id=None),
        put("u", uuid="b"),
        put("u", uuid=None),
        put("z", subtype=5),
        put("w", by=None),
    ],
)
def test_a_broken_stream_is_found_out(change: Change) -> None:
    wires = stream()
    change(wires)
    with pytest.raises(AssertionError):
        check_rules(messages(wires), "s")


@pytest.mark.parametrize("change", [drop("z"), repeat("z"), drop("i"), put("z", user_message_uuids=[]), drop("u")])
def test_a_turn_that_breaks_off_is_found_out(change: Change) -> None:
    wires = stream()
    change(wires)
    with pytest.raises(AssertionError):
        check_turn(messages(wires), "p")
