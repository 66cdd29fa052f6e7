"""MCP servers in the words of Codex's configuration. Pure."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Final

from agent_sdk_core.errors import UnsupportedOptionError
from agent_sdk_core.mcp_servers import McpServer, require_native
from agent_sdk_core.option_values import revealed
from agent_sdk_core.wire.reading import Json

NATIVE_KEYS: Final = frozenset(
    """
    auth bearer_token_env_var default_tools_approval_mode disabled_tools enabled_tools env_http_headers env_vars
    environment_id http_headers_helper name oauth oauth_resource omit_tools_from required scopes startup_readiness
    supports_parallel_tool_calls tool_input_schema_max_bytes tools
    """.split()  # noqa: SIM905  # a name a line would be a page
)
"""Keys of a server that no other agent has (0.163); it passes over others in silence, and a test asks it for each."""


def server_configs(servers: Mapping[str, McpServer]) -> Json:
    """Return the table `mcp_servers` of a configuration.

    Raises:
        UnsupportedOptionError: A server is one that Codex cannot reach, or has a setting of another agent.
    """
    return {name: _config(name, server) for name, server in servers.items()}


def _config(name: str, server: McpServer) -> Json:
    if server.transport == "sse":
        raise UnsupportedOptionError(
            f"The codex backend cannot reach SessionOptions.mcp_servers[{name!r}], which speaks the older protocol "
            "over SSE; most such servers speak HTTP too, at another address: leave type out, and give that.",
            backend="codex",
            details={"option": "mcp_servers"},
        )
    require_native(name, server, NATIVE_KEYS, backend="codex")
    config: Json = {}
    if server.command is not None:
        config["command"] = server.command
        if server.args:
            config["args"] = list(server.args)
        if server.env:
            config["env"] = revealed(server.env)
        if server.cwd is not None:
            config["cwd"] = os.fspath(server.cwd)
    else:
        config["url"] = server.url
        if server.headers:
            config["http_headers"] = revealed(server.headers)
    if server.startup_timeout is not None:
        config["startup_timeout_sec"] = server.startup_timeout
    if server.call_timeout is not None:
        config["tool_timeout_sec"] = server.call_timeout
    if not server.enabled:
        config["enabled"] = False
    return {**config, **server.native}
