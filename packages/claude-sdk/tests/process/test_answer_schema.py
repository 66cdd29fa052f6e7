from __future__ import annotations

from typing import Any

import pytest

from agent_sdk_core import InvalidRequestError
from claude_sdk.process.answer_schema import answer_form


def sent(part: Any, **whole: Any) -> Any:
    schema = {"type": "object", "properties": {"a": part}, "required": ["a"], **whole}
    return answer_form(schema).sent["properties"]["a"]


def test_a_plain_schema_is_sent_as_it_is() -> None:
    schema = {
        "type": "object",
        "properties": {"a": {"$ref": "#/$defs/A"}, "b": {"type": "string", "pattern": "^a\\d+(?:x|y)?[^b-d]{2,3}$"}},
        "$defs": {"A": {"oneOf": [{"type": "integer"}, {"type": "null"}], "default": None}},
        "additionalProperties": {"type": "string", "format": "date"},
    }
    assert answer_form(schema).sent == schema


@pytest.mark.parametrize(
    ("part", "becomes"),
    [
        ({"type": "array", "prefixItems": [{"type": "string"}]}, {"type": "array", "items": [{"type": "string"}]}),
        (
            {"type": "array", "prefixItems": [{"type": "string"}], "items": {"type": "null"}},
            {"type": "array", "items": [{"type": "string"}], "additionalItems": {"type": "null"}},
        ),
        (
            {"oneOf": [{"type": "string"}], "discriminator": {"propertyName": "k"}, "x-mine": 1},
            {"oneOf": [{"type": "string"}]},
        ),
        (
            {"type": "object", "dependentRequired": {"a": ["b"]}, "dependentSchemas": {"c": {"x-mine": 1}}},
            {"type": "object", "dependencies": {"a": ["b"], "c": {}}},
        ),
        (
            {"type": "array", "contains": True, "minContains": 2},
            {"type": "array", "contains": True, "description": 'It has to fit: {"minContains": 2}'},
        ),
        (
            {"type": "string", "pattern": "(?P<year>a)"},
            {"type": "string", "description": 'It has to fit: {"pattern": "(?P<year>a)"}'},
        ),
        ({"enum": [{"prefixItems": 1}]}, {"enum": [{"prefixItems": 1}]}),
    ],
)
def test_what_its_validator_refuses_is_said_otherwise_or_told(part: Any, becomes: Any) -> None:
    assert sent(part) == becomes


@pytest.mark.parametrize("pattern", ["a\\-b", "a++", "(?i)a", "\\Aa\\Z", "a{", "]", "(*)", "a{2}{3}", "(?>a)", "\\_"])
def test_a_pattern_that_javascript_reads_otherwise_is_left_out(pattern: str) -> None:
    try:
        part = sent({"type": "string", "pattern": pattern})
    except InvalidRequestError:
        return  # Python itself knows no such pattern, so that no answer could be checked.
    assert "pattern" not in part
    assert "pattern" in part["description"]


def test_the_whole_is_an_object() -> None:
    node = {"type": "object", "properties": {"next": {"$ref": "#/$defs/Node"}}}
    form = answer_form(
        {"$ref": "#/$defs/Node", "$defs": {"Node": node}, "$schema": "http://json-schema.org/draft-07/schema#"}
    )
    assert form.sent == {**node, "$defs": {"Node": node}}
    assert form.restore({"next": {}}) == {"next": {}}


OTHER_TYPES: list[Any] = [
    {"type": "array", "items": {"type": "integer"}},
    {"enum": ["a"]},
    {"anyOf": [{"type": "object", "properties": {}}]},
    {"type": ["object", "null"], "properties": {}},
    {"allOf": [{"type": "object"}], "type": "object"},
]


@pytest.mark.parametrize(
    "schema",
    OTHER_TYPES,
)
def test_an_answer_of_another_type_stands_in_an_object(schema: Any) -> None:
    form = answer_form(schema)
    assert form.sent["type"] == "object"
    assert form.sent["properties"] == {"value": schema}
    assert form.restore({"value": 7}) == 7


def test_references_follow_what_moved_into_an_object() -> None:
    leaf = {"type": "object", "properties": {"of": {"$ref": "#"}}}
    items = {"anyOf": [{"$ref": "#"}, {"$ref": "#/$defs/Leaf"}]}
    form = answer_form({"type": "array", "items": items, "$defs": {"Leaf": leaf}})
    assert form.sent["properties"]["value"]["items"]["anyOf"] == [
        {"$ref": "#/properties/value"},
        {"$ref": "#/$defs/Leaf"},
    ]
    assert form.sent["$defs"]["Leaf"]["properties"]["of"] == {"$ref": "#/properties/value"}
