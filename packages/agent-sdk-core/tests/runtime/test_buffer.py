from __future__ import annotations

import gc
import weakref
from collections import defaultdict
from typing import Any, cast

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent_sdk_core.messages.base import Source
from agent_sdk_core.messages.conversation import StreamEvent, ToolProgress
from agent_sdk_core.messages.parse import SDKMessage, parse_message
from agent_sdk_core.messages.system import MessagesDropped
from agent_sdk_core.runtime.buffer import MessageBuffer

SOURCE = Source("memory", turn_id="t")


def full(name: str) -> SDKMessage:
    return parse_message({"type": "system", "subtype": "informational", "content": name}, source=SOURCE)


def delta(block: tuple[str | None, int, str], text: str) -> SDKMessage:
    message_id, index, key = block
    event = {"type": "content_block_delta", "index": index, "delta": {"type": f"{key}_delta", key: text}}
    return parse_message({"type": "stream_event", "event": event, "api_message_id": message_id}, source=SOURCE)


def progress(tool: str, output: str | None) -> SDKMessage:
    wire: dict[str, object] = {"type": "tool_progress", "tool_use_id": tool, "tool_name": "Bash"}
    return parse_message(wire if output is None else {**wire, "output": output}, source=SOURCE)


def drain(buffer: MessageBuffer) -> list[SDKMessage]:
    async def read() -> list[SDKMessage]:
        buffer.close()
        return [message async for message in buffer]

    return anyio.run(read)


def joined(messages: list[SDKMessage]) -> dict[object, str]:
    """Return the text a block and a tool."""
    texts: defaultdict[object, str] = defaultdict(str)
    for message in messages:
        if isinstance(message, StreamEvent) and "delta" in message.event:
            part = cast("dict[str, str]", message.event["delta"])
            for key in ("text", "thinking", "partial_json"):
                if key in part:
                    texts[message.api_message_id, message.event.get("index"), key] += part[key]
        elif isinstance(message, ToolProgress) and message.output is not None:
            texts[message.tool_use_id] += message.output
    return texts


def order(messages: list[SDKMessage]) -> list[Any]:
    return [m.to_wire() for m in messages if not isinstance(m, StreamEvent | ToolProgress)]


BLOCKS = st.tuples(
    st.sampled_from([None, "m1", "m2"]), st.integers(0, 1), st.sampled_from(["text", "thinking", "partial_json"])
)
CITATION = {"type": "content_block_delta", "delta": {"citation": 1}}
MESSAGES = st.one_of(
    st.builds(delta, BLOCKS, st.text(max_size=3)),
    st.builds(progress, st.sampled_from(["a", "b"]), st.one_of(st.none(), st.text(max_size=3))),
    st.builds(full, st.text(max_size=2)),
    st.just(parse_message({"type": "stream_event", "event": {"type": "message_stop"}})),
    st.just(
        parse_message({"type": "stream_event", "event": {"type": "content_block_delta", "delta": {"citation": 1}}})
    ),
)


@given(st.lists(st.lists(MESSAGES, max_size=8), max_size=8), st.integers(0, 6))
def test_joining_loses_no_text_and_no_full_message(batches: list[list[SDKMessage]], high_water: int) -> None:
    buffer = MessageBuffer("s", high_water=high_water)
    for batch in batches:
        buffer.publish(batch)
    everything = [message for batch in batches for message in batch]
    seen = drain(buffer)
    assert joined(seen) == joined(everything)
    assert order(seen) == order(everything)
    assert len(seen) <= len(everything)


@given(st.lists(MESSAGES, max_size=30), st.integers(0, 4), st.integers(1, 6))
def test_what_gives_way_is_the_oldest_and_full_messages_are_counted(
    messages: list[SDKMessage], high_water: int, limit: int
) -> None:
    buffer = MessageBuffer("s", high_water=high_water, limit=limit)
    for message in messages:
        buffer.publish([message])
    seen = drain(buffer)
    told = sum(message.dropped for message in seen if isinstance(message, MessagesDropped))
    kept = order([message for message in seen if not isinstance(message, MessagesDropped)])
    everything = order(messages)
    assert told == len(everything) - len(kept)
    assert kept == everything[told:]
    assert told == buffer.dropped


def test_below_the_high_water_mark_messages_are_the_very_ones_published() -> None:
    buffer = MessageBuffer("s")
    messages = [delta(("m", 0, "text"), "a"), delta(("m", 0, "text"), "b"), full("x")]
    buffer.publish(messages)
    assert [a is b for a, b in zip(drain(buffer), messages, strict=True)] == [True] * 3


def test_twenty_thousand_deltas_at_once_become_few_and_stay_whole() -> None:
    buffer = MessageBuffer("s")
    buffer.publish([delta(("m", 0, "text"), str(n)) for n in range(20_000)])
    buffer.publish([full("end")])
    seen = drain(buffer)
    assert len(seen) == 514
    assert joined(seen) == {("m", 0, "text"): "".join(map(str, range(20_000)))}
    assert buffer.dropped == 0


@pytest.mark.anyio
async def test_a_consumer_that_wants_no_single_deltas_gets_what_waits_as_one_until_it_wants_them_again() -> None:
    buffer = MessageBuffer("s")
    words = [delta(("m", 0, "text"), letter) for letter in "abcdef"]
    buffer.publish(words[:2])
    buffer.join(0)
    buffer.publish([words[2], words[3], full("between")])
    buffer.publish([words[4], words[5]])
    buffer.join()
    buffer.publish(words[:2])
    buffer.close()
    told = [message async for message in buffer]
    texts = [message.text if isinstance(message, StreamEvent) else None for message in told]
    assert texts == ["a", "b", "cd", None, "ef", "a", "b"]


def test_outputs_of_parallel_tools_are_joined_each_to_its_own() -> None:
    buffer = MessageBuffer("s", high_water=0)
    for n in range(100):
        buffer.publish([progress("a", f"a{n}"), progress("b", f"b{n}")])
    seen = drain(buffer)
    assert [cast("ToolProgress", message).tool_use_id for message in seen] == ["a", "b"]
    assert joined(seen)["b"] == "".join(f"b{n}" for n in range(100))


def test_a_joined_delta_is_not_moved_past_a_full_message() -> None:
    buffer = MessageBuffer("s", high_water=0)
    block = ("m", 0, "text")
    buffer.publish([delta(block, "a"), delta(block, "b"), full("x"), delta(block, "c")])
    seen = drain(buffer)
    assert [m.text if isinstance(m, StreamEvent) else "full" for m in seen] == ["ab", "full", "c"]


def test_joined_messages_keep_their_origin_and_other_fields() -> None:
    buffer = MessageBuffer("s", high_water=0)
    buffer.publish([progress("a", "1"), progress("a", "2"), delta(("m", 3, "thinking"), "x"), full("y")])
    output, thought, _ = drain(buffer)
    assert isinstance(output, ToolProgress)
    assert (output.tool_name, output.output, output.source) == ("Bash", "12", SOURCE)
    assert isinstance(thought, StreamEvent)
    assert thought.to_wire() == delta(("m", 3, "thinking"), "x").to_wire()
    assert thought.thinking == "x"
    assert thought.text == ""


def test_deltas_of_sub_agents_are_kept_apart() -> None:
    def child(parent: str, text: str) -> SDKMessage:
        wire = delta((None, 0, "text"), text).to_wire()
        return parse_message({**wire, "parent_tool_use_id": parent})

    buffer = MessageBuffer("s", high_water=0)
    buffer.publish([child("p1", "a"), child("p2", "b"), child("p1", "c")])
    assert [(m.parent_tool_use_id, cast("StreamEvent", m).text) for m in drain(buffer)] == [("p1", "ac"), ("p2", "b")]


@pytest.mark.anyio
async def test_a_consumer_that_catches_up_gets_single_deltas_again() -> None:
    buffer = MessageBuffer("s", high_water=1)
    block = ("m", 0, "text")
    with anyio.fail_after(30):
        buffer.publish([delta(block, "a"), delta(block, "b"), delta(block, "c")])
        assert [cast("StreamEvent", await anext(buffer)).text for _ in range(2)] == ["a", "bc"]
        buffer.publish([delta(block, "d")])
        buffer.publish([delta(block, "e")])
        assert [cast("StreamEvent", await anext(buffer)).text for _ in range(2)] == ["d", "e"]


@pytest.mark.anyio
async def test_the_notice_comes_before_what_was_kept_and_only_once() -> None:
    buffer = MessageBuffer("s", limit=2)
    with anyio.fail_after(30):
        buffer.publish([full(str(n)) for n in range(5)])
        notice = await anext(buffer)
        assert isinstance(notice, MessagesDropped)
        assert (notice.dropped, notice.session_id) == (3, "s")
        assert notice.source is not None
        assert notice.source.synthetic
        buffer.close()
        assert [getattr(message, "content", None) async for message in buffer] == ["3", "4"]


def test_after_the_end_nothing_is_taken() -> None:
    buffer = MessageBuffer("s", high_water=0)
    buffer.close()
    buffer.publish([full("late")])
    assert drain(buffer) == []


def test_dropping_the_buffer_frees_what_it_held() -> None:
    buffer = MessageBuffer("s", high_water=0)
    buffer.publish([full("x"), delta(("m", 0, "text"), "y")])
    alive = weakref.ref(buffer)
    del buffer
    gc.collect()
    assert alive() is None
