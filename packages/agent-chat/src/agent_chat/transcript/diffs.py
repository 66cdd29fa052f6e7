"""Changes of files as hunks, from any shape that an agent tells them in."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, cast

_HUNK: Final = re.compile(r"^@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@")
_NULL: Final = "/dev/null"


@dataclass(frozen=True, slots=True)
class Hunk:
    """Neighbouring lines of a change; each begins with a blank, +, -, or a backslash for a note. Lines count from 1."""

    old_start: int
    new_start: int
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FileDiff:
    """The change of one file.

    Attributes:
        path: The file, as the agent names it; "" where it did not.
        hunks: The changed places, in order.
    """

    path: str
    hunks: tuple[Hunk, ...]

    @property
    def added(self) -> int:
        """How many lines it adds."""
        return self._count("+")

    @property
    def removed(self) -> int:
        """How many lines it removes."""
        return self._count("-")

    def _count(self, sign: str) -> int:
        return sum(line.startswith(sign) for hunk in self.hunks for line in hunk.lines)


def from_unified(text: str) -> tuple[FileDiff, ...]:
    """Read a unified diff of one or several files; lines that belong to no hunk only name the files."""
    files: list[tuple[str, list[Hunk]]] = []
    old_path = ""
    lines = iter(_lines(text))
    for line in lines:
        if line.startswith("--- "):
            old_path = _path(line)
        elif line.startswith("+++ "):
            new_path = _path(line)
            files.append((old_path if new_path == _NULL else new_path, []))
        elif match := _HUNK.match(line):
            if not files:
                files.append(("", []))
            files[-1][1].append(_read_hunk(match, lines))
    return tuple(FileDiff(path, tuple(hunks)) for path, hunks in files)


def _read_hunk(match: re.Match[str], lines: Iterable[str]) -> Hunk:
    old_left, new_left = (int(count) if count is not None else 1 for count in match.group(2, 4))
    taken: list[str] = []
    # The counts, not the first characters, tell where a hunk ends: a removed line may look like a file header.
    while old_left > 0 or new_left > 0:
        line = next(iter(lines), None)
        if line is None:
            break
        sign = line[:1] or " "
        taken.append(line or " ")
        old_left -= sign in " -"
        new_left -= sign in " +"
    return Hunk(int(match.group(1)), int(match.group(3)), tuple(taken))


def _lines(text: str) -> list[str]:
    """Split at line feeds alone, for other line breaks may be part of a line."""
    return text.removesuffix("\n").split("\n") if text else []


def _path(header: str) -> str:
    path = header[4:].split("\t")[0].strip()
    return path[2:] if path.startswith(("a/", "b/")) else path


def from_structured(path: str, hunks: object) -> FileDiff | None:
    """Read `structuredPatch` of a tool's result; None where there is none."""
    if not isinstance(hunks, list):
        return None
    read = [
        _structured_hunk(cast("Mapping[str, object]", hunk))
        for hunk in cast("list[object]", hunks)
        if isinstance(hunk, dict)
    ]
    return FileDiff(path, tuple(hunk for hunk in read if hunk.lines)) if read else None


def _structured_hunk(hunk: Mapping[str, object]) -> Hunk:
    old, new, lines = hunk.get("oldStart"), hunk.get("newStart"), hunk.get("lines")
    texts = cast("list[object]", lines) if isinstance(lines, list) else []
    return Hunk(
        old if isinstance(old, int) else 1,
        new if isinstance(new, int) else 1,
        tuple(line for line in texts if isinstance(line, str)),
    )


def from_texts(path: str, edits: Iterable[tuple[str, str]]) -> FileDiff:
    """Compare old with new texts; where they stand in the file is not known, so each counts from 1."""
    hunks: list[Hunk] = []
    for old, new in edits:
        lines = difflib.unified_diff(_lines(old), _lines(new), lineterm="", n=3)
        for diff in from_unified("\n".join(["--- a", "+++ b", *list(lines)[2:]])):
            hunks.extend(diff.hunks)
    return FileDiff(path, tuple(hunks))
