"""The last of what a child process wrote to stderr, bounded in lines and in bytes, and what in it tells why it ended.

Fed by the thread that attends the process, read from anywhere.
"""

from __future__ import annotations

import contextlib
import itertools
import re
import threading
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Final

_LINES: Final = 400
_BYTES: Final = 64 * 1024
_COLOURS: Final = re.compile(rb"\x1b\[[0-9;]*m")
"""Codex colours its log also when nobody looks at it in a terminal (0.163)."""


_BACKTRACE: Final = re.compile(r"^\s*(stack backtrace|backtrace):", re.IGNORECASE | re.MULTILINE)
_NAMED: Final = re.compile(
    r"(?:\S+: )?(?i:(?:fatal |internal )?error|fatal|panic|\w+(?:Error|Exception))(?: ?\[\w+\])?:"
    r"|(?:\S+ +)?(?:ERROR|FATAL)\b"
)
"""A line that says of itself that it is an error: of Rust, Node, Python, a shell tool, a log."""

_HINTING: Final = re.compile(
    r"\b(cannot|can't|could not|couldn't|unable|fail(ed|ure)|denied|refused|invalid|missing|no such|not found|busy"
    r"|locked)\b",
    re.IGNORECASE,
)
_CHATTER: Final = re.compile(
    r"\s|(note|hint|tip|usage):|for more information|try |node\.js v|at |npm |warn|\S+ +(info|warn|debug|trace)\b"
    r"|[\^}\])]",
    re.IGNORECASE,
)
_PANIC: Final = re.compile(r"thread '.*' .*panicked at ")
_FULL_DISK: Final = re.compile(r"no space left on device|disk (is )?full|ENOSPC|disk quota exceeded", re.IGNORECASE)
"""What codex (0.163) and claude (2.1.329) say on stderr, while they answer on, of what they could not store."""

_QUOTED: Final = 500


def reason_in(tail: str, *, unmarked: int = 3) -> str:
    """Return what of the last words of a process says why it ended, on one line, at most 500 characters; or "".

    It is the last line that calls itself an error, with its causes; else the last that sounds like one.

    Args:
        tail: Its last words.
        unmarked: How many of the last lines to return where none sounds like an error.
    """
    tail = tail[: found.start()] if (found := _BACKTRACE.search(tail)) else tail
    lines = [line.rstrip() for line in tail.splitlines() if line.strip()]
    plain = [(at, line) for at, line in enumerate(lines) if not _CHATTER.match(line)]
    for at, line in reversed(plain):
        if _PANIC.match(line) and at + 1 < len(lines):
            return lines[at + 1].strip()[:_QUOTED]
        if _NAMED.match(line):
            return ": ".join([line.rstrip(":"), *_causes(lines[at + 1 :])])[:_QUOTED]
    if hinting := [line for _, line in plain if _HINTING.search(line)]:
        return hinting[-1][:_QUOTED]
    return "; ".join((line for _, line in plain[-unmarked:]) if plain else (line.strip() for line in lines[-1:]))[
        :_QUOTED
    ]


def tells_of_full_disk(line: str) -> bool:
    """Tell whether a line of an agent's log says that it cannot store anything."""
    return _FULL_DISK.search(line) is not None


def silent_start(executable: Path | str, seconds: float, tail: str, *arguments: str) -> str:
    """Return what to tell of a process that did not shake hands in time.

    Args:
        executable: The agent's executable.
        seconds: How long it was waited for.
        tail: What it wrote to stderr meanwhile.
        arguments: With what to try it by hand.
    """
    said = f" It said: {reason.rstrip('.')}." if (reason := reason_in(tail)) else ""
    by_hand = " ".join([str(executable), *arguments])
    return f"{executable} did not answer within {seconds:.3g} s. Try `{by_hand}` by hand.{said}"


def _causes(lines: list[str]) -> list[str]:
    """Return the causes that a Rust program lists below its error."""
    if not lines or not lines[0].lower().startswith("caused by:"):
        return []
    causes = itertools.takewhile(lambda line: line[:1].isspace(), lines[1:])
    return [re.sub(r"^\s*(\d+:\s*)?", "", line) for line in causes]


class StderrTail:
    """Keeps the last lines of stderr.

    Args:
        on_line: Called with each complete line, on the thread that feeds; what it raises is dropped.
        redact: Removes secrets from the lines, and from what `text` returns.
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
                    self._on_line(self._redact(_plain(piece.removesuffix(b"\r"))))

    def text(self) -> str:
        """Return what is kept, an unfinished last line included, decoded, without colours, redacted."""
        with self._lock:
            lines = [*self._lines, self._partial] if self._partial else list(self._lines)
        return self._redact(_plain(b"\n".join(lines)[-self._max_bytes :]))


def _plain(text: bytes) -> str:
    return _COLOURS.sub(b"", text).decode("utf-8", "replace")
