"""What a process leaves behind: finds and ends its descendants, also those in a session of their own.

A child of a dead process has no parent to be found by. So descendants are noted while the tree stands, and afterwards
whatever is in the dead process's group or session, or carries its tag in the environment, counts as well.
"""

from __future__ import annotations

import contextlib
import os
import time
from typing import Final

from agent_sdk_core.transport.process.descendants import ProcessEntry, carriers, descendants, entry_of, kill, processes

TAG_VARIABLE: Final = "AGENT_SDK_SESSION"
"""Environment variable that marks each process we start, and what it starts, with an id of its own."""

_ROUNDS: Final = 25
_PAUSE: Final = 0.02
_LOOKS: Final = 2


class Strays:
    """The descendants of one process. All methods block for some milliseconds and never raise.

    Args:
        root: Id of the process; it leads a group and a session of its own.
        tag: The value of `AGENT_SDK_SESSION` that it was started with.
    """

    def __init__(self, root: int, tag: str) -> None:
        self._root = root
        self._tag = tag
        self._noted: dict[int, ProcessEntry] = {}
        origin = entry_of(root)
        self._started = origin.started if origin else None

    def note(self) -> None:
        """Remember the descendants of this moment."""
        for entry in self._find():
            self._noted[entry.pid] = entry

    def kill(self) -> int:
        """Kill all that is left, and wait until it is gone, at most half a second; return how many would not go.

        It looks a second time where nothing is found: a process that is just about to become another program has no
        environment for a moment, and may have left the group.
        """
        found: list[ProcessEntry] = []
        looked = 0
        for _ in range(_ROUNDS):
            found = self._find()
            looked = 0 if found else looked + 1
            if looked == _LOOKS:
                return 0
            for entry in found:
                self._noted[entry.pid] = entry
                kill(entry)
                # They are our own children if we adopt orphans, as the first process of a container does.
                with contextlib.suppress(OSError):
                    os.waitpid(entry.pid, os.WNOHANG)
            time.sleep(_PAUSE)
        return len(found)

    def _find(self) -> list[ProcessEntry]:
        table = processes()
        roots = {pid for pid, entry in self._noted.items() if pid in table and table[pid].started == entry.started}
        members: set[int] = set()
        leader = table.get(self._root)
        if leader is None or leader.started == self._started:
            # While a group has members, no new process gets its number: these are ours, also without the leader.
            members = {pid for pid, entry in table.items() if self._root in (entry.group, entry.session)}
            if leader is not None:
                roots.add(self._root)
        roots |= members | (carriers(f"{TAG_VARIABLE}={self._tag}") & table.keys())
        roots.update(entry.pid for entry in descendants(roots, table))
        return [table[pid] for pid in roots - {self._root, os.getpid()}]
