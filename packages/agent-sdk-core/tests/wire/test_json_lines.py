from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent_sdk_core.errors import InvalidRequestError
from agent_sdk_core.wire.json_lines import BadLine, decode_line, encode_line, json_object

TEXT = st.text(st.characters(codec=None, exclude_categories=[]), max_size=20)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | TEXT,
    lambda children: st.lists(children, max_size=4) | st.dictionaries(TEXT, children, max_size=4),
    max_leaves=10,
)


@settings(deadline=None)
@given(value=VALUES)
def test_every_value_becomes_one_line_of_valid_utf8_that_can_be_read(value: object) -> None:
    line = encode_line(value)
    assert line.count(b"\n") == 1
    assert line.endswith(b"\n")
    line.decode("utf-8")
    assert not isinstance(decode_line(line), BadLine)


@settings(deadline=None)
@given(text=st.text(max_size=50))
def test_text_survives_the_round_trip(text: str) -> None:
    assert decode_line(encode_line({"text": text})) == {"text": text}


def test_lone_surrogates_are_replaced_and_pairs_are_joined() -> None:
    assert encode_line({"a": "x\udcffy", "b": "\ud83d\ude00"}) == '{"a":"x\ufffdy","b":"😀"}\n'.encode()


def test_line_separators_that_node_ends_a_line_at_are_escaped() -> None:
    assert encode_line("a\u2028b\u2029c\u2014") == '"a\\u2028b\\u2029c\u2014"\n'.encode()


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
def test_numbers_that_json_does_not_know_are_refused(number: float) -> None:
    with pytest.raises(ValueError, match="NaN or an infinity"):
        encode_line({"a": [number]})


def test_a_value_that_contains_itself_is_refused() -> None:
    loop: list[object] = []
    loop.append(loop)
    with pytest.raises(ValueError, match="contains itself"):
        encode_line(loop)


def test_a_value_that_is_nested_too_deeply_is_refused() -> None:
    deep: list[object] = []
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(ValueError, match="nested too deeply"):
        encode_line(deep)


def test_an_object_that_is_not_json_is_refused() -> None:
    with pytest.raises(TypeError):
        encode_line({"a": object()})


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"WARN something happened", None),
        (b"{broken", None),
        (b"", "blank"),
        (b"  \t", "blank"),
        (b"\xff\xfe", None),
        (b"[" * 5000, None),
    ],
)
def test_what_is_not_json_becomes_a_bad_line(line: bytes, reason: str | None) -> None:
    value = decode_line(line)
    assert isinstance(value, BadLine)
    assert value.text == line.decode("utf-8", "replace")
    assert value.reason == (reason or value.reason) != ""


def test_the_report_of_a_bad_line_is_bounded() -> None:
    value = decode_line(b"x" * 100_000)
    assert isinstance(value, BadLine)
    assert len(value.text) == 8192


def test_a_message_with_a_bad_byte_is_not_lost() -> None:
    assert decode_line(b'{"delta":"caf\xe9"}') == {"delta": "caf\ufffd"}


def test_a_message_with_half_an_emoji_is_not_lost() -> None:
    line = json.dumps({"delta": ["\ud83d"], "key\udc00": 1, "pair": "\ud83d\ude00"}).encode()
    assert decode_line(line) == {"delta": ["\ufffd"], "key\ufffd": 1, "pair": "😀"}


def test_a_line_may_end_with_a_carriage_return() -> None:
    assert decode_line(b'{"a":1}\r') == {"a": 1}


def test_half_a_character_in_an_object_is_replaced_as_in_a_line() -> None:
    assert json_object(r'{"a": "half \ud83d", "b\udc00": 1}', "It") == {"a": "half \ufffd", "b\ufffd": 1}
    assert json_object(rb'{"a": "\ud83d\ude00"}', "It") == {"a": "\U0001f600"}


@pytest.mark.parametrize("text", [r'{"a": "\ud8"}', r'{"a": "\ud800", "b": ' + "[" * 900 + "]" * 900 + "}", "", "[1]"])
def test_what_is_no_object_is_told(text: str) -> None:
    with pytest.raises(InvalidRequestError, match="It is"):
        json_object(text, "It")
