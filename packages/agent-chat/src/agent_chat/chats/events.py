"""Events of the service: what front ends learn of chats, requests, settings and backends without watching each chat."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from agent_sdk_core.wire.forms import WireForm

ChatState = Literal["closed", "opening", "idle", "running", "requires_action", "disconnected", "read_only"]
"""What a chat does: the state of its agent's session, or why it has none."""


@dataclass(frozen=True, slots=True, repr=False)
class ChatCreated(WireForm):
    """A chat was made."""

    chat_id: str


@dataclass(frozen=True, slots=True, repr=False)
class ChatChanged(WireForm):
    """Something that lists show of a chat is otherwise: its title, its settings, whether it is archived."""

    chat_id: str


@dataclass(frozen=True, slots=True, repr=False)
class ChatDeleted(WireForm):
    """A chat is gone for good."""

    chat_id: str


@dataclass(frozen=True, slots=True, repr=False)
class ChatStateChanged(WireForm):
    """A chat does something else now.

    Attributes:
        chat_id: The chat.
        state: What it does.
        waiting: How many requests wait for an answer.
        outcome: How the turn ended that has just ended; None when none has.
    """

    chat_id: str
    state: ChatState
    waiting: int = 0
    outcome: str | None = None


@dataclass(frozen=True, slots=True, repr=False)
class MessageArrived(WireForm):
    """A whole message was added to a chat; its pieces are told on the chat's own stream alone.

    Attributes:
        chat_id: The chat.
        seq: Its place on the chat's stream.
        message_type: Type of the message, such as "assistant".
    """

    chat_id: str
    seq: int
    message_type: str


@dataclass(frozen=True, slots=True, repr=False)
class ApprovalOpened(WireForm):
    """An agent asks for a permission or an answer, and waits.

    Attributes:
        chat_id: The chat.
        request_id: What `Chat.answer` takes.
        kind: "permission", "question" or "elicitation".
    """

    chat_id: str
    request_id: str
    kind: str


@dataclass(frozen=True, slots=True, repr=False)
class ApprovalResolved(WireForm):
    """A request is no longer open.

    Attributes:
        chat_id: The chat.
        request_id: The request.
        outcome: "allowed", "denied", "answered", "declined", "withdrawn" or "expired".
        answered_by: The front end that answered, where one did.
    """

    chat_id: str
    request_id: str
    outcome: str
    answered_by: str | None = None


@dataclass(frozen=True, slots=True, repr=False)
class SettingsChanged(WireForm):
    """A setting has another value, whoever gave it, or a file can no longer be read, or can again.

    Attributes:
        keys: Dotted names of the settings.
        problem: What is wrong with a file, so that the last good values hold; "" where nothing is.
    """

    keys: tuple[str, ...] = ()
    problem: str = ""


@dataclass(frozen=True, slots=True, repr=False)
class BackendChanged(WireForm):
    """Something happened to a backend that serves chats.

    Attributes:
        backend: Its name.
        kind: As in `BackendEvent.kind`.
        message: One sentence.
    """

    backend: str
    kind: str
    message: str


ChatEvent = (
    ChatCreated
    | ChatChanged
    | ChatDeleted
    | ChatStateChanged
    | MessageArrived
    | ApprovalOpened
    | ApprovalResolved
    | SettingsChanged
    | BackendChanged
)
