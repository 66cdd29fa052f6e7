"""Requests about sessions, and their answers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Final, Literal

from pydantic import PlainValidator

from acp_sdk.protocol.content import ContentBlock
from acp_sdk.protocol.model import AcpModel, one_of
from acp_sdk.protocol.settings import ConfigOption
from acp_sdk.protocol.updates import AvailableCommand


class EnvVariable(AcpModel, frozen=True):
    """A variable of a server's environment."""

    name: str
    value: str


class HttpHeader(AcpModel, frozen=True):
    """A header of the requests to a server."""

    name: str
    value: str


class McpServerStdio(AcpModel, frozen=True):
    """An MCP server that the agent starts."""

    type: Literal["stdio"] = "stdio"
    name: str
    command: str
    args: list[str] = []
    env: list[EnvVariable] = []


class McpServerHttp(AcpModel, frozen=True):
    """An MCP server at a URL."""

    type: Literal["http"] = "http"
    name: str
    url: str
    headers: list[HttpHeader] = []


class McpServerSse(AcpModel, frozen=True):
    """An MCP server at a URL, in MCP's older transport (version 1 only)."""

    type: Literal["sse"] = "sse"
    name: str
    url: str
    headers: list[HttpHeader] = []


class UnknownServer(AcpModel, frozen=True):
    """An MCP server of a kind that is not known, with all its fields."""


_SERVERS: Final = {"stdio": McpServerStdio, "http": McpServerHttp, "sse": McpServerSse}
McpServer = Annotated[
    McpServerStdio | McpServerHttp | McpServerSse | UnknownServer,
    PlainValidator(one_of("type", _SERVERS, UnknownServer)),
]
"""An MCP server; `match` on its classes."""


class SystemPrompt(AcpModel, frozen=True):
    """What the agent is told beside its own instructions (`append`) or instead of them (`override`); unstable."""

    mode: str
    content: Sequence[ContentBlock]


class _Opening(AcpModel, frozen=True):
    cwd: str
    additional_directories: list[str] = []
    mcp_servers: Sequence[McpServer] = []
    system_prompt: SystemPrompt | None = None


class NewSession(_Opening, frozen=True):
    """`session/new`."""


class ResumeSession(_Opening, frozen=True):
    """`session/resume`, and with `replay_from` what version 1 calls `session/load`.

    Attributes:
        replay_from: Where the replay of the conversation begins: `{"type": "start"}`; None: nothing is replayed.
    """

    session_id: str
    replay_from: dict[str, Any] | None = None


class ForkSession(_Opening, frozen=True):
    """`session/fork` (unstable): a new session that knows what this one knows."""

    session_id: str


class OpenedSession(AcpModel, frozen=True):
    """The answer to the three: the session's id (absent where the request had it), options and commands."""

    session_id: str | None = None
    config_options: Sequence[ConfigOption] = []
    available_commands: list[AvailableCommand] | None = None


class SessionReference(AcpModel, frozen=True):
    """Requests that only name a session: close, delete, cancel, archive, unarchive, status."""

    session_id: str


class SetTitle(AcpModel, frozen=True):
    """`session/set_title` (unstable)."""

    session_id: str
    title: str


class ListSessions(AcpModel, frozen=True):
    """`session/list`: those of a folder, or all; `archived` (unstable) is exclude, include or only."""

    cwd: str | None = None
    cursor: str | None = None
    archived: str | None = None


class SessionInfo(AcpModel, frozen=True):
    """A stored session; `updated_at` in ISO 8601."""

    session_id: str
    cwd: str = ""
    additional_directories: list[str] = []
    title: str | None = None
    updated_at: str | None = None
    archived: bool | None = None


class SessionList(AcpModel, frozen=True):
    """A page of sessions; with a cursor there are more."""

    sessions: list[SessionInfo] = []
    next_cursor: str | None = None


class PromptRequest(AcpModel, frozen=True):
    """`session/prompt`."""

    session_id: str
    prompt: Sequence[ContentBlock]


class PromptResponse(AcpModel, frozen=True):
    """The prompt is accepted, as the message `message_id`; how it ends is told by a `StateUpdate`."""

    message_id: str = ""


class CancelToolCall(AcpModel, frozen=True):
    """`tool_call/cancel`."""

    session_id: str
    tool_call_id: str


class CancelRequest(AcpModel, frozen=True):
    """`$/cancel_request`: the answer to this request is no longer wanted."""

    request_id: int | str | None
