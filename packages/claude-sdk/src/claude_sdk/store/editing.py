"""Changes to a stored session: its title, its tag, its archive mark, its end.

Each writes what the agent itself writes. A session that is open in a process is better renamed through that process,
which else repeats the title that it knows.
"""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from uuid import uuid4

from agent_sdk_core.errors import AgentError, InvalidRequestError, SessionNotFoundError
from agent_sdk_core.wire.json_lines import encode_line
from claude_sdk.store.places import kept_elsewhere, side_folder

_LONGEST: Final = 200


def rename(path: Path, title: str) -> None:
    """Give a stored session a name: white space is collapsed, and 200 characters are kept, as the agent does.

    Args:
        path: The session's file.
        title: The name.

    Raises:
        InvalidRequestError: The title is blank.
        SessionNotFoundError: The file does not exist.
        AgentError: It cannot be written.
    """
    name = " ".join(title.split())[:_LONGEST].rstrip()
    if not name:
        raise InvalidRequestError("A session's title is not blank.", backend="claude")
    mark = {"type": "custom-title", "customTitle": name, "sessionId": path.stem}
    label = {"type": "agent-name", "agentName": name, "sessionId": path.stem}
    with _changing(path):
        _append(path, encode_line(mark) + encode_line(label))
        _note(path, "custom-title.json", {"customTitle": name})


def tag(path: Path, word: str | None) -> None:
    """Put a tag on a stored session, in place of the one it has.

    Args:
        path: The session's file.
        word: The tag, of which white space is collapsed and 200 characters are kept; None takes it away.

    Raises:
        InvalidRequestError: The tag is blank.
        SessionNotFoundError: The file does not exist.
        AgentError: It cannot be written.
    """
    told = "" if word is None else " ".join(word.split())[:_LONGEST].rstrip()
    if word is not None and not told:
        raise InvalidRequestError("A session's tag is not blank; None takes it away.", backend="claude")
    with _changing(path):
        _append(path, encode_line({"type": "tag", "tag": told, "sessionId": path.stem}))


def archive(path: Path) -> None:
    """Take a stored session out of the list until it is prompted again.

    Args:
        path: The session's file.

    Raises:
        SessionNotFoundError: The file does not exist.
        AgentError: The mark cannot be written.
    """
    _mark_archived(path, archived=True)


def unarchive(path: Path) -> None:
    """Put a stored session back into the list.

    Args:
        path: The session's file.

    Raises:
        SessionNotFoundError: The file does not exist.
        AgentError: The mark cannot be written.
    """
    _mark_archived(path, archived=False)


def delete(path: Path) -> None:
    """Delete a stored session for good, its sub-agents, file backups and tasks with it.

    Args:
        path: The session's file.

    Raises:
        SessionNotFoundError: The file does not exist.
        AgentError: It cannot be deleted.
    """
    with _changing(path):
        path.unlink()
    for folder in (side_folder(path), *kept_elsewhere(path)):
        shutil.rmtree(folder, ignore_errors=True)


def _mark_archived(path: Path, *, archived: bool) -> None:
    now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    with _changing(path):
        path.lstat()
        if archived or side_folder(path).is_dir():
            _note(path, "archived.json", {"archived": archived, "at": now})


def _append(path: Path, lines: bytes) -> None:
    """Append in one write, on a line of its own even if the last one was cut off; never creates the file."""
    descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC)
    with os.fdopen(descriptor, "r+b", buffering=0) as file:
        end = file.seek(0, os.SEEK_END)
        file.seek(max(0, end - 1))
        data = lines if not end or file.read(1) == b"\n" else b"\n" + lines
        if (written := file.write(data)) != len(data):
            if file.seek(0, os.SEEK_END) == end + written:  # Nobody wrote after us: no half a line is left.
                file.truncate(end)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _note(path: Path, name: str, note: dict[str, object]) -> None:
    """Write a note beside the session's file, whole or not at all."""
    folder = side_folder(path)
    folder.mkdir(mode=0o700, exist_ok=True)
    staged = folder / f"{name}.tmp.{uuid4().hex}"
    try:
        staged.touch(0o600)
        staged.write_bytes(encode_line(note).rstrip(b"\n"))
        staged.replace(folder / name)
    except OSError:
        staged.unlink(missing_ok=True)
        raise


@contextmanager
def _changing(path: Path) -> Generator[None]:
    try:
        yield
    except FileNotFoundError:
        raise SessionNotFoundError(f"The session's file {path} does not exist.", backend="claude") from None
    except OSError as error:
        message = f"The session's file {path} cannot be changed: {error.strerror}."
        raise AgentError(message, code="session_unwritable", backend="claude") from error
