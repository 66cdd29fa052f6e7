"""Permissions and plans as a client is asked, and its choices as the agent takes them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from agent_chat.acp.converting.changes import asked_changes, changes_of
from agent_chat.acp.converting.forms import Asking, form
from agent_chat.acp.converting.tool_calls import KINDS, META, fenced, locations, markdown, title_of
from agent_chat.transcript.requests import asked
from agent_chat.transcript.sanitize import visible
from agent_sdk_core.asking.permissions import (
    ALLOW,
    DENY,
    DENY_AND_STOP,
    Allow,
    Deny,
    Permission,
    PermissionOption,
    PermissionRequest,
)
from agent_sdk_core.messages.blocks import ToolUseBlock
from agent_sdk_core.wire.reading import as_record

DECISION: Final = "decision"
FEEDBACK: Final = "feedback"


def options_of(request: PermissionRequest) -> tuple[PermissionOption, ...]:
    """Return the ways to answer: the request's own, and a refusal where it has none."""
    options = request.options or (ALLOW,)
    refusals = [option.answer for option in options if isinstance(option.answer, Deny)]
    more = () if any(not answer.interrupt for answer in refusals) else (DENY,)
    stops = () if any(answer.interrupt for answer in refusals) else (DENY_AND_STOP,)
    return (*options, *more, *stops)


def chosen(request: PermissionRequest, result: Mapping[str, object]) -> Permission:
    """Return the answer that a client chose; what is no choice refuses, and a cancelled request ends the turn too."""
    outcome = as_record(result.get("outcome")) or {}
    if outcome.get("outcome") == "selected":
        for option in options_of(request):
            if option.id == outcome.get("optionId"):
                return option.answer
        return Deny("The client chose an option that there is not.")
    return Deny("The client cancelled the request.", interrupt=outcome.get("outcome") == "cancelled")


def ask_permission(request: PermissionRequest, cwd: str) -> Asking:
    """Return what a client is asked for a permission."""
    use = ToolUseBlock(id=request.tool_use_id or request.request_id, name=request.tool_name, input=dict(request.input))
    where = request.cwd or cwd
    call: dict[str, Any] = {
        "toolCallId": use.id,
        "name": use.name,
        "title": title_of(use, where),
        "kind": KINDS[request.kind],
        "status": "pending",
        "rawInput": dict(request.input),
    }
    if places := locations(request.input, where):
        call["locations"] = places
    block = asked(request)
    facts = [f"{name}: {value}" for name, value in block.facts if name != "in"]
    content: list[dict[str, Any]] = [markdown("\n".join(facts))] if facts else []
    announced = changes_of(request.kind, request.tool_name, request.input, where)
    if request.kind in ("edit", "delete", "move"):
        content += [change.to_wire() for change in asked_changes(request.diff, announced, where)]
    elif block.command:
        content.append(fenced(block.command))
    elif block.subject:
        content.append(markdown(block.subject) if request.kind == "plan" else fenced(block.subject))
    if content:
        call["content"] = content
    params: dict[str, Any] = {
        "title": block.heading,
        "subject": {"type": "tool_call", "toolCall": call},
        "options": [_option(option) for option in options_of(request)],
        "_meta": {META: {"requestId": request.request_id, "escalates": sorted(request.escalates)}},
    }
    if facts:
        params["description"] = "\n".join(facts)
    return Asking("session/request_permission", params)


def _option(option: PermissionOption) -> dict[str, Any]:
    answer = option.answer
    if isinstance(answer, Allow):
        kind = "allow_once" if answer.scope == "once" else "allow_always"
    else:
        kind = "reject_always" if option.stored else "reject_once"
    name = f"{option.label} ({option.stored})" if option.stored else option.label
    exact = {"answer": answer.to_wire(), "stored": option.stored}
    return {"optionId": option.id, "name": visible(name), "kind": kind, "_meta": {META: exact}}


def ask_plan(request: PermissionRequest) -> Asking:
    """Return the form by which a client with forms approves a plan."""
    plan = request.input.get("plan")
    options = [{"const": option.id, "title": visible(option.label)} for option in options_of(request)]
    return form(
        f"{asked(request).heading}.\n\n{visible(plan) if isinstance(plan, str) else ''}".strip(),
        {
            DECISION: {"type": "string", "title": "Decision", "oneOf": options},
            FEEDBACK: {"type": "string", "title": "What should be otherwise", "description": "For a refusal."},
        },
        [DECISION],
        tool_call=request.tool_use_id,
    )


def decided(request: PermissionRequest, result: Mapping[str, object]) -> Permission:
    """Return what a client decided of a plan; what is no decision refuses it."""
    if result.get("action") != "accept":
        return Deny("The plan was not approved.", interrupt=result.get("action") == "cancel")
    content = as_record(result.get("content")) or {}
    for option in options_of(request):
        if option.id == content.get(DECISION):
            feedback = content.get(FEEDBACK)
            if isinstance(option.answer, Deny) and isinstance(feedback, str) and feedback.strip():
                return Deny(feedback, interrupt=option.answer.interrupt, option=option.answer.option)
            return option.answer
    return Deny("The client chose an option that there is not.")
