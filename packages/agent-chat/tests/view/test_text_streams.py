from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent_chat.transcript.streams import TextStream, Unit


def stream(unit: Unit = "paragraph") -> TextStream:
    return TextStream("m", unit, thinking=False, nested=False)


def test_a_paragraph_is_complete_at_its_blank_line() -> None:
    text = stream()
    text.feed("one\ntwo")
    assert text.take() == ""
    text.feed("\n\nthr")
    assert text.take() == "one\ntwo\n\n"
    assert text.rest == "thr"
    assert text.finish("one\ntwo\n\nthree") == "three"


@pytest.mark.parametrize("fence", ["```", "~~~~"])
def test_blank_lines_in_a_fenced_block_end_no_paragraph(fence: str) -> None:
    text = stream()
    text.feed(f"{fence}py\na\n\nb\n``\n")
    assert text.take() == ""
    text.feed(f"{fence}\n\nafter")
    assert text.take() == f"{fence}py\na\n\nb\n``\n{fence}\n\n"


def test_lines_are_complete_one_by_one_and_blank_ones_wait_for_the_next() -> None:
    text = stream("line")
    text.feed("one\n\n")
    assert text.take() == "one\n"
    text.feed("two\nthr")
    assert text.take() == "\ntwo\n"
    assert text.finish("one\n\ntwo\nthree\n") == "three\n"


def test_a_full_text_that_contradicts_what_was_shown_is_shown_whole() -> None:
    text = stream("line")
    text.feed("one\n")
    assert text.take() == "one\n"
    assert text.finish("uno\n") == "uno\n"


def test_the_tail_of_a_long_block_stands_alone() -> None:
    text = stream()
    text.feed("```py\n" + "line of code\n" * 1000)
    assert text.tail.startswith("```\nline of code\n")
    assert len(text.tail) < 4100
    short = stream()
    short.feed("x" * 10)
    assert short.tail == "x" * 10
    long = stream()
    long.feed("words and\n" * 1000)
    assert long.tail.startswith("words and\n")


@given(st.lists(st.sampled_from(["a", "\n", "\n\n", "```", "b c", " "])), st.sampled_from(["paragraph", "line"]))
def test_what_is_taken_and_the_finish_make_the_whole_text(pieces: list[str], unit: Unit) -> None:
    text = stream(unit)
    taken = ""
    for piece in pieces:
        text.feed(piece)
        taken += text.take()
    assert taken + text.finish("".join(pieces)) == "".join(pieces)
