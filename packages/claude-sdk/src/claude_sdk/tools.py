"""The application's own tools as an MCP server in this process, which Claude reaches through `mcp_message`.

Messages are JSON-RPC; each has one answer, and what a tool raises is an error that the model reads. What Claude needs
to know at the start goes with `initialize`, so that no handshake is needed (2.1.329).
"""

from __future__ import annotations

import base64
import logging
import re
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, cast

import anyio
from anyio.lowlevel import checkpoint_if_cancelled

from agent_sdk_core.asking.requests import Envelope
from agent_sdk_core.errors import InvalidRequestError
from agent_sdk_core.runtime.asking.own_tools import OwnCall
from agent_sdk_core.tools.registry import ToolRegistry
from agent_sdk_core.tools.results import ToolImage, ToolResult
from agent_sdk_core.tools.tool import Tool
from agent_sdk_core.wire.reading import Json, filled_text, record_of

Run = Callable[[OwnCall], Awaitable[ToolResult | None]]
"""Runs a tool for the running turn; None when the turn ended first. Claude has asked about it already."""

_PROTOCOL: Final = "2025-11-25"
"""The version of MCP that claude 2.1.329 asks for; one that asks for another shakes hands instead."""

_VERSION: Final = "1"
_ALWAYS_SHOWN: Final = "anthropic/alwaysLoad"
"""Without it Claude tells the model no more than the tool's name, until the model searches for it (2.1.329)."""

_TOOL_USE: Final = "claudecode/toolUseId"
_LONGEST_RESULT: Final = "anthropic/maxResultSizeChars"

CHANGED: Final[Json] = {"jsonrpc": "2.0", "method": "notifications/tools/list_changed"}
"""Has Claude ask for the list again; the model is shown it with its next call (2.1.329)."""

_INVALID_REQUEST: Final = -32600
_METHOD_NOT_FOUND: Final = -32601
_INVALID_PARAMS: Final = -32602
_INTERNAL_ERROR: Final = -32603
_REMEMBERED: Final = 64
_PARAMETER: Final = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_SHOWN: Final = 80
_log = logging.getLogger(__name__)


def initialize_fields(registries: Sequence[ToolRegistry]) -> Json:
    """Return the fields of `initialize` that offer the tools of registries; none without a registry.

    A manifest stands for the handshake; Claude says in `sdk_mcp_manifests_parked` whether it took it. A call is never
    moved to the background, where its turn could end before it does.

    Raises:
        InvalidRequestError: A tool has a parameter for which Claude would leave it out without a word.
    """
    if not registries:
        return {}
    for registry in registries:
        for tool in registry:
            if (reason := _left_out(tool)) is not None:
                raise InvalidRequestError(reason, backend="claude", details={"option": "tools"})
    return {
        "sdkMcpServers": [registry.name for registry in registries],
        "sdkMcpServerConfigs": {registry.name: {"disableAutoBackground": True} for registry in registries},
        "sdkMcpServerManifests": {
            registry.name: {
                "initializeResult": _introduction(registry, _PROTOCOL),
                "toolsListResult": _listing(registry),
            }
            for registry in registries
        },
    }


class ToolServer:
    """The server for one claude process.

    Args:
        registry: The tools.
        run: Runs each call, such as `BaseSession.run_tool`.
    """

    def __init__(self, registry: ToolRegistry, run: Run) -> None:
        self._registry = registry
        self._run = run
        self._calls: dict[str | int, anyio.CancelScope] = {}
        self._cancelled_early: deque[object] = deque(maxlen=_REMEMBERED)

    async def handle(self, message: Json, envelope: Envelope | None = None) -> Json | None:
        """Answer one message; None for what has no answer, such as a notification. Raises nothing but cancellation.

        A call that `notifications/cancelled` names is cut off, and answered with an error.

        Args:
            message: The message.
            envelope: What the request that it came with shares with all others.
        """
        method, params = filled_text(message.get("method")), record_of(message.get("params"))
        if "id" not in message and method is not None:
            if method == "notifications/cancelled":
                self._cancel(params.get("requestId"))
            return None
        request_id: object = message.get("id")
        if method is None or type(request_id) not in (str, int) or request_id in self._calls:
            return _error(None, _INVALID_REQUEST, "This is no request of JSON-RPC 2.0.")
        match method:
            case "initialize":
                self._cancelled_early.clear()  # Ids count anew.
                result = _introduction(self._registry, filled_text(params.get("protocolVersion")) or _PROTOCOL)
            case "ping":
                result = {}
            case "tools/list":
                result = _listing(self._registry)
            case "tools/call":
                name = filled_text(params.get("name"))
                if name is None:
                    return _error(request_id, _INVALID_PARAMS, "A call names its tool.")
                arguments = params.get("arguments")
                use = filled_text(record_of(params.get("_meta")).get(_TOOL_USE))
                call = OwnCall(self._registry, name, {} if arguments is None else arguments, envelope, use)
                result = _content(await self._call(cast("str | int", request_id), call))
            case _:
                return _error(request_id, _METHOD_NOT_FOUND, f"There is no method {method!r}.")
        return {"jsonrpc": "2.0", "id": request_id, "result": result}

    def failed(self, message: Json, reason: str) -> Json:
        """Return the answer to a message that says why there is no other: a call's is an error that the model reads."""
        request_id = message.get("id")
        if message.get("method") != "tools/call":
            return _error(request_id, _INTERNAL_ERROR, reason)
        return {"jsonrpc": "2.0", "id": request_id, "result": _content(ToolResult.failed(reason))}

    async def _call(self, request_id: str | int, call: OwnCall) -> ToolResult:
        result: ToolResult | None = None
        scope = self._calls[request_id] = anyio.CancelScope()
        if request_id in self._cancelled_early:
            scope.cancel()
        try:
            with scope:
                await checkpoint_if_cancelled()
                result = await self._run(call)
        finally:
            del self._calls[request_id]
        return ToolResult.failed("The call was cut off.") if result is None else result

    def _cancel(self, request_id: object) -> None:
        scope = self._calls.get(cast("Any", request_id)) if type(request_id) in (str, int) else None
        if scope is not None:
            scope.cancel()
        else:
            # Messages are handled in tasks of their own, and the call's may start later.
            self._cancelled_early.append(request_id)


def _introduction(registry: ToolRegistry, version: str) -> Json:
    return {
        "protocolVersion": version,
        "capabilities": {"tools": {"listChanged": True}},
        "serverInfo": {"name": registry.name, "version": _VERSION},
    }


def _listing(registry: ToolRegistry) -> Json:
    for tool in registry:
        if (reason := _left_out(tool)) is not None:  # It came while the session runs.
            _log.warning("%s", reason)
    return {"tools": [_listed(tool) for tool in registry]}


def _left_out(tool: Tool) -> str | None:
    """Return why Claude would not offer a tool to the model (2.1.332)."""
    for name in record_of(tool.input_schema.get("properties")):
        if not _PARAMETER.fullmatch(name):
            return (
                f"Claude cannot offer the tool {tool.name}: the name of its parameter {name[:_SHOWN]!r} has to be 1 to "
                "64 letters of ASCII, digits, '_', '.' or '-'."
            )
    return None


def _listed(tool: Tool) -> Json:
    meta: Json = {_ALWAYS_SHOWN: True}
    if tool.max_result_chars is not None:
        meta[_LONGEST_RESULT] = tool.max_result_chars
    hints = {
        "readOnlyHint": tool.read_only or None,  # Claude runs such tools side by side (2.1.329).
        "destructiveHint": tool.destructive,
        "openWorldHint": tool.open_world,
    }
    annotations = {name: value for name, value in hints.items() if value is not None}
    listed: Json = {
        "name": tool.name,
        "description": tool.description,
        "inputSchema": dict(tool.input_schema),
        "_meta": meta,
    }
    return {**listed, "annotations": annotations} if annotations else listed


def _content(result: ToolResult) -> Json:
    """Return a result as the server tells it: structured content is left out, for Claude shows it in place of texts."""
    return {"content": [_block(part) for part in result.content], "isError": result.is_error}


def _block(part: str | ToolImage) -> Json:
    if isinstance(part, str):
        return {"type": "text", "text": part}
    return {"type": "image", "data": base64.b64encode(part.data).decode(), "mimeType": part.media_type}


def _error(request_id: object, code: int, message: str) -> Json:
    return {"jsonrpc": "2.0", "id": request_id, "error": {"code": code, "message": message}}
