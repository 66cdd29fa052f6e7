"""Methods of the protocol that open, list and change sessions, over one `ChatService`."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, Final

from agent_chat.acp.converting.servers import session_extra, session_folder
from agent_chat.acp.failures import INVALID_PARAMS, NOT_FOUND, RefusalError
from agent_chat.acp.logins import Logins
from agent_chat.acp.opened.client import Client
from agent_chat.acp.opened.session import AcpSession
from agent_chat.chats.chat import Chat
from agent_chat.chats.ongoing import OngoingWork
from agent_chat.chats.service import ChatService
from agent_chat.chats.settings import ChatSettings
from agent_chat.storage.records import ChatMeta
from agent_sdk_core.errors import AgentError, SessionBusyError

TAG: Final = "acp"
"""What chats are found by that a client of the protocol made."""

PAGE: Final = 50


class Sessions:
    """The sessions that one client has open, and those that it could open.

    Args:
        service: The chats.
        client: The client.
        backend: The agent of new sessions, and of those that are listed; None: as configured, and all.

    Attributes:
        logins: Whether somebody is logged in at their agents.
    """

    def __init__(self, service: ChatService, client: Client, backend: str | None) -> None:
        self._service = service
        self._client = client
        self._backend = backend
        self.logins = Logins(service, backend)
        self._open: dict[str, AcpSession] = {}
        self._closing = OngoingWork()

    def get(self, params: Mapping[str, object]) -> AcpSession:
        """Return the open session that a request names.

        Raises:
            RefusalError: The client has none of this id open.
        """
        session_id = _id(params)
        if (session := self._open.get(session_id)) is None:
            raise _unknown(session_id)
        return session

    def opened(self, params: Mapping[str, object]) -> AcpSession | None:
        """Return the open session that a notification names, None where there is none."""
        session_id = params.get("sessionId")
        return self._open.get(session_id) if isinstance(session_id, str) else None

    async def new(self, params: Mapping[str, object]) -> tuple[AcpSession, dict[str, Any]]:
        """Make a session, start its agent, and return what the client is answered; raises what these raise."""
        cwd, extra = session_folder(params), session_extra(params)
        chat = await self._service.create(ChatSettings(self._backend, cwd=cwd, tags=(TAG,)))
        chat.extra = extra
        return await self._begin(chat)

    async def resume(self, params: Mapping[str, object], *, replays: bool) -> tuple[AcpSession, dict[str, Any]]:
        """Open a session that there is, and return what the client is answered.

        Args:
            params: Its id, folder, servers.
            replays: Whether the client is told what was said.

        Raises:
            RefusalError: There is no such session.
            AgentError: Its agent cannot be started.
        """
        session_id, cwd, extra = _id(params), session_folder(params), session_extra(params)
        chat = await self._chat(session_id)
        if cwd != chat.meta.cwd and chat.state not in ("running", "requires_action", "read_only"):
            await chat.end_session()
            await chat.change(cwd=cwd)
        await self._equip(chat, extra)
        session, before = AcpSession(chat, self._service, self._client, self.logins), self._open.get(session_id)
        self._open[session_id] = session
        try:
            if before is not None:
                await session.take_over(before)
            if replays:
                await session.replay()
            settings = await session.start()
            await session.tell_state()
        except BaseException:  # A request that is given up opens nothing either.
            if self._open.get(session_id) is session:
                del self._open[session_id]
            await session.abandon()
            raise
        return session, self._client.dialect.opened(settings)

    async def fork(self, params: Mapping[str, object]) -> tuple[AcpSession, dict[str, Any]]:
        """Open a copy of a session; raises what `resume` raises."""
        session_id, cwd, extra = _id(params), session_folder(params), session_extra(params)
        chat = await self._service.fork(await self._chat(session_id))
        chat.extra = extra
        if cwd != chat.meta.cwd:
            await chat.change(cwd=cwd)
        return await self._begin(chat)

    async def list(self, params: Mapping[str, object]) -> dict[str, Any]:
        """Return stored sessions, those used last first; one that was never prompted is not among them."""
        cwd, cursor = params.get("cwd"), params.get("cursor")
        if not isinstance(cwd, str | None) or not isinstance(cursor, str | None):
            raise RefusalError(INVALID_PARAMS, "cwd and cursor are texts.")
        archived = {"include": None, "only": True}.get(str(params.get("archived")), False)
        found: list[dict[str, Any]] = []
        while True:
            page = await self._service.chats(archived=archived, limit=PAGE, cursor=cursor, backend=self._backend)
            found += [_listed(meta) for meta in page if _is_shown(meta) and cwd in (None, meta.cwd)]
            cursor = page.cursor
            if found or cursor is None:
                break
        answer: dict[str, Any] = {"sessions": found}
        return {**answer, "nextCursor": cursor} if cursor is not None else answer

    async def close(self, params: Mapping[str, object]) -> None:
        """End what goes on in a session, and let its agent go; one that is not open is left as it is."""
        session_id = _id(params)
        if (session := self._open.pop(session_id, None)) is not None:
            await self._end(session)
            return
        await self._chat(session_id)

    async def delete(self, params: Mapping[str, object]) -> None:
        """Remove a session for good; raises what `ChatService.delete` raises."""
        session_id = _id(params)
        if (session := self._open.pop(session_id, None)) is not None:
            await self._end(session)
        try:
            await self._service.delete(session_id)
        except AgentError as error:
            if error.code != "chat_not_found":
                raise

    async def archive(self, params: Mapping[str, object], *, archived: bool) -> None:
        """Take a session out of the lists, or put it back."""
        session_id = _id(params)
        await self._chat(session_id)
        await self._service.archive(session_id, archived=archived)

    async def status(self, params: Mapping[str, object]) -> dict[str, Any]:
        """Return whether a session is open."""
        session_id = _id(params)
        await self._service.store.get_chat(session_id)
        return {"status": "open" if session_id in self._open else "saved"}

    async def set_title(self, params: Mapping[str, object]) -> dict[str, Any]:
        """Give a session another title."""
        title = params.get("title")
        if not isinstance(title, str) or not title.strip():
            raise RefusalError(INVALID_PARAMS, "A title is a text that is not blank.")
        chat = await self._chat(_id(params))
        await chat.change(title=title.strip())
        return {"title": chat.meta.title}

    async def cancel_all(self) -> None:
        """Stop the running turns of all sessions."""
        await asyncio.gather(*(session.cancel() for session in self._open.values() if session.prompting))

    def leave(self) -> None:
        """Tell the client nothing any more in any session, so that a request that ends now is not one it gave up."""
        for session in self._open.values():
            session.leave()

    async def abandon(self) -> None:
        """Leave all sessions, because the client is gone."""
        sessions = list(self._open.values())
        self._open.clear()
        await asyncio.gather(*(session.abandon() for session in sessions), self._closing.wait(), return_exceptions=True)

    async def _end(self, session: AcpSession) -> None:
        """Close a session; who gives that up, or leaves, does not stop it half way."""
        await self._closing.run(session.close())

    async def _begin(self, chat: Chat) -> tuple[AcpSession, dict[str, Any]]:
        """Start the agent of a session that was just made; without it there is no such session."""
        session = AcpSession(chat, self._service, self._client, self.logins)
        self._open[chat.id] = session
        try:
            settings = await session.start()
        except BaseException:
            self._open.pop(chat.id, None)
            await session.detach()
            with suppress(AgentError):
                await self._service.delete(chat.id)
            raise
        return session, {"sessionId": chat.id, **self._client.dialect.opened(settings)}

    async def _chat(self, session_id: str) -> Chat:
        try:
            return await self._service.open(session_id)
        except AgentError as error:
            if error.code == "chat_not_found":
                raise _unknown(session_id) from None
            raise

    async def _equip(self, chat: Chat, extra: Mapping[str, object]) -> None:
        """Give the agent what the client brings; one that runs with something else is started anew."""
        if chat.session is None or dict(chat.extra) == dict(extra):
            chat.extra = extra
            return
        if chat.state in ("running", "requires_action", "opening"):
            raise SessionBusyError("A turn runs in this session; open it when it has ended.")
        chat.extra = extra
        await chat.end_session()


def _id(params: Mapping[str, object]) -> str:
    session_id = params.get("sessionId")
    if not isinstance(session_id, str) or not session_id:
        raise RefusalError(INVALID_PARAMS, "The request names no session: sessionId is missing.")
    return session_id


def _unknown(session_id: str) -> RefusalError:
    return RefusalError(NOT_FOUND, f"There is no session {session_id!r} here.", {"sessionId": session_id})


def _is_shown(meta: ChatMeta) -> bool:
    return bool(meta.title or meta.last_seq) and meta.cwd is not None


def _listed(meta: ChatMeta) -> dict[str, Any]:
    told: dict[str, Any] = {"sessionId": meta.id, "cwd": meta.cwd}
    if meta.title:
        told["title"] = meta.title
    if meta.last_active_at:
        told["updatedAt"] = datetime.fromtimestamp(meta.last_active_at, UTC).isoformat().replace("+00:00", "Z")
    if meta.archived:
        told["archived"] = True
    return told
