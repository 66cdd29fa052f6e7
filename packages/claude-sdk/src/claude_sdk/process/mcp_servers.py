"""MCP servers in claude's words, as `initialize` and `mcp_set_servers` take them, never its command line. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final, cast

from agent_sdk_core.errors import InvalidRequestError, UnsupportedOptionError
from agent_sdk_core.mcp_servers import McpServer, require_native
from agent_sdk_core.option_values import revealed
from agent_sdk_core.wire.reading import Json

NATIVE_KEYS: Final = frozenset(
    {
        *("alwaysLoad", "bareElicitationCapability", "discoveryCache", "displayName", "headersHelper", "oauth"),
        *("request_timeout_ms", "role", "toolPermissions", "tools"),
    }
)
"""Keys of a server that no other agent has (2.1.329); claude passes over others in silence."""

_FROM_ENVIRONMENT: Final = frozenset({"bearer_token_env_var", "env_http_headers", "env_vars"})
"""Keys of Codex's that name environment variables: what stands in them is sent."""

_CALL_SECONDS: Final = 600.0
"""How long a call may take if nothing is said; claude itself would wait for more than a day (2.1.329)."""

STARTUP_VARIABLE: Final = "MCP_TIMEOUT"
"""What claude reads from its environment, in milliseconds, and applies to each server (2.1.329)."""


def server_configs(servers: Mapping[str, McpServer], env: Mapping[str, str]) -> Json:
    """Return the servers that are enabled, by name.

    Args:
        servers: The servers.
        env: The environment that variables are looked up in.

    Raises:
        UnsupportedOptionError: A server has a setting that claude does not have.
        InvalidRequestError: An environment variable that a server names is not set.
    """
    return {name: _config(name, server, env) for name, server in servers.items() if server.enabled}


def startup_limit(servers: Iterable[McpServer]) -> dict[str, str]:
    """Return the environment that bounds how long servers may take to start."""
    seconds = [server.startup_timeout for server in servers if server.startup_timeout is not None]
    return {STARTUP_VARIABLE: str(round(max(seconds) * 1000))} if seconds else {}


def _config(name: str, server: McpServer, env: Mapping[str, str]) -> Json:
    if server.cwd is not None:
        raise UnsupportedOptionError(
            f"The claude backend cannot choose the folder of an MCP server: SessionOptions.mcp_servers[{name!r}].cwd. "
            "Leave it out, for the session's, or let the command change it.",
            backend="claude",
            details={"option": "mcp_servers"},
        )
    require_native(name, server, NATIVE_KEYS | _FROM_ENVIRONMENT, backend="claude")
    config: Json = {"type": server.transport}
    if server.command is not None:
        config |= {"command": server.command, "args": list(server.args)}
        told = {variable: _variable(name, variable, env) for variable in _names(server.native.get("env_vars"))}
        if variables := {**told, **revealed(server.env)}:
            config["env"] = variables
    else:
        config["url"] = server.url
        if headers := {**dict(_looked_up(name, server.native, env)), **revealed(server.headers)}:
            config["headers"] = headers
    config["timeout"] = round((server.call_timeout or _CALL_SECONDS) * 1000)
    return {**config, **{key: value for key, value in server.native.items() if key not in _FROM_ENVIRONMENT}}


def _looked_up(name: str, native: Mapping[str, object], env: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    if isinstance(variable := native.get("bearer_token_env_var"), str):
        yield "Authorization", f"Bearer {_variable(name, variable, env)}"
    for header, variable in cast("Mapping[str, object]", native.get("env_http_headers") or {}).items():
        yield header, _variable(name, str(variable), env)


def _names(told: object) -> list[str]:
    return [entry for entry in cast("list[object]", told) if isinstance(entry, str)] if isinstance(told, list) else []


def _variable(name: str, variable: str, env: Mapping[str, str]) -> str:
    if variable not in env:
        raise InvalidRequestError(
            f"SessionOptions.mcp_servers[{name!r}] names the environment variable {variable!r}, which is not set.",
            backend="claude",
            details={"option": "mcp_servers"},
        )
    return env[variable]
