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
from agent_sdk_core.asking.requests import AgentAnswer, Ask, expect
from agent_sdk_core.wire.reading import Json, filled_text, record_of, records_of
from claude_sdk.asking.envelope import Envelope

_DECLINED: Final = "The user declined to answer."


def ask_questions(envelope: Envelope) -> Ask[QuestionRequest] | None:
    """Return the questions of a `can_use_tool`; None if it asks for permission and nothing else."""
    if envelope.tool_name != "AskUserQuestion":
        return None
    given = envelope.input.get("questions")
    told = [question for question in records_of(given) if filled_text(question.get("question")) is not None]
    if not told or told != given:
        return None
    return Ask(envelope.question(_question(question) for question in told), encode_answers(envelope))


def ask_elicitation(envelope: Envelope) -> Ask[ElicitationRequest] | None:
    """Return `elicitation` as one; None for a mode that asks for more than data or a visit."""
    params = envelope.params
    if (mode := params.get("mode", "form")) not in ("form", "url"):
        return None
    request = envelope.elicitation(
        mode,
        server=filled_text(params.get("mcp_server_name")) or "",
        message=filled_text(params.get("message")) or "",
        schema=record_of(params.get("requested_schema")) or None,
        url=filled_text(params.get("url")),
    )
    return Ask(request, encode_elicitation)


def encode_answers(envelope: Envelope) -> Callable[[AgentAnswer], Json]:
    """Return what turns answers to these questions into the response's body.

    No answer at all is a refusal that the model reads.
    """
    about = {} if envelope.tool_use_id is None else {"toolUseID": envelope.tool_use_id}

    def encode(answer: AgentAnswer) -> Json:
        given = expect(answer, Answers).answers
        answers = {key: ", ".join(texts) for key, texts in given.items() if texts}
        if not answers:
            return {"behavior": "deny", "message": _DECLINED, **about, "decisionClassification": "user_reject"}
        return {
            "behavior": "allow",
            "updatedInput": {**envelope.input, "answers": answers},
            **about,
            "decisionClassification": "user_temporary",
        }

    return encode


def encode_elicitation(answer: AgentAnswer) -> Json:
    """Return the answer to an elicitation as the response's body; content without a value is left out, never null."""
    answer = expect(answer, ElicitationAnswer)
    if answer.action != "accept" or answer.content is None:
        return {"action": answer.action}
    return {"action": answer.action, "content": dict(answer.content)}


def _question(question: Json) -> Question:
    asked = str(question["question"])
    return Question(
        id=asked,
        text=asked,
        header=filled_text(question.get("header")) or "",
        choices=tuple(
            Choice(label, filled_text(option.get("description")) or "")
            for option in records_of(question.get("options"))
            if (label := filled_text(option.get("label"))) is not None
        ),
        multi_select=question.get("multiSelect") is True,
        allow_other=True,
    )
