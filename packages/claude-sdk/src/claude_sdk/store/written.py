"""What a session store has of a session, written as claude's own files."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import Final

from agent_sdk_core.wire.json_lines import BadLine, decode_line
from agent_sdk_core.wire.reading import Json, records_of, text_of

_SUFFIX: Final = ".jsonl"
_NOTE: Final = "agent_metadata"
"""Type of the entry that stands for a sub-agent's note beside its file, the last of several."""


def file_below(folder: Path, subpath: str) -> Path | None:
    """Return the file of a sub-agent; None for a path that would leave its session's folder."""
    parts = PurePosixPath(subpath).parts
    if not parts or any(part in ("..", "/") or "\\" in part or "\0" in part for part in parts):
        return None
    return folder.joinpath(*parts[:-1], f"{parts[-1]}{_SUFFIX}")


def write_agent(file: Path, entries: Sequence[Json]) -> None:
    """Write a sub-agent's file, and beside it the note that says which tool use started it."""
    write_lines(file, [entry for entry in entries if entry.get("type") != _NOTE])
    notes = [entry for entry in entries if entry.get("type") == _NOTE]
    if notes:
        note = {name: value for name, value in notes[-1].items() if name != "type"}
        _write(file.with_suffix(".meta.json"), [json.dumps(note, ensure_ascii=False)])


def write_lines(path: Path, entries: Sequence[Json]) -> None:
    """Write entries as the lines of a file; what stood there is replaced once all is written."""
    # Readers of these files look for the type at the beginning of a line.
    told = ({"type": entry["type"], **entry} if "type" in entry else entry for entry in entries)
    _write(path, (json.dumps(entry, ensure_ascii=False, separators=(",", ":")) for entry in told))


def set_written(path: Path, entries: Sequence[Json]) -> None:
    """Give a file the time of its last entry that has one, as if it had been written then."""
    for entry in reversed(entries):
        try:
            seconds = datetime.fromisoformat(text_of(entry.get("timestamp")) or "").timestamp()
        except (ValueError, OverflowError):
            continue
        os.utime(path, (seconds, seconds))
        return


def compared(path: Path, entries: list[Json]) -> tuple[bool, list[Json]]:
    """Return whether a file is to be written with what a store has, and which entries of the file the store lacks.

    It is where it is not there, or has nothing that the store lacks and lacks something.
    """
    try:
        lines = path.read_bytes().splitlines()
    except FileNotFoundError:
        return bool(entries), []
    ours = records_of([value for line in lines if not isinstance(value := decode_line(line), BadLine)])
    if not entries:
        return False, list(ours)
    theirs = {uuid for each in entries if (uuid := each.get("uuid")) is not None}
    missing = [each for each in ours if (uuid := each.get("uuid")) is not None and uuid not in theirs]
    return not missing and not theirs <= {each.get("uuid") for each in ours}, missing


def _write(path: Path, lines: Iterable[str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # For its owner alone.
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            for line in lines:
                file.write(line + "\n")
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
