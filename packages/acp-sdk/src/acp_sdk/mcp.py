"""The application's MCP servers as the protocol takes them."""

from __future__ import annotations

from collections.abc import Mapping

from acp_sdk.protocol.initialization import McpCapabilities
from agent_sdk_core.errors import UnsupportedOptionError
from agent_sdk_core.mcp_servers import McpServer
from agent_sdk_core.secret import Secret
from agent_sdk_core.wire.reading import Json


def servers(given: Mapping[str, McpServer], can: McpCapabilities, *, backend: str) -> list[Json]:
    """Return MCP servers in the shape of version 2; those that are switched off are left out.

    Raises:
        UnsupportedOptionError: The agent does not talk to servers of a kind, or a server has what the protocol lacks.
    """
    return [_server(name, server, can, backend) for name, server in given.items() if server.enabled]


def _server(name: str, server: McpServer, can: McpCapabilities, backend: str) -> Json:
    for field in ("cwd", "startup_timeout", "call_timeout"):
        if getattr(server, field) is not None:
            raise _unsupported(name, f"{field}, which the protocol has no word for", backend)
    if server.native:
        raise _unsupported(name, "native settings, which the protocol has no word for", backend)
    if server.command is not None:
        return {
            "type": "stdio",
            "name": name,
            "command": str(server.command),
            "args": list(server.args),
            "env": _pairs(server.env),
        }
    kind = server.type or "http"
    if (can.http if kind == "http" else can.sse) is None:
        raise _unsupported(name, f"a server of the kind {kind}, which this agent does not talk to", backend)
    return {"type": kind, "name": name, "url": server.url, "headers": _pairs(server.headers)}


def _pairs(values: Mapping[str, str | Secret]) -> list[Json]:
    return [
        {"name": name, "value": value.reveal() if isinstance(value, Secret) else value}
        for name, value in values.items()
    ]


def _unsupported(name: str, what: str, backend: str) -> UnsupportedOptionError:
    return UnsupportedOptionError(
        f"The {backend} agent: SessionOptions.mcp_servers[{name!r}] has {what}.",
        backend=backend,
        details={"option": "mcp_servers"},
    )
