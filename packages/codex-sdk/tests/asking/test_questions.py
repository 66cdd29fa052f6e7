from __future__ import annotations

from typing import Any

import pytest

from agent_sdk_core import Allow, Answers, Choice, ElicitationAnswer, ElicitationRequest, InvalidRequestError
from codex_sdk import protocol
from codex_sdk.asking.envelope import Envelope
from codex_sdk.asking.questions import ask_elicitation, ask_questions, encode_answers, encode_elicitation


def asked(**params: Any) -> Envelope:
    native = {"threadId": "thread-1", "turnId": "turn-1", **params}
    return Envelope("request-1", "session-1", "7", native, parent_tool_use_id="parent", deadline=3.0)


def elicitation(**params: Any) -> ElicitationRequest:
    found = ask_elicitation(asked(**params))
    assert found is not None
    return found.request


def test_a_question_keeps_what_codex_tells_of_it() -> None:
    option = {"label": "Blue", "description": "Like the sky"}
    question = {"id": "q1", "header": "Colour", "question": "Which?", "isOther": True, "isSecret": True}
    request = ask_questions(asked(itemId="item-1", questions=[{**question, "options": [option]}])).request
    (asks,) = request.questions
    assert (asks.id, asks.header, asks.text) == ("q1", "Colour", "Which?")
    assert asks.choices == (Choice("Blue", "Like the sky"),)
    assert (asks.allow_other, asks.secret, asks.multi_select) == (True, True, False)
    assert (request.tool_use_id, request.parent_tool_use_id, request.deadline) == ("item-1", "parent", 3.0)
    assert request.source is not None
    assert request.source.request_id == "7"


SPARSE: list[dict[str, Any]] = [{}, {"questions": None}, {"questions": [{}]}, {"questions": [{"options": None}]}]


@pytest.mark.parametrize("params", SPARSE)
def test_a_question_with_little_in_it_is_still_a_request(params: dict[str, Any]) -> None:
    assert all(
        question.text == "" and question.choices == () for question in ask_questions(asked(**params)).request.questions
    )


def test_answers_become_the_body_that_codex_takes() -> None:
    body = encode_answers(Answers({"q1": ("Blue", "or green"), "q2": ()}))
    assert body == {"answers": {"q1": {"answers": ["Blue", "or green"]}, "q2": {"answers": []}}}
    protocol.ToolRequestUserInputResponse.model_validate(body)


def test_a_question_takes_no_permission() -> None:
    with pytest.raises(InvalidRequestError, match="not Allow"):
        encode_answers(Allow())


def test_a_form_shows_its_schema() -> None:
    schema = {"type": "object", "properties": {"name": {"type": "string"}}}
    request = elicitation(serverName="files", mode="form", message="Who?", requestedSchema=schema)
    assert (request.server, request.mode, request.message) == ("files", "form", "Who?")
    assert request.schema == schema
    assert request.url is None


def test_a_link_shows_its_address() -> None:
    request = elicitation(serverName="files", mode="url", message="Log in", url="https://e.example")
    assert (request.mode, request.url, request.schema) == ("url", "https://e.example", None)


@pytest.mark.parametrize("mode", ["openai/form", "openaiForm"])
def test_codexs_own_form_is_a_form(mode: str) -> None:
    assert elicitation(mode=mode).mode == "form"


def test_a_mode_that_asks_for_something_else_is_no_request() -> None:
    assert ask_elicitation(asked(mode="openai/payment")) is None


@pytest.mark.parametrize(
    ("answer", "content"),
    [
        (ElicitationAnswer("accept", {"name": "Ada"}), {"name": "Ada"}),
        (ElicitationAnswer("accept"), None),
        (ElicitationAnswer("decline", {"name": "Ada"}), None),
        (ElicitationAnswer("cancel"), None),
    ],
)
def test_only_an_accepted_elicitation_carries_content(answer: ElicitationAnswer, content: object) -> None:
    body = encode_elicitation(answer)
    assert body == {"action": answer.action, "content": content, "_meta": None}
    protocol.McpServerElicitationRequestResponse.model_validate(body)


def test_an_elicitation_takes_no_permission() -> None:
    with pytest.raises(InvalidRequestError, match="not Allow"):
        encode_elicitation(Allow())
