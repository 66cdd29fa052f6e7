"""A view that remembers the messages it showed."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from agent_chat.terminal.screens import View
from agent_chat.transcript.blocks import Block, Level

if TYPE_CHECKING:
    from agent_sdk_core.messages.parse import SDKMessage


class Recorder:
    """Shows everything on another view.

    Args:
        view: The other view.

    Attributes:
        messages: What was shown, oldest first.
    """

    def __init__(self, view: View) -> None:
        self.messages: list[SDKMessage] = []
        self._view = view

    def show(self, message: SDKMessage) -> None:
        """Remember the message, and show it."""
        self.messages.append(message)
        self._view.show(message)

    def put(self, block: Block) -> None:
        """Show a block."""
        self._view.put(block)

    def reviewed(self, tool_use_id: str) -> None:
        """Keep the card of this tool use brief."""
        self._view.reviewed(tool_use_id)

    def notice(self, text: str, level: Level = "info") -> None:
        """Say something of our own."""
        self._view.notice(text, level)

    def hold(self) -> AbstractContextManager[None]:
        """Let the terminal rest for a question."""
        return self._view.hold()

    async def animate(self) -> None:
        """Keep what moves moving."""
        await self._view.animate()

    def close(self) -> None:
        """Take away what was live."""
        self._view.close()

    async def drain(self) -> None:
        """Wait until everything is written."""
        await self._view.drain()
