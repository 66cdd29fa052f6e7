"""Reading claude's frames: every field may be absent or of another type than expected, and nothing raises."""

from __future__ import annotations

from typing import Any, cast

Json = dict[str, Any]


def text(value: object) -> str | None:
    """Return a non-empty string, or None for anything else."""
    return value if isinstance(value, str) and value else None


def record(value: object) -> Json:
    """Return an object; an empty one for anything else."""
    return cast("Json", value) if isinstance(value, dict) else {}


def records(value: object) -> list[Json]:
    """Return the objects of a list; nothing for anything else."""
    return (
        [cast("Json", entry) for entry in cast("list[object]", value) if isinstance(entry, dict)]
        if isinstance(value, list)
        else []
    )


def texts(value: object) -> list[str]:
    """Return the strings of a list; nothing for anything else."""
    return [entry for entry in cast("list[object]", value) if isinstance(entry, str)] if isinstance(value, list) else []


def number(value: object) -> int:
    """Return a count of tokens; 0 for anything else."""
    return value if type(value) is int else 0


def blocks(frame: Json) -> list[Json]:
    """Return the content blocks of an assistant or user frame."""
    return records(record(frame.get("message")).get("content"))
