"""Requests of the agent as a client is asked, and its answers as the agent takes them. What is no answer refuses."""

from __future__ import annotations

from agent_chat.acp.converting.elicitations import ask_server, elicited
from agent_chat.acp.converting.forms import Asking, Forms
from agent_chat.acp.converting.permissions import ask_permission, ask_plan, chosen, decided
from agent_chat.acp.converting.questions import answered, ask_choices, ask_questions, picked
from agent_sdk_core.asking.permissions import PermissionRequest
from agent_sdk_core.asking.questions import ElicitationRequest, QuestionRequest
from agent_sdk_core.asking.requests import AgentAnswer, AgentRequest, refusal_of
from agent_sdk_core.wire.reading import as_record


def asks(request: AgentRequest, forms: Forms, cwd: str = "") -> list[Asking]:
    """Return what a client is asked, one after the other, for a request; nothing where it cannot be asked.

    What is secret is never asked: a client shows and keeps what is answered.
    """
    match request:
        case PermissionRequest() if request.kind == "plan" and forms.form:
            return [ask_plan(request)]
        case PermissionRequest():
            return [ask_permission(request, cwd)]
        case QuestionRequest() if any(question.secret for question in request.questions):
            return []
        case QuestionRequest() if forms.form:
            return [ask_questions(request)]
        case QuestionRequest():
            return [ask_choices(request, question) for question in request.questions]
        case ElicitationRequest():
            return ask_server(request, forms)


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
            return decided(request, given[0])
        case PermissionRequest():
            return chosen(request, given[0])
        case QuestionRequest() if askings[0].method == "elicitation/create":
            return answered(request, given[0])
        case QuestionRequest():
            return picked(request, given)
        case ElicitationRequest():
            return elicited(askings[0], given[0])
