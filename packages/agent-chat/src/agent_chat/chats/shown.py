"""`ShownChat`: one conversation as front ends see it: what is known of it, how it stands, and what they are told."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any, Final, Unpack

from agent_chat.chats.events import ChatChanged, ChatEvent, ChatState, ChatStateChanged
from agent_chat.chats.feed import ChatFeed
from agent_chat.chats.journal import ChatJournal
from agent_chat.chats.kept import KeptRequests
from agent_chat.chats.log import ChatLog
from agent_chat.chats.prompts import Drafts, queued_view
from agent_chat.chats.reader import ChatReader
from agent_chat.chats.views import request_view
from agent_chat.storage.errors import as_agent_error
from agent_chat.storage.records import ChatChanges, ChatLease, ChatMeta
from agent_chat.transcript.limits import AccountLimit, limits_of
from agent_sdk_core.asking.requests import AgentRequest
from agent_sdk_core.errors import AgentError, SessionBusyError, SessionClosedError
from agent_sdk_core.hosting.served import ServedSession
from agent_sdk_core.hosting.stream import Cursor
from agent_sdk_core.interfaces.session import AgentSession
from agent_sdk_core.messages.base import Source
from agent_sdk_core.messages.conversation import RateLimitEvent
from agent_sdk_core.messages.parse import SDKMessage
from agent_sdk_core.messages.system import Informational
from agent_sdk_core.messages.usage import SessionUsage

if TYPE_CHECKING:
    from agent_chat.chats.turn_files import TurnHistory
    from agent_chat.storage.interface import ChatStore

_SHOWN_CAPABILITIES: Final = ("steer", "compact", "fork", "images", "goals", "permission_modes")


class ShownChat:
    """What there is to see of a chat, whether its agent runs or not.

    Args:
        meta: What is known of it.
        store: Keeps it.
        lease: The right to write it; None: it can only be read.
        reason: Why it can only be read.
        publish: Takes events for the bus.
        obstacle: Returns why its agent could not be started now, and what to do; empty: nothing is in the way.
        redacts: Whether secrets are left out of what is stored and told.
        keeps: Whether what waits when the application ends waits on, when the chat is opened again.

    Attributes:
        feed: What front ends see of it.
        kept: What waits since before the application was started again.
        log: Keeps its messages; None: it can only be read.
        journal: Notes how far its prompts came.
        drafts: What is typed and not sent.
        turns: What its turns did to its folder; None: it has none.
    """

    turns: TurnHistory | None

    def __init__(
        self,
        meta: ChatMeta,
        store: ChatStore,
        lease: ChatLease | None,
        *,
        reason: str = "",
        publish: Callable[[ChatEvent], None],
        obstacle: Callable[[ChatMeta], str] = lambda meta: "",
        redacts: bool = True,
        keeps: bool = False,
    ) -> None:
        self.log = ChatLog(store, meta.id, lease, self._store_failed) if lease is not None else None
        self.feed = ChatFeed(meta.id, publish, self.log, redacts=redacts)
        self.kept = KeptRequests(self.feed)
        self.journal = ChatJournal(store, meta.id, lambda: self._lease)
        self.drafts = Drafts(store, meta.id)
        self._meta = meta
        self._store = store
        self._reason = reason
        self._obstacle = obstacle
        self._keeps = keeps
        self._bus = publish
        self._served: ServedSession | None = None
        self._is_opening = False
        self._sending = 0
        self._usage: SessionUsage | None = None
        self._limits: dict[str, AccountLimit] = {}
        self._told: dict[str, Any] = {}
        self._told_state: tuple[ChatState, int] = ("closed", 0)
        self._saving: set[asyncio.Task[None]] = set()
        self._closed = False

    @property
    def id(self) -> str:
        """The chat's id, which stays when the agent's session changes."""
        return self._meta.id

    @property
    def meta(self) -> ChatMeta:
        """What is known of it."""
        return self._meta

    @property
    def session(self) -> AgentSession | None:
        """The agent's session, None while there is none."""
        return None if self._served is None else self._served.session

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
        return [*self.kept.views, *(request_view(request) for request in self._asked)]

    def view(self) -> dict[str, Any]:
        """Return how the chat stands, as JSON-compatible data."""
        meta, session = self._meta, self.session
        view: dict[str, Any] = {**meta.to_wire(), "state": self.state, "reason": self._reason}
        if not self._reason and self.state in ("closed", "disconnected"):
            view["reason"] = self._obstacle(meta)
        view["waiting"] = len(self.kept) + len(self._asked)
        view["queue"] = [] if session is None else [queued_view(each.uuid, each.prompt) for each in session.queue]
        view["info"] = None if session is None else session.info.to_wire()
        view["used"] = None if self._usage is None else self._usage.to_wire()
        view["limits"] = [asdict(limit) for limit in self._limits.values()]
        can = None if session is None else session.backend.capabilities
        view["undo"] = None if self.turns is None else self.turns.last
        view["can"] = None if can is None else {name: getattr(can, name) for name in _SHOWN_CAPABILITIES}
        return view

    def snapshot(self) -> dict[str, Any]:
        """Return all that a front end shows: how the chat stands, its last messages, what is open, what waits."""
        told = {"chat": self.view(), "pending": self.pending, "unsent": self.journal.unsent}
        return {**self.feed.snapshot(), **told}

    def follow(self, cursor: Cursor | None = None) -> ChatReader:
        """Return a reader of what happens, from a cursor on, or beginning with a snapshot."""
        return ChatReader(self.feed.stream, self.snapshot, cursor)

    async def change(self, **changes: Unpack[ChatChanges]) -> None:
        """Change what is known of it, in the store too. Raises `StoreError`s."""
        self._meta = await self._store.update_chat(self.id, lease=self._lease, **changes)
        self._bus(ChatChanged(self.id))
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
            unsent = [each["uuid"] for each in self.journal.unsent]
            self.feed.stream.publish("chat", {"chat": view, "unsent": unsent})
        state = (self.state, view["waiting"])
        if state != self._told_state or outcome is not None:
            self._told_state = state
            self._bus(ChatStateChanged(self.id, *state, outcome))
        waiting = view["waiting"] if self._keeps else 0
        if waiting != self._meta.waiting and self.log is not None and not self.log.lost:
            self._save(waiting=waiting)

    @property
    def _asked(self) -> list[AgentRequest]:
        """What the agent that runs waits for, but for what waits on without it."""
        asked = () if self.session is None else self.session.pending
        return [request for request in asked if request.request_id not in self.kept]

    @property
    def _lease(self) -> ChatLease | None:
        return None if self.log is None else self.log.lease

    def _require_writable(self) -> None:
        if self._closed:
            raise SessionClosedError("The chat is closed; open it again.")
        if self.state == "read_only":
            raise SessionClosedError(f"This chat can only be read. {self._reason}".strip())

    def _require_rest(self, do: str) -> None:
        if self.state in ("running", "requires_action", "opening"):
            raise SessionBusyError(f"A turn runs; stop it, or let it end, and {do} then.")

    def _save(self, **changes: Unpack[ChatChanges]) -> None:
        self._meta = replace(self._meta, **changes)
        self._spawn(self.change(**changes))

    def _spawn(self, work: Awaitable[object]) -> None:
        async def save() -> None:
            try:
                await work
            except Exception as error:  # whatever store this is
                self._store_failed(as_agent_error(error))

        task = asyncio.create_task(save())
        self._saving.add(task)
        task.add_done_callback(self._saving.discard)

    def _store_failed(self, error: AgentError | None) -> None:
        if error is None:
            self._reason = ""
        elif self.log is not None and self.log.lost:
            self._reason = error.message
        else:
            self._reason = f"New messages are not stored yet: {error.message}"
        self.refresh()
