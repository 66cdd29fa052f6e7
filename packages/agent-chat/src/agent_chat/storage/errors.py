"""Errors of the store, a family under `AgentError`: each says what is the matter and what to do about it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Unpack

from agent_sdk_core.errors import AgentError, ErrorFields

if TYPE_CHECKING:
    from agent_chat.storage.records import LeaseHolder


class StoreError(AgentError):
    """The store cannot do what it was asked."""

    default_code = "store_failed"


class ChatNotFoundError(StoreError):
    """The store has no chat of this id."""

    default_code = "chat_not_found"


class ChatBusyError(StoreError):
    """Another one writes this chat.

    Args:
        holder: Who it is.
        message: See `AgentError`.
        fields: See `AgentError`.
    """

    default_code = "chat_busy"
    default_retryable = True

    def __init__(self, message: str, *, holder: LeaseHolder | None = None, **fields: Unpack[ErrorFields]) -> None:
        super().__init__(message, **fields)
        self.holder = holder


class LeaseLostError(StoreError):
    """The right to write this chat has passed to another one, and nothing was written."""

    default_code = "lease_lost"


class StoreBusyError(StoreError):
    """Others kept the database locked for longer than this store waits."""

    default_code = "store_busy"
    default_retryable = True


class StoreFullError(StoreError):
    """The disk is full, and nothing was written."""

    default_code = "store_full"
    default_retryable = True


class StoreReadOnlyError(StoreError):
    """The store can be read but not written."""

    default_code = "store_read_only"


class StoreCorruptError(StoreError):
    """The database is damaged, or no database of chats; it was left as it is."""

    default_code = "store_corrupt"


class StoreTooNewError(StoreError):
    """A later version of this package made the database; it was left as it is."""

    default_code = "store_too_new"


class StoreUnavailableError(StoreError):
    """The database cannot be reached or opened."""

    default_code = "store_unavailable"
    default_retryable = True


class StoreClosedError(StoreError):
    """The store is not open."""

    default_code = "store_closed"


def as_agent_error(error: Exception) -> AgentError:
    """Return what a store raised as an error that can be told: a store of somebody else's may raise anything."""
    return error if isinstance(error, AgentError) else StoreError(f"The store failed: {error!r}.")
