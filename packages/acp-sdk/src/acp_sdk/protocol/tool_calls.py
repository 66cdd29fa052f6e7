"""Calls of tools: one is told of, and patched, by its id."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Final, Literal

from pydantic import PlainValidator

from acp_sdk.protocol.content import ContentBlock
from acp_sdk.protocol.model import AcpModel, Whatever, one_of

TOOL_KINDS: Final = ("read", "edit", "delete", "move", "search", "execute", "think", "fetch", "switch_mode", "other")
"""What a tool does; other words may come."""

TOOL_STATUSES: Final = ("pending", "in_progress", "paused", "completed", "failed", "cancelled")
"""How a call stands; other words may come. Version 1 has neither `paused` nor `cancelled`."""

ENDED_STATUSES: Final = frozenset({"completed", "failed", "cancelled"})
"""The words for a call that is over."""


class ContentItem(AcpModel, frozen=True):
    """A content block that a tool gave."""

    type: Literal["content"] = "content"
    content: ContentBlock


class DiffChange(AcpModel, frozen=True):
    """A file that a diff touches: add, delete, modify, move or copy (the last two with `old_path`)."""

    operation: str
    path: str
    old_path: str | None = None
    file_type: str | None = None
    mime_type: str | None = None


class DiffPatch(AcpModel, frozen=True):
    """A diff's text; `git_patch` is the only format so far."""

    format: str
    text: str


class DiffItem(AcpModel, frozen=True):
    """Changes of files.

    Attributes:
        changes: The files that it touches.
        patch: The whole as a patch.
        path: The file, in the words of version 1, which has one file a diff.
        old_text: What it held, in the words of version 1; None: it was not there.
        new_text: What it holds then, in the words of version 1.
    """

    type: Literal["diff"] = "diff"
    changes: list[DiffChange] = []
    patch: DiffPatch | None = None
    path: str | None = None
    old_text: str | None = None
    new_text: str | None = None


class TerminalItem(AcpModel, frozen=True):
    """The terminal that a tool runs in, by its id."""

    type: Literal["terminal"] = "terminal"
    terminal_id: str


class UnknownItem(AcpModel, frozen=True):
    """What a tool gave that is not known, with all its fields."""


read_item = one_of("type", {"content": ContentItem, "diff": DiffItem, "terminal": TerminalItem}, UnknownItem)
"""Read something that a tool gave, whatever it is."""

ToolCallContent = Annotated[ContentItem | DiffItem | TerminalItem | UnknownItem, PlainValidator(read_item)]
"""Something that a tool gave; `match` on its classes."""


class ToolCallLocation(AcpModel, frozen=True):
    """A place that a call is about; lines count from 1."""

    path: str
    line: int | None = None


class ToolCall(AcpModel, frozen=True):
    """A call, or what changed of it: absent leaves, null clears, a value replaces; the first one tells of the call.

    Attributes:
        name: The tool's own name, where the agent tells it.
        title: A line for people about this call.
        kind: One of `TOOL_KINDS`, or another word.
        status: One of `TOOL_STATUSES`, or another word.
        raw_input: What the tool was called with.
        raw_output: What it gave.
        capabilities: What a client may do with it, such as `cancel`.
    """

    tool_call_id: str
    name: str | None = None
    title: str | None = None
    kind: str | None = None
    status: str | None = None
    content: Sequence[ToolCallContent] | None = None
    locations: list[ToolCallLocation] | None = None
    raw_input: Whatever = None
    raw_output: Whatever = None
    capabilities: dict[str, Any] | None = None


class ToolCallUpdate(ToolCall, frozen=True):
    """A call, or what changed of it, as a session tells it."""

    session_update: Literal["tool_call_update"] = "tool_call_update"


class ToolCallContentChunk(AcpModel, frozen=True):
    """One more thing that a running call gave; it is added to the call's content."""

    session_update: Literal["tool_call_content_chunk"] = "tool_call_content_chunk"
    tool_call_id: str
    content: ToolCallContent


class TerminalUpdate(AcpModel, frozen=True):
    """A terminal of the agent, or what changed of it; it ended when `exit_status` is there."""

    session_update: Literal["terminal_update"] = "terminal_update"
    terminal_id: str
    command: str | None = None
    cwd: str | None = None
    output: dict[str, Any] | None = None
    exit_status: dict[str, Any] | None = None
    size: dict[str, Any] | None = None
    capabilities: dict[str, Any] | None = None


class TerminalOutputChunk(AcpModel, frozen=True):
    """More output of a terminal: `data` is base64."""

    session_update: Literal["terminal_output_chunk"] = "terminal_output_chunk"
    terminal_id: str
    data: str
