"""Writes the subset of TOML that an agent's configuration needs; the standard library only reads it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

from agent_sdk_core.wire.toml import toml_key, toml_value

TomlValue: TypeAlias = "str | int | float | bool | Sequence[TomlValue] | Mapping[str, TomlValue]"


def dumps(table: Mapping[str, TomlValue]) -> str:
    """Return a TOML document; its tables get headers, those within arrays are written inline.

    Raises:
        ValueError: a value has no TOML form, None for example.
    """
    return "\n".join(_lines(table, ())) + "\n"


def _lines(table: Mapping[str, TomlValue], path: tuple[str, ...]) -> list[str]:
    plain = [f"{toml_key(key)} = {toml_value(value)}" for key, value in table.items() if not isinstance(value, Mapping)]
    lines = [f"[{'.'.join(map(toml_key, path))}]", *plain] if path and (plain or not table) else plain
    for key, value in table.items():
        if isinstance(value, Mapping):
            nested = _lines(value, (*path, key))
            lines += ["", *nested] if lines else nested
    return lines
