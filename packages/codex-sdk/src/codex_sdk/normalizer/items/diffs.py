"""The diffs of fileChange items as hunks: for editors as old and new text, for renderers as a structured patch."""

from __future__ import annotations

from agent_sdk_core.records import dataclass
from agent_sdk_core.wire.reading import Json


@dataclass(frozen=True, slots=True)
class Hunk:
    r"""One connected change.

    Attributes:
        old_start: First line in the old file, counted from 1; 0 if there is none.
        old_lines: How many lines of the old file it covers.
        new_start: First line in the new file, counted from 1; 0 if there is none.
        new_lines: How many lines of the new file it covers.
        lines: Its lines with their leading " ", "-", "+" or "\\", without line feeds.
        old_text: What it replaces, context included.
        new_text: What it puts there, context included.
    """

    old_start: int
    old_lines: int
    new_start: int
    new_lines: int
    lines: tuple[str, ...]
    old_text: str
    new_text: str

    def to_wire(self) -> Json:
        """Return the hunk as an entry of `structuredPatch`."""
        return {
            "oldStart": self.old_start,
            "oldLines": self.old_lines,
            "newStart": self.new_start,
            "newLines": self.new_lines,
            "lines": list(self.lines),
        }


def parse_hunks(diff: str) -> list[Hunk] | None:
    """Read a unified diff without file headers, as Codex writes it; None if it is not one."""
    # Loaded on the first patch: it costs as much as the rest of the package.
    from unidiff.errors import UnidiffParseError
    from unidiff.patch import PatchSet

    try:
        patch = PatchSet.from_string(f"--- a\n+++ b\n{diff}")
    except (UnidiffParseError, ValueError):
        return None
    if len(patch) != 1 or not patch[0]:
        return None
    hunks = [
        _hunk(
            (hunk.source_start, hunk.source_length, hunk.target_start, hunk.target_length),
            [(line.line_type, line.value) for line in hunk],
        )
        for hunk in patch[0]
    ]
    # Lines between hunks are skipped without a word: a change must not be shown as less than it is.
    read = sum(1 + len(hunk.lines) for hunk in hunks)
    return hunks if read >= len(diff.strip("\n").split("\n")) else None


def whole_file(content: str, sign: str) -> list[Hunk]:
    """Return the one hunk that adds ("+") or deletes ("-") a whole file; none for an empty file."""
    lines = _split(content)
    marked = [(sign, line) for line in lines]
    if not lines:
        return []
    if not lines[-1].endswith("\n"):
        marked.append(("\\", " No newline at end of file"))
    count = len(lines)
    return [_hunk((0, 0, 1, count) if sign == "+" else (1, count, 0, 0), marked)]


def _split(content: str) -> list[str]:
    """Split at line feeds only, as diffs do."""
    lines = [f"{line}\n" for line in content.split("\n")]
    last = lines.pop()[:-1]
    return [*lines, last] if last else lines


def _hunk(span: tuple[int, int, int, int], marked: list[tuple[str, str]]) -> Hunk:
    old: list[str] = []
    new: list[str] = []
    lines: list[str] = []
    ended: tuple[list[str], ...] = ()
    for sign, value in marked:
        lines.append(sign + value.removesuffix("\n"))
        if sign == "\\":
            # "No newline at end of file" speaks of the line before it.
            for side in ended:
                side[-1] = side[-1].removesuffix("\n")
            continue
        ended = (old,) if sign == "-" else (new,) if sign == "+" else (old, new)
        for side in ended:
            side.append(value)
    return Hunk(*span, tuple(lines), "".join(old), "".join(new))
