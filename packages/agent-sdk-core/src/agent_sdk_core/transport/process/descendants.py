"""The process table: who descends from whom, who carries a tag, and a kill that cannot hit a stranger.

Linux reads `/proc`; elsewhere `ps` is asked. All functions block for some milliseconds, and never raise: a process may
be gone at any moment.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from agent_sdk_core.records import dataclass

_PROC = Path("/proc")
_PS_DEADLINE: Final = 2.0
_PS_ROW: Final = re.compile(r"\s*(\d+)\s+(\d+)\s+(\d+)\s+(\S+)\s+(.*\S)")


@dataclass(frozen=True, slots=True)
class ProcessEntry:
    """One live process.

    Attributes:
        pid: Its id.
        parent: Id of its parent.
        group: Id of its process group.
        session: Id of its session; 0 where the system does not tell.
        started: When it started, in a unit of the system's; together with `pid` it names one process for ever.
    """

    pid: int
    parent: int
    group: int
    session: int
    started: str


def processes() -> dict[int, ProcessEntry]:
    """Return all live processes that can be seen, by id. Zombies are left out."""
    if not (_PROC / "self" / "stat").exists():
        return parse_ps(_ps("-axo", "pid=,ppid=,pgid=,stat=,lstart="))
    entries = (_read_stat(pid) for pid in _proc_pids())
    return {entry.pid: entry for entry in entries if entry is not None}


def entry_of(pid: int) -> ProcessEntry | None:
    """Return one process, or None if it is gone or a zombie."""
    if not (_PROC / "self" / "stat").exists():
        return parse_ps(_ps("-o", "pid=,ppid=,pgid=,stat=,lstart=", "-p", str(pid))).get(pid)
    return _read_stat(pid)


def descendants(roots: Iterable[int], table: Mapping[int, ProcessEntry]) -> list[ProcessEntry]:
    """Return the children of `roots`, their children, and so on; the roots themselves left out."""
    children: dict[int, list[ProcessEntry]] = {}
    for entry in table.values():
        children.setdefault(entry.parent, []).append(entry)
    seen = set(roots)
    waiting = list(seen)
    found: list[ProcessEntry] = []
    while waiting:
        for entry in children.get(waiting.pop(), []):
            if entry.pid not in seen:
                seen.add(entry.pid)
                waiting.append(entry.pid)
                found.append(entry)
    return found


def carriers(assignment: str) -> set[int]:
    """Return the ids of the processes whose environment holds `assignment`, as `NAME=value`."""
    if not (_PROC / "self" / "stat").exists():
        return {
            int(row.split(None, 1)[0])
            for row in _ps("-axEwwo", "pid=,command=").splitlines()
            if f" {assignment}" in row and row.split(None, 1)[0].isdigit()
        }
    wanted = assignment.encode()
    found: set[int] = set()
    for pid in _proc_pids():
        # Another user's environment cannot be read, and is not ours.
        with contextlib.suppress(OSError):
            if wanted in (_PROC / str(pid) / "environ").read_bytes().split(b"\0"):
                found.add(pid)
    return found


def kill(entry: ProcessEntry) -> bool:
    """Send SIGKILL to exactly this process; False if it is gone, also when its id is another's by now."""
    handle = -1
    try:
        # The handle stays on the process that has the id now, so the comparison after it is safe.
        if hasattr(os, "pidfd_open"):
            handle = os.pidfd_open(entry.pid)
        now = entry_of(entry.pid)
        if now is None or now.started != entry.started:
            return False
        if handle >= 0:
            signal.pidfd_send_signal(handle, signal.SIGKILL)
        else:
            os.kill(entry.pid, signal.SIGKILL)
    except OSError:
        return False
    finally:
        if handle >= 0:
            os.close(handle)
    return True


def parse_ps(text: str) -> dict[int, ProcessEntry]:
    """Return the processes in the output of `ps -o pid=,ppid=,pgid=,stat=,lstart=`."""
    found: dict[int, ProcessEntry] = {}
    for row in text.splitlines():
        match = _PS_ROW.match(row)
        if match and not match[4].startswith("Z"):
            pid = int(match[1])
            found[pid] = ProcessEntry(pid, int(match[2]), int(match[3]), 0, match[5])
    return found


def _proc_pids() -> list[int]:
    with contextlib.suppress(OSError):
        return [int(name) for name in os.listdir(_PROC) if name.isdigit()]  # noqa: PTH208 - twice as fast as iterdir
    return []


def _read_stat(pid: int) -> ProcessEntry | None:
    try:
        text = (_PROC / str(pid) / "stat").read_bytes()
    except OSError:
        return None
    # The second field, the command in parentheses, may hold anything; what follows the last one is plain.
    fields = text[text.rfind(b")") + 2 :].split()
    if len(fields) < 20 or fields[0] in (b"Z", b"X"):
        return None
    return ProcessEntry(pid, int(fields[1]), int(fields[2]), int(fields[3]), fields[19].decode())


def _ps(*arguments: str) -> str:
    try:
        done = subprocess.run(
            ["/bin/ps", *arguments],
            capture_output=True,
            timeout=_PS_DEADLINE,
            check=False,
            env={"LC_ALL": "C"},
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.decode("utf-8", "replace")
