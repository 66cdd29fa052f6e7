"""Makes the messages of one thread: gives each its identity and origin, and collects them for the event at hand."""

from __future__ import annotations

import uuid
from typing import Any

from agent_sdk_core.messages.base import Message, Source
from agent_sdk_core.messages.conversation import (
    AssistantMessage,
    StreamEvent,
    StreamPayload,
    UnknownMessage,
    UserMessage,
)
from agent_sdk_core.messages.parse import SDKMessage
from agent_sdk_core.messages.system import SystemMessage
from agent_sdk_core.wire.reading import Json


class Frames:
    """The messages that the event at hand becomes.

    Attributes:
        out: The messages so far, in order.
        raw: The native payload of the event at hand; None when we speak for the agent.
        partial: Whether stream events and tool progress are wanted.
        prefix: First 24 characters of the uuids made here.
        count: How many uuids were made; it fills their last 12 digits.
        session_id: The session, on every message: its main thread.
        parent_tool_use_id: The tool use that started this thread, on every message; None for a main thread.
    """

    __slots__ = ("count", "out", "parent_tool_use_id", "partial", "prefix", "raw", "session_id")

    def __init__(self, session_id: str, *, partial: bool, prefix: str | None, parent_tool_use_id: str | None) -> None:
        self.out: list[SDKMessage] = []
        self.raw: Any = None
        self.partial = partial
        self.prefix = prefix or str(uuid.uuid4())[:24]
        self.count = 0
        self.session_id = session_id
        self.parent_tool_use_id = parent_tool_use_id

    def take(self) -> list[SDKMessage]:
        """Return what was collected, and begin anew."""
        out, self.out = self.out, []
        return out

    def assistant(self, source: Source, message_id: str, model: str | None, block: Json, extra: Json) -> None:
        """Add an assistant message of one block; `extra` are fields of the frame."""
        message = {
            "id": message_id,
            "type": "message",
            "role": "assistant",
            "model": model,
            "content": [block],
            "stop_reason": None,
        }
        self._add(AssistantMessage, source, {"type": "assistant", "message": message, **extra})

    def prompt(self, source: Source, content: str | list[Json], prompt_uuid: str | None) -> None:
        """Add the user message of a prompt, under the uuid that its sender gave it.

        One without a uuid repeats nobody's prompt: Codex says it itself, in a review for instance, or to a sub-agent.
        """
        fields: Json = {"type": "user", "message": {"role": "user", "content": content}}
        if self.parent_tool_use_id is None and prompt_uuid is not None:
            fields["isReplay"] = True
            fields["uuid"] = prompt_uuid
        self._add(UserMessage, source, fields)

    def tool_result(
        self, source: Source, tool_use_id: str, content: str | list[Json], *, is_error: bool, result: object
    ) -> None:
        """Add the user message that answers a tool use; `result` is the structured outcome, None for none."""
        block = {"type": "tool_result", "tool_use_id": tool_use_id, "content": content, "is_error": is_error}
        fields: Json = {"type": "user", "message": {"role": "user", "content": [block]}}
        if result is not None:
            fields["tool_use_result"] = result
        self._add(UserMessage, source, fields)

    def stream(self, source: Source, message_id: str, event: StreamPayload) -> None:
        """Add a stream event, if those are wanted."""
        if self.partial:
            self._add(StreamEvent, source, {"type": "stream_event", "event": event, "api_message_id": message_id})

    def system(self, cls: type[SystemMessage], subtype: str, source: Source, fields: Json) -> None:
        """Add a system message."""
        self._add(cls, source, {"type": "system", "subtype": subtype, **fields})

    def add(self, cls: type[Message], source: Source, fields: Json) -> None:
        """Add a message of another class; `fields` name its type."""
        self._add(cls, source, fields)

    def unknown(self, source: Source, method: str, params: object) -> None:
        """Add the message of an event that is not understood, all of it."""
        self._add(UnknownMessage, source, {"type": f"codex/{method}", "params": params})

    def _add(self, cls: type[Message], source: Source, fields: Json) -> None:
        self.count += 1
        identity: Json = {
            "uuid": f"{self.prefix}{self.count:012x}",
            "session_id": self.session_id,
            "parent_tool_use_id": self.parent_tool_use_id,
        }
        message = cls.salvaged({**identity, **fields})
        self.out.append(message.with_origin(source, self.raw))  # type: ignore[arg-type]  # every class given is one of the union
