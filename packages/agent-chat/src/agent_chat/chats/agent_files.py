"""Files that an agent itself can put back, where git cannot: shown first, and never over what was changed since."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from agent_chat.chats.git import UndoneFile
from agent_chat.transcript.paths import short_path
from agent_sdk_core.errors import AgentError, InvalidRequestError
from agent_sdk_core.wire.reading import texts_of


@runtime_checkable
class Rewinds(Protocol):
    """A session whose agent keeps the files that it edits as they were before each prompt."""

    async def rewind_files(self, user_message_uuid: str, *, dry_run: bool = False) -> Mapping[str, Any]:
        """Put them back; raises `AgentError`s."""
        ...


@dataclass(frozen=True, slots=True)
class AgentFiles:
    """What the agent can put back of a turn.

    Attributes:
        prompt: The prompt of the turn.
        after: Each file as the turn left it: a digest, None where there is none.
    """

    prompt: str
    after: Mapping[Path, str | None]


async def noted(session: object, prompt: str) -> AgentFiles | None:
    """Return what the agent can put back of the turn that has just ended; None: nothing."""
    if not isinstance(session, Rewinds):
        return None
    try:
        told = await session.rewind_files(prompt, dry_run=True)
    except AgentError:  # It keeps none, or has gone: the turn cannot be undone.
        return None
    files = [Path(each) for each in texts_of(told.get("filesChanged"))]
    if told.get("canRewind") is not True or not files:
        return None
    return AgentFiles(prompt, await asyncio.to_thread(_digests, files))


async def plan(files: AgentFiles, folder: Path) -> list[UndoneFile]:
    """Return what would go back, and what of it was changed again since."""
    now = await asyncio.to_thread(_digests, files.after)
    return [
        UndoneFile(short_path(str(path), str(folder)), "touched", conflict=now[path] != after)
        for path, after in sorted(files.after.items())
    ]


async def undo(session: object, files: AgentFiles, folder: Path) -> list[UndoneFile]:
    """Have the agent put the files of a turn back, and return them.

    Raises:
        InvalidRequestError: Something was changed again since, or the agent cannot any more: then nothing is undone.
        AgentError: The agent refused.
    """
    planned = await plan(files, folder)
    if conflicts := [each.path for each in planned if each.conflict]:
        raise InvalidRequestError(
            f"{', '.join(conflicts)} was changed again since: nothing is undone.", code="undo_conflict"
        )
    if not isinstance(session, Rewinds):
        raise InvalidRequestError("The agent does not run any more: say something first.", code="cannot_undo")
    told = await session.rewind_files(files.prompt)
    if told.get("canRewind") is not True:
        raise InvalidRequestError(f"The agent cannot undo it: {told.get('error', 'no reason')}", code="cannot_undo")
    return planned


def _digests(files: Iterable[Path]) -> dict[Path, str | None]:
    return {path: _digest(path) for path in files}


def _digest(path: Path) -> str | None:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return None
