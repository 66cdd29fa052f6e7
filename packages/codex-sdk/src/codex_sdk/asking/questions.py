"""Codex's questions and elicitations as requests for the caller, and answers to them in the wire's shapes. Pure.

Shapes: `ToolRequestUserInputResponse`, `McpServerElicitationRequestResponse`.
"""

from __future__ import annotations

from typing import Any, Final

from agent_sdk_core.asking.questions import (
    Answers,
    Choice,
    ElicitationAnswer,
    ElicitationRequest,
    Question,
    QuestionRequest,
)
from agent_sdk_core.errors import InvalidRequestError
from agent_sdk_core.session import AgentAnswer
from codex_sdk.asking.envelope import Envelope
from codex_sdk.normalizer.wire import as_record, optional_text

Json = dict[str, Any]

_MODES: Final = frozenset({"form", "url", "openai/form", "openaiForm"})


def question_request(asked: Envelope) -> QuestionRequest:
    """Return `item/tool/requestUserInput` as a question request."""
    return QuestionRequest(
        request_id=asked.request_id,
        session_id=asked.session_id,
        questions=tuple(_question(question) for question in asked.params.get("questions") or ()),
        tool_use_id=optional_text(asked.params, "itemId"),
        parent_tool_use_id=asked.parent_tool_use_id,
        deadline=asked.deadline,
        raw=asked.params,
        source=asked.source,
    )


def elicitation_request(asked: Envelope) -> ElicitationRequest | None:
    """Return `mcpServer/elicitation/request` as a request; None for a mode that asks for more than data or a visit."""
    params = asked.params
    if params.get("mode", "form") not in _MODES:
        return None
    return ElicitationRequest(
        request_id=asked.request_id,
        session_id=asked.session_id,
        server=str(params.get("serverName", "")),
        mode="url" if params.get("mode") == "url" else "form",
        message=str(params.get("message", "")),
        schema=as_record(params.get("requestedSchema")),
        url=optional_text(params, "url"),
        parent_tool_use_id=asked.parent_tool_use_id,
        deadline=asked.deadline,
        raw=params,
        source=asked.source,
    )


def encode_answers(answer: AgentAnswer) -> Json:
    """Return answers as the response's body."""
    if not isinstance(answer, Answers):
        raise InvalidRequestError(f"A question is answered with Answers, not {type(answer).__name__}.")
    return {"answers": {key: {"answers": list(texts)} for key, texts in answer.answers.items()}}


def encode_elicitation(answer: AgentAnswer) -> Json:
    """Return the answer to an elicitation as the response's body."""
    if not isinstance(answer, ElicitationAnswer):
        raise InvalidRequestError(f"An elicitation is answered with ElicitationAnswer, not {type(answer).__name__}.")
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
