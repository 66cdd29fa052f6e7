"""Questions as a client is asked, and its answers as the agent takes them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, cast

from agent_chat.acp.converting.forms import SKIP, Asking, form
from agent_chat.acp.converting.tool_calls import markdown
from agent_chat.transcript.sanitize import visible
from agent_sdk_core.asking.questions import Answers, Question, QuestionRequest
from agent_sdk_core.wire.reading import as_record

OTHER: Final = "other"
_NO_FORMS: Final = "(This client has no forms; answer it in your next message.)"


def ask_questions(request: QuestionRequest) -> Asking:
    """Return the form of all questions of a request."""
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
    return form(message, properties, required, tool_call=request.tool_use_id)


def answered(request: QuestionRequest, result: Mapping[str, object]) -> Answers:
    """Return what a form was filled in with; nothing where it was not."""
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


def ask_choices(request: QuestionRequest, question: Question) -> Asking:
    """Return one question as options, for a client without forms."""
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


def picked(request: QuestionRequest, results: list[dict[str, object]]) -> Answers:
    """Return the options that were chosen; nothing unless each question has one."""
    answers: dict[str, str] = {}
    for question, result in zip(request.questions, results, strict=True):
        outcome = as_record(result.get("outcome")) or {}
        option = outcome.get("optionId") if outcome.get("outcome") == "selected" else None
        for place, each in enumerate(question.choices):
            if option == f"choice_{place}":
                answers[question.id] = each.label
    return Answers(answers) if len(answers) == len(request.questions) else Answers({})


def _label(label: str, description: str) -> str:
    return visible(f"{label}: {description}" if description else label)


def _texts(value: object) -> tuple[str, ...]:
    if isinstance(value, str):
        return (value,) if value.strip() else ()
    texts = cast("list[object]", value) if isinstance(value, list) else []
    return tuple(text for text in texts if isinstance(text, str))
