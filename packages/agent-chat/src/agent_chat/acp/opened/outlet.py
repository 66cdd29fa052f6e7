"""`Outlet`: what a client is told of a session: each thing once, in its own dialect, until the session is closed."""

from __future__ import annotations

import asyncio
from collections.abc import Container
from typing import Final

from agent_chat.acp.converting.updates import Update
from agent_chat.acp.dialects import SessionWords
from agent_chat.acp.opened.client import Client
from agent_sdk_core.messages.conversation import StreamEvent, ToolProgress
from agent_sdk_core.messages.parse import SDKMessage

REMEMBERED: Final = 400
"""Messages that are known to have been told, so that what is both read from the log and shown is told once."""

PIECES: Final = (StreamEvent, ToolProgress)
"""Messages that tell a part of what a later one tells whole."""


class Outlet:
    """The updates of one session to its client.

    Args:
        session_id: The session.
        client: The client.
        own: Uuids of the prompts that are the client's own, which one of the first version is not told again.

    Attributes:
        closed: Whether nothing is told any more.
        idle: Set while the client knows the session as idle.
        state: What the client knows the session to do.
        words: What was said, as far as later words depend on it.
    """

    def __init__(self, session_id: str, client: Client, own: Container[str]) -> None:
        self.closed = False
        self.idle = asyncio.Event()
        self.state = "idle"
        self.words = SessionWords()
        self._session_id = session_id
        self._client = client
        self._own = own
        self._seen: dict[str, None] = {}

    def take_over(self, before: Outlet) -> None:
        """Know what was told by another one, which tells nothing any more."""
        self.words, self._seen = before.words, before._seen
        self.be(before.state)

    async def tell(self, update: Update, *, only_mode: bool = False) -> None:
        """Send an update as the client has it, unless it knows already; nothing once the session is closed."""
        first = self._client.dialect.version == 1
        if first and update["sessionUpdate"] == "user_message" and update["messageId"] in self._own:
            return
        for told in self._client.dialect.lower(update, self.words):
            if only_mode and told["sessionUpdate"] != "current_mode_update":
                continue
            if not self.closed:
                await self._client.notify("session/update", {"sessionId": self._session_id, "update": told})

    async def tell_state(self, state: str, **more: object) -> None:
        """Tell what the session does from here on, unless the client knows."""
        if state == self.state and not more:
            return
        await self.tell({"sessionUpdate": "state_update", "state": state, **more})
        self.be(state)

    def be(self, state: str) -> None:
        """Note what the client knows the session to do."""
        self.state = state
        if state == "idle":
            self.idle.set()
        else:
            self.idle.clear()

    def knows(self, message: SDKMessage) -> bool:
        """Tell whether the client was told of a message."""
        return message.uuid is not None and message.uuid in self._seen and not isinstance(message, PIECES)

    def note(self, uuid: str | None) -> None:
        """Remember a message as told."""
        if uuid is not None:
            self._seen[uuid] = None
            while len(self._seen) > REMEMBERED:
                del self._seen[next(iter(self._seen))]
