"""What an edit that waits for permission would change, as a unified diff.

Reads the file as it is now, if it is a text file of at most 1 MB; nothing here raises. The work is bounded, because it
is done between two frames: long passages without a common line at their ends are shown as replaced.
"""

from __future__ import annotations

import stat
from collections.abc import Iterator
from difflib import SequenceMatcher
from pathlib import Path
from typing import Final

from agent_sdk_core.wire.reading import Json, filled_text, records_of

_MAX_BYTES: Final = 1_000_000
_MAX_COMPARISONS: Final = 250_000
_CONTEXT: Final = 3
_NO_NEWLINE: Final = "\\ No newline at end of file\n"


def edit_diff(tool_name: str, tool_input: Json, cwd: str | None) -> str | None:
    """Return the change that an edit of a file makes; None for any other tool, and where it cannot be told."""
    path = filled_text(tool_input.get("file_path"))
    if path is None:
        return None
    match tool_name:
        case "Write":
            content, before = _string(tool_input.get("content")), _read(path, cwd)
            return None if content is None or before is None else _diff(path, before, content)
        case "Edit" | "MultiEdit":
            edits = records_of(tool_input.get("edits")) if tool_name == "MultiEdit" else [tool_input]
            return _diff_of_edits(path, edits, _read(path, cwd))
        case _:
            return None


def _diff_of_edits(path: str, edits: list[Json], before: str | None) -> str | None:
    """Compare the file before and after; where the old texts are not found in it, each with its new one."""
    pairs: list[tuple[str, str]] = []
    after = before
    for edit in edits:
        old, new = _string(edit.get("old_string")), _string(edit.get("new_string"))
        if old is None or new is None:
            return None
        pairs.append((old, new))
        if after is not None:
            found = old in after if old else not after
            after = after.replace(old, new, -1 if edit.get("replace_all") is True else 1) if found else None
    if before is not None and after is not None:
        return _diff(path, before, after)
    hunks = "".join(hunk for old, new in pairs for hunk in _hunks(_lines(old), _lines(new)))
    return f"--- {path}\n+++ {path}\n{hunks}" if hunks else ""


def _string(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _read(path: str, cwd: str | None) -> str | None:
    """Return a file's text, "" if there is no file, and None if it cannot be shown."""
    file = Path(cwd or "", path)
    if not file.is_absolute():
        return None
    try:
        status = file.stat()
        # A pipe or a device would be waited for.
        if not stat.S_ISREG(status.st_mode) or status.st_size > _MAX_BYTES:
            return None
        with file.open("rb") as opened:
            data = opened.read(_MAX_BYTES + 1)
        content = data.decode()
    except FileNotFoundError:
        return ""
    except (OSError, ValueError):
        return None
    return None if "\0" in content or len(data) > _MAX_BYTES else content


def _diff(path: str, before: str, after: str) -> str:
    hunks = "".join(_hunks(_lines(before), _lines(after)))
    old = path if before else "/dev/null"
    return f"--- {old}\n+++ {path}\n{hunks}" if hunks else ""


def _lines(content: str) -> list[str]:
    """Split after line feeds alone, for other line breaks may be part of a line."""
    lines = content.split("\n")
    return [f"{line}\n" for line in lines[:-1]] + ([lines[-1]] if lines[-1] else [])


def _hunks(old: list[str], new: list[str]) -> Iterator[str]:
    """Compare lines; what is equal at both ends costs nothing."""
    first = _common(old, new)
    last = min(_common(old[::-1], new[::-1]), len(old) - first, len(new) - first)
    head, tail = max(first - _CONTEXT, 0), max(last - _CONTEXT, 0)
    old_part, new_part = old[head : len(old) - tail], new[head : len(new) - tail]
    for group in _groups(old_part, new_part, first - head, last - tail):
        (_, old_start, _, new_start, _), (_, _, old_end, _, new_end) = group[0], group[-1]
        before, after = _range(head + old_start, head + old_end), _range(head + new_start, head + new_end)
        yield f"@@ -{before} +{after} @@\n"
        for kind, i, j, k, m in group:
            if kind == "equal":
                yield from _marked(" ", old_part[i:j])
            else:
                yield from _marked("-", old_part[i:j])
                yield from _marked("+", new_part[k:m])


def _groups(old: list[str], new: list[str], before: int, after: int) -> Iterator[list[tuple[str, int, int, int, int]]]:
    """Return the changed places; `before` and `after` are how many lines at the ends are equal."""
    if len(old) * len(new) <= _MAX_COMPARISONS:
        yield from SequenceMatcher(None, old, new).get_grouped_opcodes(_CONTEXT)
        return
    old_end, new_end = len(old) - after, len(new) - after
    group = [
        ("equal", 0, before, 0, before),
        ("replace", before, old_end, before, new_end),
        ("equal", old_end, len(old), new_end, len(new)),
    ]
    yield group


def _common(old: list[str], new: list[str]) -> int:
    """Return how many lines the two begin with alike."""
    count = 0
    for one, other in zip(old, new, strict=False):
        if one != other:
            break
        count += 1
    return count


def _range(start: int, end: int) -> str:
    """Return a place as the header of a hunk has it: counted from 1, and before the first line if it holds none."""
    return f"{start + 1 if end > start else start},{end - start}"


def _marked(sign: str, lines: list[str]) -> Iterator[str]:
    for line in lines:
        yield f"{sign}{line}"
        if not line.endswith("\n"):
            yield f"\n{_NO_NEWLINE}"
