"""Codex's questions and elicitations as requests for the caller, and answers to them in the wire's shapes. Pure.

Shapes: `ToolRequestUserInputResponse`, `McpServerElicitationRequestResponse`.
"""

from __future__ import annotations

from typing import Final

from agent_sdk_core.asking.questions import (
    Answers,
    Choice,
    ElicitationAnswer,
    ElicitationRequest,
    Question,
    QuestionRequest,
)
from agent_sdk_core.asking.requests import AgentAnswer, Ask, expect
from agent_sdk_core.wire.reading import Json, as_record, optional_text_at
from codex_sdk.asking.envelope import Envelope

_MODES: Final = frozenset({"form", "url", "openai/form", "openaiForm"})


def ask_questions(envelope: Envelope) -> Ask[QuestionRequest]:
    """Return `item/tool/requestUserInput` as questions to the user."""
    told = envelope.params.get("questions") or ()
    return Ask(envelope.question(_question(question) for question in told), encode_answers)


def ask_elicitation(envelope: Envelope) -> Ask[ElicitationRequest] | None:
    """Return `mcpServer/elicitation/request` as one; None for a mode that asks for more than data or a visit."""
    params = envelope.params
    if (mode := params.get("mode", "form")) not in _MODES:
        return None
    request = envelope.elicitation(
        mode,
        server=str(params.get("serverName", "")),
        message=str(params.get("message", "")),
        schema=as_record(params.get("requestedSchema")),
        url=optional_text_at(params, "url"),
    )
    return Ask(request, encode_elicitation)


def encode_answers(answer: AgentAnswer) -> Json:
    """Return answers as the response's body."""
    answers = expect(answer, Answers).answers
    return {"answers": {key: {"answers": list(texts)} for key, texts in answers.items()}}


def encode_elicitation(answer: AgentAnswer) -> Json:
    """Return the answer to an elicitation as the response's body."""
    answer = expect(answer, ElicitationAnswer)
    content = dict(answer.content) if answer.action == "accept" and answer.content is not None else None
    return {"action": answer.action, "content": content, "_meta": None}


def _question(question: Json) -> Question:
    return Question(
        id=str(question.get("id", "")),
        text=str(question.get("question", "")),
        header=str(question.get("header", "")),
        choices=tuple(
            Choice(str(option.get("label", "")), str(option.get("description", "")))
            for option in question.get("options") or ()
        ),
        allow_other=question.get("isOther") is True,
        secret=question.get("isSecret") is True,
    )
