"""Changes of files as a tool call shows them: old and new text for the first version, a patch for the second."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any, Final, Literal, cast

from agent_chat.transcript.diffs import FileDiff, Hunk, from_structured, from_texts, from_unified

Operation = Literal["add", "delete", "modify", "move"]
_NO_FILE: Final = "/dev/null"


@dataclass(frozen=True, slots=True)
class Change:
    """The change of one file, or of one place in it.

    Attributes:
        path: The file, absolute where the agent said enough for that.
        old: What stood there; None for a new file.
        new: What stands there now.
        operation: What happened to the file.
        diff: The changed places, with their lines where those are known.
        old_path: Where a moved file was.
    """

    path: str
    old: str | None
    new: str
    operation: Operation = "modify"
    diff: FileDiff | None = None
    old_path: str | None = None

    def to_wire(self) -> dict[str, Any]:
        """Return it as content of a tool call, for a dialect to spell."""
        return {"type": "diff", "change": self}


def absolute(path: str, cwd: str) -> str:
    """Return a path from the root on, where the folder is known."""
    return str(PurePath(cwd) / path) if cwd and path else path


def changes_of(kind: str, name: str, given: Mapping[str, object], cwd: str) -> tuple[Change, ...]:
    """Return what a call that edits would change, as far as its input says.

    Args:
        kind: What the tool does.
        name: Its name.
        given: Its input.
        cwd: The folder that relative paths start from.
    """
    path = absolute(_text(given, "file_path") or _text(given, "notebook_path") or _text(given, "path"), cwd)
    if not path:
        return ()
    if kind == "delete":
        return (Change(path, None, "", "delete"),)
    if target := _text(given, "new_path"):
        target = absolute(target, cwd)
        edits = _edits(given)
        if not edits:
            return (Change(target, None, "", "move", old_path=path),)
        return tuple(Change(target, old, new, "move", old_path=path) for old, new in edits)
    if isinstance(content := given.get("content"), str):
        return (Change(path, None, content, "add" if name == "Write" else "modify"),)
    return tuple(Change(path, old, new) for old, new in _edits(given))


def asked_changes(diff: str | None, announced: Iterable[Change], cwd: str) -> tuple[Change, ...]:
    """Return the changes of a request, by its unified diff where it has one, else as they were announced."""
    read = from_unified(diff) if diff else ()
    found = [change for each in read for change in _places(each, cwd)]
    return tuple(found) if found else tuple(announced)


def happened(announced: tuple[Change, ...], facts: Mapping[str, object]) -> tuple[Change, ...]:
    """Return the changes with what the tool's result knows beside: lines, what stood there, what was deleted."""
    if len(announced) == 1 and announced[0].operation == "delete":
        content = facts.get("content")
        return (Change(announced[0].path, content, "", "delete"),) if isinstance(content, str) else announced
    if not announced:
        return ()
    path = announced[0].path
    first = announced[0]
    original = facts.get("originalFile")
    if first.operation == "add" and isinstance(original, str):
        return (Change(path, original, first.new, "modify", from_structured(path, facts.get("structuredPatch"))),)
    diff = from_structured(path, facts.get("structuredPatch"))
    if first.operation == "modify" and diff is not None and diff.hunks and not _with_headers(diff):
        return tuple(_change(path, hunk) for hunk in diff.hunks)
    return announced


def git_patch(changes: Iterable[Change]) -> str:
    """Return the changes as the text of a patch; a place whose lines nobody knows counts from the first."""
    parts: list[str] = []
    for change in changes:
        old, new = f"a{_slashed(change.old_path or change.path)}", f"b{_slashed(change.path)}"
        diff = change.diff or from_texts(change.path, [(change.old or "", change.new)])
        head = [f"diff --git {old} {new}"]
        if change.operation == "move":
            head += [f"rename from {old[2:]}", f"rename to {new[2:]}"]
        if diff.hunks:
            head.append(f"--- {_NO_FILE if change.operation == 'add' else old}")
            head.append(f"+++ {_NO_FILE if change.operation == 'delete' else new}")
        parts += [*head, *(line for hunk in diff.hunks for line in _hunk_lines(hunk))]
    return "\n".join(parts) + "\n" if parts else ""


def _edits(given: Mapping[str, object]) -> list[tuple[str, str]]:
    several = given.get("edits")
    records = cast("list[object]", several) if isinstance(several, list) else [given]
    found: list[tuple[str, str]] = []
    for record in records:
        if isinstance(record, Mapping):
            fields = cast("Mapping[str, object]", record)
            old, new = _text(fields, "old_string"), _text(fields, "new_string") or _text(fields, "new_source")
            if old or new:
                found.append((old, new))
    return found


def _places(diff: FileDiff, cwd: str) -> Iterable[Change]:
    path = absolute(diff.path, cwd)
    for hunk in diff.hunks:
        yield _change(path, hunk)


def _change(path: str, hunk: Hunk) -> Change:
    old = [line[1:] for line in hunk.lines if line[:1] in (" ", "-")]
    new = [line[1:] for line in hunk.lines if line[:1] in (" ", "+")]
    added = not old and hunk.old_start == 0
    operation: Operation = "add" if added else "modify"
    return Change(path, None if added else "\n".join(old), "\n".join(new), operation, FileDiff(path, (hunk,)))


def _with_headers(diff: FileDiff) -> bool:
    """Whether lines of a hunk are no lines of the file, so that its texts cannot be told."""
    return any(line[:1] not in (" ", "-", "+", "\\") for hunk in diff.hunks for line in hunk.lines)


def _hunk_lines(hunk: Hunk) -> list[str]:
    old = sum(line[:1] in (" ", "-") for line in hunk.lines)
    new = sum(line[:1] in (" ", "+") for line in hunk.lines)
    old_start = hunk.old_start if old else 0
    return [f"@@ -{old_start},{old} +{hunk.new_start if new else 0},{new} @@", *hunk.lines]


def _slashed(path: str) -> str:
    return path if path.startswith("/") else f"/{path}"


def _text(fields: Mapping[str, object], key: str) -> str:
    value = fields.get(key)
    return value if isinstance(value, str) else ""
