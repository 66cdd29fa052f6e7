"""The thread that attends one child process from its start to its end.

It forks the process, for a parent-death signal follows the thread that forked; keeps stderr empty, so that a talkative
child never blocks; and reaps the process and tells everybody the moment it ends.
"""

from __future__ import annotations

import os
import select
import signal
import threading
from collections.abc import Callable
from typing import Final

from agent_sdk_core.errors import AgentError, SpawnError
from agent_sdk_core.records import dataclass
from agent_sdk_core.transport.process.latch import Latch
from agent_sdk_core.transport.process.launching import Launched
from agent_sdk_core.transport.process.stderr import StderrTail

_CHUNK: Final = 64 * 1024
_SWEEP: Final = 64
"""Reads of one sweep through stderr: enough to empty the pipe, and an end if somebody fills it as fast."""


@dataclass(frozen=True, slots=True)
class ProcessExit:
    """How a process ended.

    Attributes:
        exit_code: Its exit code; None if a signal ended it, or if somebody else reaped it.
        signal: Number of the signal that ended it, or None.
    """

    exit_code: int | None
    signal: int | None

    def __str__(self) -> str:
        """Return it as the end of a sentence: `ended with exit code 1`."""
        if self.signal is not None:
            known = {item.value: item.name for item in signal.Signals}
            return f"was ended by {known.get(self.signal, f'signal {self.signal}')}"
        if self.exit_code is not None:
            return f"ended with exit code {self.exit_code}"
        return "ended (another part of this program took its exit code)"


class Attendant:
    """Attends one process on a thread of its own.

    Args:
        launch: Starts the process; called on the thread.
        stderr: Takes what the process writes to stderr.
        name: Name of the thread.

    Attributes:
        spawned: Set when the process runs, or has failed to start.
        exited: Set when it has ended, or has failed to start; its stderr has been read by then.
        launched: The process, once it runs.
        failure: Why it did not start.
        exit: How it ended.
    """

    def __init__(self, launch: Callable[[], Launched], stderr: StderrTail, name: str) -> None:
        self._launch = launch
        self._stderr = stderr
        self._lock = threading.Lock()
        self._abandoned = False
        self._reaped = False
        self.spawned = Latch()
        self.exited = Latch()
        self.launched: Launched | None = None
        self.failure: AgentError | None = None
        self.exit: ProcessExit | None = None
        # A daemon, so that a process nobody closed does not keep the interpreter from ending.
        self.thread = threading.Thread(target=self._run, name=name, daemon=True)

    def signal(self, number: int) -> bool:
        """Signal the whole process group; False once the process has been reaped, for its id may be another's then."""
        with self._lock:
            if self.launched is None or self._reaped:
                return False
            try:
                os.killpg(self.launched.process.pid, number)
            except OSError:
                return False
            return True

    def abandon(self) -> None:
        """Kill the process, or if it is about to start, as soon as it has."""
        with self._lock:
            self._abandoned = True
        self.signal(signal.SIGKILL)

    def _run(self) -> None:
        try:
            launched = self._launch()
        except AgentError as error:
            self.failure = error
        except Exception as error:
            self.failure = SpawnError(f"The process was not started: {error!r}.")
            self.failure.__cause__ = error
        else:
            with self._lock:
                self.launched = launched
                abandoned = self._abandoned
            if abandoned:
                self.signal(signal.SIGKILL)
            self.spawned.set()
            self._attend(launched)
        self.spawned.set()
        self.exited.set()

    def _attend(self, launched: Launched) -> None:
        ending = launched.ending
        poller = select.poll()
        poller.register(ending.fileno(), select.POLLIN)
        poller.register(launched.stderr, select.POLLIN)
        ended = False
        while not ended:
            for descriptor, _ in poller.poll():
                if descriptor != launched.stderr:
                    ended = True
                elif not self._sweep(launched.stderr, reads=1):
                    poller.unregister(launched.stderr)
        self._sweep(launched.stderr, reads=_SWEEP)
        os.close(launched.stderr)
        with self._lock:
            status = ending.reap()
            self._reaped = True
        # Popen would otherwise wait for it again, and warn.
        launched.process.returncode = 0 if status is None else status
        if status is None:
            self.exit = ProcessExit(None, None)
        else:
            self.exit = ProcessExit(status, None) if status >= 0 else ProcessExit(None, -status)

    def _sweep(self, stderr: int, *, reads: int) -> bool:
        """Read stderr until it is empty; False at its end."""
        for _ in range(reads):
            try:
                chunk = os.read(stderr, _CHUNK)
            except BlockingIOError:
                return True
            except OSError:
                return False
            if not chunk:
                return False
            self._stderr.feed(chunk)
        return True
