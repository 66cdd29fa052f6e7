"""What MCP servers ask as a client is asked, and its answers as the agent takes them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from agent_chat.acp.converting.forms import SKIP, Asking, Forms
from agent_chat.acp.converting.tool_calls import markdown
from agent_chat.transcript.sanitize import visible
from agent_sdk_core.asking.questions import ElicitationAnswer, ElicitationRequest
from agent_sdk_core.wire.reading import as_record

_DONE: Final = "done"


def ask_server(request: ElicitationRequest, forms: Forms) -> list[Asking]:
    """Return what a client is asked for a server; nothing where it cannot be asked."""
    message = f"{request.server}: {request.message}"
    if request.mode == "url":
        if forms.url:
            params = {"mode": "url", "message": message, "url": request.url or "", "elicitationId": request.request_id}
            return [Asking("elicitation/create", params)]
        return [_confirm(request, message, f"{message}\n\n{request.url or ''}", "I have been there")]
    schema = request.schema or {}
    properties = as_record(schema.get("properties")) or {}
    if forms.form:
        wanted = {"type": "object", **schema}
        return [Asking("elicitation/create", {"mode": "form", "message": message, "requestedSchema": wanted})]
    if not properties:
        return [_confirm(request, message, message, "Accept")]
    return []


def _confirm(request: ElicitationRequest, title: str, text: str, accept: str) -> Asking:
    call = {
        "toolCallId": request.request_id,
        "title": title,
        "kind": "other",
        "status": "pending",
        "content": [markdown(visible(text))],
    }
    options = [
        {"optionId": _DONE, "name": accept, "kind": "allow_once"},
        {"optionId": SKIP, "name": "Decline", "kind": "reject_once"},
    ]
    params = {"title": title, "subject": {"type": "tool_call", "toolCall": call}, "options": options}
    return Asking("session/request_permission", params)


def elicited(asking: Asking, result: Mapping[str, object]) -> ElicitationAnswer:
    """Return what a client answered; what is no answer declines."""
    if asking.method == "session/request_permission":
        outcome = as_record(result.get("outcome")) or {}
        taken = outcome.get("outcome") == "selected" and outcome.get("optionId") == _DONE
        return ElicitationAnswer("accept", {}) if taken else ElicitationAnswer("decline")
    match result.get("action"):
        case "accept":
            content = as_record(result.get("content"))
            return ElicitationAnswer("accept", None if asking.params["mode"] == "url" else content or {})
        case "cancel":
            return ElicitationAnswer("cancel")
        case _:
            return ElicitationAnswer("decline")
