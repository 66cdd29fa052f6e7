"""Wire forms of dataclasses: a value as JSON-compatible data or as a line of JSON, and either as the value again.

Pure. Both ways follow the fields of the dataclasses, so a field that is added crosses too. What is not compared stays
behind, which is `raw` and `source`. A reader passes over keys that it does not know, and no error shows a value, for
that may be a secret.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import MISSING, Field, fields, is_dataclass
from functools import cache
from types import NoneType, UnionType
from typing import Any, ClassVar, Final, Literal, Self, Union, cast, get_args, get_origin, get_type_hints

from agent_sdk_core.errors import InvalidRequestError
from agent_sdk_core.wire.json_lines import json_object, json_text
from agent_sdk_core.wire.model import WireModel
from agent_sdk_core.wire.shown import described

_ARRAY: Final = ((list, tuple), "an array")
_OBJECT: Final = ((Mapping,), "an object")
_SCALARS: Final[Mapping[object, tuple[tuple[type, ...], str]]] = {
    str: ((str,), "a string"),
    bool: ((bool,), "a boolean"),
    int: ((int,), "an integer"),
    float: ((int, float), "a number"),
}


class WireForm:
    """A dataclass that crosses processes.

    Attributes:
        wire_kind: The value of "kind" in its wire form; "" for a part of another, which has none.
        wire_required: Fields that its wire form always has, although code may leave them out.
    """

    __slots__ = ()
    wire_kind: ClassVar[str] = ""
    wire_required: ClassVar[frozenset[str]] = frozenset()

    def to_wire(self) -> dict[str, object]:
        """Return it as JSON-compatible data, all but `raw` and `source`."""
        return cast("dict[str, object]", _data(self))

    @classmethod
    def from_wire(cls, data: Mapping[str, object]) -> Self:
        """Return the value whose `to_wire` this is; keys that are not known are passed over.

        Raises:
            InvalidRequestError: It is none; the message names the place.
        """
        return cast("Self", read_wire(cls, data, cls.__name__))

    def to_json(self) -> str:
        """Return its wire form as one line of JSON, without a line break.

        Raises:
            InvalidRequestError: It holds what JSON cannot.
        """
        try:
            return json_text(self.to_wire())
        except (TypeError, ValueError) as error:
            raise InvalidRequestError(f"This {type(self).__name__} has no wire form: {error}") from None

    @classmethod
    def from_json(cls, line: str | bytes) -> Self:
        """Return the value whose `to_json` this is; raises what `from_wire` raises."""
        return cls.from_wire(json_object(line, cls.__name__))

    def __repr__(self) -> str:
        crossing: tuple[Field[Any], ...] = fields(cast("Any", self))
        held = {each: getattr(self, each.name) for each in crossing if each.repr}
        return described(self, **{each.name: value for each, value in held.items() if value != each.default})


class AnswerForm(WireForm):
    """An answer, which may hold what an application put into it."""

    __slots__ = ()

    def to_wire(self) -> dict[str, object]:
        """Return it as JSON-compatible data.

        Raises:
            InvalidRequestError: It holds what JSON cannot; the message names the place.
        """
        wire = WireForm.to_wire(self)
        if (problem := unsendable(wire)) is not None:
            raise InvalidRequestError(f"This {type(self).__name__} has no wire form: {problem}")
        return wire


def read_wire(hint: Any, data: object, place: str) -> object:
    """Return the value of a type that data stands for.

    Args:
        hint: A `WireForm`, a union of them, or the type of a field of one.
        data: JSON-compatible data.
        place: What errors call it.

    Raises:
        InvalidRequestError: It stands for none; the message names the place.
    """
    origin, arguments = get_origin(hint), get_args(hint)
    if hint is object:
        return data
    if origin in (Union, UnionType):
        if data is None and NoneType in arguments:
            return None
        kinds = [kind for kind in arguments if kind is not NoneType]
        return read_wire(kinds[0] if len(kinds) == 1 else _of_kind(kinds, data, place), data, place)
    if origin is Literal:
        return _one_of(arguments, data, place)
    if origin in (tuple, frozenset, Sequence):
        entries = cast("Iterable[object]", _checked(data, _ARRAY, place))
        return (frozenset if origin is frozenset else tuple)(
            read_wire(arguments[0], entry, f"{place}[{index}]") for index, entry in enumerate(entries)
        )
    if hint in _SCALARS:
        return _checked(data, _SCALARS[hint], place)
    members = cast("Mapping[str, object]", _checked(data, _OBJECT, place))
    if getattr(hint, "from_wire", None) is not None and not is_dataclass(hint):
        return hint.from_wire(members)
    if not is_dataclass(hint):
        for key in members:
            _checked(key, _SCALARS[str], f"A key of {place}")
        return {key: read_wire(arguments[1], member, f"{place}.{key}") for key, member in members.items()}
    return _instance(hint, members, place)


def _instance(cls: Any, members: Mapping[str, object], place: str) -> object:
    if kind := getattr(cls, "wire_kind", ""):
        _one_of((kind,), members.get("kind"), f"{place}.kind")
    values: dict[str, object] = {}
    for name, (field_type, needed) in _crossing(cls).items():
        if name in members:
            values[name] = read_wire(field_type, members[name], f"{place}.{name}")
        elif needed:
            raise InvalidRequestError(f"{place}.{name} is missing.")
    return cls(**values)


def unsendable(value: object, where: str = "") -> str | None:
    """Return what JSON cannot hold in an answer, and at which place; None when it can be sent."""
    try:
        return _problem(value, where)
    except RecursionError:
        return "It contains itself, or is nested too deeply."


def _problem(value: object, where: str) -> str | None:
    match value:
        case None | bool() | int() | str():
            return None
        case float():
            return None if math.isfinite(value) else f"{where} is {value}, which JSON cannot express."
        case dict():
            members = cast("dict[object, object]", value)
            for key in members:
                if not isinstance(key, str):
                    return f"{where} has the key {key!r}, and a key in JSON is a string."
            inner = (_problem(member, f"{where}.{key}".lstrip(".")) for key, member in members.items())
        case list() | tuple():
            entries = cast("list[object] | tuple[object, ...]", value)
            inner = (_problem(entry, f"{where}[{index}]") for index, entry in enumerate(entries))
        case _:
            return f"{where} is of type {type(value).__name__}, which JSON cannot express."
    return next((problem for problem in inner if problem is not None), None)


def _data(value: Any) -> object:
    if isinstance(value, frozenset):
        return sorted(cast("frozenset[str]", value))
    if isinstance(value, tuple):
        return [_data(entry) for entry in cast("tuple[object, ...]", value)]
    if isinstance(value, Mapping):
        members = cast("Mapping[str, object]", value)
        return {key: _data(each) if isinstance(each, tuple | WireModel) else each for key, each in members.items()}
    if isinstance(value, WireModel):
        return value.to_wire()
    if not is_dataclass(value):
        return value
    kind = getattr(value, "wire_kind", "")
    return {
        **({"kind": kind} if kind else {}),
        **{name: _data(getattr(value, name)) for name in _crossing(type(value))},
    }


@cache
def _crossing(cls: type) -> Mapping[str, tuple[Any, bool]]:
    """Return the fields of a dataclass that cross, each with its type and whether it must be given."""
    types = get_type_hints(cls)
    crossing: list[Field[Any]] = [each for each in fields(cast("Any", cls)) if each.compare]
    always = cls.wire_required if issubclass(cls, WireForm) else frozenset[str]()
    return {
        each.name: (
            types[each.name],
            each.name in always or (each.default is MISSING and each.default_factory is MISSING),
        )
        for each in crossing
    }


def _of_kind(classes: list[Any], data: object, place: str) -> Any:
    by_kind = {cls.wire_kind: cls for cls in classes}
    members = cast("Mapping[str, object]", _checked(data, _OBJECT, place))
    return by_kind[_one_of(tuple(by_kind), members.get("kind"), f"{place}.kind")]


def _one_of(choices: tuple[Any, ...], data: object, place: str) -> str:
    if not isinstance(data, str) or data not in choices:
        raise InvalidRequestError(f"{place} must be one of {', '.join(map(repr, choices))}.")
    return data


def _checked(data: object, wanted: tuple[tuple[type, ...], str], place: str) -> object:
    types, name = wanted
    if isinstance(data, types) and (bool in types or not isinstance(data, bool)):
        return data
    raise InvalidRequestError(f"{place} is of type {type(data).__name__}, not {name}.")
