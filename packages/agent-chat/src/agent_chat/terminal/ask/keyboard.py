"""Lines that a person types on the terminal, read without blocking the event loop.

The terminal stays in its ordinary mode: it echoes, edits the line and sends Ctrl-C as a signal.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Generator
from typing import Final

import anyio

_CHUNK: Final = 4096


class Keyboard:
    """The terminal on a file descriptor, standard input by default."""

    def __init__(self, fd: int = 0) -> None:
        self._fd = fd
        self._pending = b""

    @property
    def is_terminal(self) -> bool:
        """Whether a person can type there."""
        return os.isatty(self._fd)

    def discard(self) -> None:
        """Forget what was typed so far, so that it does not answer a question that came later."""
        self._pending = b""
        if sys.platform != "win32":
            import termios

            with contextlib.suppress(termios.error):
                termios.tcflush(self._fd, termios.TCIFLUSH)

    async def line(self, *, secret: bool = False) -> str | None:
        """Return the next line without its end; None at the end of input. A secret one is not echoed."""
        with self._silence() if secret else contextlib.nullcontext():
            return await self._line()

    async def line_of_pipe(self, *, waits: bool) -> str | None:
        """Return the next line of a pipe or a file, also the last one that nothing ends; None at the end of input.

        Args:
            waits: Whether the event loop can wait for it; it cannot for a file, and need not.
        """
        return await self._line(waits=waits, last=True)

    async def _line(self, *, waits: bool = True, last: bool = False) -> str | None:
        while b"\n" not in self._pending:
            if waits:
                await anyio.wait_readable(self._fd)
            try:
                data = os.read(self._fd, _CHUNK)
            except OSError:
                # The terminal is gone.
                data = b""
            if not data and not (last and self._pending):
                return None
            self._pending += data or b"\n"
        line, _, self._pending = self._pending.partition(b"\n")
        return line.decode("utf-8", "replace").strip()

    @contextlib.contextmanager
    def _silence(self) -> Generator[None]:
        if sys.platform == "win32":
            yield
            return
        import termios

        before = termios.tcgetattr(self._fd)
        silent = [*before]
        silent[3] &= ~termios.ECHO
        termios.tcsetattr(self._fd, termios.TCSADRAIN, silent)
        try:
            yield
        finally:
            with contextlib.suppress(termios.error):
                termios.tcsetattr(self._fd, termios.TCSADRAIN, before)
