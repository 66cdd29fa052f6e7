"""Wire logs: every message between us and an agent, one JSON object a line.

A line is `{"t": seconds, "dir": "in" | "out", "msg": object}`, "in" from the agent, `t` counted from the log's
beginning. Such a file is what a bug report attaches, and what `replay` of a backend's package reads. It holds prompts,
answers and tool outputs in plain text, without the secrets that are known.
"""

from __future__ import annotations

import contextlib
import logging
import os
import stat
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self, cast

from agent_sdk_core.arguments import checked, checked_class
from agent_sdk_core.errors import InvalidRequestError, failure_text
from agent_sdk_core.redaction import redact_value
from agent_sdk_core.wire.json_lines import BadLine, decode_line, encode_line

_log = logging.getLogger(__name__)

Redact = Callable[[str], str]
"""Takes a string of a message and returns what may be written of it."""


@checked_class()
class WireLog:
    """Writes a wire log; `CodexBackend(wire_log=WireLog(path))`, `ClaudeBackend` alike.

    What goes wrong while it writes never disturbs the session: it stops, and `error` says why.

    Args:
        path: The file; one that is there is replaced. Only its owner may read it.
        redact: Called with every string in a message; absent: secrets are left out, see `agent_sdk_core.redaction`.
        clock: Returns seconds.

    Attributes:
        error: Why it stopped writing, None while it works.

    Raises:
        OSError: The file cannot be written.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        redact: Redact | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        if stat.S_ISREG(os.fstat(descriptor).st_mode):  # One that was there may be open to others.
            with contextlib.suppress(OSError):
                os.fchmod(descriptor, 0o600)
        self._path = os.fspath(path)
        self._file = os.fdopen(descriptor, "wb")
        self._redact = redact
        self._clock = clock
        self._began = clock()
        self.error: BaseException | None = None

    def __call__(self, direction: Literal["in", "out"], message: dict[str, Any]) -> None:
        """Write one message, and flush it."""
        if self.error is not None or self._file.closed:
            return
        try:
            told = redact_value(message) if self._redact is None else _redacted(message, self._redact)
            at = round(self._clock() - self._began, 6)
            self._file.write(encode_line({"t": at, "dir": direction, "msg": told}))
            self._file.flush()
        except BaseException as error:  # What redacts is code of the application, and the agent's reader goes on.
            self.error = error
            _log.warning("the wire log %s is not written any more: %s", self._path, failure_text(error))

    def close(self) -> None:
        """Close the file; what comes later is left out."""
        try:
            self._file.close()
        except OSError as error:
            self.error = self.error or error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


@checked
def read_wire_log(path: str | os.PathLike[str]) -> Iterator[dict[str, Any]]:
    """Return the records of a wire log, one at a time. A last line that was cut off is left out.

    Raises:
        InvalidRequestError: A line is no record; says which.
        OSError: The file cannot be read.
    """
    with Path(path).open("rb") as file:
        for number, line in enumerate(file, start=1):
            if not line.strip():
                continue
            value = decode_line(line)
            if isinstance(value, BadLine) and not line.endswith(b"\n"):
                return
            if isinstance(value, BadLine):
                raise _no_record(path, number, f"it is not JSON ({value.reason})")
            record = cast("dict[str, Any]", value) if isinstance(value, dict) else {}
            if record.get("dir") not in ("in", "out") or not isinstance(record.get("msg"), dict):
                raise _no_record(path, number, 'it is not {"t": seconds, "dir": "in" or "out", "msg": object}')
            yield record


def _no_record(path: str | os.PathLike[str], number: int, reason: str) -> InvalidRequestError:
    return InvalidRequestError(f"{os.fspath(path)}, line {number}: not a line of a wire log, {reason}.")


def _redacted(value: object, redact: Redact) -> object:
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, dict):
        return {key: _redacted(member, redact) for key, member in cast("dict[str, object]", value).items()}
    if isinstance(value, list):
        return [_redacted(member, redact) for member in cast("list[object]", value)]
    return value
