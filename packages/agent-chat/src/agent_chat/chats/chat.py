"""`Chat`: one conversation as front ends use it, whichever agent it is with, whether that runs or not."""

from __future__ import annotations

import asyncio
import json
import uuid as uuids
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Unpack, cast

from agent_chat.chats.events import ChatChanged, ChatEvent, ChatState, ChatStateChanged
from agent_chat.chats.feed import ChatFeed
from agent_chat.chats.git import UndoneFile
from agent_chat.chats.log import ChatLog
from agent_chat.chats.pieces import piece_of
from agent_chat.chats.prompts import ChatImages, ChatPrompt, read_images, write_images
from agent_chat.chats.reader import ChatReader
from agent_chat.chats.settings import checked_sandbox
from agent_chat.chats.stream import Cursor
from agent_chat.chats.turn_files import TurnHistory
from agent_chat.chats.views import choice_of, request_view
from agent_chat.storage.records import ChatChanges, ChatLease, ChatMeta, StoredPrompt
from agent_chat.transcript.limits import AccountLimit, limits_of
from agent_sdk_core.asking.mode_names import parse_mode
from agent_sdk_core.asking.permissions import PermissionMode, PermissionRequest
from agent_sdk_core.asking.requests import AgentAnswer
from agent_sdk_core.errors import AgentError, InvalidRequestError, SessionBusyError, SessionClosedError
from agent_sdk_core.interfaces.session import AgentSession, InterruptReceipt
from agent_sdk_core.interfaces.turn import MessageStream, Priority
from agent_sdk_core.messages.base import Source
from agent_sdk_core.messages.conversation import RateLimitEvent
from agent_sdk_core.messages.parse import SDKMessage
from agent_sdk_core.messages.result import ResultMessage
from agent_sdk_core.messages.system import Informational, SessionTitleChanged
from agent_sdk_core.messages.usage import SessionUsage
from agent_sdk_core.prompts import TextInput
from agent_sdk_core.redaction import redact, redact_value
from agent_sdk_core.wire.forms import WireForm
from agent_sdk_core.wire.json_lines import json_text
from agent_sdk_core.wire.reading import as_record

if TYPE_CHECKING:
    from agent_chat.storage.interface import ChatStore

TITLE_LENGTH: Final = 60
_IMAGES_OF: Final = "images of "
"""Begins the author under whom the store keeps the images of a draft, beside its text."""

OpenSession = Callable[["Chat"], Awaitable[AgentSession]]


class Chat:
    """One chat that is open in this process.

    `ChatService` makes it. Its agent starts with the first prompt, and is resumed where it was; prompts that are sent
    at once resume it once.

    Args:
        meta: What is known of it.
        store: Keeps it.
        lease: The right to write it; None: it can only be read.
        reason: Why it can only be read.
        publish: Takes events for the bus.
        open_session: Opens the session of its agent, new or resumed.
        redacts: Whether secrets are left out of what is stored and told.

    Attributes:
        feed: What front ends see of it.
        log: Keeps its messages; None: it can only be read.
        session: The agent's session, None while there is none.
        turns: What its turns did to its folder; None: it has none.
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
        open_session: OpenSession,
        redacts: bool = True,
    ) -> None:
        self.session: AgentSession | None = None
        self.extra: Mapping[str, object] = {}
        self.log = ChatLog(store, meta.id, lease, self._store_failed) if lease is not None else None
        self.feed = ChatFeed(meta.id, publish, self.log, redacts=redacts)
        self._redacts = redacts
        self._meta = meta
        self._store = store
        self._reason = reason
        self._bus = publish
        self._open_session = open_session
        self._opening = asyncio.Lock()
        self._is_opening = False
        self._sending = 0
        self._stops = 0
        self._pump: asyncio.Task[None] | None = None
        self._unsent: tuple[StoredPrompt, ...] = ()
        self._usage: SessionUsage | None = None
        self._limits: dict[str, AccountLimit] = {}
        self._told: dict[str, Any] = {}
        self._told_state: tuple[ChatState, int] = ("closed", 0)
        self._saving: set[asyncio.Task[None]] = set()
        self._closed = False
        self.turns = TurnHistory(Path(meta.cwd), lambda: self.session) if meta.cwd is not None else None

    # What it is

    @property
    def id(self) -> str:
        """The chat's id, which stays when the agent's session changes."""
        return self._meta.id

    @property
    def meta(self) -> ChatMeta:
        """What is known of it."""
        return self._meta

    @property
    def state(self) -> ChatState:
        """What it does."""
        if self.log is None or self.log.lost:
            return "read_only"
        if self._is_opening:
            return "opening"
        match None if self.session is None else self.session.state:
            case "running" | "requires_action" as state:
                return state
            case _ if self._sending:  # It is not ready while a prompt is on its way.
                return "opening"
            case "idle" | "disconnected" as state:
                return state
            case "starting":
                return "opening"
            case _:
                return "closed"

    @property
    def pending(self) -> list[dict[str, Any]]:
        """What waits for an answer, oldest first, as `views.request_view` tells it."""
        return [] if self.session is None else [request_view(request) for request in self.session.pending]

    def view(self) -> dict[str, Any]:
        """Return how the chat stands, as JSON-compatible data."""
        meta, session = self._meta, self.session
        view: dict[str, Any] = {**meta.to_wire(), "state": self.state, "reason": self._reason}
        view["waiting"] = 0 if session is None else len(session.pending)
        view["queue"] = [] if session is None else [_queued(each.uuid, each.prompt) for each in session.queue]
        view["info"] = None if session is None else session.info.to_wire()
        view["used"] = None if self._usage is None else self._usage.to_wire()
        view["limits"] = [asdict(limit) for limit in self._limits.values()]
        can = None if session is None else session.backend.capabilities
        view["undo"] = None if self.turns is None else self.turns.last
        view["can"] = None if can is None else {name: getattr(can, name) for name in _SHOWN_CAPABILITIES}
        return view

    def snapshot(self) -> dict[str, Any]:
        """Return all that a front end shows: how the chat stands, its last messages, what is open, what waits."""
        return {
            **self.feed.snapshot(),
            "chat": self.view(),
            "pending": self.pending,
            "unsent": [{"uuid": each.uuid, **_content(each)} for each in self._unsent],
        }

    def follow(self, cursor: Cursor | None = None) -> ChatReader:
        """Return a reader of what happens, from a cursor on, or beginning with a snapshot."""
        return ChatReader(self.feed.stream, self.snapshot, cursor)

    # What one does with it

    async def send(self, prompt: ChatPrompt, *, priority: Priority = "queue", uuid: str | None = None) -> str:
        """Store a prompt, send it to the agent, and return its uuid; the agent is started or resumed if need be.

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
        uuid, stops = uuid or str(uuids.uuid4()), self._stops
        stored = prompt.to_wire()
        if self._redacts:
            stored = cast("dict[str, object]", redact_value(stored))
        if not await self._store.put_prompt(self.id, StoredPrompt(uuid, stored), lease=self._lease):
            return uuid
        self._sending += 1
        try:
            if not self._meta.title:
                await self.change(title=_title(redact(prompt.text) if self._redacts else prompt.text) or "Image")
            self.refresh()
            session = await self._live()
            if self.turns is not None and session.state == "idle":
                await self.turns.begin()
            await self._store.move_prompt(self.id, uuid, "dispatched", lease=self._lease)
            if stops != self._stops:
                raise InvalidRequestError("It was stopped before the agent had it.", code="stopped")
            await session.send(prompt.prompt(), priority=priority, uuid=uuid)
        except AgentError:
            await self._store.move_prompt(self.id, uuid, "ended", lease=self._lease)
            raise
        finally:
            self._sending -= 1
            self.refresh()
        return uuid

    async def prompt(self, uuid: str) -> ChatPrompt:
        """Return what a prompt said, as it is stored.

        Raises:
            InvalidRequestError: It was not sent here, code "no_such_prompt".
        """
        for stored in await self._store.prompts(self.id):
            if stored.uuid == uuid:
                return ChatPrompt.from_wire(_content(stored))
        raise InvalidRequestError("This prompt was not sent from here, so it is not known.", code="no_such_prompt")

    async def knows(self, uuid: str) -> bool:
        """Whether a prompt of this identity was taken before."""
        return any(each.uuid == uuid for each in await self._store.prompts(self.id))

    async def answer(self, request_id: str, answer: AgentAnswer | str, *, by: str = "") -> None:
        """Answer what waits; the first answer wins.

        Args:
            request_id: The request.
            answer: The answer, or the id of one of the options that `pending` tells of a permission.
            by: The front end that answers: the others are told.

        Raises:
            InvalidRequestError: It is answered already ("already_answered", `details` say by whom and how), is not
                known, or has no such option.
        """
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

    async def interrupt(self, *, cancel_queued: bool = True) -> InterruptReceipt:
        """End the running turn; does nothing where none runs.

        Args:
            cancel_queued: Whether prompts that wait are cancelled too, and those that the agent does not have yet, such
                as the one that it is started for.
        """
        self._stops += cancel_queued
        if self.session is None:
            return InterruptReceipt(False)
        try:
            return await self.session.interrupt(cancel_queued=cancel_queued)
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
        if self.session is None:
            raise InvalidRequestError("This prompt does not wait any more.")
        if prompt is None:
            self.session.queue.remove(uuid)
        else:
            said = prompt.prompt()
            had = next((each.prompt for each in self.session.queue if each.uuid == uuid), "")
            if keeps_images and not isinstance(had, str):
                blocks = (TextInput(said),) if isinstance(said, str) else said
                said = (*blocks, *(block for block in had if not isinstance(block, TextInput)))
            self.session.queue.edit(uuid, said)
        self.refresh()

    def move_queued(self, uuid: str, index: int) -> None:
        """Put a prompt that waits at another place, 0 being the next; raises as `edit_queued` does."""
        if self.session is None:
            raise InvalidRequestError("This prompt does not wait any more.")
        self.session.queue.move(uuid, index)
        self.refresh()

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
        """Use this sandbox from when the agent's session is opened next."""
        await self.change(sandbox=checked_sandbox(mode))

    async def set_backend(self, backend: str) -> None:
        """Go on with another agent; it begins a session of its own, and knows nothing of what was said before.

        Raises:
            SessionBusyError: A turn runs.
        """
        if self.state in ("running", "requires_action", "opening"):
            raise SessionBusyError("A turn runs; stop it, or let it end, and choose the other agent then.")
        if backend != self._meta.backend:
            await self.end_session()
            self._limits.clear()  # They are another account's.
            await self.change(backend=backend, model=None, effort=None, last_session_id=None)
            self.inform(f"From here on {backend} answers, in a session of its own.")

    async def undo(self, uuid: str) -> list[UndoneFile]:
        """Put the files that the turn of a prompt has touched back to how they were, and return them.

        Raises:
            SessionBusyError: A turn runs.
            InvalidRequestError: It cannot be undone, or something was changed again since: then nothing is undone.
        """
        self._require_writable()
        if self.state in ("running", "requires_action", "opening"):
            raise SessionBusyError("A turn runs; stop it, or let it end, and undo then.")
        if self.turns is None:
            raise InvalidRequestError("A chat without a folder has nothing to undo.", code="cannot_undo")
        undone = await self.turns.undo(uuid)
        self.inform(f"Undone: the changes of a turn, in {len(undone)} files. The agent does not know of it.", "warning")
        self.refresh()
        return undone

    async def wake(self) -> AgentSession:
        """Start or resume its agent without a prompt, and return the session.

        Raises:
            SessionClosedError: The chat can only be read, or is closed.
            AgentError: The agent could not be started.
        """
        return await self._live()

    async def compact(self) -> None:
        """Replace the conversation by a summary. Raises what the session raises."""
        await (await self._live()).compact()

    async def fork_session(self) -> str:
        """Copy the agent's session as it is, and return the id of the copy, which is stored and closed.

        Raises:
            SessionBusyError: A turn runs.
            InvalidRequestError: Nothing was said yet.
            AgentError: The agent cannot copy, or refused.
        """
        if self.state in ("running", "requires_action", "opening"):
            raise SessionBusyError("A turn runs; stop it, or let it end, and fork the chat then.")
        if self._meta.last_session_id is None:
            raise InvalidRequestError("There is nothing to fork yet: say something first.")
        session = await self._live()
        async with await session.fork() as copy:
            return copy.resolved_session_id

    async def commands(self) -> list[WireForm]:
        """Return the commands and skills that a prompt may name, as far as the agent runs."""
        return [] if self.session is None else [*await self.session.commands()]

    async def change(self, **changes: Unpack[ChatChanges]) -> None:
        """Change what is known of it, in the store too. Raises `StoreError`s."""
        self._meta = await self._store.update_chat(self.id, lease=self._lease, **changes)
        self._bus(ChatChanged(self.id))
        self.refresh()

    async def set_draft(self, text: str, *, author: str = "") -> None:
        """Keep what somebody has typed and not sent."""
        await self._store.set_draft(self.id, text, author=author)

    async def draft(self, *, author: str = "") -> str:
        """Return what somebody has typed and not sent."""
        return await self._store.draft(self.id, author=author)

    async def set_draft_images(self, images: ChatImages, *, author: str = "") -> None:
        """Keep the images that somebody has attached and not sent."""
        said = json_text(write_images(images)) if images else ""
        await self._store.set_draft(self.id, said, author=f"{_IMAGES_OF}{author}")

    async def draft_images(self, *, author: str = "") -> ChatImages:
        """Return the images that somebody has attached and not sent."""
        said = await self._store.draft(self.id, author=f"{_IMAGES_OF}{author}")
        return read_images(cast("list[object]", json.loads(said))) if said else ()

    def has_unsent(self, uuid: str) -> bool:
        """Whether this is a prompt of which nobody knows that it was sent."""
        return any(each.uuid == uuid for each in self._unsent)

    async def forget_unsent(self, uuid: str) -> None:
        """Take note that a prompt that was never sent is not needed any more."""
        self._unsent = tuple(each for each in self._unsent if each.uuid != uuid)
        await self._store.move_prompt(self.id, uuid, "ended", lease=self._lease)
        self.refresh(force=True)

    # What the service and the session tell

    def begin(self, unsent: tuple[StoredPrompt, ...]) -> None:
        """Take the prompts that nobody knows to be sent; for `ChatService`."""
        self._unsent = unsent
        self.refresh()

    def take(self, message: SDKMessage) -> None:
        """Show a message, and keep it if it is one to be kept."""
        if isinstance(message, RateLimitEvent):
            self._limits |= {limit.name: limit for limit in limits_of(message)}
        self.feed.take(message)

    def inform(self, text: str, level: str = "info") -> None:
        """Say something to who reads the chat, that stays in it."""
        source = Source(self._meta.backend or "agent_chat", synthetic=True)
        self.take(Informational.synthesize(source, content=text, level=level))

    def refresh(self, *, force: bool = False, outcome: str | None = None) -> None:
        """Tell readers how the chat stands, if that is otherwise than it was told."""
        view = self.view()
        if force or view != self._told:
            self._told = view
            self.feed.stream.publish("chat", {"chat": view, "unsent": [each.uuid for each in self._unsent]})
        state = (self.state, view["waiting"])
        if state != self._told_state or outcome is not None:
            self._told_state = state
            self._bus(ChatStateChanged(self.id, *state, outcome))

    async def end_session(self) -> None:
        """Close the agent's session; what waits is denied. The next prompt resumes it."""
        session, pump = self.session, self._pump
        if session is None:
            return
        await session.aclose()
        if pump is not None:
            await asyncio.wait([pump])
        if self.session is session:  # Nobody has opened another one meanwhile.
            self.session = self._pump = None
        self.refresh()

    async def aclose(self) -> None:
        """End the session, store what is left, and give the chat back; never raises."""
        if self._closed:
            return
        self._closed = True
        async with self._opening:
            await self.end_session()
        while self._saving:
            await asyncio.wait(self._saving)
        if self.log is not None:
            await self.log.aclose()
            with suppress(AgentError):
                await self._store.release(self.log.lease)
        self.feed.stream.close()

    # Inside

    @property
    def _lease(self) -> ChatLease | None:
        return None if self.log is None else self.log.lease

    def _require_writable(self) -> None:
        if self._closed:
            raise SessionClosedError("The chat is closed; open it again.")
        if self.state == "read_only":
            raise SessionClosedError(f"This chat can only be read. {self._reason}".strip())

    async def _live(self) -> AgentSession:
        """Return the session, opened or resumed if there is none that works."""
        async with self._opening:
            self._require_writable()
            if self.session is not None and self.session.state not in ("closed", "disconnected"):
                return self.session
            await self.end_session()
            self._is_opening = True
            self.refresh()
            try:
                session = await self._open_session(self)
                self.session = session
                self._pump = asyncio.create_task(self._listen(session, session.messages()))
            finally:
                self._is_opening = False
                self.refresh()
            return session

    async def _listen(self, session: AgentSession, messages: MessageStream) -> None:
        """Take what the session says, until it ends."""
        async for message in messages:
            self.take(message)
            outcome: str | None = None
            if isinstance(message, ResultMessage):
                outcome = message.outcome
                await self._turn_ended(session, message)
            elif isinstance(message, SessionTitleChanged) and message.title:
                self._save(title=message.title)
            if piece_of(message) is None:
                self.refresh(outcome=outcome)
        self.refresh()

    async def _turn_ended(self, session: AgentSession, result: ResultMessage) -> None:
        self._usage = await session.usage()
        if self.turns is not None:
            await self.turns.end(result.user_message_uuids)
        for uuid in result.user_message_uuids:
            self._spawn(self._store.move_prompt(self.id, uuid, "ended", lease=self._lease))
        changes: ChatChanges = {"usage": self._usage.total, "context": self._usage.context}
        if session.resumable and session.resolved_session_id != self._meta.last_session_id:
            changes["last_session_id"] = session.resolved_session_id
        self._save(**changes)

    def _save(self, **changes: Unpack[ChatChanges]) -> None:
        self._meta = replace(self._meta, **changes)
        self._spawn(self.change(**changes))

    def _spawn(self, work: Awaitable[object]) -> None:
        async def save() -> None:
            try:
                await work
            except AgentError as error:
                self._store_failed(error)

        task = asyncio.create_task(save())
        self._saving.add(task)
        task.add_done_callback(self._saving.discard)

    async def _set(self, name: str, value: str | None) -> None:
        self._require_writable()
        session = self.session
        if session is not None and session.state not in ("closed", "disconnected"):
            match name:
                case "model":
                    await session.set_model(value)
                case "effort":
                    await session.set_reasoning_effort(value)
                case _:
                    await session.set_permission_mode(cast("PermissionMode | None", value))
        changes: dict[str, Any] = {name: value}
        await self.change(**changes)

    def _store_failed(self, error: AgentError | None) -> None:
        if error is None:
            self._reason = ""
        elif self.log is not None and self.log.lost:
            self._reason = error.message
        else:
            self._reason = f"New messages are not stored yet: {error.message}"
        self.refresh()


_SHOWN_CAPABILITIES: Final = ("steer", "compact", "fork", "images", "goals", "permission_modes")


def _queued(uuid: str, prompt: Any) -> dict[str, Any]:
    if isinstance(prompt, str):
        return {"uuid": uuid, "text": prompt, "images": 0}
    texts = [block.text for block in prompt if hasattr(block, "text")]
    return {"uuid": uuid, "text": "\n".join(texts), "images": len(prompt) - len(texts)}


def _content(prompt: StoredPrompt) -> Mapping[str, object]:
    return as_record(prompt.content) or {}


def _title(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= TITLE_LENGTH else f"{line[: TITLE_LENGTH - 1].rstrip()}…"
