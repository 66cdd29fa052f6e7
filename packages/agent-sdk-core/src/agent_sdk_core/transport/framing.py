"""Framing: cuts a byte stream into lines, whatever chunks it arrives in.

Pure and bounded. A line beyond the limit is drained without being kept and reported once, and the stream goes on.
The work is linear in the number of bytes, also for one line that spans thousands of chunks.
"""

from __future__ import annotations

from typing import Final

from agent_sdk_core.records import dataclass

DEFAULT_MAX_LINE: Final = 64 * 1024 * 1024
"""Bytes that one line may hold. Real ones reach several MiB: pasted images, whole files as tool results."""

_HEAD: Final = 256
"""First bytes of an oversized line that are kept, enough to see which message it was."""


@dataclass(frozen=True, slots=True)
class OversizedLine:
    """A line that exceeded the limit and was dropped.

    Attributes:
        size: Its length in bytes, without the newline.
        head: Its first bytes.
    """

    size: int
    head: bytes


class LineFramer:
    """Cuts chunks of bytes into lines.

    A line ends with a newline; one carriage return before it is removed; empty lines are left out. The values do not
    depend on how the stream was cut into chunks.

    Args:
        max_line: Bytes that a line may hold, without the newline.
    """

    __slots__ = ("_head", "_max", "_parts", "_size")

    def __init__(self, max_line: int = DEFAULT_MAX_LINE) -> None:
        self._max = max_line
        self._parts: list[bytes] = []
        self._size = 0
        # Not None while the rest of an oversized line is drained.
        self._head: bytes | None = None

    def feed(self, chunk: bytes) -> list[bytes | OversizedLine]:
        """Return the lines that this chunk completes, in order."""
        pieces = chunk.split(b"\n")
        rest = pieces.pop()
        lines: list[bytes | OversizedLine] = []
        if pieces:
            if self._size:
                self._keep(pieces[0])
                lines.extend(self._take())
                del pieces[0]
            if len(chunk) > self._max:
                for piece in pieces:
                    self._keep(piece)
                    lines.extend(self._take())
            else:
                # The hot path: whole lines of a chunk that cannot hold an oversized one.
                if b"\r" in chunk:
                    pieces = [piece.removesuffix(b"\r") for piece in pieces]
                if b"" in pieces:
                    pieces = [piece for piece in pieces if piece]
                if not lines:
                    lines = pieces  # pyright: ignore[reportAssignmentType]  # a list of bytes, given away here
                else:
                    lines.extend(pieces)
        if rest:
            self._keep(rest)
        return lines

    def finish(self) -> list[bytes | OversizedLine]:
        """Return what the stream ended with in the middle of a line: nothing, or one value."""
        return self._take()

    def _keep(self, piece: bytes) -> None:
        self._size += len(piece)
        if self._head is not None:
            missing = _HEAD - len(self._head)
            if missing > 0:
                self._head += piece[:missing]
        elif self._size > self._max:
            self._head = b"".join(part[:_HEAD] for part in [*self._parts, piece][: _HEAD + 1])[:_HEAD]
            self._parts.clear()
        else:
            self._parts.append(piece)

    def _take(self) -> list[bytes | OversizedLine]:
        size, head = self._size, self._head
        self._size, self._head = 0, None
        if head is not None:
            return [OversizedLine(size, head)]
        line = b"".join(self._parts).removesuffix(b"\r")
        self._parts.clear()
        return [line] if line else []
