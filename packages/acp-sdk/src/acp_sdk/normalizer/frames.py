"""`Frames`: the messages that the update at hand becomes, each with its identity and origin."""

from __future__ import annotations

from typing import Any

from acp_sdk.protocol.updates import SessionUpdate
from agent_sdk_core.messages.base import Message, Source
from agent_sdk_core.messages.conversation import AssistantMessage, StreamEvent, UnknownMessage, UserMessage
from agent_sdk_core.messages.parse import SDKMessage
from agent_sdk_core.wire.reading import Json


class Frames:
    """Collects messages.

    Attributes:
        session_id: The agent's id of the session, on each message.
        partial: Whether stream events and tool progress are wanted.
        source: Where the messages at hand come from.
        raw: The update at hand; None when we speak for the agent.
    """

    def __init__(self, session_id: str, source: Source, *, partial: bool) -> None:
        self.session_id = session_id
        self.partial = partial
        self.source = source
        self.raw: Any = None
        self._out: list[SDKMessage] = []

    def take(self) -> list[SDKMessage]:
        """Return what was collected, and begin anew."""
        out, self._out = self._out, []
        return out

    def put_back(self, messages: list[SDKMessage]) -> None:
        """Have messages that were taken come first."""
        self._out[:0] = messages

    def add(self, cls: type[Message], **fields: object) -> None:
        """Add a message; `fields` are those of its wire."""
        message = cls.synthesize(self.source, self.raw, session_id=self.session_id, **fields)
        self._out.append(message)  # type: ignore[arg-type]  # every class given is one of the union

    def assistant(self, message_id: str, model: str | None, block: Json, *, aborted: bool = False) -> None:
        """Add an assistant message of one block."""
        message = {"id": message_id, "type": "message", "role": "assistant", "model": model, "content": [block]}
        self.add(AssistantMessage, message={**message, "stop_reason": None}, **({"aborted": True} if aborted else {}))

    def tool_result(self, tool_use_id: str, content: str | list[Json], *, is_error: bool, outcome: object) -> None:
        """Add the user message that answers a tool use."""
        block = {"type": "tool_result", "tool_use_id": tool_use_id, "content": content, "is_error": is_error}
        fields: Json = {} if outcome is None else {"tool_use_result": outcome}
        self.add(UserMessage, message={"role": "user", "content": [block]}, **fields)

    def stream(self, message_id: str, event: Json) -> None:
        """Add a stream event, if those are wanted."""
        if self.partial:
            self.add(StreamEvent, event=event, api_message_id=message_id)

    def update(self, update: SessionUpdate) -> None:
        """Add the message of an update that no other one has a word for, all of it."""
        wire = update.to_wire()
        self.add(UnknownMessage, type=f"acp/{wire.get('sessionUpdate')}", params=wire)
