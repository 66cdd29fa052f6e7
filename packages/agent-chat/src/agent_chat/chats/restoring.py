"""Restoring of a chat: the end of its log, and what ends there a turn in which the application ended."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from agent_chat.chats.kept import EXPIRED, is_keepable
from agent_chat.storage.records import MessagePage
from agent_sdk_core.asking.permissions import PermissionRequest
from agent_sdk_core.asking.requests import request_from_wire
from agent_sdk_core.errors import AgentError
from agent_sdk_core.hosting.closing import OpenTurn
from agent_sdk_core.messages.base import Source
from agent_sdk_core.messages.conversation import UserMessage
from agent_sdk_core.messages.parse import SDKMessage
from agent_sdk_core.messages.result import ResultMessage
from agent_sdk_core.messages.system import RequestOpened, RequestResolved

if TYPE_CHECKING:
    from agent_chat.chats.chat import Chat
    from agent_chat.storage.interface import ChatStore

TURN_LIMIT: Final = 5_000
"""Messages that are read back in search of the last result, and of what waits."""

ENDED: Final = "The application ended in the middle of this turn."


async def restore(chat: Chat, store: ChatStore, *, keeps: bool = False) -> None:
    """Show the end of a chat's log, and end what is open there, if the chat can be written.

    Args:
        chat: The chat.
        store: Keeps it.
        keeps: Whether what waited for an answer waits on, where it can.
    """
    page = await store.read_messages(chat.id, limit=200)
    shown = [chat.feed.views.view(each.message()) for each in page]
    chat.feed.kept = tail_view(page, shown)
    if chat.log is None:
        chat.refresh()
        return
    waiting = chat.meta.waiting if keeps else 0
    last = await _last_turn(chat.id, store, waiting)
    kept = [each for each in map(_kept, open_requests(last).values()) if each is not None] if waiting else []
    for request in kept:
        chat.kept.keep(request)
    chat.log.fill(shown, list(page), earlier=page.cursor is not None)
    await chat.journal.find_unsent()
    chat.refresh()
    for message in closing(last, backend=chat.meta.backend or "", kept={each.request_id for each in kept}):
        chat.take(message)


def _kept(opened: RequestOpened) -> PermissionRequest | None:
    """Return the request that waits on; None where it cannot be read, or has to be asked anew."""
    try:
        request = request_from_wire(opened.request)
    except AgentError:
        return None
    return request if is_keepable(request) else None


def tail_view(page: MessagePage, views: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return stored messages as front ends get them, and where what stands before them ends."""
    messages = [{**view, "at": each.at, "index": each.seq} for each, view in zip(page, views, strict=True)]
    return {"messages": messages, "before": page[0].seq if page and page.cursor is not None else None}


async def _last_turn(chat_id: str, store: ChatStore, waiting: int) -> list[SDKMessage]:
    """Return the end of the log, from its last result on, or from where as many requests are open as wait."""
    found: list[SDKMessage] = []
    before: int | None = None
    has_result = False
    while len(found) < TURN_LIMIT:
        page = await store.read_messages(chat_id, before=before, limit=200)
        messages = [each.message() for each in page]
        found = [*messages, *found]
        has_result = has_result or any(isinstance(each, ResultMessage) for each in messages)
        if page.cursor is None or (has_result and len(open_requests(found)) >= waiting):
            break
        before = int(page.cursor)
    return found


def open_requests(messages: Iterable[SDKMessage]) -> dict[str, RequestOpened]:
    """Return the requests of a log that have not ended in it, by their ids."""
    requests: dict[str, RequestOpened] = {}
    for message in messages:
        if isinstance(message, RequestOpened):
            requests[message.request_id] = message
        elif isinstance(message, RequestResolved):
            requests.pop(message.request_id, None)
    return requests


def closing(messages: Sequence[SDKMessage], *, backend: str, kept: Collection[str] = ()) -> list[SDKMessage]:
    """Return what ends an interrupted log: requests expired, tools and tasks closed, and the result of its last turn.

    Args:
        messages: The log from its last result on, oldest first.
        backend: Name of the chat's agent.
        kept: The requests that wait on.
    """
    turn = OpenTurn()
    prompts: list[str] = []
    session_id: str | None = None
    for message in messages:
        session_id = message.session_id or session_id
        turn.feed(message)
        match message:
            case UserMessage() if message.is_prompt and message.uuid:
                prompts.append(message.uuid)
            case ResultMessage():
                prompts = [uuid for uuid in prompts if uuid not in message.user_message_uuids]
            case _:
                pass
    source = Source(backend, thread_id=session_id, synthetic=True)
    shared = {"session_id": session_id}
    ends: list[SDKMessage] = [
        RequestResolved.synthesize(source, request_id=key, kind=opened.kind, outcome=EXPIRED, by="close", **shared)
        for key, opened in open_requests(messages).items()
        if key not in kept
    ]
    ends += turn.close(ENDED, session_id=session_id, backend=backend, background=True)
    if prompts:
        result = ResultMessage.synthesize(
            source,
            subtype="error_during_execution",
            is_error=True,
            errors=[ENDED],
            terminal_reason="aborted_streaming",
            user_message_uuids=prompts,
            **shared,
        )
        ends.append(result)
    return ends
