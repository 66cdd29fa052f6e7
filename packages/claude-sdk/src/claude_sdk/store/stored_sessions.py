"""Claude's stored sessions without claude: its files, read and changed in a worker thread."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Final, Protocol, TypeVar

from anyio import to_thread

from agent_sdk_core import paths
from agent_sdk_core.errors import InvalidRequestError, SessionBusyError, SessionNotFoundError
from agent_sdk_core.interfaces.pages import HistoryPage, SessionPage, StoredSession, require_limit
from agent_sdk_core.wire.reading import filled_text
from claude_sdk.store import editing, history, listing, places, unbegun
from claude_sdk.store.transcript.lines import opened, read_lines

T = TypeVar("T")

_HEAD: Final = 256 * 1024
"""Bytes of a file in which its folder is looked for."""
_TURNS: Final = 50
"""How many turns are held while one is looked for."""


class Lock(Protocol):
    """The lock of a session, which is held."""

    def release(self) -> None:
        """Let others open the session."""


class StoredSessions:
    """The sessions in one configuration folder.

    Args:
        env: Environment that claude runs in, which says where the folder is.

    Attributes:
        folder: The configuration folder.
    """

    def __init__(self, env: Mapping[str, str]) -> None:
        self.folder: Path = places.folder(env)

    def unwritable(self) -> str | None:
        """Return why no session can be stored; asks the disk."""
        return places.unwritable(self.folder)

    async def find(self, session_id: str) -> Path:
        """Return the file of a session.

        Raises:
            SessionNotFoundError: There is none, or no conversation has begun in it.
        """
        return await _in_thread(partial(self._find, session_id))

    async def require_new(self, session_id: str, lock: Callable[[str], Lock]) -> None:
        """Make sure that a session can be started with an id, which one that has not begun does not keep.

        Args:
            session_id: The id.
            lock: Takes the lock of the session that has it, see `delete`.

        Raises:
            SessionBusyError: There is a session with this id.
        """

        def path_of_unbegun() -> Path | None:
            try:
                path = places.find_session(self.folder, session_id)
            except SessionNotFoundError:
                return None
            if unbegun.is_unbegun(path):
                return path
            raise SessionBusyError(
                f"Claude has a stored session {session_id}; resume it, or choose another id.", backend="claude"
            )

        def work() -> None:
            if (found := path_of_unbegun()) is None:
                return
            held = lock(found.stem)
            try:
                if (path := path_of_unbegun()) is not None:
                    unbegun.set_aside(path)
            finally:
                held.release()

        await _in_thread(work)

    async def folder_of(self, session_id: str) -> str | None:
        """Return the folder that a session works in, where its file tells.

        Raises:
            SessionNotFoundError: There is no such session.
        """
        return await _in_thread(partial(_first_folder, await self.find(session_id)))

    async def list(self, *, cwd: str | os.PathLike[str] | None, limit: int, cursor: str | None) -> SessionPage:
        """Return stored sessions, newest first."""

        def listed() -> SessionPage:
            folder = None if cwd is None else paths.resolved_path("cwd", cwd, backend="claude")
            return listing.list_sessions(self.folder, cwd=folder, limit=limit, cursor=cursor)

        return await _in_thread(listed)

    async def read_history(self, session_id: str, *, limit: int | None, cursor: str | None) -> HistoryPage:
        """Return the messages of a session, oldest first."""
        require_limit(limit, backend="claude")
        path = await self.find(session_id)
        return await _in_thread(partial(history.read_history, path, limit=limit, cursor=cursor))

    async def end_of_turn(self, session_id: str, uuid: str) -> str:
        """Return the last message of the turn that a message or prompt belongs to.

        Raises:
            InvalidRequestError: The session has no such message.
        """
        last: str | None = None
        found = False
        page: HistoryPage | None = None
        while page is None or page.cursor is not None:  # Page by page, for a long session is more than is to be held.
            page = await self.read_history(session_id, limit=_TURNS, cursor=page.cursor if page else None)
            for message in page:
                if found and getattr(message, "is_replay", None) is True:
                    return _required(last, uuid)
                if message.uuid is not None and message.parent_tool_use_id is None:
                    last = message.uuid
                found = found or uuid == message.uuid
        return _required(last if found else None, uuid)

    async def rename(self, session_id: str, title: str) -> None:
        """Give a session a name."""
        await _in_thread(partial(editing.rename, await self.find(session_id), title))

    async def tag(self, session_id: str, tag: str | None) -> None:
        """Put a word on a session; None takes it away."""
        await _in_thread(partial(editing.tag, await self.find(session_id), tag))

    async def archive(self, session_id: str, lock: Callable[[str], Lock]) -> None:
        """Take a session out of the list.

        Args:
            session_id: Its id.
            lock: As for `delete`.
        """
        await _in_thread(partial(_locked, await self.find(session_id), lock, editing.archive))

    async def unarchive(self, session_id: str) -> None:
        """Put a session back into the list."""
        await _in_thread(partial(editing.unarchive, await self.find(session_id)))

    async def title_of(self, session_id: str) -> str | None:
        """Return the name that a session was given, None for one without."""
        return await _in_thread(partial(listing.given_title, await self.find(session_id)))

    async def read(self, session_id: str) -> StoredSession:
        """Return what is known of a session."""
        return await _in_thread(partial(listing.read_stored, await self.find(session_id)))

    async def delete(self, session_id: str, lock: Callable[[str], Lock]) -> None:
        """Delete a session and what belongs to it.

        Args:
            session_id: Its id.
            lock: Takes the lock of the session that is stored under an id, and raises if it is open. It is held in the
                thread that deletes, which goes on when asyncio cancels the task that waits for it.
        """
        path = await _in_thread(partial(places.find_session, self.folder, session_id))
        await _in_thread(partial(_locked, path, lock, editing.delete))

    def _find(self, session_id: str) -> Path:
        path = places.find_session(self.folder, session_id)
        if unbegun.is_unbegun(path):
            state = "holds no conversation" if path.stat().st_size else "is empty"
            raise SessionNotFoundError(
                f"The session's file {path} {state}: its claude was ended before it had stored the first prompt, or "
                "the file has lost its content.",
                backend="claude",
            )
        return path


def _required(last: str | None, uuid: str) -> str:
    if last is None:
        raise InvalidRequestError(f"This session has no message {uuid!r} to be forked at.", backend="claude")
    return last


async def _in_thread(work: Callable[[], T]) -> T:
    return await to_thread.run_sync(work)


def _first_folder(path: Path) -> str | None:
    with opened(path) as file:
        for _, _, line in read_lines(file, path, budget=_HEAD):
            if (folder := filled_text(line.get("cwd"))) is not None:
                return folder
    return None


def _locked(path: Path, lock: Callable[[str], Lock], edit: Callable[[Path], None]) -> None:
    held = lock(path.stem)
    try:
        edit(path)
    finally:
        held.release()
