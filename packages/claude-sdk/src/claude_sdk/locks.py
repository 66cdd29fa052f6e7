"""One live session an id: claude itself lets two processes write to the same conversation (2.1.329).

The lock is a file in Claude's configuration folder that the operating system unlocks when its holder dies, however it
dies. It keeps out other sessions of this SDK, in this process and in others of the machine.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from pathlib import Path

from agent_sdk_core.errors import SessionBusyError


class SessionLock:
    """The lock of one session.

    Args:
        folder: Claude's configuration folder.
        session_id: The session; already checked to be fit for a file's name.

    Raises:
        SessionBusyError: Another live session has this id.
    """

    def __init__(self, folder: Path, session_id: str) -> None:
        self._path = folder / "agent-sdk" / "locks" / f"{session_id}.lock"
        self._descriptor = -1
        while self._descriptor < 0:
            self._take(session_id)

    def _take(self, session_id: str) -> None:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(self._path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        except OSError:
            # A folder that cannot be written to has no sessions that could be resumed either: claude will say so.
            self._descriptor = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
            return
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            raise SessionBusyError(
                f"Session {session_id} is open already, here or in another process; close it there, or fork it.",
                backend="claude",
            ) from None
        except OSError:
            # A file system without locks is no reason to refuse every session.
            self._descriptor = descriptor
            return
        if self._is_path(descriptor):
            self._descriptor = descriptor
        else:
            os.close(descriptor)  # Its last holder removed the file in between.

    def _is_path(self, descriptor: int) -> bool:
        """Tell whether others that open the path get this file."""
        try:
            return os.path.samestat(os.fstat(descriptor), self._path.stat())
        except FileNotFoundError:
            return False

    def release(self) -> None:
        """Let others open the session; idempotent."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            with contextlib.suppress(OSError):
                self._path.unlink(missing_ok=True)
            os.close(descriptor)
