"""Sessions that an agent has stored itself, taken into the store as chats that go on with them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from time import time
from typing import Final, cast
from uuid import NAMESPACE_URL, uuid5

from agent_chat.storage.derived import derived_chat, title_of
from agent_chat.storage.errors import ChatBusyError, ChatNotFoundError, LeaseLostError, StoreError
from agent_chat.storage.exchange import ImportReport, Progress, hold
from agent_chat.storage.interface import ChatStore
from agent_chat.storage.records import ChatLease, ChatMeta
from agent_chat.storage.rules import is_time
from agent_chat.storage.workspaces import workspace_of
from agent_sdk_core.errors import AgentError
from agent_sdk_core.interfaces.backend import AgentBackend
from agent_sdk_core.interfaces.pages import StoredSession
from agent_sdk_core.paths import off_the_loop
from agent_sdk_core.redaction import redact, redact_value

_PAGE: Final = 200


async def import_sessions(
    store: ChatStore,
    backend: AgentBackend,
    *,
    cwd: str | os.PathLike[str] | None = None,
    limit: int | None = None,
    progress: Progress | None = None,
    redacts: bool = True,
) -> ImportReport:
    """Take the sessions of an agent into the store; those that it has get what was said since.

    A session that cannot be read is told, and the others go on.

    Args:
        store: The store, open.
        backend: The agent, started.
        cwd: Only sessions of this folder.
        limit: How many sessions at most, the newest; absent: all.
        progress: Told how many sessions were read.
        redacts: Whether secrets that are known are left out.

    Raises:
        StoreError: The store cannot be written.
        AgentError: The sessions of the agent cannot be listed.
    """
    report = ImportReport()
    done = 0
    cursor: str | None = None
    while limit is None or done < limit:
        size = _PAGE if limit is None else min(_PAGE, limit - done)
        page = await backend.list_sessions(cwd=cwd, limit=size, cursor=cursor)
        for session in page:
            try:
                _, messages = await import_session(store, backend, session, redacts=redacts)
                report = report.plus(chats=1, messages=messages)
            except (ChatBusyError, LeaseLostError) as error:
                report = report.plus(problem=f"The session {session.session_id}: {error.message}")
            except StoreError:
                raise
            except AgentError as error:
                report = report.plus(problem=f"The session {session.session_id}: {error.message}")
            done += 1
            if progress is not None:
                progress(done)
        if (cursor := page.cursor) is None:
            break
    return report


async def import_session(
    store: ChatStore, backend: AgentBackend, session: StoredSession, *, redacts: bool = True
) -> tuple[ChatMeta, int]:
    """Take one session of an agent into the store, and return its chat and how many messages are new.

    Args:
        store: The store, open.
        backend: The agent, started.
        session: The session, as `AgentBackend.list_sessions` tells it.
        redacts: Whether secrets that are known are left out.

    Raises:
        StoreError: The store cannot be written, or another one writes the chat.
        AgentError: The session cannot be read.
    """
    chat = await _chat_of(store, backend, session)
    lease = await hold(store, chat.id)
    try:
        return await _read_into(store, backend, session, chat, lease, redacts=redacts)
    finally:
        if lease is not None:
            await store.release(lease)


async def _read_into(
    store: ChatStore,
    backend: AgentBackend,
    session: StoredSession,
    chat: ChatMeta,
    lease: ChatLease | None,
    *,
    redacts: bool,
) -> tuple[ChatMeta, int]:
    known = chat.last_seq
    at = _time(session.created_at) or _time(session.updated_at) or time()
    cursor: str | None = None
    while True:
        page = await backend.read_history(session.session_id, limit=_PAGE, cursor=cursor)
        bodies = [message.to_wire() for message in page]
        times: list[float] = []
        for body in bodies:
            at = max(at, _time_of(body) or at)  # Where the agent tells no time, they follow each other at once.
            times.append(at)
        if not chat.model:
            told = derived_chat(chat.id, zip(times, bodies, strict=True))
            if told.model is not None:
                chat = await store.update_chat(chat.id, model=told.model)
        if redacts:
            bodies = [cast("dict[str, object]", redact_value(body)) for body in bodies]
        await store.append(chat.id, bodies, at=times, lease=lease)
        if (cursor := page.cursor) is None:
            break
        if lease is not None:
            lease = await store.renew(lease)
    chat = await store.get_chat(chat.id)
    return chat, chat.last_seq - known


async def _chat_of(store: ChatStore, backend: AgentBackend, session: StoredSession) -> ChatMeta:
    """Return the chat that goes on with a session, or a new one; its id follows from the session's."""
    found = await store.list_chats(backend=backend.type, session_id=session.session_id, archived=None, limit=1)
    if found:
        return found[0]
    chat_id = str(uuid5(NAMESPACE_URL, f"agent-session:{backend.type}:{session.session_id}"))
    try:
        return await store.get_chat(chat_id)
    except ChatNotFoundError:
        pass
    created = _time(session.created_at) or _time(session.updated_at) or 0.0
    made = ChatMeta(
        chat_id,
        title=title_of(redact(session.title or session.first_prompt or "")),
        backend=backend.type,
        model=session.model,
        cwd=session.cwd,
        workspace=None if session.cwd is None else await off_the_loop(_workspace, session.cwd),
        last_session_id=session.session_id,
        created_at=created,
        last_active_at=_time(session.updated_at) or created,
        archived=session.archived,
        tags=() if session.tag is None else (session.tag,),
    )
    try:
        return await store.create_chat(made)
    except StoreError as error:
        if error.code != "chat_exists":  # Another import was quicker.
            raise
        return await store.get_chat(chat_id)


def _workspace(folder: str) -> str:
    return str(workspace_of(Path(folder).resolve()))


def _time_of(body: Mapping[str, object]) -> float | None:
    written = body.get("timestamp")
    if not isinstance(written, str):
        return None
    try:
        return _time(datetime.fromisoformat(written).timestamp())
    except (OverflowError, ValueError):
        return None


def _time(told: float | None) -> float | None:
    """Return a time that an agent told, None for a number that is none."""
    return told if told is not None and is_time(told) else None
