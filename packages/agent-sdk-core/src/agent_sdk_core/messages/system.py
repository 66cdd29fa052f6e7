"""System messages: what happens around the conversation. Any other subtype stays a `SystemMessage` with its fields."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, StrictInt

from agent_sdk_core.messages.base import Message
from agent_sdk_core.messages.usage import Usage
from agent_sdk_core.wire.model import Number


class SystemMessage(Message, frozen=True):
    """Something that happened around the conversation; `subtype` says what."""

    type: Literal["system"] = "system"
    subtype: str


class InitMessage(SystemMessage, frozen=True):
    """First message of every turn: the session as it stands. Codex adds sandbox, approval_policy and effort."""

    subtype: Literal["init"] = "init"
    cwd: str | None = None
    model: str | None = None
    tools: list[str] = []
    mcp_servers: list[dict[str, object]] = []
    permission_mode: str | None = Field(default=None, alias="permissionMode")
    slash_commands: list[str] = []
    agents: list[object] = []
    api_key_source: str | None = Field(default=None, alias="apiKeySource")


class StatusMessage(SystemMessage, frozen=True):
    """What the agent does right now: "requesting", "compacting" or None."""

    subtype: Literal["status"] = "status"
    status: str | None = None
    permission_mode: str | None = Field(default=None, alias="permissionMode")


class CompactBoundary(SystemMessage, frozen=True):
    """The conversation before this point was replaced by a summary."""

    subtype: Literal["compact_boundary"] = "compact_boundary"
    compact_metadata: dict[str, object] = {}


class ApiRetry(SystemMessage, frozen=True):
    """A model request failed and is tried again; what streamed of it is void."""

    subtype: Literal["api_retry"] = "api_retry"
    attempt: StrictInt | None = None
    max_retries: StrictInt | None = None
    retry_delay_ms: Number | None = None
    error_status: StrictInt | None = None
    error: object = None


class PermissionDenied(SystemMessage, frozen=True):
    """A tool was refused without anybody being asked."""

    subtype: Literal["permission_denied"] = "permission_denied"
    tool_name: str
    tool_use_id: str | None = None
    message: str | None = None


class TaskStarted(SystemMessage, frozen=True):
    """Work goes on beside the turn: a sub-agent or a background command."""

    subtype: Literal["task_started"] = "task_started"
    task_id: str
    tool_use_id: str | None = None
    description: str | None = None
    task_type: str | None = None


class TaskUpdated(SystemMessage, frozen=True):
    """A running task changed."""

    subtype: Literal["task_updated", "task_progress"] = "task_updated"
    task_id: str
    tool_use_id: str | None = None


class TaskNotification(SystemMessage, frozen=True):
    """A task ended: completed, failed or stopped."""

    subtype: Literal["task_notification"] = "task_notification"
    task_id: str
    tool_use_id: str | None = None
    status: str | None = None
    summary: str | None = None


class Informational(SystemMessage, frozen=True):
    """A notice for the user, with a level: "info", "warning" or "error"."""

    subtype: Literal["informational"] = "informational"
    content: str
    level: str | None = None


class RequestOpened(SystemMessage, frozen=True):
    """The agent asks for a permission or an answer, and waits.

    Attributes:
        request_id: Ours; what `AgentSession.answer` takes.
        kind: "permission", "question" or "elicitation".
        request: What is asked, as the request's own `to_wire()`.
        deadline: Unix time in seconds after which it is denied, or None.
    """

    subtype: Literal["request_opened"] = "request_opened"
    request_id: str
    kind: str
    request: dict[str, object] = {}
    deadline: Number | None = None


class RequestResolved(SystemMessage, frozen=True):
    """A request is no longer open.

    Attributes:
        request_id: Ours, as in `RequestOpened`.
        kind: As in `RequestOpened`.
        outcome: "allowed", "denied", "answered", "declined" or "withdrawn".
        by: Who decided: "callback", "answer", "no_callback", "callback_error", "deadline", "agent", "policy",
            "grant" (it was allowed for the session before), "close".
        rule: The rule of the session's policy that decided, or that had a person asked.
    """

    subtype: Literal["request_resolved"] = "request_resolved"
    request_id: str
    kind: str
    outcome: str
    by: str
    rule: str | None = None


class UsageMessage(SystemMessage, frozen=True):
    """Tokens of one model call, after the assistant message it belongs to.

    Attributes:
        usage: Tokens of this call.
        context_tokens: Tokens in the context after the call, where known.
        context_window: Size of the window, where known.
    """

    subtype: Literal["usage"] = "usage"
    usage: Usage
    context_tokens: StrictInt | None = None
    context_window: StrictInt | None = None


class SessionStateChanged(SystemMessage, frozen=True):
    """The session's state, as the agent itself tells it."""

    subtype: Literal["session_state_changed"] = "session_state_changed"
    state: str


class SessionTitleChanged(SystemMessage, frozen=True):
    """The session has another name, whoever gave it; None: it has none any more."""

    subtype: Literal["session_title_changed"] = "session_title_changed"
    title: str | None = None


class GoalChanged(SystemMessage, frozen=True):
    """The goal that the agent pursues was set, got further, ended, or was taken away.

    Attributes:
        objective: What it is to reach; None: there is no goal any more.
        status: "active" while it goes on by itself; else "paused", "blocked", "usage_limited", "budget_limited",
            "complete", "lost" when the agent is gone, or a word of a newer agent.
        token_budget: Tokens that it may take, None without a limit.
        tokens_used: Tokens that it took so far.
        seconds_used: Seconds that it took so far.
    """

    subtype: Literal["goal_changed"] = "goal_changed"
    objective: str | None = None
    status: str | None = None
    token_budget: StrictInt | None = None
    tokens_used: StrictInt | None = None
    seconds_used: Number | None = None


class MessagesDropped(SystemMessage, frozen=True):
    """A consumer lagged beyond its bound, and the oldest messages gave way.

    Attributes:
        dropped: How many full messages were lost since the last one delivered; deltas and progress are not counted.
    """

    subtype: Literal["messages_dropped"] = "messages_dropped"
    dropped: StrictInt
