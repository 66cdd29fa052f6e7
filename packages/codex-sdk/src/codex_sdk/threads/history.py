"""Stored threads: their turns, page by page, as the messages that the live stream gave."""

from __future__ import annotations

import logging
from pathlib import PurePath
from typing import Final, cast

from agent_sdk_core.errors import (
    AgentError,
    FrameTooLargeError,
    InvalidRequestError,
    ProtocolError,
    SessionNotFoundError,
)
from agent_sdk_core.interfaces.pages import HistoryPage
from agent_sdk_core.messages.parse import SDKMessage
from agent_sdk_core.rpc.jsonrpc import METHOD_NOT_FOUND, Peer
from agent_sdk_core.transport.framing import DEFAULT_MAX_LINE
from agent_sdk_core.wire.reading import Json, filled_text, record_at, record_of, text_at
from codex_sdk.normalizer import ThreadFacts, history_messages
from codex_sdk.process.errors import translate

_log: Final = logging.getLogger(__name__)
_PAGE: Final = 10
"""Turns that are asked for at once: an answer is one line, of which 64 MiB are read, and a turn may have megabytes.

Where as many are too long together, fewer are asked for.
"""
_NOT_YET: Final = "not materialized yet"
"""What Codex says of a thread that has no turn so far (0.163)."""


async def read_stored(peer: Peer, thread_id: str, *, limit: int | None, cursor: str | None) -> HistoryPage:
    """Return the messages of a thread that need not be open, oldest first.

    Args:
        peer: JSON-RPC with an app-server.
        thread_id: The thread.
        limit: Turns a page; absent: all.
        cursor: Where the page before ended.

    Raises:
        SessionNotFoundError: No such thread is stored.
        AgentError: Codex has lost what it reads it from; code "storage_damaged".
    """
    response = await read_thread(peer, thread_id)
    facts = ThreadFacts.from_response(response)
    page = await read_history(peer, facts if facts.thread_id else ThreadFacts(thread_id), limit=limit, cursor=cursor)
    if not page and cursor is None and (path := _unread_file(response)) is not None:
        raise AgentError(
            f"Codex has no turns of the session {thread_id} in its database, which was lost; the session's file has "
            f"them, {path}. Resume the session once: Codex then reads its file, and tells its turns again.",
            code="storage_damaged",
            backend="codex",
            details={"path": path},
        )
    return page


async def read_session(peer: Peer, facts: ThreadFacts, *, limit: int | None, cursor: str | None) -> HistoryPage:
    """Return the messages of an open thread, oldest first; of one without a turn there are none.

    Args:
        peer: JSON-RPC with an app-server.
        facts: The thread.
        limit: Turns a page; absent: all.
        cursor: Where the page before ended.
    """
    try:
        return await read_history(peer, facts, limit=limit, cursor=cursor)
    except InvalidRequestError as error:
        if _NOT_YET not in str(error):
            raise
        return HistoryPage([])


async def read_history(peer: Peer, facts: ThreadFacts, *, limit: int | None, cursor: str | None) -> HistoryPage:
    """Return the messages of a stored thread, oldest first.

    Args:
        peer: JSON-RPC with an app-server.
        facts: The thread, with its model where that is known.
        limit: Turns a page; absent: all.
        cursor: Where the page before ended.

    Raises:
        SessionNotFoundError: No such thread is stored.
        FrameTooLargeError: One of its turns is too long to be read.
    """
    try:
        turns, next_cursor = await _turns(peer, facts.thread_id, limit, cursor)
    except ProtocolError as error:
        raise translate(error, session_id=facts.thread_id) from error
    messages: list[SDKMessage] = []
    for turn in turns:
        messages.extend(history_messages(turn, facts))
    return HistoryPage(messages, next_cursor)


async def told_of(peer: Peer, thread_id: str) -> Json:
    """Return what Codex tells of a stored thread; its index alone tells of one whose file is gone, too (0.163).

    Raises:
        SessionNotFoundError: No such thread is stored.
    """
    thread = record_at(await read_thread(peer, thread_id), "thread")
    try:
        await require_stored(peer, thread_id)
    except SessionNotFoundError:
        raise
    except AgentError as error:
        _log.debug("Codex tells of %s, and not of its turns: %s", thread_id, error)
    return thread


async def require_stored(peer: Peer, thread_id: str) -> None:
    """Look whether a thread's file is there: Codex itself renames and deletes what only its index has left (0.163).

    Raises:
        SessionNotFoundError: It is not.
    """
    try:
        await _turns(peer, thread_id, 1, None)
    except ProtocolError as error:
        raise translate(error, session_id=thread_id) from error


async def stored_facts(peer: Peer, thread_id: str) -> ThreadFacts:
    """Return what is known of a stored thread without opening it.

    Raises:
        SessionNotFoundError: No such thread is stored.
    """
    facts = ThreadFacts.from_response(await read_thread(peer, thread_id))
    return facts if facts.thread_id else ThreadFacts(thread_id)


async def read_thread(peer: Peer, thread_id: str) -> Json:
    """Return the answer to `thread/read`, without turns.

    Raises:
        SessionNotFoundError: No such thread is stored.
    """
    try:
        params = {"threadId": thread_id, "includeTurns": False}
        return record_of(await peer.request("thread/read", params, idempotent=True))
    except ProtocolError as error:
        raise translate(error, session_id=thread_id) from error


async def turn_of(peer: Peer, thread_id: str, uuid: str) -> str:
    """Return the turn of a stored message.

    Raises:
        InvalidRequestError: The thread has no such message.
        SessionNotFoundError: No such thread is stored.
    """
    page: HistoryPage | None = None
    while page is None or page.cursor is not None:  # Page by page, for a long session is more than is to be held.
        cursor = page.cursor if page else None
        page = await read_history(peer, ThreadFacts(thread_id), limit=_PAGE, cursor=cursor)
        for message in page:
            source = message.source
            if message.uuid == uuid and source is not None and source.turn_id is not None:
                return source.turn_id
    raise InvalidRequestError(f"This session has no message and no turn {uuid!r} to be forked at.", backend="codex")


def _unread_file(response: Json) -> str | None:
    """Return the file of a thread of which Codex told no turns though it has some; None where that is right.

    Codex pages turns from a database that it fills from the file when it opens the thread. The preview is in the file:
    a thread that has one has turns, unless they were taken back, which began another file, `…-THREAD_REVISION.jsonl`.
    """
    thread = record_at(response, "thread")
    path, thread_id = filled_text(thread.get("path")), filled_text(thread.get("id"))
    if path is None or thread_id is None or thread.get("historyMode") != "paginated" or not thread.get("preview"):
        return None
    taken_back = f"{thread_id}_" in PurePath(path).name
    unread = record_at(record_at(response, "readState"), "firstUnread")
    return None if taken_back and not unread else path


async def _turns(peer: Peer, thread_id: str, limit: int | None, cursor: str | None) -> tuple[list[Json], str | None]:
    turns: list[Json] = []
    size = _PAGE
    while True:
        size = min(limit - len(turns), size) if limit is not None else size
        params: Json = {"threadId": thread_id, "sortDirection": "asc", "itemsView": "full"}
        if cursor is not None:
            params["cursor"] = cursor
        try:
            page, size = await page_of_turns(peer, params, size)
        except ProtocolError as error:
            if error.rpc_code != METHOD_NOT_FOUND or turns:
                raise
            return await _whole_thread(peer, thread_id), None
        turns.extend(page.get("data") or [])
        cursor = page.get("nextCursor")
        if cursor is None or (limit is not None and len(turns) >= limit):
            return turns, cursor


async def page_of_turns(peer: Peer, params: Json, size: int) -> tuple[Json, int]:
    """Return one answer to `thread/turns/list`, of half as many turns where as many are too long to be read.

    Args:
        peer: JSON-RPC with an app-server.
        params: What is asked, without its limit.
        size: Turns that are asked for, at least one.

    Returns:
        The answer, and for how many turns it was asked.

    Raises:
        FrameTooLargeError: One turn alone is too long to be read.
        ProtocolError: The app-server refuses.
    """
    while True:
        try:
            return record_of(await peer.request("thread/turns/list", {**params, "limit": size}, idempotent=True)), size
        except FrameTooLargeError as error:
            if size <= 1:
                raise _too_long("a turn of", text_at(params, "threadId"), error) from error
            size //= 2


def _too_long(what: str, thread_id: str, error: FrameTooLargeError) -> FrameTooLargeError:
    return FrameTooLargeError(
        f"Codex cannot be asked for {what} the session {thread_id}: its answer, one line, is longer than the "
        f"{DEFAULT_MAX_LINE >> 20} MiB that are read. The session goes on as it is when it is resumed, and its file "
        "has it all.",
        backend="codex",
        details={**error.details, "limit": DEFAULT_MAX_LINE, "session_id": thread_id},
    )


async def _whole_thread(peer: Peer, thread_id: str) -> list[Json]:
    """Return the turns of a thread whose store cannot be paged: the rows of older versions."""
    params = {"threadId": thread_id, "includeTurns": True}
    try:
        response = cast("Json", await peer.request("thread/read", params, idempotent=True))
    except FrameTooLargeError as error:  # Such a store has no pages, so that there is nothing less to ask for.
        raise _too_long("what was said in", thread_id, error) from error
    return cast("list[Json]", response.get("thread", {}).get("turns") or [])
