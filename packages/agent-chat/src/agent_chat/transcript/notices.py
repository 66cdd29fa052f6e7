"""Messages that are worth a line to a person although they belong to no answer and no tool."""

from __future__ import annotations

from typing import Final

from agent_chat.transcript.blocks import Level, Notice
from agent_chat.transcript.sanitize import clean, clean_line
from agent_sdk_core.messages import conversation, system
from agent_sdk_core.messages.base import Message

_LEVELS: Final[dict[str | None, Level]] = {"warning": "warning", "error": "error"}


def notice_of(message: Message) -> Notice | None:
    """Return the message as a notice, None when it tells a person nothing."""
    match message:
        case system.Informational():
            return Notice(clean(message.content).strip(), _LEVELS.get(message.level, "info"))
        case system.ApiRetry():
            return _retry(message)
        case system.StatusMessage() if message.status == "compacting":
            return Notice("Making room: the conversation so far is being summarized.")
        case system.CompactBoundary():
            return Notice("The conversation so far was replaced by a summary.")
        case system.TaskStarted():
            return Notice(f"In the background: {clean_line(message.description or message.task_id)}")
        case system.TaskNotification():
            summary = clean_line(message.summary or message.task_id)
            status = clean_line(message.status or "ended")
            return Notice(f"Background work {status}: {summary}", "warning" if status == "failed" else "info")
        case system.MessagesDropped():
            return Notice(f"{message.dropped} messages were lost because this view fell behind.", "warning")
        case conversation.RateLimitEvent():
            return _rate_limit(message)
        case _:
            return None


def _retry(message: system.ApiRetry) -> Notice:
    count = f" ({message.attempt} of {message.max_retries})" if message.attempt and message.max_retries else ""
    why = clean_line(message.error) if isinstance(message.error, str) else ""
    status = f"HTTP {message.error_status}" if message.error_status else ""
    reason = ": ".join(part for part in (status, why) if part)
    return Notice(f"The model did not answer; trying again{count}{f' · {reason}' if reason else ''}", "warning")


def _rate_limit(message: conversation.RateLimitEvent) -> Notice | None:
    status = message.rate_limit_info.get("status")
    if not isinstance(status, str) or status == "allowed":
        return None
    return Notice(f"Usage limit: {clean_line(status).replace('_', ' ')}", "warning")
