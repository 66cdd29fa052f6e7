"""Records of the store: a chat, a message of its log, and what else is kept about it, each with its wire form."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypedDict, cast

from agent_sdk_core.arguments import checked_class
from agent_sdk_core.interfaces.pages import Page
from agent_sdk_core.messages.parse import SDKMessage, parse_message
from agent_sdk_core.messages.usage import ContextWindow, Usage
from agent_sdk_core.models import ReasoningEffort
from agent_sdk_core.wire.forms import WireForm, read_wire

PromptState = Literal["accepted", "dispatched", "ended"]
"""How far a prompt came: stored, about to be sent, answered or given up."""


@checked_class()
@dataclass(frozen=True, slots=True, repr=False)
class ChatMeta(WireForm):
    """What is known of a chat.

    Attributes:
        id: The chat's own id, which stays when the agent's session changes.
        title: What lists call it; "" as long as nobody named it.
        backend: Name of its agent; None where that was not told, see `ChatService`.
        model: The model that it uses, by the agent's name.
        effort: How much the model reasons.
        permission_mode: How much the agent may do unasked.
        sandbox: What its tools may touch: a mode of `SandboxPolicy`.
        cwd: Folder that the agent works in.
        workspace: The resolved root of the project that the chat belongs to.
        last_session_id: The agent's session that goes on with it.
        lineage: The agent's sessions before that, oldest first.
        created_at: Unix time in seconds.
        last_active_at: When a message was last written, Unix time in seconds.
        usage: Tokens used so far.
        context: How full the model's context was last.
        archived: Whether lists pass over it.
        tags: Words that somebody put on it.
        waiting: How many requests wait for an answer, also when no process serves it; see `ChatService`.
        last_seq: Number of the last message in its log; 0 for an empty one.
        generation: How often the right to write it was given away; a lease has the current one.
    """

    id: str
    title: str = ""
    backend: str | None = None
    model: str | None = None
    effort: ReasoningEffort | None = None
    permission_mode: str | None = None
    sandbox: str | None = None
    cwd: str | None = None
    workspace: str | None = None
    last_session_id: str | None = None
    lineage: tuple[str, ...] = ()
    created_at: float = 0.0
    last_active_at: float = 0.0
    usage: Usage | None = None
    context: ContextWindow | None = None
    archived: bool = False
    tags: tuple[str, ...] = ()
    waiting: int = 0
    last_seq: int = 0
    generation: int = 0


class ChatChanges(TypedDict, total=False):
    """What may be changed of a chat, see `ChatMeta`; the log and the lease change the rest."""

    title: str
    backend: str | None
    model: str | None
    effort: ReasoningEffort | None
    permission_mode: str | None
    sandbox: str | None
    cwd: str | None
    workspace: str | None
    last_session_id: str | None
    usage: Usage | None
    context: ContextWindow | None
    archived: bool
    tags: tuple[str, ...]
    waiting: int


@checked_class()
@dataclass(frozen=True, slots=True, repr=False)
class StoredMessage(WireForm):
    """A message of a chat's log.

    Attributes:
        chat_id: The chat.
        seq: Its number in the log, from 1, without gaps.
        at: When it was written, Unix time in seconds.
        body: The message as it crosses the wire.
    """

    chat_id: str
    seq: int
    at: float
    body: Mapping[str, object]

    @property
    def uuid(self) -> str | None:
        """The message's own identity, where it has one."""
        uuid = self.body.get("uuid")
        return uuid if isinstance(uuid, str) else None

    def message(self) -> SDKMessage:
        """Return the message itself."""
        return parse_message(self.body)


@checked_class()
@dataclass(frozen=True, slots=True, repr=False)
class ChatReference(WireForm):
    """The chat that a workspace reopens.

    Attributes:
        chat_id: The chat.
        last_session_id: The agent's session that it had then.
    """

    chat_id: str
    last_session_id: str | None = None


@checked_class()
@dataclass(frozen=True, slots=True, repr=False)
class StoredPrompt(WireForm):
    """A prompt on its way: stored before it is sent, and sent once at most.

    Attributes:
        uuid: The prompt's id.
        content: What was asked, as it crosses the wire.
        state: How far it came.
        at: When it was accepted, Unix time in seconds.
    """

    uuid: str
    content: object
    state: PromptState = "accepted"
    at: float = 0.0


@checked_class()
@dataclass(frozen=True, slots=True, repr=False)
class LeaseHolder(WireForm):
    """Who may write a chat.

    Attributes:
        name: What it calls itself, such as "web" or "terminal".
        host: Name of its machine.
        pid: Its process there.
        since: When it began, Unix time in seconds.
        expires_at: Until when, unless it renews, Unix time in seconds.
    """

    name: str
    host: str
    pid: int
    since: float
    expires_at: float

    def __str__(self) -> str:
        return f"{self.name or 'a process'} (process {self.pid} on {self.host})"


@checked_class()
@dataclass(frozen=True, slots=True, repr=False)
class ChatLease(WireForm):
    """The right to write a chat; `ChatStore.append` refuses one that another has taken over.

    Attributes:
        chat_id: The chat.
        generation: Its number: each lease of a chat has a higher one.
        holder: Who holds it.
    """

    chat_id: str
    generation: int
    holder: LeaseHolder


@checked_class()
@dataclass(frozen=True, slots=True, repr=False)
class SearchHit(WireForm):
    """A message that a search found.

    Attributes:
        chat_id: Its chat.
        seq: Its number in the chat's log.
        at: When it was written, Unix time in seconds.
        type: Type of the message, such as "user" or "assistant".
        snippet: Its text around the first word found, at most some 200 characters.
    """

    chat_id: str
    seq: int
    at: float
    type: str
    snippet: str


@checked_class()
@dataclass(frozen=True, slots=True, repr=False)
class RetentionPolicy(WireForm):
    """What is kept; a limit that is None does not apply. A chat that somebody writes is never removed.

    Attributes:
        max_age: Seconds after its last message at which a chat goes.
        max_chats: Chats that stay, those used last.
        max_bytes: Bytes of messages that stay, the oldest chats go first.
        archived_only: Whether only archived chats go.
    """

    max_age: float | None = None
    max_chats: int | None = None
    max_bytes: int | None = None
    archived_only: bool = False


@checked_class()
@dataclass(frozen=True, slots=True, repr=False)
class StoreReport(WireForm):
    """What a check of the store found.

    Attributes:
        url: The store, without a password.
        revision: Revision of its schema.
        chats: How many chats it holds.
        messages: How many messages.
        bytes: Bytes of their bodies.
        problems: What is wrong, one sentence each; none: it is sound.
    """

    url: str
    revision: str
    chats: int
    messages: int
    bytes: int
    problems: tuple[str, ...] = field(default=())


class ChatPage(Page[ChatMeta]):
    """Chats, those used last first, and the cursor of the next page (None at the end)."""

    _named = "chats"

    @classmethod
    def _read(cls, entry: object) -> ChatMeta:
        return cast("ChatMeta", read_wire(ChatMeta, entry, "ChatPage.chats"))


class MessagePage(Page[StoredMessage]):
    """Messages of a log, oldest first, and the cursor of the page that follows in the direction that was read."""

    _named = "messages"

    @classmethod
    def _read(cls, entry: object) -> StoredMessage:
        return cast("StoredMessage", read_wire(StoredMessage, entry, "MessagePage.messages"))


class SearchPage(Page[SearchHit]):
    """What a search found, newest first, and the cursor of the next page (None at the end)."""

    _named = "hits"

    @classmethod
    def _read(cls, entry: object) -> SearchHit:
        return cast("SearchHit", read_wire(SearchHit, entry, "SearchPage.hits"))


def wire_body(message: SDKMessage | Mapping[str, Any]) -> dict[str, object]:
    """Return a message as it is stored."""
    return {str(key): value for key, value in message.items()} if isinstance(message, Mapping) else message.to_wire()
