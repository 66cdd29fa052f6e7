"""Tolerant access to wire objects: a value that is absent or of another type reads as its default, never raises."""

from __future__ import annotations

from typing import Any, cast

Wire = dict[str, Any]
"""One JSON object as it came."""


def text(obj: Wire, key: str, default: str = "") -> str:
    """Return the string at `key`, else `default`."""
    value = obj.get(key)
    return value if isinstance(value, str) else default


def optional_text(obj: Wire, key: str) -> str | None:
    """Return the string at `key`, else None."""
    value = obj.get(key)
    return value if isinstance(value, str) else None


def integer(obj: Wire, key: str) -> int | None:
    """Return the integer at `key`, else None; a boolean is no integer."""
    value = obj.get(key)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def record(obj: Wire, key: str) -> Wire:
    """Return the object at `key`, else an empty one."""
    return as_record(obj.get(key)) or {}


def as_record(value: object) -> Wire | None:
    """Return the value if it is an object with string keys, else None."""
    if not isinstance(value, dict):
        return None
    return cast("Wire", value)


def records(obj: Wire, key: str) -> list[Wire]:
    """Return the objects in the list at `key`, leaving out what is none."""
    value = obj.get(key)
    if not isinstance(value, list):
        return []
    return [item for item in map(as_record, cast("list[object]", value)) if item is not None]


def texts(obj: Wire, key: str) -> list[str]:
    """Return the strings in the list at `key`, leaving out what is none."""
    value = obj.get(key)
    if not isinstance(value, list):
        return []
    return [item for item in cast("list[object]", value) if isinstance(item, str)]
