"""Stored sessions of an agent: its list, what was said in one, and what is changed of one."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from functools import partial

from acp_sdk.process.agent import AcpAgent
from acp_sdk.process.errors import translate
from acp_sdk.protocol import methods
from acp_sdk.protocol.sessions import SessionInfo, SessionList
from acp_sdk.sessions import SessionOpener
from agent_sdk_core.errors import (
    AgentError,
    InvalidRequestError,
    ProtocolError,
    SessionNotFoundError,
    UnsupportedOptionError,
)
from agent_sdk_core.interfaces.pages import HistoryPage, SessionPage, StoredSession, require_sessions
from agent_sdk_core.messages.conversation import UserMessage
from agent_sdk_core.messages.parse import SDKMessage
from agent_sdk_core.options import SessionOptions
from agent_sdk_core.paths import off_the_loop, resolved_path, working_folder
from agent_sdk_core.wire.reading import Json


async def require_stored(agent: AcpAgent, session_id: str, folder: str, error: AgentError, *, backend: str) -> None:
    """Say of a session that could not be opened that there is none, where the agent lists those that there are.

    Raises:
        SessionNotFoundError: The folder has no session of this id.
    """
    there = True
    with suppress(AgentError):
        there = await _lists(agent, session_id, folder)
    if not there:
        raise SessionNotFoundError(
            f"The {backend} agent has no stored session {session_id!r}: {error.message}", backend=backend
        ) from error


async def _lists(agent: AcpAgent, session_id: str, cwd: str) -> bool:
    """Tell whether an agent lists a session of a folder; True as well where it does not list any."""
    params: Json = {"cwd": cwd}
    while agent.sessions.list_sessions is not None:
        page = SessionList.read(await agent.peer.request(methods.LIST, params)) or SessionList()
        if any(info.session_id == session_id for info in page.sessions):
            return True
        if page.next_cursor is None:
            return False
        params = {"cwd": cwd, "cursor": page.next_cursor}
    return True


async def list_sessions(
    agent: AcpAgent, *, cwd: str | os.PathLike[str] | None, limit: int, cursor: str | None, backend: str
) -> SessionPage:
    """Return a page of stored sessions.

    Raises:
        UnsupportedOptionError: The agent cannot list sessions.
        InvalidRequestError: The limit is not positive.
    """
    require_sessions(limit, backend=backend)
    if agent.sessions.list_sessions is None:
        raise UnsupportedOptionError(f"The {backend} agent cannot list sessions.", backend=backend)
    params: Json = {}
    if cwd is not None:
        params["cwd"] = await off_the_loop(partial(resolved_path, "cwd", cwd, backend=backend))
    # A page of ours may end within one of the agent's: then the cursor says how far it was told.
    own, _, skipped = (cursor or "").rpartition("+")
    if own:
        params["cursor"] = own
    page = SessionList.read(await agent.peer.request(methods.LIST, params)) or SessionList()
    start = int(skipped) if skipped.isdigit() else 0
    told = page.sessions[start : start + limit]
    following = None if page.next_cursor is None else f"{page.next_cursor}+0"
    if start + limit < len(page.sessions):
        following = f"{own}+{start + limit}"
    return SessionPage(tuple(map(_stored, told)), following)


async def edit_session(
    agent: AcpAgent, method: str, params: Json, *, able: str, what: str, backend: str, command: Sequence[str]
) -> None:
    """Change a stored session by a request of the protocol.

    Args:
        agent: The agent.
        method: The request.
        params: Its parameters.
        able: The capability that it wants.
        what: What it does, for errors.
        backend: What the agent is called.
        command: How it was started, for errors.

    Raises:
        UnsupportedOptionError: The agent cannot do it.
        AgentError: It refused.
    """
    if getattr(agent.sessions, able) is None:
        raise UnsupportedOptionError(f"The {backend} agent cannot {what}.", backend=backend)
    try:
        await agent.peer.request(method, params)
    except ProtocolError as error:
        session_id = str(params["sessionId"])
        raise translate(error, backend=backend, command=command, session_id=session_id) from error


async def read_history(
    opener: SessionOpener, agent: AcpAgent, session_id: str, folder: str, *, backend: str
) -> Sequence[SDKMessage]:
    """Return what was said in a stored session, which the agent opens for it and closes again.

    Raises:
        SessionNotFoundError: There is none.
        UnsupportedOptionError: The agent does not tell.
    """
    if agent.sessions.load is None:
        raise UnsupportedOptionError(f"The {backend} agent does not tell what was said in a session.", backend=backend)
    cwd = str(await off_the_loop(partial(working_folder, folder, backend=backend)))
    try:
        options = SessionOptions(resume=session_id)
    except InvalidRequestError as error:  # What can be no id is that of no session.
        raise SessionNotFoundError(
            f"The {backend} agent has no stored session {session_id!r}: {error.message}", backend=backend
        ) from None
    try:
        opened = await opener.resume(session_id, opener.params(agent, cwd), options, cwd, agent=agent)
    except ProtocolError as error:
        await require_stored(agent, session_id, cwd, error, backend=backend)
        raise
    await opener.close(session_id)
    return opened.told


def page_of(told: Sequence[SDKMessage], *, limit: int | None, cursor: str | None) -> HistoryPage:
    """Return a page of messages: of so many turns, each from its prompt on; the cursor is the place of its first."""
    start = int(cursor) if cursor is not None and cursor.isdigit() else 0
    prompts = (place for place, each in enumerate(told) if isinstance(each, UserMessage) and not each.tool_results)
    begin = [place for place in prompts if place > start]
    end = len(told) if limit is None or limit > len(begin) else begin[limit - 1]
    return HistoryPage(told[start:end], cursor=str(end) if end < len(told) else None)


def _stored(info: SessionInfo) -> StoredSession:
    return StoredSession(
        info.session_id,
        title=info.title or "",
        cwd=info.cwd or None,
        updated_at=_seconds(info.updated_at),
        archived=info.archived is True,
    )


def _seconds(told: str | None) -> float | None:
    try:
        return None if told is None else datetime.fromisoformat(told).timestamp()
    except ValueError:
        return None
