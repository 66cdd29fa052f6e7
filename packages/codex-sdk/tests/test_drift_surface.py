"""A surface is written as sorted text, one line a method and a shape, and read back as it was."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import pytest

from codex_sdk import drift
from codex_sdk.drift import Surface, shipped_surface
from codex_sdk.drift.surface import METHOD_KINDS, Field, Method, Shape, members

MANIFEST = Path(__file__).parents[3] / "schemas/codex/manifest.json"

SURFACE = Surface(
    "1.2.3",
    client_requests={"b": Method("P", "R", experimental=True), "a": Method()},
    client_notifications={"ready": Method()},
    server_requests={"ask": Method("P", "R")},
    server_notifications={"told": Method("N")},
    shapes={
        "P": Shape(
            fields={
                "must": Field("string", required=True),
                "may": Field("null | string"),
                "new": Field("[N]", False, True),
            }
        ),
        "N": Shape(alias="integer | string"),
        "R": Shape(values=("x", "y"), variants={"kind": {"kind": Field("{any}", required=True, experimental=True)}}),
        "T": Shape(variants={"one": {}}, tag="type"),
    },
)


def test_a_surface_is_read_as_it_was_written() -> None:
    assert asdict(Surface.load(SURFACE.dump())) == asdict(SURFACE)


def test_the_text_is_sorted_and_has_one_line_a_method_and_a_shape() -> None:
    lines = SURFACE.dump().splitlines()
    assert '  "b": {"params": "P", "response": "R", "experimental": true},' not in lines, "b is the last of its table"
    assert lines.index('  "a": {},') < lines.index('  "b": {"params": "P", "response": "R", "experimental": true}')
    assert '  "P": {"fields": {"may?": "null | string", "must": "string", "new?~": "[N]"}},' in lines
    assert json.loads(SURFACE.dump())["version"] == "1.2.3"


@pytest.mark.parametrize("text", ["[]", "{}", '{"version": "1"}', "no JSON"])
def test_what_is_no_surface_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"no description of a protocol|Expecting value"):
        Surface.load(text)


@pytest.mark.parametrize(
    ("expression", "parts"),
    [
        ("string", ["string"]),
        ("null | string", ["null", "string"]),
        ("[A | B] | {C | null} | D", ["[A | B]", "{C | null}", "D"]),
    ],
)
def test_an_expression_is_split_into_its_alternatives(expression: str, parts: list[str]) -> None:
    assert list(members(expression)) == parts


def test_responses_are_those_that_are_known() -> None:
    assert SURFACE.responses() == {"b": "R", "ask": "R"}


def test_only_a_shape_without_structure_is_an_alias() -> None:
    assert [name for name, shape in SURFACE.shapes.items() if shape.is_alias] == ["N"]


def test_the_shipped_surface_is_as_large_as_the_protocol() -> None:
    surface, manifest = shipped_surface(), json.loads(MANIFEST.read_text())
    sizes = {kind: len(getattr(surface, kind)) for kind in METHOD_KINDS}
    assert sizes == {kind: manifest["counts"]["experimental"][kind] for kind in METHOD_KINDS}
    assert set(surface.shapes["ThreadItem"].variants) == set(manifest["item_types"])
    assert [name for name, method in surface.client_requests.items() if method.response is None] == []


def test_the_shipped_surface_holds_every_shape_that_it_names() -> None:
    surface = shipped_surface()
    simple = {"string", "integer", "number", "boolean", "null", "any"}

    def names(expression: str) -> set[str]:
        found: set[str] = set()
        for member in members(expression):
            found |= names(member[1:-1]) if member[:1] in ("[", "{") else {member}
        return found

    told = {name for shape in surface.shapes.values() for _, field in shape.all_fields() for name in names(field.type)}
    assert {name for name in told - simple - surface.shapes.keys() if not name.startswith('"')} == set()


def test_the_package_has_the_names_that_it_lists_and_no_others() -> None:
    for name in drift.__all__:
        assert getattr(drift, name).__name__ == name
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = drift.nonsense
