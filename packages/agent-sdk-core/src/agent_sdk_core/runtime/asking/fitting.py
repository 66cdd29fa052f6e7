"""Whether an answer fits what was asked: checked once for every agent, before anything is sent."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from agent_sdk_core.asking.approvals import require_change, require_option
from agent_sdk_core.asking.permissions import PermissionRequest
from agent_sdk_core.asking.questions import Answers, ElicitationAnswer, ElicitationRequest, Question, QuestionRequest
from agent_sdk_core.asking.requests import AgentAnswer, AgentRequest
from agent_sdk_core.errors import InvalidRequestError
from agent_sdk_core.names import nearest
from agent_sdk_core.paths import off_the_loop
from agent_sdk_core.redaction import learn

Fits = Callable[[AgentAnswer], None]
"""Raises `InvalidRequestError` for an answer that does not fit; answers of another kind are refused elsewhere."""

_SHOWN: Final = 60


async def fitting(request: AgentRequest) -> Fits:
    """Return the check of the answers to a request; a schema is read off the event loop, which takes its time."""
    match request:
        case PermissionRequest():
            return lambda answer: _require_permission(request, answer)
        case QuestionRequest():
            return lambda answer: _require_answers(request, answer)
        case ElicitationRequest(mode="form", schema=Mapping() as schema):
            content = await off_the_loop(_content_check, schema)
            return lambda answer: _require_content(request, answer, content)
        case _:
            return lambda answer: None


def _require_permission(request: PermissionRequest, answer: AgentAnswer) -> None:
    require_option(request, answer)
    require_change(request, answer)


def _require_answers(request: QuestionRequest, answer: AgentAnswer) -> None:
    if not isinstance(answer, Answers):
        return
    asked = {question.id: question for question in request.questions}
    for key, texts in answer.answers.items():
        if (question := asked.get(key)) is None:
            meant = nearest(key, tuple(asked))
            hint = f"did you mean {meant!r}?" if meant else f"asked was: {', '.join(map(repr, asked))}."
            raise InvalidRequestError(f"Nobody asked {key!r}; {hint}")
        _require_answer(question, texts)
        if question.secret:
            learn(*texts)


def _require_answer(question: Question, texts: tuple[str, ...]) -> None:
    about = f"The question {question.id[:_SHOWN]!r}"
    if len(texts) > 1 and not question.multi_select:
        raise InvalidRequestError(f"{about} takes one answer, not {len(texts)}.")
    labels = tuple(choice.label for choice in question.choices)
    if not labels or question.allow_other:
        return
    for text in texts:
        if text not in labels:
            raise InvalidRequestError(f"{about} takes one of its choices: {', '.join(map(repr, labels))}.")


def _content_check(schema: Mapping[str, object]) -> Callable[[object], str | None]:
    """Return what tells why content does not fit a server's schema; nothing fits one that is none."""
    from agent_sdk_core.structured.schema import OutputSchema  # 60 ms, for those who are asked

    try:
        checker = OutputSchema(schema)
    except InvalidRequestError as error:
        reason = f"the server's schema cannot be used: {error.message}"
        return lambda content: reason

    def check(content: object) -> str | None:
        told = [f"{problem['path']} {problem['message']}".strip() for problem in checker.problems(content)]
        return "; ".join(told) or None

    return check


def _require_content(request: ElicitationRequest, answer: AgentAnswer, check: Callable[[object], str | None]) -> None:
    if not isinstance(answer, ElicitationAnswer) or answer.action != "accept":
        return
    if (problem := check(dict(answer.content or {}))) is not None:
        raise InvalidRequestError(
            f"The content does not fit what {request.server!r} asks: {problem.rstrip('.')}. Correct it, or decline.",
            details={"schema": request.schema},
        )
