"""`EventStream`: what happens in a chat or session, in one order by `(epoch, seq)`, for readers with a cursor.

The stream holds the last entries and no reader: a reader is a cursor. Who comes back with one misses nothing and sees
nothing twice; who stayed away longer than the stream remembers is told so, and begins with a snapshot. When the stream
is full, neighbouring deltas of its older half are joined, so that what it forgets first is not a long answer's text.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import field, replace
from typing import Any, Final, Self, cast
from uuid import uuid4

import anyio

from agent_sdk_core.errors import InvalidRequestError
from agent_sdk_core.records import dataclass
from agent_sdk_core.wire.json_lines import json_text

LIMIT: Final = 20_000
"""Entries that a stream remembers, deltas that were joined as one."""

MAX_BYTES: Final = 16 * 2**20
"""Bytes of JSON that the entries together may have."""

FAR_BEHIND: Final = 4_000
"""Entries from which on also a reader that takes them singly gets neighbouring deltas as one."""

_DELTA_BYTES: Final = 300
"""What a delta is taken to have beside its text."""

_PLACE_BYTES: Final = 8
"""What a delta that was joined is taken to have beside its text."""

_RUNS: Final = 16
"""So many joined entries have room at least: all of one is forgotten at once."""


@dataclass(frozen=True, slots=True)
class Cursor:
    """How far a reader has come.

    Attributes:
        epoch: The life of the stream: another one numbers anew.
        seq: The last entry that was read; 0 before the first.
    """

    epoch: str
    seq: int

    def __str__(self) -> str:
        return f"{self.epoch}.{self.seq}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the cursor whose text this is.

        Raises:
            InvalidRequestError: It is none.
        """
        epoch, dot, seq = text.rpartition(".")
        if not (epoch and dot and seq.isascii() and seq.isdigit() and len(seq) <= 15):
            raise InvalidRequestError("A cursor is the epoch of a stream, a point and a number.")
        return cls(epoch, int(seq))


@dataclass(frozen=True, slots=True)
class Piece:
    """What a delta goes on with: neighbours of one block are joined on their way to a reader.

    Attributes:
        block: Names the block, or the tool whose output it is.
        text: What it adds.
        put: Returns the entry's data with another text.
    """

    block: tuple[object, ...]
    text: str
    put: Callable[[Mapping[str, Any], str], dict[str, Any]] = field(compare=False)


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that happened.

    Attributes:
        seq: Its number; each entry has one more than the one before, but for deltas that were joined.
        kind: What it tells.
        data: It, as JSON-compatible data.
        piece: What it goes on with, for a delta.
    """

    seq: int
    kind: str
    data: Mapping[str, Any]
    piece: Piece | None = None

    def to_wire(self) -> dict[str, Any]:
        """Return it as JSON-compatible data."""
        return {"seq": self.seq, "kind": self.kind, **self.data}


@dataclass(slots=True)
class _Kept:
    """An entry as the stream holds it.

    Attributes:
        entry: The entry.
        size: Bytes that it counts as.
        ends: Where the text of each delta that was joined ends in it; None for what is one entry.
    """

    entry: Entry
    size: int
    ends: array[int] | None = None

    def after(self, seq: int) -> Entry:
        """Return what of it came after an entry that it may hold."""
        if self.ends is None or seq < (first := self.entry.seq - len(self.ends) + 1):
            return self.entry
        return _with(self.entry, cast("Piece", self.entry.piece).text[self.ends[seq - first] :])


class EventStream:
    """The entries of one chat or session, from when it was opened.

    Args:
        limit: Entries that it remembers.
        max_bytes: Bytes that they may have together.

    Attributes:
        epoch: Names this life of the stream.
        seq: Number of the last entry.
    """

    def __init__(self, *, limit: int = LIMIT, max_bytes: int = MAX_BYTES) -> None:
        self.epoch = uuid4().hex[:12]
        self.seq = 0
        self._limit = limit
        self._max_bytes = max_bytes
        self._entries: deque[_Kept] = deque()
        self._bytes = 0
        self._forgotten = 0  # number of the last entry that it does not remember
        self._new = 0  # entries since neighbours were joined
        self._whole = 0  # number of the last entry that is no delta
        self._closed = False
        self._waiter: anyio.Event | None = None

    @property
    def cursor(self) -> Cursor:
        """Where a reader stands who has read everything."""
        return Cursor(self.epoch, self.seq)

    @property
    def closed(self) -> bool:
        """Whether nothing comes any more."""
        return self._closed

    def publish(self, kind: str, data: Mapping[str, Any], piece: Piece | None = None) -> int:
        """Add an entry, and return its number; never waits. What comes after the end has no number, and gets 0."""
        if self._closed:
            return 0
        self.seq += 1
        size = len(piece.text) + _DELTA_BYTES if piece is not None else len(json_text(dict(data)))
        self._entries.append(_Kept(Entry(self.seq, kind, data, piece), size))
        self._bytes += size
        self._new += 1
        if piece is None:
            self._whole = self.seq
        if self._full:
            self._make_room()
        self._wake()
        return self.seq

    def close(self) -> None:
        """End the stream; what it holds can still be read."""
        self._closed = True
        self._wake()

    def since(self, cursor: Cursor, *, singly: int = 0) -> list[Entry] | None:
        """Return what came after a cursor; None when the stream does not remember that far back.

        Args:
            cursor: How far the reader has come.
            singly: So many entries are the first of all as they came, deltas too, unless the reader is far behind; 0:
                all of them, with the deltas joined.
        """
        if cursor.epoch != self.epoch or cursor.seq > self.seq:
            return None
        if cursor.seq < self._forgotten:
            return None
        first, end = bisect_right(self._entries, cursor.seq, key=_seq), len(self._entries)
        single = bool(singly) and self.seq - cursor.seq <= FAR_BEHIND
        wanted = [self._entries[index] for index in range(first, min(end, first + singly) if single else end)]
        entries = [kept.entry for kept in wanted]
        if wanted:
            entries[0] = wanted[0].after(cursor.seq)
        return entries if single else joined(entries)

    async def more(self, seq: int, *, deltas: float = 1) -> None:
        """Wait until something came after an entry, or nothing comes any more.

        Args:
            seq: Number of the entry.
            deltas: So many of them count as something.
        """
        while not self._closed and self._whole <= seq and self.seq < seq + deltas:
            if self._waiter is None:
                self._waiter = anyio.Event()
            await self._waiter.wait()

    @property
    def _full(self) -> bool:
        return len(self._entries) > self._limit or self._bytes > self._max_bytes

    def _make_room(self) -> None:
        if self._new * 3 >= len(self._entries):  # Else it would be looked through again and again.
            self._join_older()
        while len(self._entries) > 1 and self._full:
            forgotten = self._entries.popleft()
            self._bytes -= forgotten.size
            self._forgotten = forgotten.entry.seq

    def _join_older(self) -> None:
        """Join neighbouring deltas of the older half; where each ended is kept, for who has read but some of them."""
        older = [self._entries.popleft() for _ in range(len(self._entries) // 2)]
        self._new = 0
        runs: list[list[_Kept]] = []
        length = 0
        for kept in older:
            piece, last = kept.entry.piece, runs[-1][-1].entry.piece if runs else None
            length += kept.size
            if piece and last and piece.block == last.block and length <= self._max_bytes // _RUNS:
                runs[-1].append(kept)
            else:
                runs.append([kept])
                length = kept.size
        kept_runs = [_run(run) for run in runs]
        self._bytes += sum(kept.size for kept in kept_runs) - sum(kept.size for kept in older)
        self._entries.extendleft(reversed(kept_runs))

    def _wake(self) -> None:
        if self._waiter is not None:
            self._waiter.set()
            self._waiter = None


def _seq(kept: _Kept) -> int:
    return kept.entry.seq


def _with(entry: Entry, text: str) -> Entry:
    """Return a delta with another text."""
    piece = cast("Piece", entry.piece)
    return replace(entry, data=piece.put(entry.data, text), piece=replace(piece, text=text))


def _run(run: Sequence[_Kept]) -> _Kept:
    """Return neighbouring deltas of one block as one."""
    if len(run) == 1:
        return run[0]
    texts = [cast("Piece", kept.entry.piece).text for kept in run]
    ends, length = array("Q"), 0
    for kept, text in zip(run, texts, strict=True):
        ends.extend(array("Q", (length + end for end in kept.ends)) if kept.ends else (length + len(text),))
        length += len(text)
    entry = _with(run[-1].entry, "".join(texts))
    return _Kept(entry, length + _DELTA_BYTES + len(ends) * _PLACE_BYTES, ends)


def joined(entries: Iterable[Entry]) -> list[Entry]:
    """Return the entries with neighbouring deltas of one block as one, which has the number of the last of them."""
    result: list[Entry] = []
    texts: list[str] = []

    def settle() -> None:
        if len(texts) > 1:
            result[-1] = _with(result[-1], "".join(texts))
        texts.clear()

    for entry in entries:
        last = result[-1].piece if result and texts else None
        if entry.piece is not None and last is not None and last.block == entry.piece.block:
            result[-1] = entry
        else:
            settle()
            result.append(entry)
        if entry.piece is not None:
            texts.append(entry.piece.text)
    settle()
    return result
