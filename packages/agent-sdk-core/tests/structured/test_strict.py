from __future__ import annotations

from functools import partial
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, TypeAdapter

from agent_sdk_core import InvalidRequestError
from agent_sdk_core.structured import strict
from agent_sdk_core.structured.answers import AnswerForm
from agent_sdk_testing.model.openai.refusals import strict_problem

Json = dict[str, Any]
strict_form = partial(strict.strict_form, backend="codex")
NULL = {"type": "null"}


def form_of(part: Any, **whole: Any) -> AnswerForm:
    """Return the form of an object with one property `a`, which strict mode takes."""
    form = strict_form({"type": "object", "properties": {"a": part}, "required": ["a"], **whole})
    assert strict_problem(form.sent) is None
    return form


def sent(part: Any) -> Any:
    return form_of(part).sent["properties"]["a"]


def closed(required: list[str] | None = None, **properties: Any) -> Json:
    names = list(properties) if required is None else required
    return {"type": "object", "properties": properties, "required": names, "additionalProperties": False}


@pytest.mark.parametrize(
    ("part", "becomes"),
    [
        ({"type": "string", "default": "x", "title": "A"}, {"type": "string", "title": "A"}),
        ({"type": "string", "format": "date", "pattern": "^2"}, {"type": "string", "format": "date", "pattern": "^2"}),
        (
            {"type": "string", "format": "uri", "minLength": 3, "pattern": "^(?!a)"},
            {
                "type": "string",
                "description": 'It has to fit: {"format": "uri", "minLength": 3, "pattern": "^(?!a)"}',
            },
        ),
        ({"type": "integer", "minimum": 1, "multipleOf": 5}, {"type": "integer", "minimum": 1, "multipleOf": 5}),
        ({"type": ["string", "null"]}, {"type": ["string", "null"]}),
        ({"const": "x"}, {"type": "string", "const": "x"}),
        ({"enum": ["x", 1, None], "default": 1}, {"type": ["string", "integer", "null"], "enum": ["x", 1, None]}),
        ({"oneOf": [{"type": "string"}, NULL]}, {"anyOf": [{"type": "string"}, NULL]}),
        ({"allOf": [{"type": "string"}], "default": "x"}, {"type": "string"}),
        ({"properties": {}}, closed()),
        ({"type": "object", "properties": {"b": NULL}, "additionalProperties": True}, closed(b=NULL)),
        (
            {"type": "object", "properties": {"b": {"type": "string", "description": "B."}}},
            closed(b={"anyOf": [{"type": "string"}, NULL], "description": "B."}),
        ),
        (
            {"type": "object", "properties": {"b": {"anyOf": [{"type": "string"}, NULL], "default": None}}},
            closed(b={"anyOf": [{"type": "string"}, NULL]}),
        ),
        (
            {"type": "array", "items": {"type": "string"}, "uniqueItems": True, "minItems": 1},
            {
                "type": "array",
                "items": {"type": "string"},
                "minItems": 1,
                "description": 'It has to fit: {"uniqueItems": true}',
            },
        ),
        (
            {"type": "array", "prefixItems": [{"type": "string"}, NULL], "minItems": 2, "items": False},
            {
                "type": "array",
                "items": {"anyOf": [{"type": "string"}, NULL]},
                "minItems": 2,
                "maxItems": 2,
                "description": "Its items come in the order in which their forms are listed.",
            },
        ),
        (
            {"type": "array", "prefixItems": [NULL], "items": NULL, "maxItems": 3},
            {
                "type": "array",
                "items": NULL,
                "maxItems": 3,
                "description": "Its items come in the order in which their forms are listed.",
            },
        ),
        (
            {"type": "object", "additionalProperties": {"type": "integer"}, "maxProperties": 3, "description": "Ages."},
            {
                "type": "array",
                "items": closed(key={"type": "string"}, value={"type": "integer"}),
                "maxItems": 3,
                "description": "Ages.\nAn object as a list of its keys and values, each key once.",
            },
        ),
        (
            {"type": "object", "patternProperties": {"^a": NULL}, "additionalProperties": False},
            {
                "type": "array",
                "items": closed(key={"type": "string", "pattern": "^a"}, value=NULL),
                "description": "An object as a list of its keys and values, each key once.",
            },
        ),
        (
            {"type": ["array", "null"], "items": NULL},
            {"anyOf": [{"type": "array", "items": NULL}, NULL]},
        ),
        (
            {"type": "object", "anyOf": [{"properties": {"b": NULL}, "required": ["b"]}]},
            {"anyOf": [closed(b=NULL)]},
        ),
    ],
)
def test_each_form_of_a_schema_has_a_strict_one(part: Any, becomes: Any) -> None:
    assert sent(part) == becomes


UNSAYABLE: list[tuple[Any, Any]] = [
    ({}, "properties/a"),
    (True, "properties/a"),
    (False, "properties/a"),
    ({"type": "object"}, "properties/a"),
    ({"type": "object", "additionalProperties": True}, "properties/a"),
    ({"type": "object", "additionalProperties": {}}, "properties/a"),
    ({"type": "object", "additionalProperties": {"title": "Any"}}, "properties/a/additionalProperties"),
    ({"type": "object", "patternProperties": {"a": NULL, "b": NULL}}, "properties/a"),
    ({"type": "object", "properties": {"b": {"items": {}}}}, "properties/a/properties/b/items"),
    ({"type": "object", "properties": {}, "required": ["b"]}, "properties/a/required"),
    ({"type": "array"}, "properties/a"),
    ({"type": "array", "items": False}, "properties/a"),
    ({"anyOf": [NULL, {"type": "object"}]}, "properties/a/anyOf/1"),
    ({"type": ["object", "null"]}, "properties/a"),
    ({"allOf": [NULL, NULL]}, "properties/a/allOf"),
    ({"enum": [{}]}, "properties/a"),
    ({"type": "string", "if": {}}, "properties/a/if"),
    ({"$ref": "#/$defs/B"}, "#/$defs/B/properties/c"),
]


@pytest.mark.parametrize(
    ("part", "path"),
    UNSAYABLE,
)
def test_what_strict_mode_cannot_say_is_one_error_with_its_place(part: Any, path: str) -> None:
    with pytest.raises(InvalidRequestError, match="codex cannot be asked for it") as caught:
        form_of(part, **{"$defs": {"B": {"type": "object", "properties": {"c": {}}}}})
    assert caught.value.details["path"] == path
    assert caught.value.backend == "codex"


def test_definitions_stay_and_their_references_stand_alone() -> None:
    form = form_of({"$ref": "#/$defs/B C", "description": "A."}, **{"$defs": {"B C": NULL, "unused": {}}})
    assert form.sent["properties"]["a"] == {"anyOf": [{"$ref": "#/$defs/B_C"}], "description": "A."}
    assert form.sent["$defs"] == {"B_C": NULL}


def test_references_to_any_place_become_definitions() -> None:
    schema = {
        "type": "object",
        "properties": {"a": NULL, "b": {"$ref": "#/properties/a"}, "c": {"$ref": "#/$defs/a"}, "d": {"$ref": "#"}},
        "$defs": {"a": {"type": "string"}},
    }
    form = strict_form(schema)
    assert strict_problem(form.sent) is None
    assert set(form.sent["$defs"]) == {"a", "a_", "_"}
    assert form.restore({"a": None, "b": None, "c": None, "d": {"a": None, "c": None, "d": None}}) == {
        "a": None,
        "b": None,
        "d": {"a": None},
    }


def test_nulls_of_optional_properties_are_taken_back_and_others_stay() -> None:
    form = strict_form(
        {
            "type": "object",
            "properties": {
                "dropped": {"type": "string"},
                "kept": {"type": ["string", "null"]},
                "required": NULL,
                "deep": {"type": "array", "items": {"type": "object", "properties": {"x": {"type": "integer"}}}},
            },
            "required": ["required", "deep"],
        }
    )
    answer = {"dropped": None, "kept": None, "required": None, "deep": [{"x": None}, {"x": 1}], "unasked": None}
    assert form.restore(answer) == {"kept": None, "required": None, "deep": [{}, {"x": 1}], "unasked": None}


def test_an_object_of_any_names_comes_back_as_one() -> None:
    restore = form_of({"type": "object", "additionalProperties": {"type": "object", "properties": {"n": NULL}}}).restore
    entries: list[Any] = [{"key": "x", "value": {"n": None}}, {"key": "y", "value": {}}]
    assert restore({"a": entries}) == {"a": {"x": {"n": None}, "y": {}}}
    for odd in ([{"key": "x", "value": 1}, {"key": "x", "value": 2}], [{"key": "x"}], [1], "x", None):
        assert restore({"a": odd}) == {"a": odd}


def test_the_branch_that_fits_restores_its_answers() -> None:
    branches = [
        closed(["k"], k={"const": kind}, n={"type": number}) for kind, number in (("x", "integer"), ("y", "null"))
    ]
    restore = form_of({"oneOf": branches}).restore
    assert restore({"a": {"k": "x", "n": None}}) == {"a": {"k": "x"}}
    assert restore({"a": {"k": "y", "n": None}}) == {"a": {"k": "y", "n": None}}
    assert restore({"a": {"k": "z", "n": None}}) == {"a": {"k": "z", "n": None}}


def test_what_fits_the_wider_form_of_one_branch_only_is_another_ones() -> None:
    short, long = {"type": "string", "maxLength": 2}, {"type": "object", "additionalProperties": {"type": "string"}}
    form = form_of({"anyOf": [short, long]})
    assert form.restore({"a": [{"key": "k", "value": "v"}]}) == {"a": {"k": "v"}}
    assert form.restore({"a": "too long"}) == {"a": "too long"}


@pytest.mark.parametrize("answer", [None, 1, "x", [], [None], {}, {"a": 5}, {"a": [5]}, {"value": {}}])
def test_restoring_takes_any_answer(answer: Any) -> None:
    part = {"anyOf": [{"type": "array", "items": closed(x=NULL)}, {"$ref": "#/$defs/M"}]}
    form = form_of(part, **{"$defs": {"M": {"type": "object", "additionalProperties": {"$ref": "#/$defs/M"}}}})
    form.restore(answer)


@pytest.mark.parametrize("kind", [list[int], int | str, Literal["a", "b"], dict[str, int]])
def test_an_answer_of_another_type_stands_in_an_object(kind: Any) -> None:
    form = strict_form(TypeAdapter(kind).json_schema())
    assert strict_problem(form.sent) is None
    assert list(form.sent["properties"]) == ["value"]
    wire = [{"key": "k", "value": 1}] if kind == dict[str, int] else "a"
    assert form.restore({"value": wire}) == ({"k": 1} if kind == dict[str, int] else "a")


class Node(BaseModel):
    name: str
    children: list[Node] = []
    parent: Node | None = None


def test_a_recursive_model_is_followed_at_any_depth() -> None:
    form = strict_form(Node.model_json_schema())
    assert strict_problem(form.sent) is None
    answer: Any = {"name": "leaf", "children": None, "parent": None}
    for _ in range(20):
        answer = {"name": "node", "children": [answer], "parent": None}
    restored = form.restore(answer)
    assert form.asked.problems(restored) == []
    assert Node.model_validate(restored).children[0].name == "node"


def scalars() -> st.SearchStrategy[tuple[Json, st.SearchStrategy[Any]]]:
    return st.sampled_from(
        [
            ({"type": "string"}, st.text(max_size=3)),
            ({"type": "integer", "default": 1}, st.integers(-9, 9)),
            ({"type": "boolean"}, st.booleans()),
            ({"anyOf": [{"type": "number"}, NULL]}, st.none() | st.floats(-9, 9)),
            ({"enum": ["x", "y"]}, st.sampled_from(["x", "y"])),
            ({"type": ["string", "null"]}, st.none() | st.text(max_size=2)),
        ]
    )


def composed(
    inner: st.SearchStrategy[tuple[Json, st.SearchStrategy[Any]]],
) -> st.SearchStrategy[tuple[Json, st.SearchStrategy[Any]]]:
    """Return schemas made of others, each with the wire forms of answers that fit it."""

    def objects(parts: dict[str, tuple[Json, st.SearchStrategy[Any]]], required: frozenset[str]) -> Any:
        properties = {name: schema for name, (schema, _) in parts.items()}
        values = {name: value if name in required else st.none() | value for name, (_, value) in parts.items()}
        names = [name for name in parts if name in required]
        return {"type": "object", "properties": properties, "required": names}, st.fixed_dictionaries(values)

    def lists(part: tuple[Json, st.SearchStrategy[Any]]) -> Any:
        return {"type": "array", "items": part[0]}, st.lists(part[1], max_size=2)

    def entries(part: tuple[Json, st.SearchStrategy[Any]]) -> Any:
        pairs = st.fixed_dictionaries({"key": st.text(max_size=2), "value": part[1]})
        unique = st.lists(pairs, max_size=2, unique_by=lambda pair: pair["key"])
        return {"type": "object", "additionalProperties": part[0]}, unique

    def unions(one: tuple[Json, st.SearchStrategy[Any]], two: tuple[Json, st.SearchStrategy[Any]]) -> Any:
        return {"anyOf": [one[0], two[0]]}, one[1] | two[1]

    names = st.sampled_from(["a", "b", "c"])
    return (
        st.builds(objects, st.dictionaries(names, inner, max_size=3), st.frozensets(names))
        | st.builds(lists, inner)
        | st.builds(entries, inner)
        | st.builds(unions, inner, inner)
    )


SCHEMAS = st.recursive(scalars(), composed, max_leaves=6)


@given(SCHEMAS, st.data())
def test_whatever_the_provider_may_answer_comes_back_fitting(
    made: tuple[Json, st.SearchStrategy[Any]], data: st.DataObject
) -> None:
    schema, answers = made
    form = strict_form(schema)
    assert strict_problem(form.sent) is None
    answer = data.draw(answers)
    wrapped = schema.get("type") != "object" or "properties" not in schema
    restored = form.restore({"value": answer} if wrapped else answer)
    assert form.asked.problems(restored) == []
