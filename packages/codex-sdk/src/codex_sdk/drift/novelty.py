"""Finds the fields and the enum values that a protocol does not name, in what an agent of another version sends. Pure.

What it finds is named as `codex_sdk.drift` names a change: `Shape.field`, `Shape.variant.field`, `Shape "value"`. A
value of another type than the protocol says is no novelty, and is passed over.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, Literal, cast

from codex_sdk.drift.surface import Field, Shape, members

Novelty = Literal["field", "value"]
Found = Callable[[Novelty, str], None]
"""Told what is new and its name, once for each time it occurs."""

_SCALARS: Final = frozenset({"null", "string", "integer", "number", "boolean"})


class Known:
    """What may be at one place of the protocol; made by `Expectations`.

    Attributes:
        fields: Names of the fields of an object without variants; None: it may have any, or is no object.
        inner: The fields in which something can be new.
    """

    __slots__ = ("entries", "fields", "inner", "name", "tag", "values", "variants")

    def __init__(self, name: str = "") -> None:
        self.name = name
        self.fields: frozenset[str] | None = None
        self.inner: tuple[tuple[str, Known], ...] = ()
        self.values: frozenset[str] | None = None
        self.variants: Mapping[str, Known] = {}
        self.tag: str | None = None
        self.entries: Known | None = None

    def look(self, value: object, found: Found) -> None:
        """Tell `found` what is new in a value."""
        if type(value) is dict:
            self._object(cast("dict[str, Any]", value), found)
        elif type(value) is str:
            if self.values is not None and value not in self.values:
                found("value", f'{self.name} "{value}"')
        elif type(value) is list and self.entries is not None:
            for entry in cast("list[object]", value):
                self.entries.look(entry, found)

    def _object(self, value: dict[str, Any], found: Found) -> None:
        if self.tag is not None:
            kind = value.get(self.tag)
            if type(kind) is str:
                if (variant := self.variants.get(kind)) is not None:
                    variant.look(value, found)
                else:
                    found("value", f'{self.name} "{kind}"')
        elif self.fields is not None:
            if not self.fields.issuperset(value):
                self._report(value, self.fields, found)
            for key, known in self.inner:
                if (child := value.get(key)) is not None:
                    known.look(child, found)
        elif self.entries is not None:
            for entry in value.values():
                self.entries.look(entry, found)

    def _report(self, value: Mapping[str, Any], fields: frozenset[str], found: Found) -> None:
        for key in value:
            if key not in fields:
                if self.values is None:
                    found("field", f"{self.name}.{key}")
                else:  # An object beside plain values is one of them with more to say, and its key the value.
                    found("value", f'{self.name} "{key}"')


class Expectations:
    """What a protocol says may be at each place, read shape by shape as it is needed.

    Args:
        shape: Returns the shape of a name; None if there is none.
    """

    def __init__(self, shape: Callable[[str], Shape | None]) -> None:
        self._shape = shape
        self._known: dict[str, Known | None] = {}

    def known(self, expression: str) -> Known | None:
        """Return what is expected of a type; None where nothing can be new."""
        if expression not in self._known:
            self._known[expression] = None  # for an alias that leads back to itself
            names = [name for name in members(expression) if name not in _SCALARS]
            if names == [expression]:
                self._known[expression] = self._of_member(expression)
            elif len(names) == 1:  # Which of several a value is cannot be told.
                self._known[expression] = self.known(names[0])
        return self._known[expression]

    def _of_member(self, name: str) -> Known | None:
        if name[:1] in ("[", "{"):
            entries = self.known(name[1:-1])
            if entries is None:
                return None
            listed = Known()
            listed.entries = entries
            return listed
        shape = self._shape(name)
        if shape is None:
            return None
        if shape.is_alias:
            return self.known(cast("str", shape.alias))
        # Noted before it is complete: shapes may hold themselves.
        known = self._known[name] = Known(name)
        self._fill(known, shape)
        return known

    def _fill(self, known: Known, shape: Shape) -> None:
        known.values = frozenset(shape.values) or None
        if shape.tag is None:
            self._set_fields(known, shape.all_fields())
            return
        known.tag = shape.tag
        known.variants = {
            name: self._variant(f"{known.name}.{name}", [(shape.tag, Field("string")), *fields.items()])
            for name, fields in shape.variants.items()
        }

    def _variant(self, name: str, fields: list[tuple[str, Field]]) -> Known:
        variant = Known(name)
        self._set_fields(variant, iter(fields))
        return variant

    def _set_fields(self, known: Known, fields: Iterator[tuple[str, Field]]) -> None:
        inner: dict[str, Known] = {}
        names: set[str] = set()
        for name, entry in fields:
            names.add(name)
            if (child := self.known(entry.type)) is not None:
                inner[name] = child
        known.fields = frozenset(names)
        known.inner = tuple(inner.items())
