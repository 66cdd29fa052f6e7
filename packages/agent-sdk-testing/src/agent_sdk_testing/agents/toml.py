"""Writes the subset of TOML that an agent's configuration needs; the standard library only reads it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import TypeAlias

TomlValue: TypeAlias = "str | int | float | bool | Sequence[TomlValue] | Mapping[str, TomlValue]"

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")


def dumps(table: Mapping[str, TomlValue]) -> str:
    """Return a TOML document; its tables get headers, those within arrays are written inline.

    Raises:
        TypeError: a value has no TOML form, None for example.
    """
    return "\n".join(_lines(table, ())) + "\n"


def _lines(table: Mapping[str, TomlValue], path: tuple[str, ...]) -> list[str]:
    plain = [f"{_key(key)} = {_value(value)}" for key, value in table.items() if not isinstance(value, Mapping)]
    lines = [f"[{'.'.join(map(_key, path))}]", *plain] if path and (plain or not table) else plain
    for key, value in table.items():
        if isinstance(value, Mapping):
            nested = _lines(value, (*path, key))
            lines += ["", *nested] if lines else nested
    return lines


def _key(key: str) -> str:
    return key if _BARE_KEY.fullmatch(key) else _string(key)


def _string(text: str) -> str:
    # A JSON string is a TOML string, but for DEL, which JSON leaves as it is.
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _value(value: TomlValue) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            return _string(value)
        case int():
            return str(value)
        case float():
            return repr(value)
        case Mapping():
            return "{ " + ", ".join(f"{_key(key)} = {_value(item)}" for key, item in value.items()) + " }"
        case Sequence():
            return "[" + ", ".join(map(_value, value)) + "]"
        case _:
            raise TypeError(f"{value!r} has no TOML form")
