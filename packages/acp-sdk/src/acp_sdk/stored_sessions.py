"""`StoredSessions`: what a backend does with stored sessions; the modules that do it are loaded when they are used."""

from __future__ import annotations

import os
from abc import abstractmethod
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Final, TypeVar

from agent_sdk_core.errors import SessionNotFoundError, UnsupportedError
from agent_sdk_core.interfaces.pages import HistoryPage, SessionPage, StoredSession, require_limit, require_title
from agent_sdk_core.paths import off_the_loop
from agent_sdk_core.runtime.backend import BaseBackend
from agent_sdk_core.wire.reading import Json

if TYPE_CHECKING:
    from acp_sdk.folder_agent import FolderAgent
    from acp_sdk.session import AcpSession
    from agent_sdk_core.messages.parse import SDKMessage

T = TypeVar("T")

_REMEMBERED: Final = 4096
"""Of how many sessions, the last that were opened here, the folder is remembered."""


class StoredSessions(BaseBackend["AcpSession"]):
    """The part of a backend that lists, reads and changes stored sessions."""

    _command: tuple[str, ...]

    def __init__(self) -> None:
        super().__init__()
        # Gemini CLI finds and lists sessions of the folder alone that it is started in.
        self._folders_had: dict[str, str] = {}

    @abstractmethod
    async def _with(self, use: Callable[[FolderAgent], Awaitable[T]], folder: str | None = None) -> T:
        """Return what is done with an agent, of a folder or of any; it is not ended meanwhile."""

    async def list_sessions(
        self, *, cwd: str | os.PathLike[str] | None = None, limit: int = 50, cursor: str | None = None
    ) -> SessionPage:
        """Return stored sessions as the agent orders them; it decides how many are a page."""
        return await self._page(None, cwd=cwd, limit=limit, cursor=cursor)

    async def session_info(self, session_id: str) -> StoredSession:
        """Return what the agent lists of a stored session."""
        stored = await self._listed(session_id)
        if stored is None and (folder := await self._folder_had(session_id)) is not None:
            stored = await self._listed(session_id, folder)
        if stored is None:
            raise SessionNotFoundError(
                f"The {self.type} agent lists no session {session_id!r}.",
                backend=self.type,
            )
        return stored

    async def read_history(
        self, session_id: str, *, limit: int | None = None, cursor: str | None = None
    ) -> HistoryPage:
        """Return the messages of a stored session, oldest first; the agent opens it to tell them."""
        from acp_sdk.stored import page_of, read_history

        require_limit(limit, backend=self.type)
        if (session := self._open_one(session_id)) is not None:
            return await session.history(limit=limit, cursor=cursor)

        async def read(agent: FolderAgent) -> Sequence[SDKMessage]:
            link = agent.link
            return await self._host.call(
                lambda: read_history(agent.opener, link.today, session_id, link.folder, backend=self.type)
            )

        told = await self._with(read, await self._folder_of(session_id))
        return page_of(told, limit=limit, cursor=cursor)

    async def delete_session(self, session_id: str) -> None:
        """Delete a stored session for good.

        Raises:
            SessionBusyError: It is open.
        """
        from acp_sdk.protocol import methods

        self._require_closed(session_id)
        await self._edit(methods.DELETE, {"sessionId": session_id}, "delete sessions", "delete")

    async def rename_session(self, session_id: str, title: str) -> None:
        """Give a stored session a name."""
        from acp_sdk.protocol import methods

        require_title(title, backend=self.type)
        await self._edit(methods.SET_TITLE, {"sessionId": session_id, "title": title}, "rename sessions", "title")

    async def archive_session(self, session_id: str) -> None:
        """Take a stored session out of the list.

        Raises:
            SessionBusyError: It is open.
        """
        from acp_sdk.protocol import methods

        self._require_closed(session_id)
        await self._edit(methods.ARCHIVE, {"sessionId": session_id}, "archive sessions", "archive")

    async def unarchive_session(self, session_id: str) -> None:
        """Put an archived session back into the list."""
        from acp_sdk.protocol import methods

        await self._edit(methods.UNARCHIVE, {"sessionId": session_id}, "archive sessions", "archive")

    async def _edit(self, method: str, params: Json, what: str, capability: str) -> None:
        from acp_sdk.stored import edit_session

        await self._with(
            lambda agent: edit_session(
                agent.link.today,
                method,
                params,
                able=capability,
                what=what,
                backend=self.type,
                command=self._command,
            ),
            await self._folder_had(str(params["sessionId"])),
        )

    def _open_one(self, session_id: str) -> AcpSession | None:
        """Return the session of this id that is open here."""
        return next((session for session in self.sessions if session.resolved_session_id == session_id), None)

    def _remember(self, session_id: str, folder: str) -> None:
        """Remember where a session works, which is wanted again when it is closed and no agent runs there any more."""
        self._folders_had.pop(session_id, None)
        self._folders_had[session_id] = folder
        if len(self._folders_had) > _REMEMBERED:
            del self._folders_had[next(iter(self._folders_had))]

    async def _folder_had(self, session_id: str) -> str | None:
        """Return the folder of a session that was open here; None of another, and where it is there no more."""
        folder = self._folders_had.get(session_id)
        return folder if folder is not None and await off_the_loop(partial(os.path.isdir, folder)) else None

    async def _folder_of(self, session_id: str) -> str | None:
        """Return the folder of a stored session; None where the agent lists none, which may open it all the same."""
        if (folder := self._folders_had.get(session_id)) is not None:
            return folder
        with suppress(UnsupportedError, SessionNotFoundError):
            return (await self.session_info(session_id)).cwd
        return None

    async def _page(
        self, folder: str | None, *, cwd: str | os.PathLike[str] | None = None, limit: int = 50, cursor: str | None
    ) -> SessionPage:
        """Return what the agent of a folder lists, or of any."""
        from acp_sdk.stored import list_sessions

        return await self._with(
            lambda agent: list_sessions(agent.link.today, cwd=cwd, limit=limit, cursor=cursor, backend=self.type),
            folder,
        )

    async def _listed(self, session_id: str, folder: str | None = None) -> StoredSession | None:
        """Return what the agent of a folder lists of a session, or of any; None where it lists none of this id."""
        cursor: str | None = None
        while True:
            page = await self._page(folder, cursor=cursor)
            for stored in page:
                if stored.session_id == session_id:
                    return stored
            if (cursor := page.cursor) is None:
                return None
