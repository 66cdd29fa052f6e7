"""The surface of a protocol: its methods and the shapes of what they carry, without prose, ranges and defaults.

A type is written as an expression: `string`, `integer`, `number`, `boolean`, `null`, `any`, a constant in quotes, the
name of a shape, `[X]` for a list of X, `{X}` for an object of any keys, and `X | Y`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import field
from typing import Any, Final, Literal, cast

from agent_sdk_core.records import dataclass
from agent_sdk_core.wire.reading import Json

MethodKind = Literal["client_requests", "client_notifications", "server_requests", "server_notifications"]

METHOD_KINDS: Final[tuple[MethodKind, ...]] = (
    "client_requests",
    "client_notifications",
    "server_requests",
    "server_notifications",
)


@dataclass(frozen=True, slots=True)
class Field:
    """One field of an object.

    Attributes:
        type: Its type, as an expression.
        required: Whether it is always there.
        experimental: Whether only a client with `experimentalApi` may use it.
    """

    type: str
    required: bool = False
    experimental: bool = False


Fields = Mapping[str, Field]


def _nothing() -> Mapping[str, Any]:
    return {}


@dataclass(frozen=True, slots=True)
class Shape:
    """A named type: an object, an enumeration, a union, or another name for an expression; a union may mix them.

    Attributes:
        fields: Fields of the object.
        values: Strings that it may be.
        variants: Fields of each variant, by the value of the tag, or by the one key that tells it apart.
        tag: Field that holds the variant's name; None: the variant's only key does.
        alias: What else it may be, as an expression.
    """

    fields: Fields = field(default_factory=_nothing)
    values: tuple[str, ...] = ()
    variants: Mapping[str, Fields] = field(default_factory=_nothing)
    tag: str | None = None
    alias: str | None = None

    @property
    def is_alias(self) -> bool:
        """Whether it is nothing but another name for an expression."""
        return self.alias is not None and not (self.fields or self.values or self.variants)

    def all_fields(self) -> Iterator[tuple[str, Field]]:
        """Yield the fields of the object and of every variant, by name."""
        yield from self.fields.items()
        for fields in self.variants.values():
            yield from fields.items()


@dataclass(frozen=True, slots=True)
class Method:
    """One method.

    Attributes:
        params: Type of its parameters, as an expression; None: it has none.
        response: Name of its result's shape; None for a notification, or where it is not known.
        experimental: Whether it needs `experimentalApi`.
    """

    params: str | None = None
    response: str | None = None
    experimental: bool = False


Methods = Mapping[str, Method]


@dataclass(frozen=True, slots=True)
class Surface:
    """A protocol of one version.

    Attributes:
        version: Version of the binary.
        client_requests: What the client may ask.
        client_notifications: What the client may tell.
        server_requests: What the server may ask.
        server_notifications: What the server may tell.
        shapes: The shapes that these lead to.
    """

    version: str
    client_requests: Methods = field(default_factory=_nothing)
    client_notifications: Methods = field(default_factory=_nothing)
    server_requests: Methods = field(default_factory=_nothing)
    server_notifications: Methods = field(default_factory=_nothing)
    shapes: Mapping[str, Shape] = field(default_factory=_nothing)

    def methods(self, kind: MethodKind) -> Methods:
        """Return the methods of one kind."""
        return cast("Methods", getattr(self, kind))

    def responses(self) -> dict[str, str]:
        """Return the name of the response's shape by method, where it is known."""
        requests = {**self.client_requests, **self.server_requests}
        return {name: method.response for name, method in requests.items() if method.response is not None}

    def dump(self) -> str:
        """Return the surface as JSON text, sorted, one line a method and a shape."""
        head = [f' "version": {json.dumps(self.version)}']
        for kind in METHOD_KINDS:
            rows = {name: _dump_method(method) for name, method in self.methods(kind).items()}
            head.append(f' "{kind}": {_lines(rows)}')
        head.append(f' "shapes": {_lines({name: _dump_shape(shape) for name, shape in self.shapes.items()})}')
        return "{\n" + ",\n".join(head) + "\n}\n"

    @classmethod
    def load(cls, text: str | bytes) -> Surface:
        """Read what `dump` wrote.

        Raises:
            ValueError: It is no surface.
        """
        data = cast("Json", json.loads(text))
        try:
            tables = {kind: {name: Method(**row) for name, row in data[kind].items()} for kind in METHOD_KINDS}
            shapes = {name: load_shape(shape) for name, shape in data["shapes"].items()}
            return cls(data["version"], **tables, shapes=shapes)
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"This is no description of a protocol: {error!r}.") from error


def members(expression: str) -> Iterator[str]:
    """Yield the alternatives of an expression, `a | [b | c]` as `a` and `[b | c]`."""
    depth = start = 0
    for index, character in enumerate(expression):
        depth += (character in "[{") - (character in "]}")
        if character == "|" and depth == 0:
            yield expression[start:index].strip()
            start = index + 1
    yield expression[start:].strip()


def _lines(rows: Mapping[str, Json]) -> str:
    lines = [f"  {json.dumps(name)}: {json.dumps(row, ensure_ascii=False)}" for name, row in sorted(rows.items())]
    return "{\n" + ",\n".join(lines) + "\n }"


def _dump_method(method: Method) -> Json:
    row: Json = {}
    if method.params is not None:
        row["params"] = method.params
    if method.response is not None:
        row["response"] = method.response
    return {**row, "experimental": True} if method.experimental else row


def _dump_shape(shape: Shape) -> Json:
    row: Json = {}
    if shape.alias is not None:
        row["is"] = shape.alias
    if shape.values:
        row["values"] = sorted(shape.values)
    if shape.tag is not None:
        row["tag"] = shape.tag
    if shape.variants:
        row["variants"] = {name: _dump_fields(fields) for name, fields in sorted(shape.variants.items())}
    if shape.fields:
        row["fields"] = _dump_fields(shape.fields)
    return row


def _dump_fields(fields: Fields) -> dict[str, str]:
    """Return types by name; `?` ends the name of an optional field, `~` that of an experimental one."""
    return {
        f"{name}{'' if entry.required else '?'}{'~' if entry.experimental else ''}": entry.type
        for name, entry in sorted(fields.items())
    }


def load_shape(row: Json) -> Shape:
    """Read one shape as `Surface.dump` writes it."""
    return Shape(
        fields=_load_fields(row.get("fields", {})),
        values=tuple(row.get("values", ())),
        variants={name: _load_fields(fields) for name, fields in row.get("variants", {}).items()},
        tag=row.get("tag"),
        alias=row.get("is"),
    )


def _load_fields(row: Mapping[str, str]) -> dict[str, Field]:
    fields: dict[str, Field] = {}
    for name, type_ in row.items():
        plain = name.removesuffix("~")
        fields[plain.removesuffix("?")] = Field(type_, not plain.endswith("?"), name.endswith("~"))
    return fields
