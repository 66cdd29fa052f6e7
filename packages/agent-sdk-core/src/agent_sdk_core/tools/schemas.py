"""Schemas of tools' arguments: whether one is a schema at all, and what is wrong with arguments by it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, cast

_DATA: Final = ("const", "default", "enum", "examples")
"""Keywords whose values are data, and no schemas."""


def schema_problem(schema: Mapping[str, object]) -> str | None:
    """Return why a table is no JSON Schema, or refers to what is not in it; nothing is fetched."""
    from jsonschema import Draft202012Validator, SchemaError
    from referencing.exceptions import Unresolvable
    from referencing.jsonschema import DRAFT202012, EMPTY_REGISTRY

    pointer = ""
    try:
        Draft202012Validator.check_schema(cast("Any", schema))
        resolver = EMPTY_REGISTRY.resolver_with_root(DRAFT202012.create_resource(cast("Any", schema)))
        for pointer in _references(schema):
            resolver.lookup(pointer)
    except SchemaError as error:
        place = "/".join(str(part) for part in error.absolute_path)
        return f"{place}: {error.message}".removeprefix(": ").rstrip(".")
    except Unresolvable:
        return f"{pointer!r} is not in it, and nothing is fetched"
    except RecursionError:
        return "it is nested too deeply"
    return None


def schema_errors(schema: Mapping[str, object], arguments: object) -> list[Any]:
    """Return the errors of arguments by a schema that is one, as `jsonschema` tells them."""
    from jsonschema import Draft202012Validator  # 60 ms, paid by those who use tools
    from referencing.jsonschema import EMPTY_REGISTRY

    validator: Any = Draft202012Validator(cast("Any", schema), registry=cast("Any", EMPTY_REGISTRY))
    return list(validator.iter_errors(arguments))


def _references(node: object) -> list[str]:
    """Return what a schema refers to; a property may have the name of the keyword."""
    if isinstance(node, list | tuple):
        return [pointer for each in cast("list[object]", node) for pointer in _references(each)]
    if not isinstance(node, Mapping):
        return []
    table = cast("Mapping[str, object]", node)
    own = [table["$ref"]] if isinstance(table.get("$ref"), str) else []
    parts = [value for keyword, value in table.items() if keyword not in _DATA]
    return [*cast("list[str]", own), *_references(parts)]
