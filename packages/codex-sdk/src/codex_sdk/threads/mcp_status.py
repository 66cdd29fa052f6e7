"""The MCP servers of a thread while it runs: their state, started anew, logged in to."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Final

from agent_sdk_core.errors import RequestTimeoutError
from agent_sdk_core.interfaces.mcp import McpServerStatus, McpState, McpTool
from agent_sdk_core.redaction import redact
from agent_sdk_core.wire.reading import Json, as_record, optional_text_at, record_at, text_at
from codex_sdk.threads.calls import every_entry

Call = Callable[..., Awaitable[object]]

_STATUS_SECONDS: Final = 10.0
"""Codex answers when no server starts any more (0.163); until then, what it told of their start has to do."""

_STATES: Final[Mapping[str, McpState]] = {
    "notStarted": "starting",
    "starting": "starting",
    "connected": "connected",
    "authenticationRequired": "needs_login",
    "failed": "failed",
    "cancelled": "failed",
    "disabled": "disabled",
}
_STARTS: Final[Mapping[str, McpState]] = {"starting": "starting", "ready": "connected"}


async def mcp_status(call: Call, thread_id: str, told: Mapping[str, str]) -> list[McpServerStatus]:
    """Return the state of a thread's servers.

    Args:
        call: Sends a request.
        thread_id: The thread.
        told: What was told of the start of each, by name.
    """
    ask = partial(call, "mcpServerStatus/list", timeout=_STATUS_SECONDS)
    try:
        servers = await every_entry(ask, {"threadId": thread_id, "detail": "toolsAndAuthOnly"})
    except RequestTimeoutError:
        return [McpServerStatus(name, _STARTS.get(state, "failed")) for name, state in told.items()]
    return [_status(server) for server in servers]


async def reload_servers(call: Call) -> None:
    """Start anew the servers that failed or died, of all threads; those that run go on (measured with 0.163)."""
    await call("config/mcpServer/reload", None)


async def login_url(call: Call, thread_id: str, name: str) -> str:
    """Return the URL at which somebody logs in to a server."""
    answer = as_record(await call("mcpServer/oauth/login", {"threadId": thread_id, "name": name}))
    return text_at(answer or {}, "authorizationUrl")


def _status(server: Json) -> McpServerStatus:
    error = optional_text_at(server, "toolsError")
    state = _STATES.get(text_at(server, "runtimeStatus"), "failed" if error else "starting")
    return McpServerStatus(
        name=text_at(server, "name"),
        state=state,
        error=redact(error) if error is not None and state == "failed" else None,
        tools=tuple(_tool(as_record(tool) or {}) for _, tool in sorted(record_at(server, "tools").items()))
        if state == "connected"
        else (),
        version=optional_text_at(record_at(server, "serverInfo"), "version"),
    )


def _tool(tool: Json) -> McpTool:
    read_only = record_at(tool, "annotations").get("readOnlyHint")
    return McpTool(
        name=text_at(tool, "name"),
        description=text_at(tool, "description"),
        read_only=read_only if isinstance(read_only, bool) else None,
    )
