"""Minute files: those in which Gemini CLI stores a session, named by the minute in which it was made.

Whenever it opens a session, it begins a file of the session's id and the minute, before it looks for the stored one
(seen of 0.61). Within the minute in which the session was made that is the file of what was said in it, which it so
clears and then does not find. Who opens one again waits until the minute is over. What it began and then leaves empty
it takes for a broken session when it is started the next time, and deletes that with all files of the session: it is
removed before.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import anyio

from agent_sdk_core.paths import off_the_loop

_log = logging.getLogger(__name__)

AGENT: Final = "gemini-cli"
"""What the agent calls itself."""

_MINUTE: Final = 60.0
_MARGIN: Final = 0.05
_A_MESSAGE: Final = b'\n{"id":'
"""How a record begins that is no note of the session's circumstances."""


async def minute_over(agent: str | None, session_id: str, env: Mapping[str, str]) -> None:
    """Wait while an agent would clear a stored session by opening it; at most a minute, and not for other agents.

    Args:
        agent: What the agent calls itself.
        session_id: The session.
        env: The agent's environment, which says where its home is.
    """
    if agent != AGENT:
        return
    while await off_the_loop(_cleared_now, session_id, env):
        rest = _MINUTE - time.time() % _MINUTE + _MARGIN
        _log.warning("Gemini CLI finds a session again once the minute is over in which it was made: in %.0f s", rest)
        await anyio.sleep(rest)


async def sweep(agent: str | None, session_id: str, env: Mapping[str, str]) -> None:
    """Remove what an agent left empty when it opened a stored session; nothing that holds a message.

    Args:
        agent: What the agent calls itself.
        session_id: The session, which is open.
        env: The agent's environment.
    """
    if agent == AGENT:
        await off_the_loop(_remove_empty, session_id, env)


def _cleared_now(session_id: str, env: Mapping[str, str]) -> bool:
    minute = datetime.fromtimestamp(time.time(), UTC).strftime("%Y-%m-%dT%H-%M")
    return any(_A_MESSAGE in text for text in _files(session_id, env, minute).values())


def _remove_empty(session_id: str, env: Mapping[str, str]) -> None:
    files = _files(session_id, env, "*")
    full = {file.parent for file, text in files.items() if _A_MESSAGE in text}
    for file, text in files.items():
        # Its first line says whose it is: another session's name may begin alike.
        if _A_MESSAGE not in text and file.parent in full and session_id.encode() in text.partition(b"\n")[0]:
            with suppress(OSError):
                file.unlink()


def _files(session_id: str, env: Mapping[str, str], minute: str) -> dict[Path, bytes]:
    """Return the files of a session, and what they hold; what cannot be looked at holds nobody up."""
    home = Path(env.get("GEMINI_CLI_HOME") or env.get("HOME") or Path("~").expanduser())
    try:
        # An id is whatever a caller resumes: it is a name here, and no pattern or path.
        chats = (home / ".gemini" / "tmp").glob(f"*/chats/session-{minute}-*.jsonl")
        files = [file for file in chats if file.stem.endswith(f"-{session_id[:8]}")]
        return {file: file.read_bytes() for file in files}
    except (OSError, ValueError):
        return {}
