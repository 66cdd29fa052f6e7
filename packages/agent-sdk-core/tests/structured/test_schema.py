from __future__ import annotations

import json
from types import MappingProxyType
from typing import Any

import pytest
from pydantic import BaseModel

from agent_sdk_core import InvalidRequestError
from agent_sdk_core.structured.schema import OutputSchema, told


class Answer(BaseModel):
    title: str


@pytest.mark.parametrize(
    ("schema", "path", "says"),
    [
        ({"type": "nonsense"}, "type", "'nonsense'"),
        ({"properties": {"a": {"minLength": "x"}}}, "properties/a/minLength", "not of type"),
        ({"properties": {"a": {"pattern": "("}}}, "properties/a/pattern", "regex"),
        ({"properties": {"a": {"$ref": "#/$defs/b"}}}, "properties/a/$ref", "not there"),
        (
            {"properties": {"a": {"$ref": "#/properties/a/title"}, "b": {"title": "x"}}},
            "properties/a/$ref",
            "not there",
        ),
        ({"$ref": "#/title", "title": "x"}, "$ref", "no schema"),
        ({"items": [{"$ref": "#/items/1"}], "$schema": "draft-07"}, "items/0/$ref", "not there"),
        ({"properties": {"a": {"$ref": "https://example.com/a.json"}}}, "properties/a/$ref", "nothing is fetched"),
        ({"properties": {"a": {"$ref": "#a"}}, "$defs": {"a": {"$anchor": "a"}}}, "properties/a/$ref", "#/$defs/Part"),
        ({"properties": {"a": {"$dynamicRef": "#a"}}}, "properties/a/$dynamicRef", "nothing is fetched"),
        ({"properties": {"a": {"$id": "https://example.com/a"}}}, "properties/a", "$id"),
        ({"$ref": "#"}, "", "itself"),
        ({"$defs": {"a": {"anyOf": [{"$ref": "#/$defs/a"}, {"type": "null"}]}}}, "$defs/a", "itself"),
        ({"$schema": "http://json-schema.org/draft-04/schema#"}, "$schema", "dialects"),
        ({"required": {"a"}}, "", "{'a'} is a set"),
        ({"minimum": float("nan")}, "", "JSON"),
        ({"const": b"x"}, "", "bytes"),
        ([], "", r"not \[\]"),
        ("{}", "", "mapping"),
        (Answer, "", r"such as Model.model_json_schema\(\)"),
    ],
)
def test_a_schema_that_is_none_is_refused_with_its_place(schema: Any, path: str, says: str) -> None:
    with pytest.raises(
        InvalidRequestError, match=f"SessionOptions.output_schema.*{says.replace('$', '[$]')}"
    ) as caught:
        OutputSchema(schema)
    assert caught.value.details["path"] == path
    assert "\n" not in str(caught.value)


def test_a_schema_that_is_nested_without_end_is_refused() -> None:
    endless: dict[str, Any] = {}
    endless["not"] = endless
    with pytest.raises(InvalidRequestError, match="JSON"):
        OutputSchema(endless)


def test_the_schema_is_a_copy_in_plain_json() -> None:
    given = {"type": "object", "properties": MappingProxyType({"a": {"enum": ("x", 1)}})}
    schema = OutputSchema(MappingProxyType(given))
    assert schema.schema == {"type": "object", "properties": {"a": {"enum": ["x", 1]}}}
    given["type"] = "nonsense"
    assert schema.fits({"a": "x"})
    assert not schema.fits({"a": "y"})


@pytest.mark.parametrize("dialect", ["http://json-schema.org/draft-07/schema#", "draft-06", "draft/2019-09", "2020-12"])
def test_later_dialects_are_known(dialect: str) -> None:
    schema = OutputSchema({"$schema": dialect, "properties": {"a": {"type": "integer"}}})
    assert schema.problems({"a": "x"}) == [{"path": "a", "message": "'x' is not of type 'integer'"}]


def test_references_are_followed_and_may_go_round() -> None:
    schema = OutputSchema(
        {
            "$ref": "#/$defs/a~1%62",
            "$defs": {"a/b": {"type": "object", "properties": {"next": {"anyOf": [{"$ref": "#"}, {"type": "null"}]}}}},
        }
    )
    assert schema.fits({"next": {"next": None}})
    assert not schema.fits({"next": {"next": 5}})
    assert schema.at("#") is schema.schema
    with pytest.raises(LookupError):
        schema.at("#/$defs/c")


def test_a_part_is_checked_where_it_stands() -> None:
    schema = OutputSchema({"properties": {"a": {"$ref": "#/$defs/b"}}, "$defs": {"b": {"type": "string"}}})
    assert schema.fits("x", {"$ref": "#/$defs/b"})
    assert not schema.fits(None, schema.schema["properties"]["a"])


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        ("date", "2026-01-31", "tomorrow"),
        ("uuid", "01a1fb00-0000-7000-8000-000000000000", "x"),
        ("email", "a@b.example", "a"),
        ("ipv4", "127.0.0.1", "localhost"),
        ("ipv6", "::1", "x"),
        ("date-time", "any text, for it is told differently everywhere", None),
    ],
)
def test_formats_that_need_no_package_are_checked(kind: str, good: str, bad: str | None) -> None:
    schema = OutputSchema({"type": "string", "format": kind})
    assert schema.fits(good)
    assert not schema.fits(bad)


def test_problems_name_their_places_and_are_few() -> None:
    schema = OutputSchema({"type": "array", "items": {"type": "object", "properties": {"n": {"type": "integer"}}}})
    problems = schema.problems([{"n": "x" * 1000}] * 30)
    assert [problem["path"] for problem in problems] == [f"{index}/n" for index in range(10)]
    assert all(len(problem["message"]) < 400 for problem in problems)


def test_what_is_nested_too_deeply_does_not_fit() -> None:
    schema = OutputSchema({"type": "array", "items": {"$ref": "#"}})
    value: list[Any] = []
    for _ in range(5000):
        value = [value]
    assert not schema.fits(value)
    assert schema.problems(value) == [{"path": "", "message": "It is nested too deeply to be checked."}]


def test_lost_rules_are_told_and_words_are_not() -> None:
    assert told({"type": "string"}, {"default": "x", "x-of-mine": 1}) == {"type": "string"}
    assert told({"description": "A name."}, {"minLength": 3}) == {
        "description": f"A name.\nIt has to fit: {json.dumps({'minLength': 3})}"
    }


@pytest.mark.parametrize(("number", "why"), [(10**400, "OverflowError"), (float("nan"), "ValueError")])
def test_a_value_that_cannot_be_checked_does_not_fit_and_nothing_is_raised(number: float, why: str) -> None:
    asked = OutputSchema({"type": "number", "multipleOf": 0.1})
    assert not asked.fits(number)
    [problem] = asked.problems(number)
    assert problem["message"].startswith(f"It cannot be checked: {why}")
