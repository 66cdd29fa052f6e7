"""Prepares the bundle's definitions for code generation: named variants, discriminators, open enums, kept extras.

The wire grows: a newer agent adds enum values, fields and variants. So every string enum admits other strings, every
tagged union ends in an `Unknown…` variant that takes any object, and no limit of range or format is checked here.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from schema.bundle import SchemaError
from schema.methods import Schema, referenced_name

ENVELOPES = ("ClientNotification", "ClientRequest", "ServerNotification", "ServerRequest")
"""Unions of every method; the tables in `methods.py` say the same without importing every type."""

UNCHECKED = ("$schema", "format", "title", "minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems")
"""Keywords that are dropped: they are the server's to check."""


@dataclass(slots=True)
class Definitions:
    """What the generator renders: a schema a type name, and what JSON Schema has no word for."""

    types: dict[str, Schema]
    ordered: set[str] = field(default_factory=set[str])
    """Unions whose members are tried from left to right, the unknown variant last."""
    home: dict[str, str] = field(default_factory=dict[str, str])
    """For each hoisted variant, the definition it was part of."""

    def home_of(self, name: str) -> str:
        """Return the definition of the bundle that `name` is, or was hoisted from."""
        while name in self.home:
            name = self.home[name]
        return name


def load_definitions(folder: Path) -> Definitions:
    """Read every definition of the bundle in `folder` and prepare it."""
    nested = json.loads((folder / "codex_app_server_protocol.schemas.json").read_text())["definitions"]
    second = nested.pop("v2")
    raw = {**nested, **second}
    left_out = (*ENVELOPES, *(name for name in raw if name.startswith(("JSONRPC", "Nullable"))))
    raw = {name: raw[name] for name in sorted(raw) if name not in left_out}
    return _Preparation(raw).run()


class _Preparation:
    def __init__(self, raw: dict[str, Schema]) -> None:
        self._raw = raw
        self._out = Definitions({})
        self._closed = {
            name for union in raw.values() if _is_reference_union(union) for name in self._distinguishing_enums(union)
        }

    def run(self) -> Definitions:
        for name, schema in self._raw.items():
            self._define(name, schema)
        return self._out

    def _define(self, name: str, schema: Schema) -> None:
        members = schema.get("oneOf") or schema.get("anyOf")
        if members is None:
            self._add(name, self._model(name, schema) if _is_object(schema) else self._node(name, schema), schema)
        elif all(_is_enum(member) for member in members):
            values = [value for member in members for value in member["enum"]]
            notes = [f"{member['enum'][0]}: {member['description']}" for member in members if "description" in member]
            description = "\n\n".join([text for text in (schema.get("description"), *notes) if text])
            self._add(name, self._enum(name, values), {"description": description} if description else {})
        elif (tag := _shared_tag(members)) is not None:
            self._tagged_union(name, schema, members, tag)
        elif any(_is_object(member) for member in members) or _is_reference_union(schema):
            self._open_union(name, schema, members)
        else:
            self._add(name, {"anyOf": [self._node(name, member) for member in members]}, schema)

    def _tagged_union(self, name: str, schema: Schema, members: list[Schema], tag: str) -> None:
        shared = {key: schema[key] for key in ("properties", "required") if key in schema}
        variants: dict[str, str] = {}
        for member in members:
            value = str(member["properties"][tag]["enum"][0])
            variant = self._variant_name(name, member, value)
            merged = _merged(shared, member)
            self._out.home[variant] = name
            self._add(variant, self._model(variant, merged), member)
            variants[value] = variant
        known = f"Known{name}"
        self._out.home[known] = name
        self._out.types[known] = {
            "oneOf": [_reference(variant) for variant in variants.values()],
            "discriminator": {"propertyName": tag, "mapping": {k: f"#/$defs/{v}" for k, v in variants.items()}},
        }
        self._union(name, schema, [_reference(known)], {tag: {"type": "string"}})

    def _open_union(self, name: str, schema: Schema, members: list[Schema]) -> None:
        choices: list[Schema] = []
        for member in self._flattened(members):
            if _is_object(member):
                variant = self._variant_name(name, member, "".join(member.get("required", ())[:1]))
                self._out.home[variant] = name
                self._add(variant, self._model(variant, member), member)
                choices.append(_reference(variant))
            elif _is_enum(member):
                choices.append(self._enum(name, member["enum"]))
            elif member.get("type") != ["string", "object"]:  # codex's own way to say that a union is open
                choices.append(self._node(name, member))
        self._union(name, schema, choices, {})

    def _flattened(self, members: list[Schema]) -> Iterator[Schema]:
        """Replace a member that is itself a union of references by its members: its unknown variant takes anything."""
        for member in members:
            target = self._raw.get(referenced_name(member) or "", {}) if "$ref" in member else {}
            if _is_reference_union(target):
                yield from self._flattened(target["anyOf"])
            else:
                yield member

    def _union(self, name: str, schema: Schema, choices: list[Schema], fields: dict[str, Schema]) -> None:
        unknown = f"Unknown{name}"
        self._out.home[unknown] = name
        note = f"A variant of `{name}` that this version does not know, or whose fields do not fit."
        self._add(unknown, {"type": "object", "properties": fields}, {"description": note})
        self._out.ordered.add(name)
        self._add(name, {"anyOf": [*choices, _reference(unknown)]}, schema)

    def _model(self, name: str, schema: Schema) -> Schema:
        for member in schema.get("anyOf", ()):  # alternatives inside a variant: each of their fields is optional
            schema = _merged({**schema, "anyOf": ()}, {**member, "required": []})
        properties = {key: self._property(name, value) for key, value in schema.get("properties", {}).items()}
        model: Schema = {"type": "object", "properties": properties}
        if schema.get("required"):
            model["required"] = list(schema["required"])
        return model

    def _property(self, owner: str, value: Schema | bool) -> Schema:
        if not isinstance(value, bool) and _is_object(value) and "properties" in value:
            name = f"{owner}Value"
            self._out.home[name] = owner
            self._add(name, self._model(name, value), value)
            return _reference(name)
        return self._node(owner, value, tag=True)

    def _node(self, owner: str, node: Schema | bool, *, tag: bool = False) -> Schema:
        """Prepare any schema below a definition; `tag`: a single value here is a constant, not an enum."""
        if isinstance(node, bool):
            return {}
        kept = {key: value for key, value in node.items() if key not in UNCHECKED}
        if "$ref" in kept:
            return {**kept, **_reference(str(kept["$ref"]).rsplit("/", 1)[-1])}
        if (members := kept.pop("allOf", None)) is not None:
            return {**kept, **self._node(owner, members[0])}
        if _is_enum(kept):
            values = kept.pop("enum")
            closed = tag and len(values) == 1
            return {**kept, "const": values[0]} if closed else {**kept, **self._enum(owner, values)}
        for union in ("anyOf", "oneOf"):
            if union in kept:
                kept["anyOf"] = [self._node(owner, member) for member in kept.pop(union)]
        for inner in ("items", "additionalProperties"):
            if isinstance(kept.get(inner), dict):
                kept[inner] = self._node(owner, kept[inner])
        return kept

    def _enum(self, name: str, values: list[str]) -> Schema:
        literal = {"type": "string", "enum": list(values)}
        return literal if name in self._closed else {"anyOf": [literal, {"type": "string"}]}

    def _add(self, name: str, schema: Schema, source: Schema) -> None:
        if name in self._out.types:
            raise SchemaError(f"The bundle leads to two definitions called {name}.")
        if "description" in source:
            schema = {**schema, "description": source["description"]}
        self._out.types[name] = schema

    def _variant_name(self, union: str, member: Schema, value: str) -> str:
        words = "".join(part[:1].upper() + part[1:] for part in value.replace("/", "-").replace("_", "-").split("-"))
        for name in (member.get("title"), f"{words}{union}", f"{words}{union}2", f"Wire{words}{union}"):
            if not isinstance(name, str) or not name.isidentifier() or name.startswith("Unknown"):
                continue  # a variant that the wire itself calls unknown is not the one for what we do not know
            if name not in self._raw and name not in self._out.types:
                return name
        raise SchemaError(f"No free name for the variant {value!r} of {union}: extend _variant_name.")

    def _distinguishing_enums(self, union: Schema) -> set[str]:
        """Names of the enums by which the members of a union without a tag differ; opened, they would not."""
        found: set[str] = set()
        for member in self._flattened(union["anyOf"]):
            target = self._raw[str(referenced_name(member))]
            names = {referenced_name(_properties(target)[key]) for key in target.get("required", ())}
            found |= {name for name in names if name and _is_enum(self._raw[name])}
        return found


def _reference(name: str) -> Schema:
    return {"$ref": f"#/$defs/{name}"}


def _is_object(schema: Schema) -> bool:
    return schema.get("type") == "object"


def _is_enum(schema: Schema) -> bool:
    return schema.get("type") == "string" and "enum" in schema


def _is_reference_union(schema: Schema) -> bool:
    return all("$ref" in member for member in schema.get("anyOf", ())) and bool(schema.get("anyOf"))


def _shared_tag(members: list[Schema]) -> str | None:
    """Return the property that is required and constant in every member, and differs between them."""
    for tag in sorted(_constants(members[0])):
        if len({_constants(member).get(tag) for member in members} - {None}) == len(members):
            return tag
    return None


def _constants(member: Schema) -> dict[str, str]:
    return {
        key: value["enum"][0]
        for key, value in _properties(member).items()
        if key in member.get("required", ()) and len(value.get("enum", ())) == 1
    }


def _properties(schema: Schema) -> dict[str, Schema]:
    """Return the properties that have a schema; `true` in its place says nothing."""
    return {key: value for key, value in schema.get("properties", {}).items() if value is not True}


def _merged(base: Schema, extra: Schema) -> Schema:
    properties = {**base.get("properties", {}), **extra.get("properties", {})}
    required = list(dict.fromkeys([*base.get("required", ()), *extra.get("required", ())]))
    return {**base, **extra, "properties": properties, "required": required}
