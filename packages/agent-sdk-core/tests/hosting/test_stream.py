"""The ordered stream of a chat or session: cursors, what is remembered, deltas that are joined, waits."""

from __future__ import annotations

from collections.abc import Sequence

import anyio
import anyio.lowlevel
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent_sdk_core.errors import InvalidRequestError
from agent_sdk_core.hosting.stream import FAR_BEHIND, Cursor, Entry, EventStream, Piece, joined

pytestmark = pytest.mark.anyio


def piece(text: str, block: str = "a") -> Piece:
    return Piece((block,), text, lambda data, joined: {**data, "text": joined})


def delta(stream: EventStream, text: str, block: str = "a") -> int:
    return stream.publish("message", {"text": text}, piece(text, block))


def told(entries: Sequence[Entry] | None) -> list[tuple[int, object]]:
    return [(entry.seq, entry.data.get("text")) for entry in entries or ()]


def test_a_reader_with_its_cursor_misses_nothing_and_sees_nothing_twice() -> None:
    stream = EventStream()
    for text in ("one", "two", "three"):
        stream.publish("message", {"text": text})
    seen = stream.since(Cursor(stream.epoch, 1))
    assert told(seen) == [(2, "two"), (3, "three")]
    assert stream.since(stream.cursor) == []


@pytest.mark.parametrize("seq", range(8))
def test_wherever_a_reader_was_cut_off_the_text_comes_out_whole(seq: int) -> None:
    stream = EventStream()
    pieces = ["He", "l", "lo", ", ", "wor", "ld", "!"]
    for text in pieces:
        delta(stream, text)
    rest = stream.since(Cursor(stream.epoch, seq))
    assert rest is not None
    before = "".join(pieces[:seq])
    assert before + "".join(entry.data["text"] for entry in rest) == "Hello, world!"
    assert len(rest) == (0 if seq == 7 else 1)


def test_deltas_of_two_blocks_are_not_joined() -> None:
    stream = EventStream()
    for text, block in (("a", "1"), ("b", "1"), ("c", "2"), ("d", "1")):
        delta(stream, text, block)
    stream.publish("chat", {"text": "x"})
    delta(stream, "e", "1")
    assert told(stream.since(Cursor(stream.epoch, 0))) == [(2, "ab"), (3, "c"), (4, "d"), (5, "x"), (6, "e")]


def test_a_reader_may_take_deltas_singly_unless_it_is_far_behind() -> None:
    stream = EventStream()
    for text in "abcde":
        delta(stream, text)
    assert told(stream.since(Cursor(stream.epoch, 1), singly=3)) == [(2, "b"), (3, "c"), (4, "d")]
    assert told(stream.since(Cursor(stream.epoch, 3), singly=3)) == [(4, "d"), (5, "e")]
    for _ in range(FAR_BEHIND):
        delta(stream, "x")
    assert told(stream.since(Cursor(stream.epoch, 0), singly=3)) == [(FAR_BEHIND + 5, "abcde" + "x" * FAR_BEHIND)]


def test_a_cursor_of_another_life_or_of_the_future_is_not_followed() -> None:
    stream = EventStream()
    stream.publish("chat", {})
    assert stream.since(Cursor("elsewhere", 0)) is None
    assert stream.since(Cursor(stream.epoch, 2)) is None


def test_a_stream_remembers_a_number_of_entries() -> None:
    stream = EventStream(limit=3)
    for _ in range(10):
        stream.publish("chat", {})
    assert stream.since(Cursor(stream.epoch, 6)) is None
    assert [entry.seq for entry in stream.since(Cursor(stream.epoch, 7)) or ()] == [8, 9, 10]


def test_a_long_answer_is_remembered_whole() -> None:
    stream = EventStream(limit=100)
    stream.publish("chat", {"text": "before"})
    for number in range(10_000):
        delta(stream, f"{number},")
    whole = "".join(f"{number}," for number in range(10_000))
    assert told(stream.since(Cursor(stream.epoch, 1))) == [(10_001, whole)]
    for seen in (2, 4_000, 9_990):
        rest = "".join(f"{number}," for number in range(seen - 1, 10_000))
        assert told(stream.since(Cursor(stream.epoch, seen))) == [(10_001, rest)], seen


def test_what_is_whole_is_forgotten_though_deltas_are_joined() -> None:
    stream = EventStream(limit=10)
    for number in range(40):
        stream.publish("chat", {"text": number})
        delta(stream, "x")
    assert stream.since(Cursor(stream.epoch, 69)) is None
    assert told(stream.since(Cursor(stream.epoch, 78))) == [(79, 39), (80, "x")]


PUBLISHED = st.lists(st.tuples(st.sampled_from("abw"), st.text("xyz", max_size=30)), max_size=120)
"""Deltas of two blocks, and what is whole."""


@given(PUBLISHED, st.integers(1, 20), st.sampled_from([400, 2_000, 20_000, 2**24]))
@settings(max_examples=150)
def test_what_is_remembered_is_what_was_told_from_wherever_it_is_read(
    published: list[tuple[str, str]], limit: int, max_bytes: int
) -> None:
    stream, all_of_it = EventStream(limit=limit, max_bytes=max_bytes), list[Entry]()
    for block, text in published:
        added = None if block == "w" else piece(text, block)
        all_of_it.append(Entry(stream.publish("message", {"text": text}, added), "message", {"text": text}, added))
    known = [seq for seq in range(stream.seq + 1) if stream.since(Cursor(stream.epoch, seq)) is not None]
    assert known == list(range(known[0], stream.seq + 1)), "what is remembered is the end, without a hole"
    assert len(known) > min(limit, len(published), 1)
    for seq in known:
        assert told(stream.since(Cursor(stream.epoch, seq))) == told(joined(all_of_it[seq:]))
        singly = stream.since(Cursor(stream.epoch, seq), singly=5) or []
        assert len(singly) <= 5
        assert told(joined(singly))[:-1] == told(joined(all_of_it[seq : singly[-1].seq if singly else seq]))[:-1]


def test_a_stream_remembers_a_number_of_bytes_and_always_the_last_entry() -> None:
    stream = EventStream(max_bytes=1_000)
    for _ in range(3):
        stream.publish("message", {"text": "x" * 600})
    assert stream.since(Cursor(stream.epoch, 1)) is None
    assert len(stream.since(Cursor(stream.epoch, 2)) or ()) == 1


async def test_a_wait_ends_with_the_next_entry() -> None:
    stream = EventStream()
    woken: list[int] = []

    async def wait() -> None:
        await stream.more(0)
        woken.append(stream.seq)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(wait)
        tasks.start_soon(wait)
        await anyio.lowlevel.checkpoint()
        delta(stream, "x")
    assert woken == [1, 1]


async def test_a_wait_for_a_whole_entry_passes_over_deltas() -> None:
    stream = EventStream()
    async with anyio.create_task_group() as tasks:

        async def wait() -> None:
            await stream.more(0, deltas=3)
            assert stream.seq == 3

        tasks.start_soon(wait)
        for text in ("a", "b"):
            await anyio.lowlevel.checkpoint()
            delta(stream, text)
        await anyio.lowlevel.checkpoint()
        stream.publish("chat", {})


async def test_a_closed_stream_takes_nothing_and_keeps_nobody_waiting() -> None:
    stream = EventStream()
    stream.publish("chat", {})
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(stream.more, 1)
        await anyio.lowlevel.checkpoint()
        stream.close()
    assert stream.closed
    assert stream.publish("chat", {}) == 0
    assert len(stream.since(Cursor(stream.epoch, 0)) or ()) == 1


def test_a_cursor_is_text_and_back() -> None:
    assert Cursor.parse(str(Cursor("abc", 12))) == Cursor("abc", 12)
    assert EventStream().publish("chat", {"text": "x"}) == 1


@pytest.mark.parametrize("text", ["", "abc", "abc.", ".1", "abc.-1", "abc.x", "abc.²", f"abc.{'9' * 16}"])
def test_what_is_no_cursor_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequestError, match="cursor"):
        Cursor.parse(text)


def test_an_entry_crosses_as_json() -> None:
    stream = EventStream()
    stream.publish("answered", {"request_id": "r"})
    entries = stream.since(Cursor(stream.epoch, 0)) or []
    assert [entry.to_wire() for entry in entries] == [{"seq": 1, "kind": "answered", "request_id": "r"}]
