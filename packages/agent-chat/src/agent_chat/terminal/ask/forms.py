"""What an MCP server asks: how a form or a link is shown, and what typed lines mean as the content of a form."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from agent_chat.transcript.blocks import Asked, Choice
from agent_chat.transcript.sanitize import visible
from agent_sdk_core.asking.questions import ElicitationRequest
from agent_sdk_core.wire.reading import filled_text, record_of, texts_of

_YES: Final = frozenset({"y", "yes", "true", "1"})
_NO: Final = frozenset({"n", "no", "false", "2"})
DECLINE: Final = "-"
"""What declines the whole request; a person who does not want to tell types it anywhere."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a form.

    Attributes:
        name: The property.
        asked: What is asked, for a person.
        type: JSON type of the value: "string", "integer", "number" or "boolean".
        values: What may be chosen, if not everything may be said.
        required: Whether it cannot be left out.
    """

    name: str
    asked: str
    type: str
    values: tuple[str, ...] = ()
    required: bool = False


def entries_of(request: ElicitationRequest) -> tuple[Entry, ...] | None:
    """Return the lines of a form; None for one that cannot be filled in line by line."""
    schema = record_of(request.schema)
    required = texts_of(schema.get("required"))
    entries: list[Entry] = []
    for name, told in record_of(schema.get("properties")).items():
        field = record_of(told)
        kind = filled_text(field.get("type"))
        if kind not in ("string", "integer", "number", "boolean"):
            return None
        described = (filled_text(field.get("title")) or name, filled_text(field.get("description")))
        asked = " — ".join(text for text in described if text)
        entries.append(Entry(name, asked, kind, tuple(texts_of(field.get("enum"))), name in required))
    return tuple(entries)


def request_block(request: ElicitationRequest) -> Asked:
    """Return what a server asks as a block."""
    heading = f"The MCP server {visible(request.server)} asks: {visible(request.message)}"
    if request.mode != "url":
        return Asked(heading, facts=(("decline", f"type {DECLINE}"),))
    choices = (Choice(("1", "y"), "I have been there"), Choice(("2", "n"), "No"))
    return Asked(heading, facts=(("link", visible(request.url or "")),), choices=choices)


def entry_block(entry: Entry) -> Asked:
    """Return a line of a form as a block."""
    offered = ("Yes", "No") if entry.type == "boolean" else entry.values
    choices = tuple(Choice((str(number),), visible(value)) for number, value in enumerate(offered, 1))
    return Asked(visible(entry.asked) + ("" if entry.required else " (may be left out)"), choices=choices)


def how_to_fill_in(entry: Entry) -> str:
    """Return what can be typed, in a sentence."""
    what = {"integer": "a whole number", "number": "a number", "boolean": "y or n"}.get(entry.type, "your answer")
    if entry.values:
        what = "a number, or one of the choices"
    left_out = "" if entry.required else ", nothing to leave it out"
    return f"Type {what}{left_out}, or {DECLINE} to decline, and Enter."


def read_entry(entry: Entry, line: str) -> tuple[object] | None:
    """Return the value that a line gives, alone in a tuple; None when it gives none."""
    if entry.values:
        if line.isdecimal() and 1 <= int(line) <= len(entry.values):
            return (entry.values[int(line) - 1],)
        return (line,) if line in entry.values else None
    match entry.type:
        case "boolean":
            return (True,) if line.lower() in _YES else (False,) if line.lower() in _NO else None
        case "integer" | "number":
            try:
                return (int(line) if entry.type == "integer" else float(line),)
            except ValueError:
                return None
        case _:
            return (line,) if line else None
