"""What a call changed in files, as texts for people and as hunks for renderers. Pure."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Sequence
from typing import Final

from acp_sdk.protocol.tool_calls import DiffItem, ToolCallLocation
from agent_sdk_core.wire.reading import Json, as_record

_HUNK: Final = re.compile(r"@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@")


def diff_text(diffs: Iterable[DiffItem]) -> str | None:
    """Return the changes of files as a unified diff; None: there are none."""
    lines: list[str] = []
    for item in diffs:
        old = (item.old_text or "").splitlines(keepends=True)
        new = (item.new_text or "").splitlines(keepends=True)
        before = "/dev/null" if not item.old_text else str(item.path)
        lines += [
            line if line.endswith("\n") else f"{line}\n"
            for line in difflib.unified_diff(old, new, before, str(item.path))
        ]
    return "".join(lines) or None


def structured_patch(
    diffs: Sequence[DiffItem], raw_output: object, locations: Iterable[ToolCallLocation]
) -> list[Json] | None:
    """Return the change of one file as hunks; None: there is none, or several files changed.

    An agent may tell the place that it changed alone. Where its lines stand says the diff in the metadata of its output
    (opencode), else the line of its location; where nothing does, they count from 1.
    """
    if len(diffs) != 1:
        return None
    told = (as_record((as_record(raw_output) or {}).get("metadata")) or {}).get("diff")
    if isinstance(told, str) and (hunks := _hunks(told.split("\n"), 0)):
        return hunks
    [item] = diffs
    line = next((each.line for each in locations if each.path == item.path and each.line), None)
    texts = (_lines(item.old_text or ""), _lines(item.new_text or ""))
    return _hunks(difflib.unified_diff(*texts, lineterm=""), (line or 1) - 1 if item.old_text else 0) or None


def _hunks(lines: Iterable[str], before: int) -> list[Json]:
    """Read the hunks of a unified diff, with this many lines of the file before what it compares."""
    found: list[Json] = []
    shown: list[str] = []
    for line in lines:
        if (match := _HUNK.match(line)) is not None:
            shown = []
            old, new = int(match[1]), int(match[3])
            found.append(
                {
                    "oldStart": old + before if old else 0,
                    "oldLines": int(match[2] or 1),
                    "newStart": new + before if new else 0,
                    "newLines": int(match[4] or 1),
                    "lines": shown,
                }
            )
        elif found and line[:1] in (" ", "+", "-"):
            shown.append(line)
    return found


def _lines(text: str) -> list[str]:
    """Split at line feeds alone, for other line breaks may be part of a line."""
    return text.removesuffix("\n").split("\n") if text else []
