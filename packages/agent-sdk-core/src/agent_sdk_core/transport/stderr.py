"""The last of what a child process wrote to stderr: a ring bounded in lines and in bytes.

Fed by the thread that attends the process, read from anywhere.
"""

from __future__ import annotations

import contextlib
import re
import threading
from collections import deque
from collections.abc import Callable
from typing import Final

_LINES: Final = 400
_BYTES: Final = 64 * 1024
_COLOURS: Final = re.compile(rb"\x1b\[[0-9;]*m")
"""Codex colours its log also when nobody looks at it in a terminal (0.163)."""


class StderrTail:
    """Keeps the last lines of stderr.

    Args:
        on_line: Called with each complete line, on the thread that feeds; what it raises is dropped.
        redact: Removes secrets from what `text` returns.
        max_lines: Lines kept.
        max_bytes: Bytes kept; a longer line keeps its end.
    """

    def __init__(
        self,
        on_line: Callable[[str], None] | None = None,
        *,
        redact: Callable[[str], str] = str,
        max_lines: int = _LINES,
        max_bytes: int = _BYTES,
    ) -> None:
        self._on_line = on_line
        self._redact = redact
        self._max_lines = max_lines
        self._max_bytes = max_bytes
        self._lock = threading.Lock()
        self._lines: deque[bytes] = deque()
        self._size = 0
        self._partial = b""

    def feed(self, chunk: bytes) -> None:
        """Take what was read from stderr."""
        pieces = (self._partial + chunk).split(b"\n")
        with self._lock:
            self._partial = pieces.pop()[-self._max_bytes :]
            for piece in pieces:
                line = piece.removesuffix(b"\r")[-self._max_bytes :]
                self._lines.append(line)
                self._size += len(line)
                while self._size > self._max_bytes or len(self._lines) > self._max_lines:
                    self._size -= len(self._lines.popleft())
        if self._on_line is not None:
            for piece in pieces:
                with contextlib.suppress(Exception):
                    self._on_line(_plain(piece.removesuffix(b"\r")))

    def text(self) -> str:
        """Return what is kept, an unfinished last line included, decoded, without colours, redacted."""
        with self._lock:
            lines = [*self._lines, self._partial] if self._partial else list(self._lines)
        return self._redact(_plain(b"\n".join(lines)[-self._max_bytes :]))


def _plain(text: bytes) -> str:
    return _COLOURS.sub(b"", text).decode("utf-8", "replace")
