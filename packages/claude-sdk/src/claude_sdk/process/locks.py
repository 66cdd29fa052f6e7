"""One live session an id: claude itself lets two processes write to the same conversation (2.1.329).

The lock is a file in Claude's configuration folder that the operating system unlocks when its holder dies, however it
dies. It keeps out other sessions of this SDK, in this process and in others of the machine.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import stat
from pathlib import Path
from typing import Final

from agent_sdk_core.errors import SessionBusyError, SpawnError

_PRIVATE: Final = 0o700
_TOLD: Final = {
    errno.EMFILE: "too many files are open; close some, or raise the limit (ulimit -n)",
    errno.ENFILE: "too many files are open on this machine; close some",
    errno.ENOSPC: "the disk is full; make room on it",
    errno.EDQUOT: "the quota of the disk is used up; make room on it",
}
"""What keeps a lock from being taken, and would soon keep the session from being stored."""


class SessionLock:
    """The lock of one session.

    Args:
        folder: Claude's configuration folder.
        session_id: The session; already checked to be fit for a file's name.

    Raises:
        SessionBusyError: Another live session has this id.
        SpawnError: There is no room for the lock's file, or too many files are open.
    """

    def __init__(self, folder: Path, session_id: str) -> None:
        self._path = folder / "agent-sdk" / "locks" / f"{session_id}.lock"
        self._descriptor = -1
        try:
            while not self._take(session_id):
                pass
        except OSError as error:
            # A folder that cannot be written to has no sessions that could be resumed either.
            if (reason := _TOLD.get(error.errno or 0)) is not None:
                raise SpawnError(
                    f"The session was not opened, for its lock {self._path} was not made: {reason}.",
                    backend="claude",
                    retryable=True,
                ) from error

    def _take(self, session_id: str) -> bool:
        """Take the lock, unless its last holder removes the file in between."""
        _make_private(self._path.parent)
        descriptor = os.open(self._path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
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
            return True
        if self._is_path(descriptor):
            self._descriptor = descriptor
            return True
        os.close(descriptor)
        return False

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


def _make_private(folder: Path) -> None:
    """Make the folder of the locks, which nobody else may list or write to, whatever the umask is or was."""
    folder.parents[1].mkdir(mode=_PRIVATE, parents=True, exist_ok=True)
    for path in (folder.parent, folder):
        path.mkdir(mode=_PRIVATE, exist_ok=True)
        if stat.S_IMODE(path.stat().st_mode) & ~_PRIVATE:
            with contextlib.suppress(OSError):  # Another user's, who has to see to it himself.
                path.chmod(_PRIVATE)
