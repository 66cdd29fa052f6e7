"""Named pipes between a test and the processes that an agent starts: what began, what ended, and what may go on.

A process is followed without polling: it holds a pipe open, and the pipe's end is its end.
"""

from __future__ import annotations

import os
import resource
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

import anyio

_SECONDS = 60.0


class Lifeline:
    """A pipe that processes write to or hold open; the test reads it, and sees when the last holder is gone."""

    def __init__(self, path: Path) -> None:
        os.mkfifo(path)
        self.path = path
        self._fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        self._read = b""

    async def line(self) -> str:
        """Return the next line that somebody wrote."""
        with anyio.fail_after(_SECONDS):
            while b"\n" not in self._read:
                await anyio.wait_readable(self._fd)
                self._read += self._take() or b""
        line, _, self._read = self._read.partition(b"\n")
        return line.decode()

    async def gone(self) -> None:
        """Return when no process holds the pipe any more."""
        with anyio.fail_after(_SECONDS):
            while (data := self._take()) != b"":
                if data is None:
                    await anyio.wait_readable(self._fd)
                else:
                    self._read += data

    @property
    def held(self) -> bool:
        """Whether a process holds the pipe now."""
        while data := self._take():
            self._read += data
        return data is None

    def close(self) -> None:
        """Let go of the pipe."""
        os.close(self._fd)

    def _take(self) -> bytes | None:
        """Return what is there: bytes, b"" when nobody holds the pipe, None when nobody wrote."""
        try:
            return os.read(self._fd, 65_536)
        except BlockingIOError:
            return None


class Feed:
    """A pipe that a command reads line by line; the test decides when it goes on."""

    def __init__(self, path: Path) -> None:
        os.mkfifo(path)
        self.path = path
        # Open for both, so that neither side waits for the other to come.
        self._fd = os.open(path, os.O_RDWR | os.O_NONBLOCK)

    def line(self, text: str = "") -> None:
        """Let one `read` of the command go on."""
        os.write(self._fd, f"{text}\n".encode())

    def close(self) -> None:
        """Let go of the pipe."""
        os.close(self._fd)


def open_descriptors() -> int:
    """Return how many descriptors this process has open."""
    return len(list(Path("/dev/fd").iterdir())) - 1


@contextmanager
def descriptors_left(count: int) -> Generator[None]:
    """Let this process open no more than `count` descriptors."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    highest = max(int(path.name) for path in Path("/dev/fd").iterdir())
    resource.setrlimit(resource.RLIMIT_NOFILE, (highest + 1 + count, hard))
    held: list[int] = []
    try:
        with suppress(OSError):
            while True:
                held.append(os.open(os.devnull, os.O_RDONLY))
        for _ in range(count):
            os.close(held.pop())
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        for descriptor in held:
            os.close(descriptor)
