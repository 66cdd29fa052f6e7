"""A surface is read out of JSON Schema bundles, whatever way a type is written there."""

from __future__ import annotations

from typing import Any

import pytest

from codex_sdk.drift.reading import read_surface
from codex_sdk.drift.surface import Field, Method, Shape, Surface

Json = dict[str, Any]


def method(name: str, params: Any = None) -> Json:
    properties: Json = {"method": {"enum": [name]}}
    return {"properties": properties if params is None else {**properties, "params": params}}


def ref(name: str) -> Json:
    return {"$ref": f"#/definitions/v2/{name}"}


def const(value: str) -> Json:
    return {"enum": [value], "type": "string"}


def bundle(requests: list[Json], **types: Any) -> Json:
    return {"definitions": {"ClientRequest": {"oneOf": requests}, "v2": types}}


def read(*requests: Json, responses: dict[str, str] | None = None, **types: Any) -> Surface:
    one = bundle(list(requests), **types)
    return read_surface("1.0.0", one, one, responses or {})


def shape_of(schema: Json, **types: Any) -> Shape:
    return read(method("go", ref("GoParams")), GoParams=schema, **types).shapes["GoParams"]


def field_of(schema: Any, **types: Any) -> str:
    fields = shape_of({"type": "object", "properties": {"x": schema}}, **types).fields
    return fields["x"].type


@pytest.mark.parametrize(
    ("schema", "expression"),
    [
        ({"type": "string", "format": "uuid", "description": "prose"}, "string"),
        ({"type": ["string", "null"], "default": None}, "null | string"),
        ({"type": "array", "items": {"type": "integer"}}, "[integer]"),
        ({"type": "array"}, "[any]"),
        ({"type": "array", "items": [{"type": "string"}]}, "[any]"),
        ({"type": "object", "additionalProperties": {"type": "boolean"}}, "{boolean}"),
        ({"type": "object"}, "{any}"),
        (True, "any"),
        ({"description": "anything"}, "any"),
        ({"anyOf": [{"type": "null"}, {"$ref": "#/definitions/Other"}]}, "Other | null"),
        ({"allOf": [{"$ref": "#/definitions/Other"}], "default": "x"}, "Other"),
        (const("only"), '"only"'),
    ],
)
def test_a_type_is_an_expression(schema: Any, expression: str) -> None:
    assert field_of(schema, Other={"type": "string"}) == expression


def test_what_is_required_is_told() -> None:
    schema = {"type": "object", "properties": {"a": {"type": "string"}, "b": {"type": "string"}}, "required": ["a"]}
    assert shape_of(schema).fields == {"a": Field("string", required=True), "b": Field("string")}


def test_what_is_written_in_place_gets_a_name_of_its_own() -> None:
    inner = {"type": "object", "properties": {"mode": {"type": "string", "enum": ["on", "off", None]}}}
    surface = read(method("go", ref("GoParams")), GoParams={"type": "object", "properties": {"x": inner}})
    assert surface.shapes["GoParams"].fields["x"].type == "GoParams.x"
    assert surface.shapes["GoParams.x"].fields["mode"].type == "GoParams.x.mode | null"
    assert surface.shapes["GoParams.x.mode"].values == ("on", "off")


def test_an_enumeration_in_pieces_is_one() -> None:
    assert shape_of({"oneOf": [const("a"), {"enum": ["b", "c"], "type": "string"}]}).values == ("a", "b", "c")
    assert shape_of({"enum": ["a", "b"], "type": "string"}) == Shape(values=("a", "b"))


def test_a_union_with_a_tag_has_a_variant_a_value_and_the_shared_fields() -> None:
    def part(value: str, **fields: Any) -> Json:
        return {"type": "object", "properties": {"type": const(value), **fields}, "required": ["type"]}

    schema = {"oneOf": [part("a", x={"type": "string"}), part("b")], "properties": {"id": {"type": "string"}}}
    shared = {"id": Field("string")}
    variants = {"a": {**shared, "x": Field("string")}, "b": shared}
    assert shape_of(schema) == Shape(variants=variants, tag="type")


def test_alternatives_within_a_variant_are_optional_fields() -> None:
    choices = [{"type": "object", "properties": {key: {"type": "string"}}, "required": [key]} for key in ("url", "id")]
    part = {"type": "object", "properties": {"type": const("image")}, "required": ["type"], "anyOf": choices}
    assert shape_of({"oneOf": [part]}).variants == {"image": {"url": Field("string"), "id": Field("string")}}


def test_a_union_without_a_tag_is_told_apart_by_its_keys_and_may_hold_strings() -> None:
    part = {"type": "object", "properties": {"granular": {"type": "boolean"}}, "required": ["granular"]}
    other = {"type": "object", "properties": {"z": {"type": "string"}, "y": {"type": "string"}}}
    shape = shape_of({"anyOf": [const("never"), part, other, {"type": ["string", "object"]}]})
    assert shape.values == ("never",)
    assert shape.variants == {
        "granular": {"granular": Field("boolean", required=True)},
        "y": {"y": Field("string"), "z": Field("string")},
    }
    assert shape.alias == "string | {any}"


def test_a_union_of_names_is_an_alias() -> None:
    union = {"anyOf": [ref("A"), ref("B")], "properties": {"shared": {"type": "string"}}}
    shape = shape_of(union, A={"type": "string"}, B={"type": "string"})
    assert (shape.alias, shape.fields) == ("A | B", {"shared": Field("string")})


def test_only_what_the_methods_lead_to_is_kept() -> None:
    inner = {"type": "object", "properties": {"deep": {"type": "array", "items": ref("Deep")}}}
    surface = read(method("go", ref("GoParams")), GoParams=inner, Deep={"type": "string"}, Alone={"type": "string"})
    assert sorted(surface.shapes) == ["Deep", "GoParams"]


def test_responses_are_those_that_are_known_and_those_that_the_names_tell() -> None:
    empty: Json = {"type": "object"}
    surface = read(
        method("go", ref("GoParams")),
        method("stop"),
        method("wait", {"anyOf": [{"type": "null"}, ref("WaitParams")]}),
        method("none", {"type": "null"}),
        responses={"stop": "StopResponse", "none": "GoneResponse"},
        GoParams=empty,
        GoResponse=empty,
        StopResponse=empty,
        WaitParams=empty,
        WaitResponse=empty,
    )
    assert surface.client_requests == {
        "go": Method("GoParams", "GoResponse"),
        "stop": Method(None, "StopResponse"),
        "wait": Method("WaitParams | null", "WaitResponse"),
        "none": Method(None, None),
    }


def test_what_the_stable_bundle_lacks_is_experimental() -> None:
    variant = {"type": "object", "properties": {"type": const("v"), "n": {"type": "string"}}, "required": ["type"]}
    plain = {"type": "object", "properties": {"type": const("v")}, "required": ["type"]}
    old = {"type": "object", "properties": {"a": {"type": "string"}, "u": {"oneOf": [plain]}}}
    new = {"type": "object", "properties": {"a": {"type": "string"}, "b": {"type": "string"}, "u": ref("Union")}}
    stable = bundle([method("go", ref("GoParams"))], GoParams=old, Union={"oneOf": [plain]})
    whole = bundle([method("go", ref("GoParams")), method("try")], GoParams=new, Union={"oneOf": [variant]})
    surface = read_surface("1.0.0", stable, whole, {})
    assert {name: entry.experimental for name, entry in surface.client_requests.items()} == {"go": False, "try": True}
    assert [name for name, entry in surface.shapes["GoParams"].fields.items() if entry.experimental] == ["b"]
    assert surface.shapes["Union"].variants["v"]["n"].experimental


def test_notifications_may_be_one_variant_with_shared_properties() -> None:
    one = {"definitions": {"ServerNotification": method("told", {"$ref": "#/definitions/N"}), "N": {"type": "string"}}}
    surface = read_surface("1.0.0", one, one, {})
    assert surface.server_notifications == {"told": Method("N")}
    assert surface.client_requests == {}


WRONG: list[Any] = [{}, [], {"definitions": {"ClientRequest": {"oneOf": [{}]}}}]


@pytest.mark.parametrize("wrong", WRONG)
def test_what_is_no_bundle_is_refused(wrong: Any) -> None:
    with pytest.raises(ValueError, match="no schema bundle of codex"):
        read_surface("1.0.0", wrong, wrong, {})
