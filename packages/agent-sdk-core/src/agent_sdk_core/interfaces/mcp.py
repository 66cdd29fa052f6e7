"""The state of MCP servers, as an application sees it."""

from __future__ import annotations

from typing import Literal

from agent_sdk_core.arguments import checked_class
from agent_sdk_core.records import dataclass
from agent_sdk_core.wire.forms import WireForm

McpState = Literal["starting", "connected", "failed", "needs_login", "disabled"]
"""What an MCP server does: "needs_login" where somebody has to log in to it first."""


@checked_class()
@dataclass(frozen=True, slots=True, repr=False)
class McpTool(WireForm):
    """A tool of an MCP server.

    Attributes:
        name: Its name at the server; messages and requests call it `mcp__<server>__<name>`.
        description: What it does, where the agent tells.
        read_only: Whether the server says that it changes nothing, which is not to be trusted; None: it does not say.
    """

    name: str
    description: str = ""
    read_only: bool | None = None


@checked_class()
@dataclass(frozen=True, slots=True, repr=False)
class McpServerStatus(WireForm):
    """An MCP server of a session. It never holds a credential.

    Attributes:
        name: Its name.
        state: What it does.
        error: Why it failed, in the agent's words.
        tools: Its tools, while it is connected.
        version: Its version, where it told.
    """

    name: str
    state: McpState
    error: str | None = None
    tools: tuple[McpTool, ...] = ()
    version: str | None = None
