"""How a replayed agent says something: all at once, so that its reader finds as much as it takes, in every run."""

from __future__ import annotations

import fcntl
import os
import signal
import sys
from collections.abc import Generator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Final

AT_ONCE: Final = "BENCH_AT_ONCE"
"""Says, in the environment, that the reader is stopped until all that is said stands in the pipe.

Else a busy machine decides in how many pieces it is read, and so how much work that is.
"""

_ROOM: Final = 1024 * 1024
"""Bytes that a pipe may hold for anybody on Linux; what is less than that is written in one piece."""


def make_room() -> None:
    """Let stdout hold as much as a pipe may."""
    with suppress(OSError, AttributeError):  # No pipe, or another system.
        fcntl.fcntl(sys.stdout.fileno(), fcntl.F_SETPIPE_SZ, _ROOM)


def say(line: bytes) -> None:
    """Write to stdout, all of it."""
    left = memoryview(line)
    with _reader_stopped() if AT_ONCE in os.environ and len(line) < _room() else nullcontext():
        while left:
            left = left[os.write(sys.stdout.fileno(), left) :]


def _room() -> int:
    return fcntl.fcntl(sys.stdout.fileno(), fcntl.F_GETPIPE_SZ)


@contextmanager
def _reader_stopped() -> Generator[None]:
    """Have the program that started this one stand still."""
    reader = os.getppid()
    os.kill(reader, signal.SIGSTOP)
    try:
        while Path(f"/proc/{reader}/stat").read_text().rpartition(")")[2].split()[0] != "T":
            os.sched_yield()
        yield
    finally:
        os.kill(reader, signal.SIGCONT)
