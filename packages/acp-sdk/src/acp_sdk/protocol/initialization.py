"""How a connection begins: versions, who is there, what each side can do, how one logs in.

What a side can do is an object where it can, and null or absent where it cannot.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Final, Literal

from pydantic import Field, PlainValidator

from acp_sdk.protocol.model import AcpModel, one_of

VERSIONS: Final = (1, 2)
"""Versions of the protocol that are spoken here."""

Marker = dict[str, Any] | None
"""`{}`: it can; None: it cannot."""


class Implementation(AcpModel, frozen=True):
    """A program: its name, a title for people, its version."""

    name: str
    title: str | None = None
    version: str = ""


class PromptCapabilities(AcpModel, frozen=True):
    """What a prompt may hold beside text and links."""

    image: Marker = None
    audio: Marker = None
    embedded_context: Marker = None


class McpCapabilities(AcpModel, frozen=True):
    """How the agent reaches MCP servers; `sse` is of version 1, `acp` unstable."""

    stdio: Marker = None
    http: Marker = None
    sse: Marker = None
    acp: Marker = None


class SessionCapabilities(AcpModel, frozen=True):
    """What an agent can do with sessions.

    In version 2 every agent lists, resumes and closes; `load` (resume with a replay) too. `fork`, `archive`, `status`,
    `title` and `system_prompt` are unstable.
    """

    prompt: PromptCapabilities | None = None
    mcp: McpCapabilities | None = None
    delete: Marker = None
    additional_directories: Marker = None
    list_sessions: Marker = Field(default=None, validation_alias="list", serialization_alias="list")
    resume: Marker = None
    close: Marker = None
    load: Marker = None
    fork: Marker = None
    archive: Marker = None
    status: Marker = None
    title: Marker = None
    system_prompt: Marker = None


class AgentCapabilities(AcpModel, frozen=True):
    """What an agent can do; `providers` is unstable."""

    session: SessionCapabilities | None = None
    auth: Marker = None
    providers: Marker = None


class ClientCapabilities(AcpModel, frozen=True):
    """What a client can do.

    `auth` and `elicitation` are groups: `{"terminal": {}}`, `{"form": {}, "url": {}}`. The others are of version 1:
    `fs` and `terminal` lend its files and terminals, `session`, `plan` and `subagents` say which updates it takes.
    """

    auth: Marker = None
    elicitation: Marker = None
    fs: Marker = None
    terminal: bool | None = None
    session: Marker = None
    plan: Marker = None
    subagents: Marker = None


class AgentLogin(AcpModel, frozen=True):
    """A login that the agent does by itself when `auth/login` asks for it."""

    type: Literal["agent"] = "agent"
    method_id: str
    name: str
    description: str | None = None


class TerminalLogin(AcpModel, frozen=True):
    """A login in a terminal: the agent's own command with these arguments and variables (`name`, `value`)."""

    type: Literal["terminal"] = "terminal"
    method_id: str
    name: str
    description: str | None = None
    args: list[str] = []
    env: list[dict[str, Any]] = []


class UnknownLogin(AcpModel, frozen=True):
    """A login that is not known, with all its fields."""


AuthMethod = Annotated[
    AgentLogin | TerminalLogin | UnknownLogin,
    PlainValidator(one_of("type", {"agent": AgentLogin, "terminal": TerminalLogin}, UnknownLogin)),
]
"""A way to log in; `match` on its classes."""


class InitializeRequest(AcpModel, frozen=True):
    """`initialize`: the newest version that the client speaks, who it is, and what it can do."""

    protocol_version: int
    info: Implementation | None = None
    capabilities: ClientCapabilities = ClientCapabilities()


class InitializeResponse(AcpModel, frozen=True):
    """The version that is spoken, who the agent is, what it can do, and how one logs in."""

    protocol_version: int
    info: Implementation | None = None
    capabilities: AgentCapabilities = AgentCapabilities()
    auth_methods: Sequence[AuthMethod] = []


class LoginRequest(AcpModel, frozen=True):
    """`auth/login` (`authenticate` in version 1)."""

    method_id: str
