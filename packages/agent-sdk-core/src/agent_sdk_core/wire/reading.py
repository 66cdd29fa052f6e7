"""Tolerant readers of JSON objects: what is absent or of another type reads as a default, and nothing raises.

`…_of` reads a value, `…_at` the member of an object at a key.
"""

from __future__ import annotations

from typing import Any, cast

Json = dict[str, Any]
"""One JSON object as it came."""


def copied(value: Any) -> Any:
    """Return a JSON value, nested however deeply, with objects and lists of its own, for code that may change them."""
    whole = [value]
    todo: list[Any] = [whole]
    while todo:
        made = todo.pop()
        members: Any = cast("Json", made).items() if isinstance(made, dict) else enumerate(made)
        for place, member in members:
            if isinstance(member, (dict, list)):
                own: Any = cast("Json | list[object]", member).copy()
                made[place] = own
                todo.append(own)
    return whole[0]


def as_record(value: object) -> Json | None:
    """Return an object, None for anything else."""
    return cast("Json", value) if isinstance(value, dict) else None


def record_of(value: object) -> Json:
    """Return an object, an empty one for anything else."""
    return cast("Json", value) if isinstance(value, dict) else {}


def records_of(value: object) -> list[Json]:
    """Return the objects of a list, nothing for anything else."""
    entries = cast("list[object]", value) if isinstance(value, list) else []
    return [cast("Json", entry) for entry in entries if isinstance(entry, dict)]


def text_of(value: object) -> str | None:
    """Return a string, None for anything else."""
    return value if isinstance(value, str) else None


def filled_text(value: object) -> str | None:
    """Return a string that is not empty, None for anything else."""
    return value if isinstance(value, str) and value else None


def texts_of(value: object) -> list[str]:
    """Return the strings of a list, nothing for anything else."""
    entries = cast("list[object]", value) if isinstance(value, list) else []
    return [entry for entry in entries if isinstance(entry, str)]


def count_of(value: object) -> int:
    """Return an integer, 0 for anything else; a boolean is none."""
    return value if type(value) is int else 0


def record_at(obj: Json, key: str) -> Json:
    """Return the object at `key`, else an empty one."""
    return record_of(obj.get(key))


def records_at(obj: Json, key: str) -> list[Json]:
    """Return the objects in the list at `key`, leaving out what is none."""
    return records_of(obj.get(key))


def text_at(obj: Json, key: str, default: str = "") -> str:
    """Return the string at `key`, else `default`."""
    value = obj.get(key)
    return value if isinstance(value, str) else default


def optional_text_at(obj: Json, key: str) -> str | None:
    """Return the string at `key`, else None."""
    value = obj.get(key)
    return value if isinstance(value, str) else None


def texts_at(obj: Json, key: str) -> list[str]:
    """Return the strings in the list at `key`, leaving out what is none."""
    return texts_of(obj.get(key))


def integer_at(obj: Json, key: str) -> int | None:
    """Return the integer at `key`, else None; a boolean is none."""
    value = obj.get(key)
    return value if isinstance(value, int) and not isinstance(value, bool) else None
