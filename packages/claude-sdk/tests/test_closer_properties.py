"""Whatever claude's frames are, and in whatever order they come: nothing raises, and what must end ends once."""

from __future__ import annotations

from collections import Counter
from typing import Any
from uuid import uuid4

from hypothesis import given, settings
from hypothesis import strategies as st

from agent_sdk_core import AssistantMessage, ResultMessage, SDKMessage, StreamEvent, UserMessage
from claude_sdk.normalizer.closer import Closer
from claude_sdk.normalizer.session_facts import SessionFacts

Json = dict[str, Any]
Draw = st.DrawFn
_PROMPTS = ("p1", "p2")
_MESSAGES = ("m1", "m2")
_TOOLS = ("t1", "t2", "t3")
_BLOCKS: list[Json] = [
    {"type": "text", "text": "Hi"},
    *({"type": "tool_use", "id": tool, "name": "Bash", "input": {}} for tool in _TOOLS),
]
_ODD: list[object] = [None, 5, "x", [], [1], {}, {"type": {}}]


def _stream(draw: Draw, kind: str) -> Json:
    known: dict[str, dict[str, object]] = {
        "message_start": {"message": {"model": "m"}},
        "content_block_start": {"content_block": draw(st.sampled_from(_BLOCKS))},
        "content_block_delta": {"delta": {"type": "text_delta", "text": "x"}},
    }
    fields = known.get(kind, {})
    if draw(st.booleans()):
        fields[draw(st.sampled_from(["index", "delta", "content_block", "message"]))] = draw(st.sampled_from(_ODD))
    event = {"type": kind, "index": draw(st.integers(0, 2)), **fields}
    return {
        "type": "stream_event",
        "parent_tool_use_id": None,
        "api_message_id": draw(st.sampled_from(_MESSAGES)),
        "event": event,
    }


def _talk(draw: Draw, kind: str) -> Json:
    parent = draw(st.sampled_from([None, *_TOOLS]))
    if kind == "assistant":
        content = [draw(st.sampled_from(_BLOCKS))]
        message = {"id": draw(st.sampled_from(_MESSAGES)), "role": "assistant", "content": content}
        return {"type": "assistant", "message": message, "parent_tool_use_id": parent}
    block = {"type": "tool_result", "tool_use_id": draw(st.sampled_from(_TOOLS)), "content": "x"}
    return {"type": "user", "message": {"role": "user", "content": [block]}, "parent_tool_use_id": parent}


@st.composite
def frames_of_claude(draw: Draw) -> Json:
    """A frame of a kind that matters, well-formed or not."""
    match draw(st.sampled_from(["lifecycle", "system", "task", "stream", "talk", "talk", "result", "odd"])):
        case "lifecycle":
            state = draw(st.sampled_from(["queued", "started", "completed", "cancelled"]))
            return {"type": "command_lifecycle", "command_uuid": draw(st.sampled_from(_PROMPTS)), "state": state}
        case "system":
            return {"type": "system", "subtype": draw(st.sampled_from(["init", "api_retry", "status"])), "cwd": "/w"}
        case "task":
            subtype = draw(st.sampled_from(["task_started", "task_notification"]))
            return {"type": "system", "subtype": subtype, "task_id": "a", "tool_use_id": draw(st.sampled_from(_TOOLS))}
        case "stream":
            kinds = [
                "message_start",
                "content_block_start",
                "content_block_delta",
                "content_block_stop",
                "message_stop",
            ]
            return _stream(draw, draw(st.sampled_from(kinds)))
        case "talk":
            return _talk(draw, draw(st.sampled_from(["assistant", "user"])))
        case "result":
            listed = draw(st.lists(st.sampled_from(_PROMPTS), unique=True, max_size=2))
            return {"type": "result", "subtype": "success", "user_message_uuids": listed}
        case _:
            keys = st.sampled_from(["type", "subtype", "message", "event", "command_uuid"])
            return draw(st.dictionaries(keys, st.sampled_from(_ODD), max_size=3))


streams = st.lists(frames_of_claude(), max_size=30)


def run(frames: list[Json]) -> list[SDKMessage]:
    """Feed frames to a closer with two prompts, then end it."""
    closer = Closer("s", SessionFacts(cwd="/w"))
    for uuid in _PROMPTS:
        closer.expect(uuid, "Go.")
    made: list[SDKMessage] = []
    for frame in frames:
        fields = {"uuid": str(uuid4()), "session_id": "s", **frame}
        made += closer.feed(fields)
    made += closer.end(None, code="x", message="gone", terminal_reason="agent_exited")
    assert not list(closer.end(None, code="x", message="gone", terminal_reason="agent_exited"))
    return made


@settings(deadline=None, max_examples=120)
@given(streams)
def test_every_open_tool_use_is_closed_and_none_twice_by_us(frames: list[Json]) -> None:
    made = run(frames)
    used = Counter(use.id for message in made if isinstance(message, AssistantMessage) for use in message.tool_uses)
    results: dict[str, list[bool]] = {tool_use_id: [] for tool_use_id in used}
    for message in made:
        if isinstance(message, UserMessage) and message.source is not None:
            for block in message.tool_results:
                results.setdefault(block.tool_use_id, []).append(message.source.synthetic)
    for tool_use_id, count in used.items():
        if count == 1:  # An id that claude gave twice is nobody's.
            assert results[tool_use_id], "a tool use without a result"
            assert sum(results[tool_use_id]) <= 1


@settings(deadline=None, max_examples=120)
@given(streams)
def test_every_message_that_started_stops(frames: list[Json]) -> None:
    open_messages: Counter[str] = Counter()
    for message in run(frames):
        if isinstance(message, StreamEvent) and message.api_message_id is not None:
            match message.event.get("type"):
                case "message_start":
                    assert not open_messages[message.api_message_id]
                    open_messages[message.api_message_id] = 1
                case "message_stop":
                    open_messages[message.api_message_id] = 0
                case _:
                    pass
    assert not +open_messages


@settings(deadline=None, max_examples=120)
@given(streams)
def test_nothing_is_lost_and_what_we_add_is_marked(frames: list[Json]) -> None:
    told = [message for message in run(frames) if message.source is None or not message.source.synthetic]
    assert len(told) == len(frames) - sum(frame.get("type") == "keep_alive" for frame in frames) - _late(frames)


def _late(frames: list[Json]) -> int:
    """Count the results that came after others: they become notices, which are ours too."""
    made = run(frames)
    return sum(message.to_wire().get("subtype") in ("late_tool_result", "late_result") for message in made)


@settings(deadline=None, max_examples=120)
@given(streams)
def test_a_prompt_is_repeated_at_most_once_and_ended_by_us_only_if_it_was_taken_up(frames: list[Json]) -> None:
    made = run(frames)
    shown = Counter(m.uuid for m in made if isinstance(m, UserMessage) and m.is_replay is True)
    assert all(count == 1 for count in shown.values())
    ours = [m for m in made if isinstance(m, ResultMessage) and m.source is not None and m.source.synthetic]
    assert len(ours) <= 1
