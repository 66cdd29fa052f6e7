"""The conversation itself: what the assistant said, what the user said, and the pieces as they stream."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Final, Literal, cast

from pydantic import AfterValidator, Field, SkipValidation, StrictBool
from typing_extensions import TypedDict

from agent_sdk_core.messages.base import Message
from agent_sdk_core.messages.blocks import ContentBlock, TextBlock, ToolResultBlock, ToolUseBlock
from agent_sdk_core.messages.usage import Usage
from agent_sdk_core.wire.model import Number, WireModel
from agent_sdk_core.wire.reading import as_record


class ApiMessage(WireModel, frozen=True):
    """The model's message inside an `AssistantMessage`.

    Attributes:
        id: Identity shared by all frames of one message and by its deltas.
        model: The model that wrote it.
        role: Always "assistant".
        content: Its blocks; one a frame while streaming.
        stop_reason: Why it ended, where known.
        usage: Tokens, where known when the frame was written (never on a live Codex session, see `UsageMessage`).
    """

    id: str | None = None
    model: str | None = None
    role: str = "assistant"
    content: list[ContentBlock]
    stop_reason: str | None = None
    usage: Usage | None = None


class AssistantMessage(Message, frozen=True):
    """Blocks that the model wrote.

    Attributes:
        message: The model's message.
        error: Class of the API error that this message reports, if it reports one.
        aborted: Whether it was cut off: by an interrupt, a steer or a retry.
    """

    type: Literal["assistant"] = "assistant"
    message: ApiMessage
    error: str | None = None
    aborted: StrictBool | None = None

    @property
    def content(self) -> list[ContentBlock]:
        """The blocks."""
        return self.message.content

    @property
    def text(self) -> str:
        """The text blocks, joined."""
        return "".join(block.text for block in self.message.content if isinstance(block, TextBlock))

    @property
    def tool_uses(self) -> list[ToolUseBlock]:
        """The tool uses among the blocks."""
        return [block for block in self.message.content if isinstance(block, ToolUseBlock)]


class UserPayload(WireModel, frozen=True):
    """What a `UserMessage` holds: text, or blocks."""

    role: str = "user"
    content: str | list[ContentBlock]


_AUTHORS: Final[Mapping[str, Literal["user", "background", "channel"]]] = {
    "human": "user",
    "task-notification": "background",
    "channel": "channel",
}
"""By `origin.kind` (Claude 2.1.329); every other kind is an agent's."""


class UserMessage(Message, frozen=True):
    """A prompt, or the results of tool uses.

    Attributes:
        message: Role and content.
        tool_use_result: Structured outcome of the tool, its shape by tool; what was cut off says `interrupted`.
        is_synthetic: Whether the agent wrote it in the user's name.
        is_replay: Whether it repeats an accepted prompt, with the prompt's uuid.
        origin: Who wrote it, as Claude's wire tells: an object with `kind`; see `written_by`.
    """

    type: Literal["user"] = "user"
    message: UserPayload
    tool_use_result: object = None
    is_synthetic: StrictBool | None = Field(default=None, alias="isSynthetic")
    is_replay: StrictBool | None = Field(default=None, alias="isReplay")
    origin: object = None

    @property
    def written_by(self) -> Literal["user", "agent", "background", "channel", "tool"]:
        """Who wrote it, as far as the agent tells.

        The user or the application ("user"); the agent itself, another agent, or one that wrote to its sub-agent
        ("agent"); work in the background that tells of its end ("background"); a messenger that the agent is connected
        to ("channel"); a tool whose result it is ("tool").
        """
        if self.tool_results:
            return "tool"
        kind = (as_record(self.origin) or {}).get("kind")
        if isinstance(kind, str) and kind != "unclassified":
            return _AUTHORS.get(kind, "agent")
        return "user" if self.is_prompt and not self.is_synthetic and self.parent_tool_use_id is None else "agent"

    @property
    def content(self) -> list[ContentBlock]:
        """The blocks; a plain text is one text block."""
        content = self.message.content
        return [TextBlock(text=content)] if isinstance(content, str) else content

    @property
    def text(self) -> str:
        """The text, tool results excluded."""
        return "".join(block.text for block in self.content if isinstance(block, TextBlock))

    @property
    def is_prompt(self) -> bool:
        """Whether it repeats an accepted prompt, and not what one of the agent's own commands printed (Claude)."""
        return self.is_replay is True and not self.text.startswith("<local-command-")

    @property
    def tool_results(self) -> list[ToolResultBlock]:
        """The tool results among the blocks."""
        return [block for block in self.content if isinstance(block, ToolResultBlock)]


class StreamDelta(TypedDict, total=False):
    """A piece of a block; which key it has follows from `type`."""

    type: str
    text: str
    thinking: str
    partial_json: str
    signature: str
    stop_reason: str | None


class StreamPayload(TypedDict, total=False):
    """An event of Anthropic's Messages stream; unknown events and keys are kept."""

    type: str
    index: int
    delta: StreamDelta
    content_block: dict[str, object]
    message: dict[str, object]
    usage: dict[str, object]


def _is_payload(value: object) -> object:
    """Check what readers of an event rely on; of a delta two levels, for more would cost too much."""
    if isinstance(value, dict):
        event = cast("dict[str, object]", value)
        if isinstance(event.get("delta"), dict):
            return event
        block = event.get("content_block", _NO_BLOCK)
        typed = isinstance(block, dict) and isinstance(cast("dict[str, object]", block).get("type"), str)
        if typed and "delta" not in event and isinstance(event.get("message", event), dict):
            return event
    raise ValueError("the event, its delta, its message and its block must be objects, and the block of some type")


_NO_BLOCK: Final = {"type": ""}


class StreamEvent(Message, frozen=True):
    """One step of a message while it is written; the full message follows and finalizes it.

    Attributes:
        event: The stream event; only that it and its parts are objects is validated.
        api_message_id: `message.id` of the message it belongs to; blocks of two messages may interleave.
    """

    type: Literal["stream_event"] = "stream_event"
    event: Annotated[StreamPayload, SkipValidation, AfterValidator(_is_payload)]
    api_message_id: str | None = None

    @property
    def text(self) -> str:
        """Text that this step adds to the answer, or ""."""
        text = self.event.get("delta", {}).get("text")
        return text if isinstance(text, str) else ""

    @property
    def thinking(self) -> str:
        """Reasoning that this step adds, or ""."""
        text = self.event.get("delta", {}).get("thinking")
        return text if isinstance(text, str) else ""


class ToolProgress(Message, frozen=True):
    """A sign of life of a running tool; its result message is whole, so this is a preview.

    Attributes:
        tool_use_id: The running tool use.
        tool_name: Its tool.
        elapsed_time_seconds: Time since it started, where known.
        output: Output that arrived since the last progress (Codex).
    """

    type: Literal["tool_progress"] = "tool_progress"
    tool_use_id: str
    tool_name: str | None = None
    elapsed_time_seconds: Number | None = None
    output: str | None = None


class CommandLifecycle(Message, frozen=True):
    """Where an accepted prompt stands: queued, started, completed or cancelled."""

    type: Literal["command_lifecycle"] = "command_lifecycle"
    command_uuid: str
    state: str


class RateLimitEvent(Message, frozen=True):
    """What the provider tells of the account's limits; `rate_limit_info` as the agent spells it."""

    type: Literal["rate_limit_event"] = "rate_limit_event"
    rate_limit_info: dict[str, object]


class UnknownMessage(Message, frozen=True):
    """A message of a type that this version does not know, or that lacks what its type needs; its fields are kept."""

    type: str = ""
