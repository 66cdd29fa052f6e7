from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from agent_sdk_core import (
    Allow,
    Answers,
    Choice,
    ElicitationAnswer,
    ElicitationRequest,
    InvalidRequestError,
    QuestionRequest,
)
from claude_sdk.asking.envelope import Envelope
from claude_sdk.asking.questions import ask_elicitation, ask_questions, encode_answers, encode_elicitation

COLOUR = {
    "question": "Which colour?",
    "header": "Colour",
    "multiSelect": False,
    "options": [{"label": "Red", "description": "Like blood"}, {"label": "Blue"}],
}
SIZES = {"question": "Which sizes?", "header": "Size", "multiSelect": True, "options": [{"label": "S"}, {"label": "M"}]}


def asked(**body: Any) -> Envelope:
    return Envelope("request-1", "session-1", "native-1", body, parent_tool_use_id="parent", deadline=3.0)


def questions(*given: Any, **body: Any) -> Envelope:
    tool_input = {"questions": list(given)}
    return asked(**{"tool_name": "AskUserQuestion", "input": tool_input, "tool_use_id": "toolu_1", **body})


class TestQuestions:
    def test_a_question_keeps_what_claude_tells_of_it(self) -> None:
        native = questions(COLOUR, SIZES)
        request = question_request(native)
        assert request is not None
        colour, sizes = request.questions
        assert (colour.id, colour.text, colour.header) == ("Which colour?", "Which colour?", "Colour")
        assert colour.choices == (Choice("Red", "Like blood"), Choice("Blue"))
        assert (colour.allow_other, colour.secret, colour.multi_select) == (True, False, False)
        assert sizes.multi_select
        assert (request.request_id, request.session_id) == ("request-1", "session-1")
        assert (request.tool_use_id, request.parent_tool_use_id, request.deadline) == ("toolu_1", "parent", 3.0)
        assert request.raw is native.params
        assert request.source == native.source

    def test_a_question_with_little_in_it_is_still_one(self) -> None:
        request = question_request(questions({"question": "Why?", "options": [{}, "x"]}))
        assert request is not None
        assert request.questions[0].choices == ()

    @pytest.mark.parametrize(
        "native",
        [
            questions(),
            questions({}),
            questions(COLOUR, {"question": 1}),
            questions(COLOUR, "nonsense"),
            questions(COLOUR, input={"questions": "nonsense"}),
            questions(COLOUR, input=None),
            questions(COLOUR, tool_name="Bash"),
        ],
    )
    def test_what_cannot_be_asked_as_questions_is_none(self, native: Envelope) -> None:
        assert question_request(native) is None


class TestAnswers:
    def test_answers_become_a_part_of_the_tools_input(self) -> None:
        native = questions(COLOUR, SIZES)
        given = {"Which colour?": ("Green please",), "Which sizes?": ("S", "M")}
        assert encode_answers(native)(Answers(given)) == {
            "behavior": "allow",
            "updatedInput": {
                "questions": [COLOUR, SIZES],
                "answers": {"Which colour?": "Green please", "Which sizes?": "S, M"},
            },
            "toolUseID": "toolu_1",
            "decisionClassification": "user_temporary",
        }
        assert "answers" not in native.input

    def test_a_question_without_an_answer_is_left_out(self) -> None:
        body = encode_answers(questions(COLOUR, SIZES))(Answers({"Which colour?": ("Red",), "Which sizes?": ()}))
        assert body["updatedInput"]["answers"] == {"Which colour?": "Red"}

    @pytest.mark.parametrize("given", [{}, {"Which colour?": ()}])
    def test_no_answer_is_a_refusal_that_says_so(self, given: Mapping[str, tuple[str, ...]]) -> None:
        assert encode_answers(questions(COLOUR))(Answers(given)) == {
            "behavior": "deny",
            "message": "The user declined to answer.",
            "toolUseID": "toolu_1",
            "decisionClassification": "user_reject",
        }

    def test_a_request_without_a_tool_use_names_none(self) -> None:
        assert "toolUseID" not in encode_answers(questions(COLOUR, tool_use_id=None))(Answers({}))

    def test_what_answers_no_question_is_refused(self) -> None:
        with pytest.raises(InvalidRequestError, match="not Allow"):
            encode_answers(questions(COLOUR))(Allow())


def question_request(envelope: Envelope) -> QuestionRequest | None:
    found = ask_questions(envelope)
    return None if found is None else found.request


def elicitation_request(envelope: Envelope) -> ElicitationRequest | None:
    found = ask_elicitation(envelope)
    return None if found is None else found.request


def elicitation(**body: Any) -> ElicitationRequest:
    request = elicitation_request(asked(**body))
    assert request is not None
    return request


class TestElicitations:
    def test_a_form_shows_its_schema(self) -> None:
        schema = {"type": "object", "properties": {"name": {"type": "string"}}}
        request = elicitation(mcp_server_name="el", message="Your name?", mode="form", requested_schema=schema)
        assert (request.server, request.mode, request.message) == ("el", "form", "Your name?")
        assert (request.schema, request.url) == (schema, None)
        assert (request.parent_tool_use_id, request.deadline) == ("parent", 3.0)

    def test_a_link_shows_its_address(self) -> None:
        request = elicitation(mcp_server_name="el", message="Log in", mode="url", url="https://e.example")
        assert (request.mode, request.url, request.schema) == ("url", "https://e.example", None)

    def test_a_request_without_a_mode_is_a_form(self) -> None:
        request = elicitation()
        assert (request.server, request.mode, request.message) == ("", "form", "")

    @pytest.mark.parametrize("mode", ["payment", None, []])
    def test_a_mode_that_asks_for_something_else_is_no_request(self, mode: object) -> None:
        assert elicitation_request(asked(mode=mode)) is None

    @pytest.mark.parametrize(
        ("answer", "body"),
        [
            (ElicitationAnswer("accept", {"name": "Ada"}), {"action": "accept", "content": {"name": "Ada"}}),
            (ElicitationAnswer("accept"), {"action": "accept"}),
            (ElicitationAnswer("decline", {"name": "Ada"}), {"action": "decline"}),
            (ElicitationAnswer("cancel"), {"action": "cancel"}),
        ],
    )
    def test_only_an_accepted_elicitation_carries_content(self, answer: ElicitationAnswer, body: object) -> None:
        assert encode_elicitation(answer) == body

    def test_an_elicitation_takes_no_permission(self) -> None:
        with pytest.raises(InvalidRequestError, match="not Allow"):
            encode_elicitation(Allow())
