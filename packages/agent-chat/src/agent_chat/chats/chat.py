"""`Chat`: one conversation as front ends use it, whichever agent it is with, whether that runs or not."""

from __future__ import annotations

import asyncio
import uuid as uuids
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

from agent_chat.chats.agents import ChatHost
from agent_chat.chats.events import ChatEvent
from agent_chat.chats.git import UndoneFile
from agent_chat.chats.kept import GO_ON, is_keepable
from agent_chat.chats.pieces import piece_of
from agent_chat.chats.prompts import ChatPrompt
from agent_chat.chats.settings import checked_sandbox
from agent_chat.chats.shown import ShownChat
from agent_chat.chats.turn_files import TurnHistory
from agent_chat.chats.views import choice_of
from agent_chat.storage.errors import StoreError
from agent_chat.storage.records import ChatChanges, ChatLease, ChatMeta
from agent_sdk_core.asking.mode_names import parse_mode
from agent_sdk_core.asking.permissions import PermissionMode, PermissionRequest
from agent_sdk_core.asking.requests import AgentAnswer
from agent_sdk_core.errors import AgentError, InvalidRequestError
from agent_sdk_core.hosting.locks import KeyedLocks
from agent_sdk_core.hosting.served import ServedSession
from agent_sdk_core.interfaces.backend import AgentBackend
from agent_sdk_core.interfaces.session import AgentSession, InterruptReceipt
from agent_sdk_core.interfaces.turn import Priority, PromptQueue
from agent_sdk_core.messages.parse import SDKMessage
from agent_sdk_core.messages.result import ResultMessage
from agent_sdk_core.messages.system import RequestOpened, RequestResolved, SessionTitleChanged
from agent_sdk_core.redaction import redact
from agent_sdk_core.wire.forms import WireForm

if TYPE_CHECKING:
    from agent_chat.storage.interface import ChatStore

TITLE_LENGTH: Final = 60

STORING_SECONDS: Final = 10.0
"""What the answer to what waited on may take to be stored."""

_NOT_STORED: Final = (
    "The answer could not be stored, so that the agent does not go on by it. Say in a prompt that it shall."
)

OpenSession = Callable[["Chat", AgentBackend], Awaitable[AgentSession]]
"""Opens the session of a chat with its agent, new or resumed."""


class Chat(ShownChat):
    """One chat that is open in this process.

    `ChatService` makes it. Its agent starts with the first prompt, and is resumed where it was; prompts that are sent
    at once resume it once.

    Args:
        host: Returns the host of its agent; raises where a session cannot be opened.
        open_session: Opens the session of its agent, new or resumed; the others are those of `ShownChat`.

    Attributes:
        extra: Options that its sessions have beside what is stored, such as the MCP servers of an editor; what changes
            here holds from when a session is opened next.
    """

    def __init__(
        self,
        meta: ChatMeta,
        store: ChatStore,
        lease: ChatLease | None,
        *,
        reason: str = "",
        publish: Callable[[ChatEvent], None],
        host: Callable[[Chat], ChatHost],
        open_session: OpenSession,
        obstacle: Callable[[ChatMeta], str] = lambda meta: "",
        redacts: bool = True,
        keeps: bool = False,
    ) -> None:
        self.extra: Mapping[str, object] = {}
        self.turns = TurnHistory(Path(meta.cwd), lambda: self.session) if meta.cwd is not None else None
        self._redacts = redacts
        self._host_of = host
        self._host: ChatHost | None = None
        self._open_session = open_session
        self._stops = 0
        self._answers = KeyedLocks()
        super().__init__(
            meta, store, lease, reason=reason, publish=publish, obstacle=obstacle, redacts=redacts, keeps=keeps
        )

    # Prompts

    async def send(self, prompt: ChatPrompt, *, priority: Priority = "queue", uuid: str | None = None) -> str:
        """Store a prompt, send it to the agent, and return its uuid; the agent is started or resumed if need be.

        What waits since before the application was started again has ended then: nobody has answered it.

        Args:
            prompt: The prompt.
            priority: "queue" waits for the running turn's result, "steer" joins it where the agent can.
            uuid: Identity of the prompt: a second call with it sends nothing. Absent: a new one.

        Raises:
            SessionClosedError: The chat can only be read, or is closed.
            InvalidRequestError: It was stopped before the agent had it, code "stopped".
            AgentError: The agent could not be started, or refused the prompt.
        """
        self._require_writable()
        return await self._send(prompt, priority, uuid or str(uuids.uuid4()), ends_kept=True)

    async def _send(self, prompt: ChatPrompt, priority: Priority, uuid: str, *, ends_kept: bool) -> str:
        said, stops = prompt.to_wire(), self._stops
        if self._redacts:  # In an image there is nothing that it would know.
            said["text"] = redact(prompt.text)
        if not await self.journal.accept(uuid, said):
            return uuid
        if ends_kept:
            self.kept.expire(backend=self._meta.backend or "")
        self._sending += 1
        try:
            served = await self._started_for(uuid, prompt)

            async def send() -> None:
                if stops != self._stops:
                    raise InvalidRequestError("It was stopped before the agent had it.", code="stopped")
                await served.session.send(prompt.prompt(), priority=priority, uuid=uuid)

            await served.hand(uuid, send)
        finally:
            self._sending -= 1
            self.refresh()
        return uuid

    async def interrupt(self, *, cancel_queued: bool = True, now: bool = False) -> InterruptReceipt:
        """End the running turn; does nothing where none runs.

        Args:
            cancel_queued: Whether prompts that wait are cancelled too, and those that the agent does not have yet, such
                as the one that it is started for.
            now: Whether the agent has half a second for it, and no more.
        """
        self._stops += cancel_queued
        self._expire_kept()
        if self.session is None:
            return InterruptReceipt(False)
        try:
            return await self.session.interrupt(cancel_queued=cancel_queued, now=now)
        finally:
            self.refresh()

    def edit_queued(self, uuid: str, prompt: ChatPrompt | None, *, keeps_images: bool = False) -> None:
        """Say something else in a prompt that waits; None takes it away.

        Args:
            uuid: The prompt that waits.
            prompt: What it says from now on.
            keeps_images: Whether it has the images that it had, beside those of `prompt`.

        Raises:
            InvalidRequestError: It does not wait any more.
        """
        queue = self._queue()
        if prompt is None:
            queue.remove(uuid)
        else:
            had = next((each.prompt for each in queue if each.uuid == uuid), "")
            queue.edit(uuid, prompt.prompt(beside=had if keeps_images else ""))
        self.refresh()

    def move_queued(self, uuid: str, index: int) -> None:
        """Put a prompt that waits at another place, 0 being the next; raises as `edit_queued` does."""
        self._queue().move(uuid, index)
        self.refresh()

    async def forget_unsent(self, uuid: str) -> None:
        """Take note that a prompt that was never sent is not needed any more."""
        await self.journal.forget_unsent(uuid)
        self.refresh(force=True)

    # What is asked

    async def answer(self, request_id: str, answer: AgentAnswer | str, *, by: str = "") -> None:
        """Answer what waits; the first answer wins.

        What waits since before the application was started again is allowed once, or denied. When the last of it is
        answered, and something is allowed, the agent's session is resumed and told to go on; the answers hold for that
        turn, each for exactly the same request, once.

        Args:
            request_id: The request.
            answer: The answer, or the id of one of the options that `pending` tells of a permission.
            by: The front end that answers: the others are told.

        Raises:
            InvalidRequestError: It is answered already ("already_answered", `details` say by whom and how), is not
                known, or has no such option.
            AgentError: What was allowed cannot go on: the agent could not be started, or refused.
        """
        if request_id in self.kept:
            await self._answer_kept(request_id, answer, by)
            return
        async with self._answers.of(request_id):  # Of two at once, the second hears that the first has answered.
            await self._answer(request_id, answer, by)

    async def _answer(self, request_id: str, answer: AgentAnswer | str, by: str) -> None:
        session = self.session
        request = next((each for each in (session.pending if session else ()) if each.request_id == request_id), None)
        if session is None or request is None:
            raise self.feed.not_waiting(request_id)
        given: AgentAnswer | None = None
        if not isinstance(answer, str):
            given = answer
        elif isinstance(request, PermissionRequest):
            given = choice_of(request, answer)
        if given is None:
            raise InvalidRequestError(f"The request has no option {answer!r}; it may have been replaced by another.")
        self.feed.answering(request_id, by)
        try:
            await session.answer(request_id, given)
        except BaseException:
            self.feed.answering(request_id, None)
            raise

    async def _answer_kept(self, request_id: str, answer: AgentAnswer | str, by: str) -> None:
        self._require_writable()
        goes_on = self.kept.answer(request_id, answer, by, backend=self._meta.backend or "")
        self.refresh()
        if not goes_on:
            return
        try:
            await self._go_on()
        except BaseException:
            self.kept.forget()
            raise

    async def _go_on(self) -> None:
        """Have the agent go on with what was allowed, once that is stored: else it would wait again after a crash."""
        if self.log is None or not await self.log.flush(STORING_SECONDS):
            raise StoreError(_NOT_STORED)
        await self._send(ChatPrompt(GO_ON), "queue", str(uuids.uuid4()), ends_kept=False)

    def _expire_kept(self) -> None:
        self.kept.expire(backend=self._meta.backend or "")
        self.refresh()

    # What it is like

    async def set_model(self, model: str | None) -> None:
        """Use this model from the next turn; None: the agent's own choice. Raises what the session raises."""
        await self._set("model", model or None)

    async def set_effort(self, effort: str | None) -> None:
        """Reason so much from the next turn; None: the agent's own choice. Raises what the session raises."""
        await self._set("effort", effort or None)

    async def set_permission_mode(self, mode: str | None) -> None:
        """Ask so much from the next turn. Raises what the session raises."""
        await self._set("permission_mode", parse_mode(mode) if mode else None)

    async def set_sandbox(self, mode: str | None) -> None:
        """Use this sandbox from the next turn, for which the agent's session is opened anew; None: as the mode has it.

        Raises:
            SessionBusyError: A turn runs.
            InvalidRequestError: There is no such sandbox.
        """
        chosen = checked_sandbox(mode)
        self._require_rest("choose the sandbox")
        if chosen != self._meta.sandbox:
            self._expire_kept()
            await self.end_session()
            await self.change(sandbox=chosen)

    async def set_backend(self, backend: str) -> None:
        """Go on with another agent; it begins a session of its own, and knows nothing of what was said before.

        Raises:
            SessionBusyError: A turn runs.
        """
        self._require_rest("choose the other agent")
        if backend != self._meta.backend:
            self._expire_kept()
            await self.end_session()
            self._limits.clear()  # They are another account's.
            await self.change(backend=backend, model=None, effort=None, last_session_id=None)
            self.inform(f"From here on {backend} answers, in a session of its own.")

    # What its agent does

    async def wake(self) -> AgentSession:
        """Start or resume its agent without a prompt, and return the session.

        Raises:
            SessionClosedError: The chat can only be read, or is closed.
            AgentError: The agent could not be started.
        """
        return (await self._live()).session

    async def compact(self) -> None:
        """Replace the conversation by a summary. Raises what the session raises."""
        await (await self.wake()).compact()

    async def fork_session(self) -> str:
        """Copy the agent's session as it is, and return the id of the copy, which is stored and closed.

        Raises:
            SessionBusyError: A turn runs.
            InvalidRequestError: Nothing was said yet.
            AgentError: The agent cannot copy, or refused.
        """
        self._require_rest("fork the chat")
        if self._meta.last_session_id is None and not (self.session is not None and self.session.resumable):
            raise InvalidRequestError("There is nothing to fork yet: say something first.")
        async with await (await self.wake()).fork() as copy:
            return copy.resolved_session_id

    async def commands(self) -> list[WireForm]:
        """Return the commands and skills that a prompt may name, as far as the agent runs."""
        return [] if self.session is None else [*await self.session.commands()]

    async def undo(self, uuid: str) -> list[UndoneFile]:
        """Put the files that the turn of a prompt has touched back to how they were, and return them.

        Raises:
            SessionBusyError: A turn runs.
            InvalidRequestError: It cannot be undone, or something was changed again since: then nothing is undone.
        """
        self._require_writable()
        self._require_rest("undo")
        if self.turns is None:
            raise InvalidRequestError("A chat without a folder has nothing to undo.", code="cannot_undo")
        undone = await self.turns.undo(uuid)
        self.inform(f"Undone: the changes of a turn, in {len(undone)} files. The agent does not know of it.", "warning")
        self.refresh()
        return undone

    async def end_session(self) -> None:
        """Close the agent's session; what waits is denied. The next prompt resumes it."""
        self.kept.forget()
        await self._close_session()

    async def _close_session(self) -> None:
        if self._host is None:
            return
        closed = await self._host.close(self.id)
        if self._served is closed:  # Nobody has opened another one meanwhile.
            self._served = None
        self.refresh()

    async def aclose(self, *, ends: bool = True) -> None:
        """End the session, store what is left, and give the chat back; never raises.

        Args:
            ends: Whether what waits has ended with it; else it waits on where the chat keeps it.
        """
        if self._closed:
            return
        self._closed = True
        if self.session is not None and self._keeps and not ends:
            for request in filter(is_keepable, self.session.pending):
                self.kept.keep(request)
        await self.end_session()
        while self._saving:
            await asyncio.wait(self._saving)
        if self.log is not None:
            await self.log.aclose()
            with suppress(AgentError):
                await self._store.release(self.log.lease)
        self.feed.stream.close()

    # Inside

    def _queue(self) -> PromptQueue:
        if self.session is None:
            raise InvalidRequestError("This prompt does not wait any more.")
        return self.session.queue

    async def _started_for(self, uuid: str, prompt: ChatPrompt) -> ServedSession:
        """Return the session that a prompt is for; where that cannot be, the prompt is not sent."""
        try:
            if not self._meta.title:
                await self.change(title=_title(redact(prompt.text) if self._redacts else prompt.text) or "Image")
            self.refresh()
            served = await self._live()
            if self.turns is not None and served.session.state == "idle":
                await self.turns.begin()
        except AgentError:
            await self.journal.refused(self.id, uuid)
            raise
        return served

    async def _live(self) -> ServedSession:
        """Return the session, opened or resumed if there is none that works."""
        self._require_writable()
        if self._served is not None and self._works(self._served):
            return self._served
        host = self._host_of(self)
        if self._host is not host:
            await self._close_session()
            self._host = host
        return await host.open(self.id, partial(self._begin, host), works=self._works)

    async def _begin(self, host: ChatHost) -> ServedSession:
        self._require_writable()
        self._served = None
        self._is_opening = True
        self.refresh()
        try:
            session = await self._open_session(self, await host.backend())
            take = partial(self._told_by, session)
            self._served = ServedSession(self.id, session, self.journal, take, self.refresh)
        finally:
            self._is_opening = False
            self.refresh()
        return self._served

    async def _told_by(self, session: AgentSession, message: SDKMessage) -> None:
        """Show what the session says, and note it then: nobody waits for the store."""
        if isinstance(message, RequestResolved) and message.by == "close" and message.request_id in self.kept:
            return  # It waits on, for whoever opens the chat next.
        if isinstance(message, RequestOpened):
            await self._answer_as_before(session, message.request_id)
        self.take(message)
        outcome: str | None = None
        if isinstance(message, ResultMessage):
            outcome = message.outcome
            await self._turn_ended(session, message)
        elif isinstance(message, SessionTitleChanged) and message.title:
            self._save(title=message.title)
        if piece_of(message) is None:
            self.refresh(outcome=outcome)

    async def _answer_as_before(self, session: AgentSession, request_id: str) -> None:
        """Answer what was answered since the application was started again, and is asked once more."""
        request = next((each for each in session.pending if each.request_id == request_id), None)
        given = None if request is None else self.kept.given(request)
        if given is None:
            return
        self.feed.answering(request_id, given.by)
        try:
            await session.answer(request_id, given.answer)
        except AgentError:  # Then a person is asked, as about any other.
            self.feed.answering(request_id, None)

    async def _turn_ended(self, session: AgentSession, result: ResultMessage) -> None:
        if result.parent_tool_use_id is None:
            self.kept.forget()
        self._usage = await session.usage()
        if self.turns is not None:
            await self.turns.end(result.user_message_uuids)
        self._spawn(self.journal.ended(self.id, {}, tuple(result.user_message_uuids)))
        changes: ChatChanges = {"usage": self._usage.total, "context": self._usage.context}
        if session.resumable and session.resolved_session_id != self._meta.last_session_id:
            changes["last_session_id"] = session.resolved_session_id
        self._save(**changes)

    async def _set(self, name: str, value: str | None) -> None:
        self._require_writable()
        session = self.session
        if self._served is not None and session is not None and self._works(self._served):
            match name:
                case "model":
                    await session.set_model(value)
                case "effort":
                    await session.set_reasoning_effort(value)
                case _:
                    await session.set_permission_mode(cast("PermissionMode | None", value))
        changes: dict[str, Any] = {name: value}
        await self.change(**changes)

    @staticmethod
    def _works(served: ServedSession) -> bool:
        return served.session.state not in ("closed", "disconnected")


def _title(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= TITLE_LENGTH else f"{line[: TITLE_LENGTH - 1].rstrip()}…"
