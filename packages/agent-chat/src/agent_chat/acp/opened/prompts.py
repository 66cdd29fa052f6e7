"""`ClientPrompts`: the prompts of a client in one session, from when they are sent until they are answered."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from contextlib import suppress
from typing import Any
from uuid import uuid4

from agent_chat.acp.converting.prompts import prompt_of
from agent_chat.acp.opened.prompt import PromptOfClient, answer_to
from agent_chat.chats.chat import Chat
from agent_chat.chats.prompts import ChatPrompt
from agent_sdk_core.errors import AgentError, InvalidRequestError
from agent_sdk_core.interfaces.turn import Priority
from agent_sdk_core.messages.result import ResultMessage
from agent_sdk_core.wire.reading import as_record


class ClientPrompts:
    """The prompts of one session that are a client's.

    Args:
        chat: The chat.
        closed: Tells whether the client is told nothing any more.

    Attributes:
        own: Uuids of those whose turn has not ended.
    """

    def __init__(self, chat: Chat, closed: Callable[[], bool]) -> None:
        self.own: set[str] = set()
        self._chat = chat
        self._closed = closed
        self._open: dict[str, PromptOfClient] = {}
        self._successor: ClientPrompts | None = None

    @property
    def waiting(self) -> bool:
        """Whether one is not answered yet."""
        return bool(self._open)

    @property
    def answers(self) -> list[asyncio.Future[dict[str, Any]]]:
        """What those that are not answered yet are answered with."""
        return [sent.answer for sent in self._open.values()]

    @property
    def gone(self) -> bool:
        """Whether the client is told nothing any more, and no other session goes on with it."""
        return self._closed() if self._successor is None else self._successor.gone

    def take_over(self, before: ClientPrompts) -> None:
        """Answer what another one would have answered."""
        before._successor = self
        self.own |= before.own
        self._open |= before._open
        before._open.clear()

    async def send(self, sent: PromptOfClient) -> None:
        """Send a prompt, and return once it is to be answered.

        Raises:
            AgentError: The agent cannot be started, or refused it.
            RefusalError: The turn failed.
        """
        self._open[sent.uuid] = sent
        self.own.add(sent.uuid)
        try:
            await self._send(sent)
            await self._until_answered(sent)
        except BaseException as error:
            self.drop(sent, unsent=isinstance(error, Exception))  # Who is cancelled may have sent it.
            sent.told.set()
            raise

    async def steer(self, params: Mapping[str, object]) -> dict[str, str]:
        """Add a prompt to the running turn; where none runs, one begins, unless the client wants to do that itself."""
        prompt = prompt_of(params.get("prompt"))
        meta = as_record(params.get("_meta")) or {}
        wanted = (as_record(meta.get("steering")) or {}).get("idleBehavior")
        if wanted not in (None, "promptRequired"):
            raise InvalidRequestError("steering.idleBehavior can be 'promptRequired'.")
        if self._chat.state not in ("running", "requires_action"):
            if wanted is not None:
                return {"outcome": "promptRequired", "reason": "noRunningTurn"}
            await self._add(prompt, "queue")
            return {"outcome": "startedNewTurn"}
        uuid = await self._add(prompt, "steer")
        session = self._chat.session
        queued = session is not None and any(each.uuid == uuid for each in session.queue)
        return {"outcome": "queued" if queued else "injected"}

    def cancel(self) -> None:
        """Note that the client wants none any more."""
        for sent in self._open.values():
            sent.cancelled = True

    async def taken(self, uuid: str) -> None:
        """Answer a prompt that the agent has, where the client waits for no more, and wait until it has the answer."""
        sent = self._open.get(uuid)
        if sent is not None and sent.version == 2:
            sent.settle({"messageId": uuid})
            del self._open[uuid]
            await sent.told.wait()

    async def answer(self, result: ResultMessage) -> None:
        """Answer those whose turn has ended, and wait until the client has the answers."""
        for uuid in result.user_message_uuids:
            sent = self._open.pop(uuid, None)
            self.own.discard(uuid)
            if sent is not None:
                answer_to(sent, result)
                await sent.told.wait()

    def end(self, why: str) -> None:
        """Answer all, because nothing more comes; without a reason, as cancelled."""
        for sent in self._open.values():
            if sent.cancelled or not why:
                sent.give_up()
            else:
                sent.fail(why)
        self._open.clear()

    def drop(self, sent: PromptOfClient, *, unsent: bool) -> None:
        """Forget a prompt that was answered with an error, here or where the session goes on."""
        self._open.pop(sent.uuid, None)
        if unsent:
            self.own.discard(sent.uuid)
        if self._successor is not None:
            self._successor.drop(sent, unsent=unsent)

    async def _add(self, prompt: ChatPrompt, priority: Priority) -> str:
        """Send a prompt whose end nobody waits for, and return its uuid."""
        uuid = str(uuid4())
        self.own.add(uuid)
        try:
            return await self._chat.send(prompt, priority=priority, uuid=uuid)
        except Exception:  # Not when it is cancelled: nobody knows then whether the agent has it.
            self.own.discard(uuid)
            raise

    async def _send(self, sent: PromptOfClient) -> None:
        """Send a prompt whose client has not given it up while the agent was started."""
        await self._unless_given_up(sent, self._chat.wake())
        if sent.cancelled:
            sent.give_up()
            return
        try:
            await self._chat.send(sent.prompt, uuid=sent.uuid)
        except InvalidRequestError as error:
            if not sent.cancelled or error.code != "stopped":
                raise
            sent.give_up()
            return
        if sent.cancelled:
            await self._stop(sent)

    async def _until_answered(self, sent: PromptOfClient) -> None:
        while not sent.answer.done():
            try:
                await asyncio.wait([sent.answer])
            except asyncio.CancelledError:
                if self.gone or (task := asyncio.current_task()) is None:
                    raise
                task.uncancel()
                sent.cancelled = True
                await self._stop(sent)
        sent.answer.result()

    async def _unless_given_up(self, sent: PromptOfClient, work: Coroutine[Any, Any, object]) -> None:
        task = asyncio.ensure_future(work)
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError:
            current = asyncio.current_task()
            if self.gone or current is None or task.cancelled():
                task.cancel()
                raise
            current.uncancel()
            sent.cancelled = True
            await task

    async def _stop(self, sent: PromptOfClient) -> None:
        """Take a prompt back: from the queue, or by ending its turn."""
        session = self._chat.session
        with suppress(AgentError):
            if session is not None and any(each.uuid == sent.uuid for each in session.queue):
                self._chat.edit_queued(sent.uuid, None)
            else:
                await self._chat.interrupt(cancel_queued=False)
