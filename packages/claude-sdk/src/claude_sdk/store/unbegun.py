"""A session's file in which no conversation has begun: its claude was killed while it wrote the first lines.

Claude (2.1.332) neither resumes such a file, for it finds no conversation in it, nor starts a session under its id,
which to it is in use. So it is no stored session, and gives way to a new one with its id.
"""

from __future__ import annotations

from pathlib import Path
from uuid import uuid4

from agent_sdk_core.errors import AgentError
from agent_sdk_core.wire.reading import Json
from claude_sdk.store.places import side_folder
from claude_sdk.store.transcript.lines import opened, read_lines


def is_unbegun(path: Path) -> bool:
    """Tell whether a session's file holds no line of a conversation, and nothing that may be a damaged one.

    Raises:
        SessionNotFoundError: It does not exist.
        AgentError: It cannot be read.
    """
    with opened(path) as file:
        if any(_is_of_conversation(line) for _, _, line in read_lines(file, path)):
            return False
        file.seek(0)
        return all(line.startswith(b"{") for line in file if line.strip())


def set_aside(path: Path) -> None:
    """Make room for a session with the id of one that has not begun; what its file holds is kept beside it.

    Raises:
        AgentError: It cannot be moved; code "session_unwritable".
    """
    folder = side_folder(path)
    try:
        if path.stat().st_size == 0:
            path.unlink()
        else:
            folder.mkdir(mode=0o700, exist_ok=True)
            path.replace(folder / f"unbegun-{uuid4().hex}.jsonl")
    except FileNotFoundError:
        return  # Somebody else made room.
    except OSError as error:
        message = f"The session's file {path} cannot be moved into {folder}: {error.strerror}."
        raise AgentError(message, code="session_unwritable", backend="claude") from error


def _is_of_conversation(line: Json) -> bool:
    # Not by the kinds of today: of a kind that is new nothing may be lost.
    return "uuid" in line or "message" in line
