"""Minute files: those in which Gemini CLI stores a session, named by the minute in which it was made.

Whenever it opens a session, it begins a file of the session's id and the minute, before it looks for the stored one
(seen of 0.61). Within the minute in which the session was made that is the file of what was said in it, which it so
clears and then does not find. Who opens one again waits until the minute is over.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
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


def _cleared_now(session_id: str, env: Mapping[str, str]) -> bool:
    minute = datetime.fromtimestamp(time.time(), UTC).strftime("%Y-%m-%dT%H-%M")
    home = Path(env.get("GEMINI_CLI_HOME") or env.get("HOME") or Path("~").expanduser())
    try:
        files = list((home / ".gemini" / "tmp").glob(f"*/chats/session-{minute}-{session_id[:8]}.jsonl"))
        return any(_A_MESSAGE in file.read_bytes() for file in files)
    except (OSError, ValueError, NotImplementedError):  # What cannot be looked at holds nobody up.
        return False
