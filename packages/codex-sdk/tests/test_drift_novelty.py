from __future__ import annotations

import pytest

from codex_sdk.drift.novelty import Expectations, Known, Novelty
from codex_sdk.drift.surface import Field, Shape

SHAPES = {
    "Status": Shape(values=("done", "open")),
    "Thing": Shape(fields={"name": Field("string"), "status": Field("Status | null"), "parts": Field("[Part]")}),
    "Part": Shape(fields={"thing": Field("Thing | null"), "byName": Field("{Status}"), "rest": Field("any")}),
    "Item": Shape(tag="type", variants={"text": {"text": Field("string")}, "call": {"status": Field("Status")}}),
    "Error": Shape(values=("busy",), variants={"http": {"http": Field("Code")}}, alias="string | {any}"),
    "Code": Shape(fields={"code": Field("integer")}),
    "Name": Shape(alias="Status"),
    "Circle": Shape(alias="[Circle]"),
    "Either": Shape(fields={"value": Field("Thing | Code")}),
    "Nothing": Shape(),
}


def known(expression: str) -> Known | None:
    return Expectations(SHAPES.get).known(expression)


def novelties(expression: str, value: object) -> list[tuple[Novelty, str]]:
    found: list[tuple[Novelty, str]] = []
    expected = known(expression)
    assert expected is not None
    expected.look(value, lambda kind, name: found.append((kind, name)))
    return found


def test_what_the_protocol_names_is_not_new() -> None:
    thing: dict[str, object] = {"name": "a", "status": "done", "parts": []}
    part = {"thing": thing, "byName": {"x": "open"}, "rest": {"any": 1}}
    assert novelties("Thing", {"name": "b", "status": None, "parts": [part, {}]}) == []
    assert novelties("Item", {"type": "call", "status": "open"}) == []
    assert novelties("Error | null", "busy") == []
    assert novelties("Error", {"http": {"code": 1}}) == []


@pytest.mark.parametrize(
    ("expression", "value", "name"),
    [
        ("Thing", {"size": 1}, "Thing.size"),
        ("[Thing]", [{}, {"size": 1}], "Thing.size"),
        ("Thing", {"parts": [{"thing": {"parts": [{"new": 1}]}}]}, "Part.new"),
        ("Item", {"type": "text", "status": "open"}, "Item.text.status"),
        ("Error", {"http": {"code": 1, "why": ""}}, "Code.why"),
        ("Nothing", {"field": 1}, "Nothing.field"),
    ],
)
def test_a_field_is_named_after_the_shape_that_lacks_it(expression: str, value: object, name: str) -> None:
    assert novelties(expression, value) == [("field", name)]


@pytest.mark.parametrize(
    ("expression", "value", "name"),
    [
        ("Status", "lost", 'Status "lost"'),
        ("Name | null", "lost", 'Status "lost"'),
        ("Thing", {"status": "lost"}, 'Status "lost"'),
        ("Part", {"byName": {"a": "done", "b": "lost"}}, 'Status "lost"'),
        ("Item", {"type": "picture", "url": ""}, 'Item "picture"'),
        ("Error", "tired", 'Error "tired"'),
        ("Error", {"tired": {}}, 'Error "tired"'),
        ("Status", {"lost": 1}, 'Status "lost"'),
    ],
)
def test_a_value_is_named_with_its_enumeration(expression: str, value: object, name: str) -> None:
    assert novelties(expression, value) == [("value", name)]


def test_each_occurrence_is_told() -> None:
    assert novelties("[Status]", ["lost", "done", "lost"]) == [("value", 'Status "lost"')] * 2


@pytest.mark.parametrize("value", [None, 5, 1.5, True, "text", [], [None], {}, {"type": None}, {"type": {}}])
def test_a_value_of_another_type_is_no_novelty(value: object) -> None:
    assert novelties("Item", value) == []


@pytest.mark.parametrize("expression", ["string | null", "any", "[string]", "{integer}", "Circle", '"constant"'])
def test_where_nothing_can_be_new_nothing_is_expected(expression: str) -> None:
    assert known(expression) is None


def test_nothing_is_new_in_what_may_be_one_of_several_objects() -> None:
    assert novelties("Either", {"value": {"whatever": 1}}) == []
    assert novelties("Either", {"values": 1}) == [("field", "Either.values")]
