"""Writing of configuration files: one writer at a time among all processes, and a file that is whole at any moment."""

from __future__ import annotations

import errno
import os
import tempfile
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from agent_sdk_core.config.sources import SourceKind, ValueSource, invalid

LOCK_SECONDS: Final = 10.0
"""How long another writer is waited for."""

_POLL_SECONDS: Final = 0.01
_BUSY: Final = (errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES)


@contextmanager
def locked(kind: SourceKind, path: Path, *, advice: str = "", seconds: float = LOCK_SECONDS) -> Generator[Path]:
    """Hold the right to change a file, and yield the file itself, its links resolved.

    The folder is locked and not the file, which is replaced; so no file is left behind.

    Args:
        kind: Whose file it is.
        path: The file.
        advice: What to do where it cannot be written.
        seconds: How long another writer is waited for.

    Raises:
        InvalidRequestError: Another program writes all that time, or the folder cannot be made.
    """
    import fcntl  # Not on Windows, where this module can still be imported.

    target = Path(os.path.realpath(path))  # A link stays one.
    if target.exists() and not target.is_file():
        raise unwritable(kind, path, OSError(None, "it is not a regular file"), advice)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(target.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise unwritable(kind, path, error, advice) from None
    try:
        ends = time.monotonic() + seconds
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except OSError as error:
                if error.errno not in _BUSY:
                    break  # A file system without locks: each write is whole all the same.
                if time.monotonic() >= ends:
                    raise invalid(
                        f"another program has been writing it for {seconds:g} s; try again.", ValueSource(kind, path)
                    ) from None
                threading.Event().wait(_POLL_SECONDS)  # In a thread of its own; the system has no lock with a limit.
        yield target
    finally:
        os.close(descriptor)


def replace(target: Path, text: str, *, mode: int = 0o600) -> None:
    """Put a text in place of a file, in one step that survives a loss of power; an old file keeps its mode.

    Args:
        target: The file, no link.
        text: What it will hold.
        mode: Permissions of a file that was not there.

    Raises:
        OSError: It cannot be written; the old file stays as it is.
    """
    with suppress(FileNotFoundError):
        mode = target.stat().st_mode & 0o777
    descriptor, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(mode)
        Path(name).replace(target)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def unwritable(kind: SourceKind, path: Path, error: OSError, advice: str = "") -> Exception:
    """Return the error for a file that cannot be written; `advice` says what to do beside."""
    reason = error.strerror or str(error)
    return invalid(f"it cannot be written: {reason}{f'; {advice}' if advice else '.'}", ValueSource(kind, path))
