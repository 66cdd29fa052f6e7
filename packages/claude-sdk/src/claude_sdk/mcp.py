"""The MCP servers of one claude process while it runs: their state, switched on and off, set anew, logged in to.

Those of `SessionOptions.mcp_servers` are switched for the session alone, by `mcp_set_servers`, which replaces what was
set by it before and takes over servers that `initialize` started as they run (measured with 2.1.332). Those that are
configured elsewhere know `mcp_toggle` alone, which claude remembers for the folder, in its `.claude.json`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from agent_sdk_core.errors import AgentError, InvalidRequestError
from agent_sdk_core.interfaces.mcp import McpServerStatus, McpState, McpTool
from agent_sdk_core.mcp_servers import McpServer
from agent_sdk_core.redaction import redact
from agent_sdk_core.wire.reading import Json, filled_text, record_of, records_of
from claude_sdk.process.mcp_servers import server_configs

_STATES: Final[Mapping[str, McpState]] = {
    "pending": "starting",
    "connected": "connected",
    "failed": "failed",
    "needs-auth": "needs_login",
    "disabled": "disabled",
}

Control = Callable[..., Awaitable[Mapping[str, Any]]]


class SessionServers:
    """The servers of one session.

    Args:
        servers: Those of its options, by name.
        env: The environment that variables are looked up in.
        control: Sends a control request.
    """

    def __init__(self, servers: Mapping[str, McpServer], env: Mapping[str, str], control: Control) -> None:
        self._servers = dict(servers)
        self._env = env
        self._control = control
        self._taken_over = False

    async def status(self) -> list[McpServerStatus]:
        """Return the state of all servers, those that are switched off included."""
        told = [_status(server) for server in records_of((await self._control("mcp_status")).get("mcpServers"))]
        names = {server.name for server in told}
        off = [name for name, server in self._servers.items() if not server.enabled and name not in names]
        return [*told, *(McpServerStatus(name, "disabled") for name in off)]

    async def reload(self) -> None:
        """Start anew what does not run."""
        for server in await self.status():
            if server.state in ("failed", "needs_login"):
                try:
                    await self._control("mcp_reconnect", serverName=server.name)
                except AgentError:  # Why is told by its status.
                    continue

    async def switch(self, name: str, *, enabled: bool) -> None:
        """Enable or disable a server.

        Raises:
            InvalidRequestError: There is no such server.
        """
        server = self._servers.get(name)
        if server is None:
            await self._asked("mcp_toggle", name, enabled=enabled)
        elif server.enabled is not enabled:
            changed = {**self._servers, name: server.model_copy(update={"enabled": enabled})}
            await self.set(changed)

    async def set(self, servers: Mapping[str, McpServer]) -> Mapping[str, Any]:
        """Replace the servers of the session's options."""
        configs = server_configs(servers, self._env)
        if not self._taken_over:
            await self._control("mcp_set_servers", servers=server_configs(self._servers, self._env))
            self._taken_over = True
        answer = await self._control("mcp_set_servers", servers=configs)
        self._servers = dict(servers)
        return answer

    async def login(self, name: str) -> str:
        """Return the URL at which somebody logs in.

        Raises:
            InvalidRequestError: There is no such server, or it takes no login.
        """
        answer = await self._asked("mcp_authenticate", name)
        if (url := filled_text(answer.get("authUrl"))) is None:
            raise InvalidRequestError(f"The MCP server {name!r} wants no login.", backend="claude")
        return url

    async def _asked(self, subtype: str, name: str, **fields: object) -> Mapping[str, Any]:
        try:
            return await self._control(subtype, serverName=name, **fields)
        except AgentError as error:
            known = ", ".join(server.name for server in await self.status()) or "none"
            reason = filled_text(error.details.get("error")) or error.message
            raise InvalidRequestError(f"{reason}; the session's MCP servers: {known}.", backend="claude") from error


def _status(server: Json) -> McpServerStatus:
    error = filled_text(server.get("error"))
    return McpServerStatus(
        name=filled_text(server.get("name")) or "",
        state=_STATES.get(str(server.get("status")), "failed"),
        error=None if error is None else redact(error),
        tools=tuple(_tool(tool) for tool in records_of(server.get("tools"))),
        version=filled_text(record_of(server.get("serverInfo")).get("version")),
    )


def _tool(tool: Json) -> McpTool:
    read_only = record_of(tool.get("annotations")).get("readOnly")
    return McpTool(
        name=filled_text(tool.get("name")) or "",
        description=filled_text(tool.get("description")) or "",
        read_only=read_only if isinstance(read_only, bool) else None,
    )
