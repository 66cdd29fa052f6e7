from __future__ import annotations

import pytest

from claude_sdk.frames import blocks, number, record, records, text, texts

ODD: list[object] = [None, "", "text", 7, 1.5, True, [], [1], {}, {"a": 1}]


@pytest.mark.parametrize("value", ODD)
def test_anything_is_read_as_what_it_should_be_or_as_nothing(value: object) -> None:
    assert text(value) == (value if value == "text" else None)
    assert record(value) == ({"a": 1} if value == {"a": 1} else {})
    assert records(value) == []
    assert texts(value) == []
    assert number(value) == (7 if value == 7 and value is not True else 0)


def test_lists_keep_what_fits() -> None:
    mixed = [{"a": 1}, "x", None, {"b": 2}, ["y"], ""]
    assert records(mixed) == [{"a": 1}, {"b": 2}]
    assert texts(mixed) == ["x", ""]


@pytest.mark.parametrize("frame", [{}, {"message": None}, {"message": {}}, {"message": {"content": "text"}}])
def test_a_frame_without_blocks_has_none(frame: dict[str, object]) -> None:
    assert blocks(frame) == []


def test_the_blocks_of_a_frame_are_its_messages() -> None:
    assert blocks({"message": {"content": [{"type": "text"}, "odd"]}}) == [{"type": "text"}]
