"""Progress of long work: a line on stderr that a terminal overwrites, and that a file gets now and then."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from types import TracebackType
from typing import Final, Self

from agent_chat.cli.stdio import is_screen, write_progress

_TERMINAL_SECONDS: Final = 0.2
_FILE_SECONDS: Final = 5.0
_CLEAR: Final = "\r\x1b[K"


class Progress:
    """Says how far work has come, and nothing about work that is done at once; `with` takes a line on a terminal away.

    Args:
        doing: What is being done, such as "Writing messages".
        now: Clock in seconds.
    """

    def __init__(self, doing: str, now: Callable[[], float] = time.monotonic) -> None:
        self._doing = doing
        self._now = now
        self._screen = is_screen(sys.stderr)
        self._every = _TERMINAL_SECONDS if self._screen else _FILE_SECONDS
        self._due = now() + self._every
        self._shown = False

    def __call__(self, done: int) -> None:
        """Note how many are done."""
        if (now := self._now()) < self._due:
            return
        self._due = now + self._every
        self._say(f"{self._doing}: {done:,}")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._shown:
            write_progress(_CLEAR, end="")

    def _say(self, text: str) -> None:
        if self._screen:
            self._shown = True
            write_progress(f"{_CLEAR}{text}", end="")
        else:
            write_progress(text)
