"""Retention: which chats a policy removes. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from agent_chat.storage.records import RetentionPolicy


@dataclass(frozen=True, slots=True)
class Candidate:
    """A chat that may go.

    Attributes:
        chat_id: The chat.
        last_active_at: When a message was last written, Unix time in seconds.
        bytes: Bytes of its messages.
        archived: Whether it is archived.
        held: Whether somebody writes it.
    """

    chat_id: str
    last_active_at: float
    bytes: int
    archived: bool
    held: bool


def removed(policy: RetentionPolicy, chats: Iterable[Candidate], now: float) -> tuple[str, ...]:
    """Return the chats that go, the oldest first."""
    newest_first = sorted(chats, key=lambda chat: (chat.last_active_at, chat.chat_id), reverse=True)
    gone: list[str] = []
    number = size = 0
    for chat in newest_first:
        too_old = policy.max_age is not None and now - chat.last_active_at > policy.max_age
        too_many = policy.max_chats is not None and number + 1 > policy.max_chats
        too_big = policy.max_bytes is not None and size + chat.bytes > policy.max_bytes
        spared = chat.held or (policy.archived_only and not chat.archived)
        if (too_old or too_many or too_big) and not spared:
            gone.append(chat.chat_id)
        else:
            number, size = number + 1, size + chat.bytes
    return tuple(reversed(gone))
