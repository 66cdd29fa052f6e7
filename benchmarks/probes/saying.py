"""How a replayed agent says something: as fast as a pipe takes it, or in pieces that its reader finds whole."""

from __future__ import annotations

import array
import fcntl
import os
import select
import sys
import termios
import time
from collections.abc import Generator
from contextlib import suppress
from typing import Final

IN_PIECES: Final = "BENCH_IN_PIECES"
"""Says, in the environment, that each piece is written when the one before has been read.

Else a busy machine decides in how many pieces it is read, and so how much work that is.
"""

_ROOM: Final = 1024 * 1024
"""Bytes that a pipe may hold for anybody on Linux."""

_PIECE: Final = 48 * 1024
"""Bytes of a piece: any pipe has room for them, and what there is room for is written at once."""


def make_room() -> None:
    """Let stdout hold as much as a pipe may."""
    with suppress(OSError, AttributeError):  # No pipe, or another system.
        fcntl.fcntl(sys.stdout.fileno(), fcntl.F_SETPIPE_SZ, _ROOM)


def say(lines: bytes) -> None:
    """Write to stdout, all of it."""
    if IN_PIECES not in os.environ:
        _write(lines)
        return
    gone = select.poll()  # Told of nothing but a reader that has closed its end.
    gone.register(sys.stdout.fileno(), 0)
    for piece in _pieces(lines):
        while _unread() and not gone.poll(0):
            time.sleep(0.001)
        _write(piece)


def _pieces(lines: bytes) -> Generator[bytes]:
    """Yield as many whole lines as a piece holds, one at least."""
    start = 0
    while start < len(lines):
        end = lines.rfind(b"\n", start, start + _PIECE) + 1 or lines.find(b"\n", start) + 1 or len(lines)
        yield lines[start:end]
        start = end


def _write(piece: bytes) -> None:
    left = memoryview(piece)
    while left:
        left = left[os.write(sys.stdout.fileno(), left) :]


def _unread() -> int:
    """Return how many bytes stand in the pipe."""
    count = array.array("i", [0])
    fcntl.ioctl(sys.stdout.fileno(), termios.FIONREAD, count)
    return count[0]
