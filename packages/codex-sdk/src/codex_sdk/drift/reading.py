"""Reads the surface of a protocol out of the JSON Schema bundles that a codex binary emits. Pure.

Two bundles describe a version: the stable one, and the one with what needs `experimentalApi`. A bundle does not say
which response belongs to a request: known responses are given, and `XParams` is answered by `XResponse`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, cast

from codex_sdk.drift.surface import Field, Method, MethodKind, Shape, Surface, members

Schema = dict[str, Any]

BUNDLE: Final = "codex_app_server_protocol.schemas.json"
"""The file of a bundle that holds every definition."""

_ENVELOPES: Final[Mapping[MethodKind, str]] = {
    "client_requests": "ClientRequest",
    "client_notifications": "ClientNotification",
    "server_requests": "ServerRequest",
    "server_notifications": "ServerNotification",
}


def read_surface(version: str, stable: Schema, experimental: Schema, responses: Mapping[str, str]) -> Surface:
    """Return the surface that two bundles describe.

    Args:
        version: The binary's version.
        stable: The stable bundle.
        experimental: The bundle with what needs `experimentalApi`.
        responses: Name of the response's shape by method, where it is known from elsewhere.

    Raises:
        ValueError: They are no bundles of this protocol.
    """
    try:
        settled, everything = _Bundle(stable), _Bundle(experimental)
        shapes = {name: everything.shape(name) for name in everything.definitions}
        shapes |= everything.inner
        settled_shapes = {name: settled.shape(name) for name in settled.definitions} | settled.inner
        tables: dict[MethodKind, dict[str, Method]] = {
            kind: everything.methods(kind, settled, responses) for kind in _ENVELOPES
        }
    except (KeyError, TypeError, AttributeError, IndexError, StopIteration) as error:
        raise ValueError(f"This is no schema bundle of codex app-server: {error!r}.") from error
    for name, shape in shapes.items():
        if name in settled_shapes:
            shapes[name] = _marked(shape, settled_shapes[name])
    return Surface(version, **tables, shapes=_reached(tables.values(), shapes))


class _Bundle:
    """The definitions of one bundle, and the shapes that are written inside others."""

    def __init__(self, bundle: Schema) -> None:
        nested = dict(cast("dict[str, Any]", bundle["definitions"]))
        second = cast("dict[str, Any]", nested.pop("v2", {}))
        self.definitions: dict[str, Schema] = {**nested, **second}
        self.inner: dict[str, Shape] = {}

    def methods(self, kind: MethodKind, settled: _Bundle, responses: Mapping[str, str]) -> dict[str, Method]:
        known = {name for name, _ in settled.envelope(kind)}
        table: dict[str, Method] = {}
        for name, params in self.envelope(kind):
            expression = None if params is None else self._expression(params, f"{name} params")
            response = self._response(name, expression, responses) if kind.endswith("requests") else None
            table[name] = Method(None if expression in (None, "null") else expression, response, name not in known)
        return table

    def envelope(self, kind: MethodKind) -> Iterator[tuple[str, Schema | None]]:
        envelope = self.definitions.get(_ENVELOPES[kind], {})
        for variant in envelope.get("oneOf") or envelope.get("anyOf") or [envelope] if envelope else ():
            properties = variant["properties"]
            yield properties["method"]["enum"][0], properties.get("params")

    def shape(self, name: str) -> Shape:
        return self._shape(name, self.definitions[name])

    def _response(self, method: str, params: str | None, responses: Mapping[str, str]) -> str | None:
        candidates = [responses.get(method)]
        if params is not None:
            candidates += [f"{entry.removesuffix('Params')}Response" for entry in members(params) if entry != "null"]
        return next((name for name in candidates if name in self.definitions), None)

    def _shape(self, name: str, schema: Schema) -> Shape:
        parts = schema.get("oneOf") or schema.get("anyOf")
        if parts is not None:
            return self._union(name, schema, parts)
        if _is_enum(schema):
            return Shape(values=tuple(schema["enum"]))
        if "properties" in schema or (schema.get("type") == "object" and not _maps(schema)):
            return Shape(fields=self._fields(name, schema))
        return Shape(alias=self._expression(schema, name))

    def _union(self, name: str, schema: Schema, parts: list[Schema]) -> Shape:
        objects = [part for part in parts if part.get("type") == "object" and "properties" in part]
        tag = _shared_tag(objects)
        variants: dict[str, dict[str, Field]] = {}
        for part in objects:
            variant = _constants(part)[tag] if tag else _key_of(part)
            fields = self._fields(f"{name}.{variant}", schema) | self._fields(f"{name}.{variant}", part)
            variants[variant] = {key: entry for key, entry in fields.items() if key != tag}
        values = tuple(value for part in parts if _is_enum(part) for value in part["enum"])
        others = [part for part in parts if part not in objects and not _is_enum(part)]
        alias = " | ".join(sorted({self._expression(part, name) for part in others})) or None
        return Shape(self._fields(name, schema) if not objects else {}, values, variants, tag, alias)

    def _fields(self, owner: str, schema: Schema) -> dict[str, Field]:
        required = set(schema.get("required", ()))
        fields = {
            name: Field(self._expression(value, f"{owner}.{name}"), name in required)
            for name, value in schema.get("properties", {}).items()
        }
        if schema.get("type") == "object":
            for part in schema.get("anyOf", ()):  # alternatives within one object: each of their fields may be absent
                fields |= {name: Field(entry.type) for name, entry in self._fields(owner, part).items()}
        return fields

    def _expression(self, schema: Schema | bool, place: str) -> str:
        return " | ".join(sorted(set(self._members(schema, place))))

    def _members(self, schema: Schema | bool, place: str) -> Iterator[str]:
        if isinstance(schema, bool) or not schema.keys() & {"$ref", "allOf", "anyOf", "oneOf", "enum", "type"}:
            yield "any"
            return
        if "$ref" in schema:
            yield str(schema["$ref"]).rsplit("/", 1)[-1]
        elif "allOf" in schema:
            yield from self._members(schema["allOf"][0], place)
        elif parts := schema.get("anyOf") or schema.get("oneOf"):
            for index, part in enumerate(parts):
                yield from self._members(part, f"{place}.{index}" if index else place)
        elif "enum" in schema:
            yield from self._enumerated(schema, place)
        else:
            for type_ in _types(schema):
                yield self._simple(type_, schema, place)

    def _enumerated(self, schema: Schema, place: str) -> Iterator[str]:
        values = [value for value in schema["enum"] if value is not None]
        if len(values) == 1:
            yield json.dumps(values[0])
        else:
            self.inner[place] = Shape(values=tuple(map(str, values)))
            yield place
        if None in schema["enum"]:
            yield "null"

    def _simple(self, type_: str, schema: Schema, place: str) -> str:
        if type_ == "array":
            items = schema.get("items", True)
            return f"[{self._expression(items, place) if not isinstance(items, list) else 'any'}]"
        if type_ == "object":
            if "properties" in schema:
                self.inner[place] = Shape(fields=self._fields(place, schema))
                return place
            return f"{{{self._expression(schema.get('additionalProperties', True), place)}}}"
        return type_


def _marked(shape: Shape, settled: Shape) -> Shape:
    """Mark the fields that the stable bundle lacks."""

    def mark(fields: Mapping[str, Field], stable: Mapping[str, Field]) -> dict[str, Field]:
        return {name: Field(entry.type, entry.required, name not in stable) for name, entry in fields.items()}

    variants = {name: mark(fields, settled.variants.get(name, fields)) for name, fields in shape.variants.items()}
    return Shape(mark(shape.fields, settled.fields), shape.values, variants, shape.tag, shape.alias)


def _reached(tables: Iterable[Mapping[str, Method]], shapes: Mapping[str, Shape]) -> dict[str, Shape]:
    waiting = [
        expression
        for table in tables
        for method in table.values()
        for expression in (method.params, method.response)
        if expression is not None
    ]
    found: dict[str, Shape] = {}
    while waiting:
        for member in members(waiting.pop()):
            name = member
            if name[:1] in ("[", "{"):
                waiting.append(name[1:-1])
            elif name in shapes and name not in found:
                shape = found[name] = shapes[name]
                waiting.extend(entry.type for _, entry in shape.all_fields())
                waiting.extend([shape.alias] if shape.alias else [])
    return found


def _types(schema: Schema) -> list[str]:
    named = schema["type"]
    return [named] if isinstance(named, str) else list(named)


def _is_enum(schema: Schema) -> bool:
    return schema.get("type") == "string" and "enum" in schema


def _maps(schema: Schema) -> bool:
    """Whether an object without properties maps any keys to values of one type, or to anything."""
    return schema.get("additionalProperties", False) is not False


def _shared_tag(objects: list[Schema]) -> str | None:
    """Return the required property that is constant in each object and differs between all of them."""
    for tag in sorted(_constants(objects[0])) if objects else ():
        if len({_constants(part).get(tag) for part in objects} - {None}) == len(objects):
            return tag
    return None


def _constants(schema: Schema) -> dict[str, str]:
    constants: dict[str, str] = {}
    for key, value in cast("dict[str, Schema | bool]", schema.get("properties", {})).items():
        values = cast("list[object]", [] if isinstance(value, bool) else value.get("enum", []))
        if key in schema.get("required", ()) and len(values) == 1:
            constants[key] = str(values[0])
    return constants


def _key_of(schema: Schema) -> str:
    """Return the key that tells an object without a tag apart."""
    return str((schema.get("required") or sorted(schema["properties"]))[0])
