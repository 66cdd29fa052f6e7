"""Claude's questions and elicitations as requests for the caller, and answers to them in the wire's shapes. Pure.

Claude asks its questions as permission to use the tool AskUserQuestion, and takes the answers as a part of that tool's
input; elicitations are those of MCP servers, passed on (2.1.329).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

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
from claude_sdk.asking.envelope import Envelope
from claude_sdk.frames import Json, record, records, text

_DECLINED: Final = "The user declined to answer."


def question_request(asked: Envelope) -> QuestionRequest | None:
    """Return the questions of a `can_use_tool`; None if it asks for permission and nothing else."""
    if asked.tool_name != "AskUserQuestion":
        return None
    given = asked.input.get("questions")
    questions = [question for question in records(given) if text(question.get("question")) is not None]
    if not questions or questions != given:
        return None
    return QuestionRequest(
        request_id=asked.request_id,
        session_id=asked.session_id,
        questions=tuple(_question(question) for question in questions),
        tool_use_id=asked.tool_use_id,
        parent_tool_use_id=asked.parent_tool_use_id,
        deadline=asked.deadline,
        raw=asked.body,
        source=asked.source,
    )


def encode_answers(asked: Envelope) -> Callable[[AgentAnswer], Json]:
    """Return what turns answers to these questions into the response's body.

    It raises `InvalidRequestError` for what is no answer to them. No answer at all is a refusal that the model reads.
    """
    known = {question.get("question") for question in records(asked.input.get("questions"))}
    about = {} if asked.tool_use_id is None else {"toolUseID": asked.tool_use_id}

    def encode(answer: AgentAnswer) -> Json:
        if not isinstance(answer, Answers):
            raise InvalidRequestError(f"A question is answered with Answers, not {type(answer).__name__}.")
        if unknown := [key for key in answer.answers if key not in known]:
            raise InvalidRequestError(f"Nobody asked {unknown[0]!r}: a question's id is its text.", backend="claude")
        answers = {key: ", ".join(texts) for key, texts in answer.answers.items() if texts}
        if not answers:
            return {"behavior": "deny", "message": _DECLINED, **about, "decisionClassification": "user_reject"}
        return {
            "behavior": "allow",
            "updatedInput": {**asked.input, "answers": answers},
            **about,
            "decisionClassification": "user_temporary",
        }

    return encode


def elicitation_request(asked: Envelope) -> ElicitationRequest | None:
    """Return `elicitation` as a request; None for a mode that asks for more than data or a visit."""
    body = asked.body
    mode = body.get("mode", "form")
    if mode not in ("form", "url"):
        return None
    return ElicitationRequest(
        request_id=asked.request_id,
        session_id=asked.session_id,
        server=text(body.get("mcp_server_name")) or "",
        mode=mode,
        message=text(body.get("message")) or "",
        schema=record(body.get("requested_schema")) or None,
        url=text(body.get("url")),
        parent_tool_use_id=asked.parent_tool_use_id,
        deadline=asked.deadline,
        raw=body,
        source=asked.source,
    )


def encode_elicitation(answer: AgentAnswer) -> Json:
    """Return the answer to an elicitation as the response's body; content without a value is left out, never null."""
    if not isinstance(answer, ElicitationAnswer):
        raise InvalidRequestError(f"An elicitation is answered with ElicitationAnswer, not {type(answer).__name__}.")
    if answer.action != "accept" or answer.content is None:
        return {"action": answer.action}
    return {"action": answer.action, "content": dict(answer.content)}


def _question(question: Json) -> Question:
    asked = str(question["question"])
    return Question(
        id=asked,
        text=asked,
        header=text(question.get("header")) or "",
        choices=tuple(
            Choice(label, text(option.get("description")) or "")
            for option in records(question.get("options"))
            if (label := text(option.get("label"))) is not None
        ),
        multi_select=question.get("multiSelect") is True,
        allow_other=True,
    )
