from __future__ import annotations

import pytest

from agent_sdk_testing import call, deltas, malformed, reasoning


def test_the_arguments_of_a_call_are_merged_from_the_mapping_and_the_names() -> None:
    made = call("spawn", {"call_id": 1}, task="x", call_id="c", namespace="n")
    assert (made.name, made.arguments, made.call_id, made.namespace) == (
        "spawn",
        '{"call_id": 1, "task": "x"}',
        "c",
        "n",
    )


def test_arguments_given_as_a_string_are_sent_as_they_are() -> None:
    assert call("exec", "{broken").arguments == "{broken"
    with pytest.raises(ValueError, match="sent as they are"):
        call("exec", "{}", cmd="ls")


def test_deltas_are_chunks_of_one_text() -> None:
    assert list(deltas(3, "ab").chunks) == ["ab", "ab", "ab"]


def test_raw_reasoning_may_be_one_string_or_chunks() -> None:
    assert reasoning("s", raw="one").raw == ("one",)
    assert reasoning(raw=["a", "b"]).raw == ["a", "b"]


def test_malformed_data_may_be_text_or_bytes() -> None:
    assert malformed("x\n").data == b"x\n"
    assert malformed(b"\xff").data == b"\xff"
