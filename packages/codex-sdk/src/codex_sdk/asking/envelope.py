"""What every request of Codex shares, and where it came from."""

from __future__ import annotations

from agent_sdk_core.asking import requests
from agent_sdk_core.messages.base import Source
from agent_sdk_core.records import dataclass
from agent_sdk_core.wire.reading import optional_text_at


@dataclass(frozen=True, slots=True)
class Envelope(requests.Envelope):
    """A request of a thread: the session's own, or a sub-agent's."""

    @property
    def thread_id(self) -> str:
        """The thread that asks."""
        return str(self.params.get("threadId"))

    @property
    def tool_use_id(self) -> str | None:
        """The item that waits."""
        return optional_text_at(self.params, "itemId")

    @property
    def agent_id(self) -> str | None:
        """The sub-agent's thread."""
        return self.thread_id if self.parent_tool_use_id is not None else None

    @property
    def reason(self) -> str | None:
        """Why Codex asks."""
        return optional_text_at(self.params, "reason")

    @property
    def source(self) -> Source:
        """Native ids."""
        params = self.params
        return Source(
            "codex",
            thread_id=optional_text_at(params, "threadId"),
            turn_id=optional_text_at(params, "turnId"),
            item_id=optional_text_at(params, "itemId"),
            request_id=self.native_id,
        )
