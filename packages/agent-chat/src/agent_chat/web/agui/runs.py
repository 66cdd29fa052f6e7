"""Runs: one POST of an AG-UI client, answered by a stream of events until its turn ends or the agent asks something."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from agent_chat.chats.chat import Chat
from agent_chat.chats.reader import ChatReader
from agent_chat.chats.service import ChatService
from agent_chat.chats.settings import ChatSettings
from agent_chat.storage.errors import ChatNotFoundError
from agent_chat.web.agui.inputs import Resumed, RunInput, answer_of
from agent_sdk_core.errors import AgentError, InvalidRequestError, SessionBusyError
from agent_sdk_core.hosting.stream import Cursor

if TYPE_CHECKING:
    from ag_ui.core import BaseEvent

    from agent_chat.web.agui.events import RunEvents

THREADS: Final = 200
"""Threads of which it is known where their last run ended."""

CLIENT: Final = "an AG-UI client"
_BUSY: Final = ("running", "requires_action", "opening")


@dataclass(slots=True)
class _Thread:
    """Where the runs of a chat have come to."""

    events: RunEvents
    cursor: Cursor | None = None


class AguiRuns:
    """The runs over one service.

    Args:
        service: The chats.
    """

    def __init__(self, service: ChatService) -> None:
        self._service = service
        self._threads: OrderedDict[str, _Thread] = OrderedDict()

    async def start(self, wanted: RunInput, *, backend: str | None) -> Response:
        """Send what is new to the agent, and return the stream that tells what comes of it.

        Args:
            wanted: The run.
            backend: The agent of a chat that is made.

        Raises:
            AgentError: The chat cannot be made or written, something waits that the run does not answer, or an answer
                cannot be read. Then the run has not begun.
        """
        from agent_chat.web.agui.events import RunEvents

        chat = await self._chat(wanted, backend)
        thread = self._threads.pop(chat.id, None)
        if thread is None or not wanted.resumed:
            thread = _Thread(RunEvents(chat.id))
        self._threads[chat.id] = thread
        while len(self._threads) > THREADS:
            self._threads.popitem(last=False)
        waiting = {each["request_id"]: each for each in chat.pending}
        answered = {each.request_id for each in wanted.resumed}
        if wanted.prompt is not None and not wanted.resumed and waiting:
            raise SessionBusyError("The agent waits for an answer: resume with it before anything else is said.")
        cursor = thread.cursor if wanted.resumed and thread.cursor is not None else chat.feed.stream.cursor
        # What waits since before the server was started again, or is gone with it, has no turn that runs already.
        has_turn = any(key in waiting and key not in chat.kept for key in answered) or thread.cursor is not None
        has_turn = has_turn and not any(key in chat.kept for key in answered)
        watches = bool(wanted.resumed) or (wanted.prompt is None and chat.state in _BUSY)
        reader = chat.follow(cursor)
        if wanted.resumed:
            await self._answer(chat, [each for each in wanted.resumed if each.request_id in waiting])
            thread.events.answered |= answered
            watches = has_turn or chat.state in _BUSY
        elif wanted.prompt is not None:
            thread.events.prompts.add(wanted.prompt_uuid)
            known = await chat.journal.knows(wanted.prompt_uuid)
            await chat.send(wanted.prompt, uuid=wanted.prompt_uuid)
            watches = not known or chat.state in _BUSY
        is_told_whole = not watches if wanted.resumed else wanted.prompt is None
        first = chat.snapshot() if is_told_whole else None
        return EventStream(
            lambda: _told(thread, reader, wanted.run_id, first, watches=watches, state=chat),
            lambda: _stop(chat) if wanted.stops else _nothing(),
            thread,
        )

    async def _chat(self, wanted: RunInput, backend: str | None) -> Chat:
        try:
            chat = await self._service.open(wanted.thread_id)
        except ChatNotFoundError:
            if wanted.resumed:
                raise
        else:
            if backend is not None and backend != chat.meta.backend:
                raise InvalidRequestError(f"This thread is a chat with {chat.meta.backend}, not with {backend[:40]!r}.")
            return chat
        settings = {**wanted.settings, **({"backend": backend} if backend is not None else {})}
        return await self._service.create(ChatSettings.from_wire(settings), chat_id=wanted.thread_id)

    async def _answer(self, chat: Chat, resumed: list[Resumed]) -> None:
        """Answer what waits; every answer is read before the first is given."""
        waiting = {each["request_id"]: each for each in chat.pending}
        answers = [(each.request_id, answer_of(waiting[each.request_id], each)) for each in resumed]
        for request_id, answer in answers:
            try:
                await chat.answer(request_id, answer, by=CLIENT)
            except InvalidRequestError as error:
                if error.code not in ("already_answered", "not_waiting"):
                    raise


async def _told(
    thread: _Thread, reader: ChatReader, run_id: str, first: dict[str, Any] | None, *, watches: bool, state: Chat
) -> AsyncGenerator[list[BaseEvent]]:
    """Yield the events of a run in batches, until it ends."""
    events = thread.events
    yield events.started(run_id)
    if first is not None:
        yield events.snapshot(first)
    yield events.interrupted()
    if not watches and not events.ended:
        yield events.finished()
    while not events.ended:
        told = await reader.read()
        if told is None:
            yield events.failed("The chat was closed.", "closed")
        elif told["type"] == "snapshot":
            thread.cursor = Cursor(**told["cursor"])
            yield [*events.snapshot(told), *events.interrupted()]
            if state.state not in _BUSY and not events.ended:
                yield events.finished()
        else:
            made: list[BaseEvent] = []
            for event in told["events"]:
                made += events.take(event)
                thread.cursor = Cursor(told["epoch"], event["seq"])
                if events.ended:
                    break
            yield [*made, *events.interrupted()]


async def _stop(chat: Chat) -> None:
    with suppress(AgentError):
        await chat.interrupt()


async def _nothing() -> None:
    return


class EventStream(Response):
    """A stream of server-sent events, which knows when its client goes away.

    Args:
        batches: Returns the batches of events.
        gone: Called when the client goes before the end.
        thread: Whose run it is.
    """

    def __init__(
        self,
        batches: Callable[[], AsyncGenerator[list[BaseEvent]]],
        gone: Callable[[], Awaitable[None]],
        thread: _Thread,
    ) -> None:
        super().__init__(media_type="text/event-stream")
        del self.headers["content-length"]
        self.headers["x-accel-buffering"] = "no"
        self._batches = batches
        self._gone = gone
        self._thread = thread

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the events."""
        del scope
        sender = asyncio.ensure_future(self._send(send))
        listener = asyncio.ensure_future(_left(receive))
        try:
            await asyncio.wait([sender, listener], return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (sender, listener):
                task.cancel()
            await asyncio.gather(sender, listener, return_exceptions=True)
            if not self._thread.events.ended:
                await self._gone()
        if not sender.cancelled() and (error := sender.exception()) is not None:
            raise error

    async def _send(self, send: Send) -> None:
        from ag_ui.encoder import EventEncoder

        encoder = EventEncoder()
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        async with aclosing(self._batches()) as batches:
            async for batch in batches:
                if batch:
                    body = "".join(encoder.encode(event) for event in batch).encode()
                    await send({"type": "http.response.body", "body": body, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _left(receive: Receive) -> None:
    """Return when the client is gone."""
    while (await receive())["type"] != "http.disconnect":
        pass
