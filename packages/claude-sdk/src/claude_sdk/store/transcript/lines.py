"""A session's file as a row of JSON objects: read line by line, with what is needed to read one again.

The file may be large, may be written while it is read, and may be damaged. A line that holds no object is passed over
and told once a file; a last line without its end is one that is being written.
"""

from __future__ import annotations

import logging
from collections.abc import Generator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO, Final, cast

from agent_sdk_core.errors import AgentError, SessionNotFoundError
from agent_sdk_core.wire.json_lines import decode_line
from agent_sdk_core.wire.reading import Json

_log: Final = logging.getLogger(__name__)
_LONGEST: Final = 64 * 1024 * 1024
"""Bytes of a line beyond which it is passed over; as long as a frame of the agent may be."""
_NOISE: Final = tuple(
    f'{{"type":"{name}'.encode()
    for name in ("api-request", "queue-operation", "atis-latch", "tools-used", "cost-state", "file-history-")
)
"""Starts of lines that are no part of the conversation; half of the bytes of a file, so they are not parsed."""


def read_lines(file: BinaryIO, path: Path, *, budget: int | None = None) -> Generator[tuple[int, int, Json]]:
    """Yield the objects of a file from where it stands: offset and length in bytes, and the object.

    Args:
        file: The open file.
        path: Its path, for the log.
        budget: Bytes after which no further line is begun; absent: all.
    """
    offset = start = file.tell()
    while budget is None or offset - start < budget:
        line = file.readline(_LONGEST)
        if not line:
            return
        size, complete = len(line), line.endswith(b"\n")
        if size == _LONGEST and not complete:
            size += _drained(file)
            _tell(path)
        elif not line.startswith(_NOISE):
            value = decode_line(line)
            if isinstance(value, dict):
                yield offset, size, cast("Json", value)
            elif complete and line.strip():
                _tell(path)
        offset += size


def read_at(file: BinaryIO, offset: int, size: int) -> Json | None:
    """Return the object that stands at a place which `read_lines` gave; None if the file has changed there."""
    file.seek(offset)
    value = decode_line(file.read(size))
    return cast("Json", value) if isinstance(value, dict) else None


def read_tail(file: BinaryIO, size: int) -> list[Json]:
    """Return the objects of the last `size` bytes, oldest first; a line that begins before them is left out."""
    end = file.seek(0, 2)
    file.seek(max(0, end - size))
    lines = file.read(size).split(b"\n")
    values = [decode_line(line) for line in lines[1 if end > size else 0 :] if line and not line.startswith(_NOISE)]
    return [cast("Json", value) for value in values if isinstance(value, dict)]


def require_lines(file: BinaryIO, path: Path) -> None:
    """Refuse a file in which nothing was found, if no line of it can be one of a session.

    Raises:
        SessionNotFoundError: It is empty, as one is whose first line was never written.
        AgentError: It holds something else; code "session_unreadable".
    """
    file.seek(0)
    line = file.readline(_LONGEST)
    if not line:
        raise SessionNotFoundError(f"The session's file {path} is empty.", backend="claude")
    while line:
        if line.startswith(b"{"):
            return
        line = file.readline(_LONGEST)
    message = f"The session's file {path} cannot be read: it holds no line of a session. Put back a copy of it."
    raise AgentError(message, code="session_unreadable", backend="claude")


@contextmanager
def opened(path: Path) -> Generator[BinaryIO]:
    """Open a session's file for reading.

    Raises:
        SessionNotFoundError: It does not exist.
        AgentError: It cannot be read; code "session_unreadable".
    """
    try:
        with path.open("rb") as file:
            yield file
    except FileNotFoundError:
        raise SessionNotFoundError(f"The session's file {path} does not exist.", backend="claude") from None
    except OSError as error:
        message = f"The session's file {path} cannot be read: {error.strerror}."
        raise AgentError(message, code="session_unreadable", backend="claude") from error


def _drained(file: BinaryIO) -> int:
    """Read to the end of a line that is too long; returns how many bytes that took."""
    size = 0
    while rest := file.readline(_LONGEST):
        size += len(rest)
        if rest.endswith(b"\n"):
            break
    return size


@lru_cache(maxsize=1024)
def _tell(path: Path) -> None:
    """Log that a file is damaged; the cache makes it once a file."""
    _log.warning("Passing over lines of %s that hold no JSON object.", path)
