"""From the wire to messages: the class follows from `type` and `subtype`, and nothing is ever refused."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, cast

from pydantic import ValidationError

from agent_sdk_core.errors import InvalidRequestError
from agent_sdk_core.messages import conversation, system
from agent_sdk_core.messages.base import Message, Source
from agent_sdk_core.messages.result import ResultMessage
from agent_sdk_core.wire.json_lines import json_object

SDKMessage = (
    conversation.AssistantMessage
    | conversation.UserMessage
    | conversation.StreamEvent
    | conversation.ToolProgress
    | conversation.CommandLifecycle
    | conversation.RateLimitEvent
    | conversation.UnknownMessage
    | system.SystemMessage
    | ResultMessage
)
"""Any message of a session; `match` on its classes, those of system messages included."""

MESSAGE_TYPES: Final[dict[str, type[Message]]] = {
    "assistant": conversation.AssistantMessage,
    "user": conversation.UserMessage,
    "stream_event": conversation.StreamEvent,
    "tool_progress": conversation.ToolProgress,
    "command_lifecycle": conversation.CommandLifecycle,
    "rate_limit_event": conversation.RateLimitEvent,
    "result": ResultMessage,
    "system": system.SystemMessage,
}
SYSTEM_SUBTYPES: Final[dict[str, type[system.SystemMessage]]] = {
    "init": system.InitMessage,
    "status": system.StatusMessage,
    "compact_boundary": system.CompactBoundary,
    "api_retry": system.ApiRetry,
    "permission_denied": system.PermissionDenied,
    "task_started": system.TaskStarted,
    "task_updated": system.TaskUpdated,
    "task_progress": system.TaskUpdated,
    "task_notification": system.TaskNotification,
    "informational": system.Informational,
    "request_opened": system.RequestOpened,
    "request_resolved": system.RequestResolved,
    "usage": system.UsageMessage,
    "session_state_changed": system.SessionStateChanged,
    "session_title_changed": system.SessionTitleChanged,
    "goal_changed": system.GoalChanged,
    "messages_dropped": system.MessagesDropped,
}

_IDENTITY: Final = ("type", "uuid", "session_id", "parent_tool_use_id")


def parse_message(
    data: Mapping[str, object] | str | bytes, *, source: Source | None = None, raw: Any = None
) -> SDKMessage:
    """Read one Claude-shaped object as a message.

    Args:
        data: The object as `to_wire()` gives it, or its text as `to_json()` does.
        source: Where it comes from, if known.
        raw: The native payload; defaults to `data` itself when a source is given.

    Returns:
        The message; an `UnknownMessage` when its type is not known or its fields do not fit the type.

    Raises:
        InvalidRequestError: The data is neither a mapping nor the text of a JSON object.
    """
    if isinstance(data, str | bytes):
        data = json_object(data, "The message")
    elif not isinstance(cast("object", data), Mapping):
        raise InvalidRequestError(f"A message is read from a mapping or JSON, not from {type(data).__name__}.")
    cls = _class_of(data)
    try:
        message = cls.model_validate(data)
    except ValidationError:
        return unknown_message(data, source=source, raw=raw)
    if source is not None:
        message.with_origin(source, data if raw is None else raw)
    return cast("SDKMessage", message)


def unknown_message(
    data: Mapping[str, object], *, source: Source | None = None, raw: Any = None
) -> conversation.UnknownMessage:
    """Keep what no class takes, or nobody can follow: identity that fits as fields, everything else as it is."""
    fields = {str(key): value for key, value in data.items()}
    known: dict[str, Any] = {name: fields.pop(name) for name in _IDENTITY if isinstance(fields.get(name), str)}
    message = conversation.UnknownMessage.model_construct(set(known), **known)
    cast("dict[str, object]", message.model_extra).update(fields)
    return message if source is None else message.with_origin(source, data if raw is None else raw)


def _class_of(data: Mapping[str, object]) -> type[Message]:
    kind, subtype = data.get("type"), data.get("subtype")
    if kind == "system" and isinstance(subtype, str):
        return SYSTEM_SUBTYPES.get(subtype, system.SystemMessage)
    if not isinstance(kind, str):
        return conversation.UnknownMessage
    return MESSAGE_TYPES.get(kind, conversation.UnknownMessage)
