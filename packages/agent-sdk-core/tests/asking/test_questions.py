from __future__ import annotations

import json

from agent_sdk_core.asking.questions import Answers, Choice, ElicitationRequest, Question, QuestionRequest


def identity(kind: str) -> dict[str, object]:
    return {"kind": kind, "request_id": "r", "session_id": "s", "parent_tool_use_id": None, "deadline": None}


def test_a_question_request_as_data_is_json() -> None:
    question = Question("Which?", "q", "Pick", (Choice("a", "the first"), Choice("b")), multi_select=True, secret=True)
    wire = QuestionRequest((question,), "r", "s", tool_use_id="t").to_wire()
    assert json.loads(json.dumps(wire)) == {
        **identity("question"),
        "questions": [
            {
                "id": "q",
                "text": "Which?",
                "header": "Pick",
                "choices": [{"label": "a", "description": "the first"}, {"label": "b", "description": ""}],
                "multi_select": True,
                "allow_other": False,
                "secret": True,
            }
        ],
        "tool_use_id": "t",
    }


def test_an_elicitation_as_data_is_json() -> None:
    form = ElicitationRequest("Name?", "server", "form", "r", "s", schema={"type": "object"})
    link = ElicitationRequest("Go", "server", "url", "r", "s", url="https://example.org")
    assert json.loads(json.dumps(form.to_wire()))["schema"] == {"type": "object"}
    assert link.to_wire() == {
        **identity("elicitation"),
        "server": "server",
        "mode": "url",
        "message": "Go",
        "schema": None,
        "url": "https://example.org",
    }


def test_requests_compare_by_what_is_asked() -> None:
    assert QuestionRequest((), "r", "s", raw=1) == QuestionRequest((), "r", "s", raw=2)
    assert Answers({"a": ("x",)}) == Answers({"a": ("x",)})


def test_a_test_of_a_callback_makes_questions_and_answers_of_texts_alone() -> None:
    request = QuestionRequest((Question("Which?", choices=(Choice("a"), Choice("b"))),))
    assert [question.id for question in request.questions] == ["Which?"]
    assert Answers({"Which?": "a", "Why?": ["b", "c"]}).answers == {"Which?": ("a",), "Why?": ("b", "c")}
    assert Answers() == Answers({})
    assert repr(Answers({"Which?": "a"})) == "Answers(answers={'Which?': ('a',)})"
    elicited = ElicitationRequest("Your name?")
    assert (elicited.mode, elicited.server, elicited.session_id) == ("form", "server", "")
    assert elicited.request_id != request.request_id
