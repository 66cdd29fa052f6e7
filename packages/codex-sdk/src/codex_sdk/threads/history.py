"""Stored threads: their turns, page by page, as the messages that the live stream gave."""

from __future__ import annotations

from typing import Final, cast

from agent_sdk_core.errors import InvalidRequestError, ProtocolError
from agent_sdk_core.interfaces.pages import HistoryPage
from agent_sdk_core.messages.parse import SDKMessage
from agent_sdk_core.rpc.jsonrpc import METHOD_NOT_FOUND, Peer
from agent_sdk_core.wire.reading import Json, record_of
from codex_sdk.normalizer import ThreadFacts, history_messages
from codex_sdk.process.errors import translate

_PAGE: Final = 50


async def read_history(peer: Peer, facts: ThreadFacts, *, limit: int | None, cursor: str | None) -> HistoryPage:
    """Return the messages of a stored thread, oldest first.

    Args:
        peer: JSON-RPC with an app-server.
        facts: The thread, with its model where that is known.
        limit: Turns a page; absent: all.
        cursor: Where the page before ended.

    Raises:
        SessionNotFoundError: No such thread is stored.
    """
    try:
        turns, next_cursor = await _turns(peer, facts.thread_id, limit, cursor)
    except ProtocolError as error:
        raise translate(error, session_id=facts.thread_id) from error
    messages: list[SDKMessage] = []
    for turn in turns:
        messages.extend(history_messages(turn, facts))
    return HistoryPage(messages, next_cursor)


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
    for message in await read_history(peer, ThreadFacts(thread_id), limit=None, cursor=None):
        source = message.source
        if message.uuid == uuid and source is not None and source.turn_id is not None:
            return source.turn_id
    raise InvalidRequestError(f"This session has no message and no turn {uuid!r} to be forked at.", backend="codex")


async def _turns(peer: Peer, thread_id: str, limit: int | None, cursor: str | None) -> tuple[list[Json], str | None]:
    turns: list[Json] = []
    while True:
        params: Json = {
            "threadId": thread_id,
            "sortDirection": "asc",
            "itemsView": "full",
            "limit": min(limit - len(turns), _PAGE) if limit is not None else _PAGE,
        }
        if cursor is not None:
            params["cursor"] = cursor
        try:
            page = cast("Json", await peer.request("thread/turns/list", params, idempotent=True))
        except ProtocolError as error:
            if error.rpc_code != METHOD_NOT_FOUND or turns:
                raise
            return await _whole_thread(peer, thread_id), None
        turns.extend(page.get("data") or [])
        cursor = page.get("nextCursor")
        if cursor is None or (limit is not None and len(turns) >= limit):
            return turns, cursor


async def _whole_thread(peer: Peer, thread_id: str) -> list[Json]:
    """Return the turns of a thread whose store cannot be paged: the rows of older versions."""
    params = {"threadId": thread_id, "includeTurns": True}
    response = cast("Json", await peer.request("thread/read", params, idempotent=True))
    return cast("list[Json]", response.get("thread", {}).get("turns") or [])
