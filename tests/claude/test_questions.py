from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from tests.claude.driving import Claude

from agent_sdk_core import DEFER, Answers, QuestionRequest, RequestOpened, RequestResolved
from agent_sdk_testing import Step, call, text
from agent_sdk_testing.contract.watching import Ran, run, until

pytestmark = pytest.mark.anyio

COLOUR, SIZES = "Which colour?", "Which sizes?"


@dataclass
class Answerer:
    """An `on_question` that gives one answer, and keeps what it was asked."""

    answers: Mapping[str, tuple[str, ...]]
    requests: list[QuestionRequest] = field(default_factory=list[QuestionRequest])

    async def __call__(self, request: QuestionRequest) -> Answers:
        self.requests.append(request)
        return Answers(self.answers)


def ask() -> Step:
    """A step that asks for one of two colours, and for any of two sizes."""

    def question(said: str, header: str, *labels: str, multi: bool) -> dict[str, Any]:
        options = [{"label": label, "description": f"It is {label}."} for label in labels]
        return {"question": said, "header": header, "options": options, "multiSelect": multi}

    questions = [
        question(COLOUR, "Colour", "Red", "Blue", multi=False),
        question(SIZES, "Sizes", "S", "M", multi=True),
    ]
    return call("AskUserQuestion", {"questions": questions})


async def asked(claude: Claude, **options: Any) -> Ran:
    """Run a turn in which the model asks both questions."""
    claude.model.reply(ask()).reply(text("Fine."))
    async with claude.session(**options) as session:
        return await run(session, "Ask me.")


async def test_questions_are_answered_with_one_choice_and_with_several(claude: Claude) -> None:
    answerer = Answerer({COLOUR: ("Blue",), SIZES: ("S", "M")})
    ran = await asked(claude, on_question=answerer)
    [request] = answerer.requests
    assert request.tool_use_id == ran.uses[0].id
    first, second = request.questions
    assert (first.text, first.header, first.multi_select, first.allow_other) == (COLOUR, "Colour", False, True)
    assert [choice.label for choice in first.choices] == ["Red", "Blue"]
    assert first.choices[0].description == "It is Red."
    assert second.multi_select
    assert ran.outcomes[0]["answers"] == {COLOUR: "Blue", SIZES: "S, M"}
    told = claude.model.requests[1].tool_outputs[0].text
    assert "Blue" in told
    assert "S, M" in told


async def test_a_question_is_answered_in_ones_own_words(claude: Claude) -> None:
    ran = await asked(claude, on_question=Answerer({COLOUR: ("Something like the sea",), SIZES: ("S",)}))
    assert ran.outcomes[0]["answers"][COLOUR] == "Something like the sea"
    assert "Something like the sea" in claude.model.requests[1].tool_outputs[0].text


async def test_questions_may_be_answered_in_part(claude: Claude) -> None:
    ran = await asked(claude, on_question=Answerer({COLOUR: ("Red",)}))
    assert "Red" in claude.model.requests[1].tool_outputs[0].text
    assert not ran.results[0].is_error


async def test_declined_questions_are_told_to_the_model(claude: Claude) -> None:
    ran = await asked(claude, on_question=Answerer({}))
    [result] = ran.results
    assert (result.is_error, "declined" in result.text) == (True, True)
    [resolved] = ran.all(RequestResolved)
    assert (resolved.kind, resolved.outcome) == ("question", "declined")
    assert ran.result.outcome == "completed"


async def test_an_answer_to_what_was_not_asked_declines(claude: Claude) -> None:
    ran = await asked(claude, on_question=Answerer({"Which taste?": ("Sweet",)}))
    [resolved] = ran.all(RequestResolved)
    assert (resolved.outcome, resolved.by) == ("declined", "callback_error")
    assert "Sweet" not in claude.model.requests[1].text


async def test_questions_are_asked_even_where_permissions_are_skipped(claude: Claude) -> None:
    answerer = Answerer({COLOUR: ("Red",), SIZES: ("M",)})
    await asked(claude, on_question=answerer, permission_mode="bypass")
    assert len(answerer.requests) == 1


async def test_questions_are_answered_from_elsewhere(claude: Claude) -> None:
    claude.model.reply(ask()).reply(text("Fine."))
    async with claude.session(on_question=DEFER) as session:
        stream = session.messages()
        turn = session.query("Ask me.")
        async with turn:
            opened = await until(stream, RequestOpened)
            assert opened.kind == "question"
            await session.answer(opened.request_id, Answers({COLOUR: ("Red",), SIZES: ("S",)}))
            assert (await turn.wait()).result == "Fine."
    assert "Red" in claude.model.requests[1].tool_outputs[0].text
