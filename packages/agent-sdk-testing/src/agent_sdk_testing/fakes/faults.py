"""Faults of an agent: what goes wrong with a fake one as it is about to write a line, whatever protocol it speaks."""

from __future__ import annotations

import json
import signal
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, Protocol, get_args

FaultKind = Literal[
    "die",
    "exit",
    "half line",
    "hang",
    "close stdout",
    "close stdin",
    "grandchild",
    "lost",
    "twice",
    "late",
    "garbage",
    "invalid utf-8",
    "long line",
    "unknown",
    "stderr",
]
"""What goes wrong with a line of an agent:

- ``die``, ``exit``: instead of writing it, the agent is killed, or ends with an exit code.
- ``half line``: the agent is killed when it has written half of it.
- ``hang``: the agent writes neither it nor anything that follows.
- ``close stdout``: the agent closes its stdout instead, and goes on.
- ``close stdin``: the agent closes its stdin before, and goes on.
- ``grandchild``: the agent is killed, and leaves a process that holds its pipes open.
- ``lost``: it is not written.
- ``twice``: it is written twice.
- ``late``: it is written after the next one, or never if there is none.
- ``garbage``, ``invalid utf-8``, ``long line``: a line goes before it that is no JSON, or none that fits.
- ``unknown``: messages go before it that no protocol knows.
- ``stderr``: a flood on stderr goes before it.
"""

LETHAL: Final[frozenset[FaultKind]] = frozenset({"die", "exit", "half line", "grandchild", "close stdout"})
"""Faults that no process goes on after."""

_LONG: Final = 70 * 1024 * 1024
"""Bytes of a line that is longer than any may be."""

_UNKNOWN: Final[tuple[object, ...]] = (
    {"method": "no/suchNotification", "params": {"threadId": "thread-1", "why": "a test"}},
    {"id": 987_654_321, "result": {}},
    {"type": "no_such_frame", "uuid": "00000000-0000-4000-8000-000000000000", "session_id": "none"},
    {"neither": "nor"},
    ["no object"],
    None,
)


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that goes wrong with a process of a fake agent.

    Args:
        kind: What goes wrong; see `FaultKind`.
        frame: With which of its lines, 0 the first.
        process: With which process of the executable, 1 the first that was started.

    Raises:
        ValueError: There is no such kind.
    """

    kind: FaultKind
    frame: int = 0
    process: int = 1

    def __post_init__(self) -> None:
        if self.kind not in get_args(FaultKind):
            raise ValueError(f"There is no fault {self.kind!r}; there are: {', '.join(get_args(FaultKind))}.")


class Sufferer(Protocol):
    """The process that a fault befalls."""

    def write_bytes(self, data: bytes, /) -> None:
        """Write bytes to stdout."""

    def write_long_line(self, size: int, /) -> None:
        """Write one line of so many bytes."""

    def log(self, text: str, /) -> None:
        """Write a line to stderr."""

    def leave_child(self) -> None:
        """Start a process that holds the pipes."""

    def close_stdout(self) -> None:
        """Close stdout."""

    def close_stdin(self) -> None:
        """Close stdin."""

    def exit(self, code: int = 0, *, log: str | None = None) -> None:
        """End the process."""

    def kill(self, number: int = signal.SIGKILL, /) -> None:
        """End the process by a signal."""


class FaultInjector:
    """Writes the lines of one process, with what goes wrong.

    Args:
        process: The process.
        faults: What befalls it.
    """

    def __init__(self, process: Sufferer, faults: Sequence[Fault]) -> None:
        self._process = process
        self._faults = tuple(faults)
        self._written = 0
        self._silent = False
        self._held = b""

    def write(self, line: bytes) -> None:
        """Write one line, or what becomes of it."""
        kinds: list[FaultKind] = [fault.kind for fault in self._faults if fault.frame == self._written]
        self._written += 1
        whole = line + b"\n"
        for kind in kinds:
            whole = self._befall(kind, whole)
        if "late" in kinds:
            self._held += whole
        elif not self._silent and (whole or self._held):
            self._process.write_bytes(whole + self._held)
            self._held = b""

    def _befall(self, kind: FaultKind, line: bytes) -> bytes:
        """Do what a fault does besides, and return what is left of the line."""
        process = self._process
        match kind:
            case "die" | "half line" | "grandchild":
                if kind == "half line":
                    process.write_bytes(line[: len(line) // 2])
                elif kind == "grandchild":
                    process.leave_child()
                process.kill()
            case "exit":
                process.exit(3, log="Error: something is wrong with the agent")
            case "hang":
                self._silent = True
            case "close stdout":
                process.close_stdout()
            case "close stdin":
                process.close_stdin()
            case "long line":
                process.write_long_line(_LONG)
            case "stderr":
                process.log("\n".join(["something to say" * 64] * 2_000))
            case _:
                return _changed(kind, line)
        self._silent = self._silent or kind in LETHAL
        return b"" if self._silent else line


def _changed(kind: FaultKind, line: bytes) -> bytes:
    match kind:
        case "twice":
            return line * 2
        case "lost":
            return b""
        case "garbage":
            return b"\x00\x01 warning: not a message {]\n" + line
        case "invalid utf-8":
            return b'{"method":"\xff\xfe\xc3","type":"\xff","params":{}}\n' + line
        case "unknown":
            return b"".join(json.dumps(value).encode() + b"\n" for value in _UNKNOWN) + line
        case _:
            return line
