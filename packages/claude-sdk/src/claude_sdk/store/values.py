"""Reading members of JSON objects of which nothing is certain."""

from __future__ import annotations

from typing import Any, cast

Json = dict[str, Any]


def record(value: object) -> Json:
    """Return an object as it is, and anything else as an empty one."""
    return cast("Json", value) if isinstance(value, dict) else {}


def records(value: object) -> list[Json]:
    """Return the members of a list that are objects; none if it is no list."""
    members = cast("list[object]", value) if isinstance(value, list) else []
    return [cast("Json", member) for member in members if isinstance(member, dict)]


def text(value: object) -> str | None:
    """Return a text as it is, and None for anything else."""
    return value if isinstance(value, str) else None
