"""Restoring of a chat: the end of its log, and what ends there a turn in which the application ended."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from agent_chat.storage.records import MessagePage, StoredMessage
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
"""Messages that are read back in search of the last result."""

ENDED: Final = "The application ended in the middle of this turn."
EXPIRED: Final = "expired"
"""Outcome of a request that nobody answered before the application ended."""


async def restore(chat: Chat, store: ChatStore) -> None:
    """Show the end of a chat's log, and end what is open there, if the chat can be written."""
    page = await store.read_messages(chat.id, limit=200)
    shown = [chat.feed.views.view(each.message()) for each in page]
    chat.feed.kept = tail_view(page, shown)
    if chat.log is None:
        chat.refresh()
        return
    chat.log.fill(shown, list(page), earlier=page.cursor is not None)
    await chat.journal.find_unsent()
    chat.refresh()
    last = [each.message() for each in await _last_turn(chat.id, store)]
    for message in closing(last, backend=chat.meta.backend or ""):
        chat.take(message)


def tail_view(page: MessagePage, views: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return stored messages as front ends get them, and where what stands before them ends."""
    messages = [{**view, "at": each.at, "index": each.seq} for each, view in zip(page, views, strict=True)]
    return {"messages": messages, "before": page[0].seq if page and page.cursor is not None else None}


async def _last_turn(chat_id: str, store: ChatStore) -> list[StoredMessage]:
    """Return the end of the log, from its last result on."""
    found: list[StoredMessage] = []
    before: int | None = None
    while len(found) < TURN_LIMIT:
        page = await store.read_messages(chat_id, before=before, limit=200)
        found = [*page, *found]
        if any(isinstance(each.message(), ResultMessage) for each in page) or page.cursor is None:
            break
        before = int(page.cursor)
    return found


def closing(messages: Iterable[SDKMessage], *, backend: str) -> list[SDKMessage]:
    """Return what ends an interrupted log: requests expired, tools and tasks closed, and the result of its last turn.

    Args:
        messages: The log from its last result on, oldest first.
        backend: Name of the chat's agent.
    """
    requests: dict[str, RequestOpened] = {}
    turn = OpenTurn()
    prompts: list[str] = []
    session_id: str | None = None
    for message in messages:
        session_id = message.session_id or session_id
        turn.feed(message)
        match message:
            case RequestOpened():
                requests[message.request_id] = message
            case RequestResolved():
                requests.pop(message.request_id, None)
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
        for key, opened in requests.items()
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
