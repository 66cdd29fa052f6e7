"""Patches: a fileChange item as one Write, Edit, MultiEdit, Delete or Move tool use a file."""

from __future__ import annotations

import re
from typing import Final, Literal

from agent_sdk_core.records import dataclass
from agent_sdk_core.wire.reading import Json, optional_text_at, record_at, records_at, text_at
from codex_sdk.normalizer.items.diffs import Hunk, parse_hunks, whole_file
from codex_sdk.normalizer.items.shapes import Outcome, ToolShape, ToolUse, failed, status

_MOVED: Final = re.compile(r"\n\nMoved to: [^\n]*\Z")
_DONE: Final = {"Write": "Wrote", "Edit": "Edited", "MultiEdit": "Edited", "Delete": "Deleted", "Move": "Moved"}


@dataclass(frozen=True, slots=True)
class FileChange:
    """One file of a patch.

    Attributes:
        path: The file.
        action: What happens to it; an open set on the wire, anything unknown reads as "update".
        new_path: Where it moves to, if it does.
        diff: The diff without the trailer that tells of a move; the whole content for "add" and "delete".
        hunks: The change; None if the diff could not be read.
    """

    path: str
    action: Literal["add", "delete", "update"]
    new_path: str | None
    diff: str
    hunks: list[Hunk] | None


def file_change(change: Json) -> FileChange:
    """Read one entry of a fileChange item's `changes`."""
    kind, path, diff = record_at(change, "kind"), text_at(change, "path"), text_at(change, "diff")
    match kind.get("type"):
        case "add":
            return FileChange(path, "add", None, diff, whole_file(diff, "+"))
        case "delete":
            return FileChange(path, "delete", None, diff, whole_file(diff, "-"))
        case _:
            new_path = optional_text_at(kind, "move_path")
            if new_path is not None:
                trailer = f"\n\nMoved to: {new_path}"
                diff = diff.removesuffix(trailer) if diff.endswith(trailer) else _MOVED.sub("", diff)
            return FileChange(path, "update", new_path, diff, parse_hunks(diff) if diff.strip() else [])


def file_tool_use(change: FileChange) -> ToolUse:
    """Return one file of a patch as a tool use."""
    arguments: Json = {"file_path": change.path}
    if change.action == "add":
        return ToolUse("Write", {**arguments, "content": change.diff})
    if change.action == "delete":
        return ToolUse("Delete", arguments)
    if change.new_path is not None:
        arguments["new_path"] = change.new_path
        if change.hunks == []:
            return ToolUse("Move", arguments)
    if change.hunks is None:
        return ToolUse("Edit", {**arguments, "diff": change.diff})
    edits = [{"old_string": hunk.old_text, "new_string": hunk.new_text} for hunk in change.hunks]
    if len(edits) == 1:
        return ToolUse("Edit", arguments | edits[0])
    return ToolUse("MultiEdit", {**arguments, "edits": edits})


def _changes(item: Json) -> list[FileChange]:
    return [file_change(change) for change in records_at(item, "changes")]


def _uses(item: Json) -> list[ToolUse]:
    return [file_tool_use(change) for change in _changes(item)]


def _outcomes(item: Json, streamed: str) -> list[Outcome]:
    del streamed
    return [_outcome(item, change) for change in _changes(item)]


def _outcome(item: Json, change: FileChange) -> Outcome:
    name = file_tool_use(change).name
    result: Json = {
        "filePath": change.path,
        "structuredPatch": [hunk.to_wire() for hunk in change.hunks or ()],
        "diff": change.diff,
    }
    if change.new_path is not None:
        result["newPath"] = change.new_path
    if change.action == "delete":
        result["content"] = change.diff
    if status(item) == "declined":
        return Outcome(f"The change to {change.path} was declined.", True, True, result)
    if failed(item):
        return Outcome(f"The change to {change.path} could not be applied.", True, False, result)
    where = f" to {change.new_path}" if change.new_path is not None else ""
    return Outcome(f"{_DONE[name]} {change.path}{where}.", False, False, result)


PATCH: Final = ToolShape(_uses, _outcomes)
"""The shape of fileChange items."""
