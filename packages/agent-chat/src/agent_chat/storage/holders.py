"""Holders of leases: which process this one is, and whether another one still runs."""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

_PROC: Final = Path("/proc")
_ENDED: Final = (["Z"], ["X"])
"""States of a process that has ended, and whose parent has not taken note of it."""


@dataclass(frozen=True, slots=True)
class Process:
    """A process, told apart from a later one of the same id.

    Attributes:
        host: Name of its machine, for a person.
        machine: The machine since it was started, and the name space of its process ids: two containers that have one
            name and one disk are two machines.
        pid: Its id there.
        started: When it began, in the machine's own count; "" where that cannot be told.
    """

    host: str
    machine: str
    pid: int
    started: str

    def is_gone(self) -> bool:
        """Whether it certainly runs no more; one of another machine never is."""
        if self.machine != _machine():
            return False
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return True
        except OSError:
            return False
        stat = _stat(self.pid)
        return self.started != _begin(stat) or stat[:1] in _ENDED


def this_process() -> Process:
    """Return this process."""
    pid = os.getpid()
    return Process(socket.gethostname(), _machine(), pid, _begin(_stat(pid)))


@cache
def _machine() -> str:
    try:
        boot = (_PROC / "sys/kernel/random/boot_id").read_text().strip()
        return f"{boot}/{(_PROC / 'self/ns/pid').readlink()}"
    except OSError:
        return socket.gethostname()


def _stat(pid: int) -> list[str]:
    """Return what Linux tells of a process, from its state on; empty where nothing is told."""
    try:
        return (_PROC / str(pid) / "stat").read_text(errors="replace").rpartition(")")[2].split()
    except OSError:
        return []


def _begin(stat: list[str]) -> str:
    return stat[19] if len(stat) > 19 else ""
