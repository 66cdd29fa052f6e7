"""The row of a session: where each line stands that is told, and where turns begin; kept while its files do not change.

To order a conversation all of its lines have to be read, which for a page would cost as much as for the whole. So the
order is kept, in a few bytes a line, for the sessions that were read last.
"""

from __future__ import annotations

import time
from array import array
from collections.abc import Iterable
from dataclasses import field
from functools import lru_cache
from pathlib import Path
from typing import Final

from agent_sdk_core.records import dataclass
from claude_sdk.store.transcript.entries import EntryKind
from claude_sdk.store.transcript.files import agent_files, agent_transcripts, note_of, own_transcript
from claude_sdk.store.transcript.frames import Agent
from claude_sdk.store.transcript.ordering import Placed, in_order

_KEPT: Final = 8
"""How many sessions' rows are kept: of 100 MB one takes about 1 MB."""
_SETTLED_NS: Final = 2_000_000_000
"""How long ago a file was written that shows by its time whether it is written again: clocks of files tick slowly."""

_FileStamp = tuple[str, int, int, int, int]
"""A file's path, number, size, and when it was changed and written; zeros for one that is not there."""


@dataclass(slots=True)
class Row:
    """Places of the lines that are told, oldest first.

    Attributes:
        files: The files of the session, each with the sub-agent whose it is.
        starts: At which places turns begin.
        turns: The uuids of what began them.
    """

    files: list[tuple[Path, Agent | None]] = field(default_factory=list[tuple[Path, Agent | None]])
    starts: array[int] = field(default_factory=lambda: array("Q"))
    turns: list[str] = field(default_factory=list[str])
    _numbers: array[int] = field(default_factory=lambda: array("L"))
    _offsets: array[int] = field(default_factory=lambda: array("Q"))
    _sizes: array[int] = field(default_factory=lambda: array("Q"))
    _kinds: list[EntryKind] = field(default_factory=list[EntryKind])

    def __len__(self) -> int:
        return len(self._kinds)

    def at(self, place: int) -> tuple[int, int, int, EntryKind]:
        """Return the number of the file, where in it the line stands, how long it is, and what becomes of it."""
        return self._numbers[place], self._offsets[place], self._sizes[place], self._kinds[place]

    @classmethod
    def of(cls, placed: Iterable[Placed]) -> Row:
        """Return the row of these entries, without those that are never told."""
        row, numbers = cls(), dict[Path, int]()
        for transcript, entry in ((item.transcript, item.entry) for item in placed):
            if entry.kind == "hidden":
                continue
            if transcript.path not in numbers:
                numbers[transcript.path] = len(row.files)
                row.files.append((transcript.path, transcript.agent))
            if transcript.agent is None and entry.starts_turn:
                row.starts.append(len(row))
                row.turns.append(entry.uuid)
            row._numbers.append(numbers[transcript.path])
            row._offsets.append(entry.offset)
            row._sizes.append(entry.size)
            row._kinds.append(entry.kind)
        return row


def row_of(path: Path) -> Row:
    """Return the row of a session, read anew if a file of it was written since.

    Args:
        path: The session's file.

    Raises:
        SessionNotFoundError: It does not exist.
        AgentError: It cannot be read, or holds something else.
    """
    agents = agent_files(path)
    stamp = tuple(_stamp(file) for file in (path, *agents, *map(note_of, agents)))
    settled = time.time_ns() - _SETTLED_NS
    return _kept(path, stamp) if all(file[-1] < settled for file in stamp) else _read(path)


def _stamp(file: Path) -> _FileStamp:
    try:
        status = file.stat()
    except OSError:
        return str(file), 0, 0, 0, 0
    return str(file), status.st_ino, status.st_size, status.st_ctime_ns, status.st_mtime_ns


def _read(path: Path) -> Row:
    return Row.of(in_order(own_transcript(path), agent_transcripts(path)))


@lru_cache(maxsize=_KEPT)
def _kept(path: Path, stamp: tuple[_FileStamp, ...]) -> Row:  # The stamp is what a row is kept by.
    return _read(path)
