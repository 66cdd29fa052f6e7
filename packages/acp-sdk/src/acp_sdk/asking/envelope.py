"""What every request of an agent shares, and where it came from."""

from __future__ import annotations

from dataclasses import dataclass

from agent_sdk_core.asking import requests
from agent_sdk_core.messages.base import Source


@dataclass(frozen=True, slots=True)
class Envelope(requests.Envelope):
    """A request of a session.

    Attributes:
        backend: What the agent is called.
        turn_id: The turn that waits.
        call_id: The call that waits.
    """

    backend: str = "acp"
    turn_id: str | None = None
    call_id: str | None = None

    @property
    def tool_use_id(self) -> str | None:
        """The call that waits."""
        return self.call_id

    @property
    def source(self) -> Source:
        """Native ids."""
        return Source(self.backend, self.session_id, self.turn_id, self.call_id, self.native_id)
