from __future__ import annotations

from typing import Any

import pytest

from agent_sdk_core.wire import reading

ODD: list[object] = [None, "", "text", 7, 1.5, True, [], [1], {}, {"a": 1}]
MEMBERS: dict[str, Any] = {"a": None, "b": True, "c": [1, "x", {}], "d": {}, "e": "text", "f": 3}


@pytest.mark.parametrize("value", ODD)
def test_anything_is_read_as_what_it_should_be_or_as_nothing(value: object) -> None:
    assert (reading.text_of(value) is value) is (value is None or isinstance(value, str))
    assert reading.filled_text(value) == (value if value == "text" else None)
    assert (reading.as_record(value) is value) is (value is None or value in ({}, {"a": 1}))
    assert reading.record_of(value) == ({"a": 1} if value == {"a": 1} else {})
    assert reading.records_of(value) == []
    assert reading.texts_of(value) == []
    assert reading.count_of(value) == (7 if value == 7 and value is not True else 0)


def test_lists_keep_what_fits() -> None:
    mixed = [{"a": 1}, "x", None, {"b": 2}, ["y"], ""]
    assert reading.records_of(mixed) == [{"a": 1}, {"b": 2}]
    assert reading.texts_of(mixed) == ["x", ""]


def test_a_member_of_another_type_reads_as_absent() -> None:
    assert [reading.text_at(MEMBERS, key) for key in "abcdef"] == ["", "", "", "", "text", ""]
    assert [reading.optional_text_at(MEMBERS, key) for key in "aef"] == [None, "text", None]
    assert [reading.integer_at(MEMBERS, key) for key in "abf"] == [None, None, 3]
    assert reading.record_at(MEMBERS, "e") == {}
    assert reading.records_at(MEMBERS, "c") == [{}]
    assert reading.records_at(MEMBERS, "e") == []
    assert reading.texts_at(MEMBERS, "c") == ["x"]
    assert reading.texts_at(MEMBERS, "a") == []


def test_a_copy_has_objects_and_lists_of_its_own_however_deep_they_are() -> None:
    given = {"a": [1, {"b": [2]}], "c": None}
    own = reading.copied(given)
    own["a"][1]["b"].append(3)
    own["d"] = True
    assert given == {"a": [1, {"b": [2]}], "c": None}
    assert reading.copied("text") == "text"
    deep: Any = []
    for _ in range(10_000):
        deep = [deep]
    assert len(reading.copied(deep)) == 1
