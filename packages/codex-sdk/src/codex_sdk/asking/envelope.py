"""What every request of Codex shares, and what a caller sees of that."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from agent_sdk_core.asking.permissions import PermissionRequest
from agent_sdk_core.messages.base import Source
from codex_sdk.normalizer.wire import optional_text

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Envelope:
    """What every request of Codex shares.

    Attributes:
        request_id: Ours.
        session_id: The session that asks.
        native_id: Codex's request id, as text.
        params: The request's parameters.
        parent_tool_use_id: The tool use of the sub-agent that asks.
        deadline: Unix time after which it is denied.
    """

    request_id: str
    session_id: str
    native_id: str
    params: Json
    parent_tool_use_id: str | None = None
    deadline: float | None = None

    @property
    def thread_id(self) -> str:
        """The thread that asks: the session's own, or a sub-agent's."""
        return str(self.params.get("threadId"))

    @property
    def source(self) -> Source:
        """Native ids."""
        params = self.params
        return Source(
            "codex",
            thread_id=optional_text(params, "threadId"),
            turn_id=optional_text(params, "turnId"),
            item_id=optional_text(params, "itemId"),
            request_id=self.native_id,
        )

    def permission(self, tool_name: str, tool_input: Mapping[str, object], **fields: Any) -> PermissionRequest:
        """Return the permission request with the shared fields filled in."""
        fields.setdefault("tool_use_id", optional_text(self.params, "itemId"))
        return PermissionRequest(
            request_id=self.request_id,
            session_id=self.session_id,
            tool_name=tool_name,
            input=tool_input,
            reason=self.params.get("reason"),
            parent_tool_use_id=self.parent_tool_use_id,
            deadline=self.deadline,
            raw=self.params,
            source=self.source,
            **fields,
        )
