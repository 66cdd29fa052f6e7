"""Output schemas in the form that claude takes for its `StructuredOutput` tool. Pure.

Claude 2.1.329 compiles the schema with a strict draft-7 validator and, where that refuses it, drops it without a word:
a keyword that draft 7 does not have, such as `prefixItems` or pydantic's `discriminator`, is enough. The provider, in
turn, takes no tool whose input is not an object, or is a choice as a whole. What is left out here is told in the
description, for the answer is checked against the caller's own schema in the end.
"""

from __future__ import annotations

import re
from typing import Any, Final, cast

from agent_sdk_core.structured.answers import WRAPPED, AnswerForm, unwrapped
from agent_sdk_core.structured.schema import LISTS, MAPS, ONE, OutputSchema, as_object, told
from agent_sdk_core.wire.reading import Json

_KNOWN: Final = frozenset(
    {"$ref", "$defs", "definitions", "$comment", "title", "description", "default", "examples", "readOnly"}
    | {"writeOnly", "deprecated", "type", "enum", "const", "nullable", "format", "pattern", "minLength", "maxLength"}
    | {"multipleOf", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "contentMediaType"}
    | {"contentEncoding", "items", "additionalItems", "minItems", "maxItems", "uniqueItems", "contains", "required"}
    | {"properties", "patternProperties", "additionalProperties", "propertyNames", "minProperties", "maxProperties"}
    | {"dependencies", "allOf", "anyOf", "oneOf", "not", "if", "then", "else"}
)
_DEFINITIONS: Final = ("$defs", "definitions")
_CHOICES: Final = frozenset({"allOf", "anyOf", "oneOf"})
_UNICODE_PATTERN: Final = re.compile(
    r"""(?x) (?: [^\\(){}\[\]*+?]                                    # a character
    | \\(?: [dDwWsSbBtnvfr0^$\\.*+?()\[\]{}|/] | x[0-9a-fA-F]{2} | u[0-9a-fA-F]{4} | [pP]\{\w+(?:=\w+)?\} )
    | \[ (?: [^\\\[\]] | \\(?: [dDwWsSbtnvfr0^$\\.*+?()\[\]{}|/-] | x[0-9a-fA-F]{2} | u[0-9a-fA-F]{4} ) )* \]
    | \((?: \?: | \?= | \?! | \?<= | \?<! )? (?! [*+?{] ) | \)       # groups
    | (?: [*+?] | \{\d+(?:,\d*)?\} ) \?? (?! [*+?{] )                # how often
    )*"""
)
"""Patterns that JavaScript reads as Python does, though it takes them for Unicode ones, which may escape little."""


def answer_form(schema: object) -> AnswerForm:
    """Return how claude is asked for answers that fit a schema.

    Raises:
        InvalidRequestError: It is no JSON Schema.
    """
    asked = OutputSchema(schema)
    sent, wrapped = _object(asked)
    return AnswerForm(asked, _known(sent), unwrapped if wrapped else _same)


def _object(asked: OutputSchema) -> tuple[Json, bool]:
    """Return a schema of objects, and whether it is one of a `value`, which stands for an answer of another type."""
    root = asked.schema
    while isinstance(pointer := root.get("$ref"), str):
        root = {**{key: root[key] for key in _DEFINITIONS if key in root}, **as_object(asked.at(pointer))}
    is_object = root.get("type") == "object" or ("type" not in root and "properties" in root)
    if is_object and not root.keys() & _CHOICES:
        return {**root, "type": "object"}, False
    outside = {key: root[key] for key in _DEFINITIONS if key in root}
    value = _moved({key: part for key, part in root.items() if key not in outside})
    wrapped: Json = {"type": "object", "properties": {WRAPPED: value}, "required": [WRAPPED]}
    return {**wrapped, "additionalProperties": False, **_moved(outside)}, True


def _moved(node: Any) -> Any:
    """Return a schema whose references to the whole, or into it, follow it to where it is now."""

    def move(part: Any) -> Any:
        pointer = as_object(part).get("$ref")
        if not isinstance(pointer, str) or pointer.startswith(tuple(f"#/{key}/" for key in _DEFINITIONS)):
            return part
        return {**part, "$ref": f"#/properties/{WRAPPED}{pointer[1:]}"}

    return _each(node, move)


def _known(node: Any) -> Any:
    """Return a schema without what claude's validator refuses."""
    return _each(node, _known_part)


def _known_part(node: Any) -> Any:
    if not isinstance(node, dict):
        return node
    part = dict(cast("Json", node))
    if isinstance(first := part.pop("prefixItems", None), list):
        rest = part.pop("items", None)
        part["items"] = first
        if rest is not None:
            part["additionalItems"] = rest
    dependencies = {**part.pop("dependentRequired", {}), **part.pop("dependentSchemas", {})}
    if dependencies:
        part["dependencies"] = {**part.get("dependencies", {}), **dependencies}
    lost = {key: value for key, value in part.items() if key not in _KNOWN}
    if isinstance(pattern := part.get("pattern"), str) and not _UNICODE_PATTERN.fullmatch(pattern):
        lost["pattern"] = pattern
    return told({key: value for key, value in part.items() if key not in lost}, lost)


def _each(node: Any, change: Any) -> Any:
    """Return a schema with all of its parts changed, the innermost first."""
    if not isinstance(node, dict):
        return change(node)
    changed: Json = {}
    for keyword, value in cast("Json", node).items():
        if keyword in LISTS and isinstance(value, list):
            changed[keyword] = [_each(part, change) for part in cast("list[Any]", value)]
        elif keyword in MAPS and isinstance(value, dict):
            changed[keyword] = {name: _each(part, change) for name, part in cast("Json", value).items()}
        else:
            changed[keyword] = _each(value, change) if keyword in ONE else value
    return change(changed)


def _same(answer: Any) -> Any:
    return answer
