"""What a session tells, in `session/update` notifications."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Final, Literal

from pydantic import PlainValidator

from acp_sdk.protocol.content import ContentBlock
from acp_sdk.protocol.model import AcpModel, Whatever, one_of
from acp_sdk.protocol.settings import ConfigOption
from acp_sdk.protocol.tool_calls import TerminalOutputChunk, TerminalUpdate, ToolCallContentChunk, ToolCallUpdate

STOP_REASONS: Final = ("end_turn", "max_tokens", "max_turn_requests", "refusal", "cancelled", "error")
"""Why a session became idle; other words may come. `error` is of version 2."""


class _Chunk(AcpModel, frozen=True):
    message_id: str
    content: ContentBlock


class UserMessageChunk(_Chunk, frozen=True):
    """More of a prompt that the session has taken, or of one that is replayed."""

    session_update: Literal["user_message_chunk"] = "user_message_chunk"


class AgentMessageChunk(_Chunk, frozen=True):
    """More of an answer."""

    session_update: Literal["agent_message_chunk"] = "agent_message_chunk"


class AgentThoughtChunk(_Chunk, frozen=True):
    """More of the agent's reasoning."""

    session_update: Literal["agent_thought_chunk"] = "agent_thought_chunk"


class _Message(AcpModel, frozen=True):
    message_id: str
    content: Sequence[ContentBlock] | None = None


class UserMessage(_Message, frozen=True):
    """A prompt that the session has taken, as a whole: its content replaces what chunks told of it."""

    session_update: Literal["user_message"] = "user_message"


class AgentMessage(_Message, frozen=True):
    """An answer as a whole: its content replaces what chunks told of it."""

    session_update: Literal["agent_message"] = "agent_message"


class AgentThought(_Message, frozen=True):
    """Reasoning as a whole: its content replaces what chunks told of it."""

    session_update: Literal["agent_thought"] = "agent_thought"


class StateUpdate(AcpModel, frozen=True):
    """What the session does: `running`, `idle` (with a stop reason), `requires_action`, `unknown`, or another word.

    Attributes:
        error: What went wrong, with the stop reason `error`: code, message, data.
        background: What goes on beside the turn.
        usage: Tokens of the turn, from the answer that ends one in version 1.
    """

    session_update: Literal["state_update"] = "state_update"
    state: str
    stop_reason: str | None = None
    error: dict[str, Any] | None = None
    background: list[dict[str, Any]] | None = None
    usage: dict[str, Any] | None = None


class PlanEntry(AcpModel, frozen=True):
    """A step: priority high, medium or low; status pending, in_progress, completed, cancelled, or another word."""

    content: str
    priority: str = "medium"
    status: str = "pending"


class PlanItems(AcpModel, frozen=True):
    """A plan as steps."""

    type: Literal["items"] = "items"
    plan_id: str
    entries: list[PlanEntry]


class PlanFile(AcpModel, frozen=True):
    """A plan that stands in a file (unstable)."""

    type: Literal["file"] = "file"
    plan_id: str
    uri: str


class PlanMarkdown(AcpModel, frozen=True):
    """A plan as text (unstable)."""

    type: Literal["markdown"] = "markdown"
    plan_id: str
    content: str


class UnknownPlan(AcpModel, frozen=True):
    """A plan of a kind that is not known, with all its fields."""


_PLANS: Final = {"items": PlanItems, "file": PlanFile, "markdown": PlanMarkdown}
PlanContent = Annotated[
    PlanItems | PlanFile | PlanMarkdown | UnknownPlan, PlainValidator(one_of("type", _PLANS, UnknownPlan))
]


class PlanUpdate(AcpModel, frozen=True):
    """A plan, whole."""

    session_update: Literal["plan_update"] = "plan_update"
    plan: PlanContent


class PlanRemoved(AcpModel, frozen=True):
    """A plan is given up (unstable)."""

    session_update: Literal["plan_removed"] = "plan_removed"
    plan_id: str


class AvailableCommand(AcpModel, frozen=True):
    """A command that a prompt may begin with, without its slash; `input` says what may follow it."""

    type: str = "command"
    name: str
    description: str = ""
    input: dict[str, Any] | None = None


class AvailableCommandsUpdate(AcpModel, frozen=True):
    """The commands there are now."""

    session_update: Literal["available_commands_update"] = "available_commands_update"
    available_commands: list[AvailableCommand]


class ConfigOptionUpdate(AcpModel, frozen=True):
    """All configuration options as they stand now."""

    session_update: Literal["config_option_update"] = "config_option_update"
    config_options: Sequence[ConfigOption]


class SessionInfoUpdate(AcpModel, frozen=True):
    """The session's title, or when it was last active."""

    session_update: Literal["session_info_update"] = "session_info_update"
    title: str | None = None
    updated_at: str | None = None


class Cost(AcpModel, frozen=True):
    """What a session cost so far."""

    amount: float
    currency: str


class UsageUpdate(AcpModel, frozen=True):
    """Tokens in the context window, and how many fit."""

    session_update: Literal["usage_update"] = "usage_update"
    used: int
    size: int
    cost: Cost | None = None


class Notice(AcpModel, frozen=True):
    """Something for people to know: severity info, warning, error, or another word."""

    session_update: Literal["notice"] = "notice"
    severity: str = "info"
    title: str
    description: str | None = None


class CompactionUpdate(AcpModel, frozen=True):
    """The conversation is summarised: status in_progress, completed, failed, cancelled, or another word."""

    session_update: Literal["compaction_update"] = "compaction_update"
    compaction_id: str
    status: str
    summary: Sequence[ContentBlock] | None = None
    error: str | None = None


class CompactionSummaryChunk(AcpModel, frozen=True):
    """More of a summary."""

    session_update: Literal["compaction_summary_chunk"] = "compaction_summary_chunk"
    compaction_id: str
    content: ContentBlock


class SubagentUpdate(AcpModel, frozen=True):
    """A session that this one started, or what changed of it (unstable)."""

    session_update: Literal["subagent_update"] = "subagent_update"
    session_id: str
    title: str | None = None
    description: str | None = None
    capabilities: dict[str, Any] | None = None
    state: dict[str, Any] | None = None
    cwd: str | None = None
    additional_directories: list[str] | None = None


class SessionMessage(AcpModel, frozen=True):
    """A message between sessions (unstable)."""

    session_update: Literal["session_message"] = "session_message"
    message_id: str
    sender_session_id: str | None = None
    recipient_session_id: str | None = None
    sender_message_id: str | None = None
    recipient_message_id: str | None = None
    content: Sequence[ContentBlock] | None = None


class SessionMessageChunk(_Chunk, frozen=True):
    """More of a message between sessions (unstable)."""

    session_update: Literal["session_message_chunk"] = "session_message_chunk"


class UnknownUpdate(AcpModel, frozen=True):
    """An update that is not known, or lacks what it needs, with all its fields."""

    session_update: Whatever = None


KnownUpdate = (
    UserMessageChunk
    | AgentMessageChunk
    | AgentThoughtChunk
    | UserMessage
    | AgentMessage
    | AgentThought
    | StateUpdate
    | ToolCallUpdate
    | ToolCallContentChunk
    | TerminalUpdate
    | TerminalOutputChunk
    | PlanUpdate
    | PlanRemoved
    | AvailableCommandsUpdate
    | ConfigOptionUpdate
    | SessionInfoUpdate
    | UsageUpdate
    | Notice
    | CompactionUpdate
    | CompactionSummaryChunk
    | SubagentUpdate
    | SessionMessage
    | SessionMessageChunk
)
"""An update that is known."""

UPDATES: Final[dict[str, type[KnownUpdate]]] = {
    "user_message_chunk": UserMessageChunk,
    "agent_message_chunk": AgentMessageChunk,
    "agent_thought_chunk": AgentThoughtChunk,
    "user_message": UserMessage,
    "agent_message": AgentMessage,
    "agent_thought": AgentThought,
    "state_update": StateUpdate,
    "tool_call_update": ToolCallUpdate,
    "tool_call_content_chunk": ToolCallContentChunk,
    "terminal_update": TerminalUpdate,
    "terminal_output_chunk": TerminalOutputChunk,
    "plan_update": PlanUpdate,
    "plan_removed": PlanRemoved,
    "available_commands_update": AvailableCommandsUpdate,
    "config_option_update": ConfigOptionUpdate,
    "session_info_update": SessionInfoUpdate,
    "usage_update": UsageUpdate,
    "notice": Notice,
    "compaction_update": CompactionUpdate,
    "compaction_summary_chunk": CompactionSummaryChunk,
    "subagent_update": SubagentUpdate,
    "session_message": SessionMessage,
    "session_message_chunk": SessionMessageChunk,
}
"""The class of each update of version 2, by its name on the wire."""

SessionUpdate = KnownUpdate | UnknownUpdate
"""What a session tells; `match` on its classes."""

read_update: Final = one_of("sessionUpdate", UPDATES, UnknownUpdate)
"""Read an update of version 2, whatever it is; see `upgrade` for those of version 1."""
