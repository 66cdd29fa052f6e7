"""Approvals of MCP tool calls, which Codex asks as elicitations in the server's name.

An MCP server can send an elicitation that looks like such an approval. It counts as one only while Codex itself shows
an open call of that server with the same arguments; the tool's name and the call's id are taken from that call, never
from what the elicitation says. Pure. Shape: `McpServerElicitationRequestResponse`.
"""

from __future__ import annotations

from collections.abc import Container, Iterable
from dataclasses import replace
from typing import Final, cast

from agent_sdk_core.asking.approvals import ALLOW, DENY, DENY_AND_STOP, Offers
from agent_sdk_core.asking.permissions import Allow, PermissionOption, PermissionRequest
from agent_sdk_core.asking.requests import Ask
from agent_sdk_core.asking.updates import PermissionUpdate
from agent_sdk_core.wire.reading import Json
from codex_sdk.asking.envelope import Envelope
from codex_sdk.normalizer.items.calls import mcp_tool_name

_KIND: Final = "mcp_tool_call"
_OPTIONS: Final = {
    "session": PermissionOption(
        "allow_session", "Yes, and do not ask again in this session", Allow("session"), "in this Codex process"
    ),
    "always": PermissionOption(
        "allow_always", "Yes, and never ask again for this tool", Allow("always"), "in Codex's configuration"
    ),
}


def mcp_approval(
    envelope: Envelope, open_items: Iterable[Json], servers: Container[str] = frozenset()
) -> Ask[PermissionRequest] | None:
    """Return the approval that an elicitation really is, or None for one that the server itself sends.

    Args:
        envelope: The elicitation's.
        open_items: The items of the thread that have started and not completed.
        servers: The servers of the session alone: Codex offers to allow their tools for good, and keeps that no longer
            than its process (0.163), for its configuration has no such server.
    """
    meta = envelope.params.get("_meta")
    if not isinstance(meta, dict) or cast("Json", meta).get("codex_approval_kind") != _KIND:
        return None
    meta = cast("Json", meta)
    calls = [item for item in open_items if _is_call(item, envelope.params.get("serverName"), meta.get("tool_params"))]
    if len({call.get("tool") for call in calls}) != 1:
        return None
    call = calls[0]
    lasting = ("session",) if str(envelope.params.get("serverName")) in servers else ("session", "always")
    persisted = [kind for kind in lasting if kind in (meta.get("persist") or ())]
    name = mcp_tool_name(str(call.get("server")), str(call.get("tool")))
    offers = Offers(
        [
            (ALLOW, _body("accept")),
            *((_option(kind, name), _body("accept", kind)) for kind in persisted),
            (DENY, _body("decline")),
            (DENY_AND_STOP, _body("cancel")),
        ]
    )
    request = envelope.permission(
        name,
        cast("Json", call.get("arguments") or {}),
        tool_use_id=call.get("id") if len(calls) == 1 else None,
        options=offers.options,
        changeable=(),
    )
    return Ask(request, lambda answer: offers.chosen(answer)[2])


def _option(kind: str, tool_name: str) -> PermissionOption:
    option = _OPTIONS[kind]
    if kind == "session":
        return option
    return replace(option, updates=(PermissionUpdate("add_rules", (tool_name,), "allow", destination="user"),))


def _is_call(item: Json, server: object, arguments: object) -> bool:
    return (
        item.get("type") == "mcpToolCall"
        and item.get("status") == "inProgress"
        and item.get("server") == server
        and (item.get("arguments") or {}) == (arguments or {})
    )


def _body(action: str, persist: str | None = None) -> Json:
    content: Json | None = {} if action == "accept" else None
    return {"action": action, "content": content, "_meta": {"persist": persist} if persist else None}
