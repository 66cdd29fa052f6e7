# pyright: reportPrivateUsage=false
from __future__ import annotations

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from agent_sdk_core.transport.framing import LineFramer, OversizedLine

STREAMS = st.lists(st.sampled_from([b"\n", b"\r", b"\r\n", b"a", b"{}", b'{"k":1}', b"\xff", b"x" * 12]), max_size=40)


def frame(chunks: list[bytes], max_line: int) -> list[bytes | OversizedLine]:
    framer = LineFramer(max_line)
    values = [value for chunk in chunks for value in framer.feed(chunk)]
    return values + framer.finish()


def expected(stream: bytes, max_line: int) -> list[bytes | OversizedLine]:
    values: list[bytes | OversizedLine] = []
    for piece in stream.split(b"\n"):
        if len(piece) > max_line:
            values.append(OversizedLine(len(piece), piece[:256]))
        elif piece.removesuffix(b"\r"):
            values.append(piece.removesuffix(b"\r"))
    return values


@settings(deadline=None)
@given(parts=STREAMS, cuts=st.lists(st.integers(0, 200), max_size=8), max_line=st.integers(1, 20))
def test_any_split_of_a_stream_gives_the_same_values(parts: list[bytes], cuts: list[int], max_line: int) -> None:
    stream = b"".join(parts)
    places = sorted({0, len(stream), *(cut for cut in cuts if cut <= len(stream))})
    chunks = [stream[start:end] for start, end in pairwise(places)]

    assert frame(chunks, max_line) == expected(stream, max_line)
    assert frame([stream], max_line) == expected(stream, max_line)
    assert frame([stream[i : i + 1] for i in range(len(stream))], max_line) == expected(stream, max_line)


def test_lines_that_end_with_crlf_and_empty_lines_are_tolerated() -> None:
    assert frame([b"one\r\n\r\n\ntwo\r", b"\nthree"], 100) == [b"one", b"two", b"three"]


def test_an_oversized_line_is_reported_once_and_the_stream_goes_on() -> None:
    framer = LineFramer(1000)
    values: list[bytes | OversizedLine] = []
    for chunk in [b"a\n" + b"b" * 600, b"b" * 600, b"b" * 600 + b"\nc\n"]:
        values += framer.feed(chunk)
    assert values == [b"a", OversizedLine(1800, b"b" * 256), b"c"]
    assert framer.finish() == []


def test_the_rest_of_an_oversized_line_is_not_kept() -> None:
    framer = LineFramer(1000)
    for _ in range(1000):
        assert framer.feed(b"z" * 1000) == []
    assert framer._parts == []
    assert framer.finish() == [OversizedLine(1_000_000, b"z" * 256)]


def test_the_head_of_an_oversized_line_that_came_byte_by_byte_is_whole() -> None:
    framer = LineFramer(10)
    for number in range(300):
        framer.feed(bytes([65 + number % 26]))
    head = bytes(65 + number % 26 for number in range(256))
    assert framer.finish() == [OversizedLine(300, head)]


def test_each_piece_of_a_line_of_many_chunks_is_copied_once() -> None:
    framer = LineFramer()
    chunk = b"x" * 65536
    for _ in range(800):
        framer.feed(chunk)
    # Kept by reference until the line is complete: no copy grows with what came before.
    assert all(part is chunk for part in framer._parts)
    [line] = framer.feed(b"\n")
    assert isinstance(line, bytes)
    assert len(line) == 800 * 65536
