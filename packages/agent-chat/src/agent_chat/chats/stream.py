"""`ChatStream`: the stream of one chat, with the kinds of its entries."""

from __future__ import annotations

from typing import Literal

from agent_sdk_core.hosting.stream import Cursor, Entry, EventStream, Piece, joined

EntryKind = Literal["message", "chat", "answered"]
"""What an entry tells: a message of the agent's session, how the chat stands now, who answered a request."""


class ChatStream(EventStream):
    """The entries of one chat, from when it was opened."""


__all__ = ["ChatStream", "Cursor", "Entry", "EntryKind", "Piece", "joined"]
