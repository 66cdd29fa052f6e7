"""Requests of the agent as a client is asked, and its answers as the agent takes them. What is no answer refuses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, cast

from agent_chat.acp.converting.changes import asked_changes, changes_of
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
from agent_sdk_core.asking.questions import Answers, ElicitationAnswer, ElicitationRequest, Question, QuestionRequest
from agent_sdk_core.asking.requests import AgentAnswer, AgentRequest, refusal_of
from agent_sdk_core.messages.blocks import ToolUseBlock
from agent_sdk_core.wire.reading import as_record

Way = Literal["form", "url", "permission"]
"""How a request is put: as a form, as a link to visit, as options to choose from."""

SKIP: Final = "skip"
DECISION: Final = "decision"
FEEDBACK: Final = "feedback"
OTHER: Final = "other"
_DONE: Final = "done"


@dataclass(frozen=True, slots=True)
class Asking:
    """One thing to ask a client.

    Attributes:
        method: The request's method.
        params: Its parameters, in the words of the second version, without the session.
    """

    method: Literal["session/request_permission", "elicitation/create"]
    params: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Forms:
    """What a client can show beside options.

    Attributes:
        form: Forms.
        url: Links to visit.
    """

    form: bool = False
    url: bool = False


def asks(request: AgentRequest, forms: Forms, cwd: str = "") -> list[Asking]:
    """Return what a client is asked, one after the other, for a request; nothing where it cannot be asked.

    What is secret is never asked: a client shows and keeps what is answered.
    """
    match request:
        case PermissionRequest() if request.kind == "plan" and forms.form:
            return [_plan(request)]
        case PermissionRequest():
            return [_permission(request, cwd)]
        case QuestionRequest() if any(question.secret for question in request.questions):
            return []
        case QuestionRequest() if forms.form:
            return [_questions(request)]
        case QuestionRequest():
            return [_choices(request, question) for question in request.questions]
        case ElicitationRequest():
            return _elicitation(request, forms)


def answer_of(request: AgentRequest, askings: list[Asking], results: list[object]) -> AgentAnswer:
    """Return the answer that a client's results stand for; a refusal where they are none.

    Args:
        request: The request.
        askings: What was asked.
        results: What was answered, as far as it was: fewer, where one refused.
    """
    given = [as_record(result) or {} for result in results]
    if not askings or len(given) < len(askings):
        return refusal_of(request)
    match request:
        case PermissionRequest() if askings[0].method == "elicitation/create":
            return _decided(request, given[0])
        case PermissionRequest():
            return chosen(request, given[0])
        case QuestionRequest() if askings[0].method == "elicitation/create":
            return _answered(request, given[0])
        case QuestionRequest():
            return _picked(request, given)
        case ElicitationRequest():
            return _elicited(askings[0], given[0])


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


def _permission(request: PermissionRequest, cwd: str) -> Asking:
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


def _plan(request: PermissionRequest) -> Asking:
    plan = request.input.get("plan")
    options = [{"const": option.id, "title": visible(option.label)} for option in options_of(request)]
    return _form(
        f"{asked(request).heading}.\n\n{visible(plan) if isinstance(plan, str) else ''}".strip(),
        {
            DECISION: {"type": "string", "title": "Decision", "oneOf": options},
            FEEDBACK: {"type": "string", "title": "What should be otherwise", "description": "For a refusal."},
        },
        [DECISION],
        tool_call=request.tool_use_id,
    )


def _decided(request: PermissionRequest, result: Mapping[str, object]) -> Permission:
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


def _questions(request: QuestionRequest) -> Asking:
    properties: dict[str, Any] = {}
    required: list[str] = []
    for place, question in enumerate(request.questions):
        key = f"question_{place}"
        shown = {"title": question.header or question.text, "description": question.text}
        choices = [{"const": each.label, "title": _label(each.label, each.description)} for each in question.choices]
        if not choices:
            properties[key] = {"type": "string", **shown}
        elif question.multi_select:
            properties[key] = {"type": "array", **shown, "items": {"anyOf": choices}}
        else:
            properties[key] = {"type": "string", **shown, "oneOf": choices}
        if choices and question.allow_other:
            properties[f"{key}_{OTHER}"] = {"type": "string", "title": "Another answer", "description": question.text}
        elif not question.multi_select:
            required.append(key)
    message = "\n".join(question.text for question in request.questions)
    return _form(message, properties, required, tool_call=request.tool_use_id)


def _answered(request: QuestionRequest, result: Mapping[str, object]) -> Answers:
    if result.get("action") != "accept":
        return Answers({})
    content = as_record(result.get("content")) or {}
    answers: dict[str, tuple[str, ...]] = {}
    for place, question in enumerate(request.questions):
        key = f"question_{place}"
        given = (*_texts(content.get(key)), *_texts(content.get(f"{key}_{OTHER}")))
        if given and not question.multi_select:
            given = given[-1:]
        if given:
            answers[question.id] = given
    return Answers(answers)


def _choices(request: QuestionRequest, question: Question) -> Asking:
    options = [
        {"optionId": f"choice_{place}", "name": _label(each.label, each.description), "kind": "allow_once"}
        for place, each in enumerate(question.choices)
    ]
    options.append({"optionId": SKIP, "name": "Do not answer", "kind": "reject_once"})
    call = {
        "toolCallId": request.tool_use_id or request.request_id,
        "title": question.text,
        "kind": "other",
        "status": "pending",
        "content": [markdown(question.text if question.choices else f"{question.text}\n\n{_NO_FORMS}")],
    }
    params = {"title": question.text, "subject": {"type": "tool_call", "toolCall": call}, "options": options}
    return Asking("session/request_permission", params)


def _picked(request: QuestionRequest, results: list[dict[str, object]]) -> Answers:
    answers: dict[str, str] = {}
    for question, result in zip(request.questions, results, strict=True):
        outcome = as_record(result.get("outcome")) or {}
        option = outcome.get("optionId") if outcome.get("outcome") == "selected" else None
        for place, each in enumerate(question.choices):
            if option == f"choice_{place}":
                answers[question.id] = each.label
    return Answers(answers) if len(answers) == len(request.questions) else Answers({})


def _elicitation(request: ElicitationRequest, forms: Forms) -> list[Asking]:
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


def _elicited(asking: Asking, result: Mapping[str, object]) -> ElicitationAnswer:
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


def _form(message: str, properties: dict[str, Any], required: list[str], *, tool_call: str | None) -> Asking:
    schema = {"type": "object", "properties": properties, "required": required}
    params: dict[str, Any] = {"mode": "form", "message": message, "requestedSchema": schema}
    if tool_call is not None:
        params["toolCallId"] = tool_call
    return Asking("elicitation/create", params)


def _label(label: str, description: str) -> str:
    return visible(f"{label}: {description}" if description else label)


def _texts(value: object) -> tuple[str, ...]:
    if isinstance(value, str):
        return (value,) if value.strip() else ()
    texts = cast("list[object]", value) if isinstance(value, list) else []
    return tuple(text for text in texts if isinstance(text, str))


_NO_FORMS: Final = "(This client has no forms; answer it in your next message.)"
