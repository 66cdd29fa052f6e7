"""`Client`: the other end of a connection, as an open session speaks to it."""

from __future__ import annotations

from typing import Any, Protocol

from agent_chat.acp.dialects import Dialect


class Client(Protocol):
    """The client of a connection, as a session speaks to it."""

    @property
    def dialect(self) -> Dialect:
        """How it is spoken to."""
        ...

    async def notify(self, method: str, params: dict[str, Any]) -> None:
        """Tell it something; does nothing when it is gone."""
        ...

    async def ask(self, method: str, params: dict[str, Any]) -> object:
        """Ask it something, and return its answer; raises `AgentError` when it refuses or is gone."""
        ...
