"""Tables of the commands: columns of text for people, one JSON object a line for programs."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from agent_chat.cli.stdio import is_screen
from agent_chat.transcript.sanitize import visible

_GAP = "  "


def write_rows(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print rows under their heads, cut to the terminal where there is one.

    Args:
        heads: What each column is called.
        rows: A text for each column.
    """
    lines = [[*heads], *([visible(cell) for cell in row] for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(heads))]
    room = shutil.get_terminal_size().columns if is_screen(sys.stdout) else None
    for line in lines:
        cells = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        text = _GAP.join(cells).rstrip()
        sys.stdout.write(f"{text if room is None or len(text) <= room else text[: room - 1] + '…'}\n")
    sys.stdout.flush()


def write_objects(objects: Iterable[Mapping[str, object]]) -> None:
    """Print objects as JSON, one a line."""
    for each in objects:
        sys.stdout.write(f"{json.dumps(each)}\n")
    sys.stdout.flush()


def moment(seconds: float | None) -> str:
    """Return a Unix time as people here read it; "" for none, and for one that no calendar has."""
    if seconds is None:
        return ""
    try:
        return datetime.fromtimestamp(seconds).astimezone().strftime("%Y-%m-%d %H:%M")
    except (OSError, OverflowError, ValueError):
        return ""
