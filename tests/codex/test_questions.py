from __future__ import annotations

from typing import Any

import pytest
from tests.codex.driving import Codex

from agent_sdk_core import DEFER, Answers, QuestionRequest, RequestOpened, RequestResolved
from agent_sdk_testing import Step, call, text
from agent_sdk_testing.contract.watching import run, until

pytestmark = pytest.mark.anyio


def ask() -> Step:
    choices = [
        {"label": "Red (Recommended)", "description": "It is warm."},
        {"label": "Blue", "description": "It is cold."},
    ]
    question: dict[str, Any] = {"id": "colour", "header": "Colour", "question": "Which colour?", "options": choices}
    return call("request_user_input", questions=[question])


async def test_a_question_in_plan_mode_is_answered(codex: Codex) -> None:
    asked: list[QuestionRequest] = []

    async def answer(request: QuestionRequest) -> Answers:
        asked.append(request)
        return Answers({"colour": ("Blue",)})

    codex.model.reply(ask()).reply(text("Blue it is."))
    async with codex.session(permission_mode="plan", on_question=answer) as session:
        ran = await run(session, "Ask me.")
    [question] = asked[0].questions
    assert (question.id, question.header, question.text) == ("colour", "Colour", "Which colour?")
    assert [choice.label for choice in question.choices] == ["Red (Recommended)", "Blue"]
    assert question.choices[1].description == "It is cold."
    assert "Blue" in codex.model.requests[1].tool_outputs[0].text
    assert [(resolved.kind, resolved.outcome, resolved.by) for resolved in ran.all(RequestResolved)] == [
        ("question", "answered", "callback")
    ]


async def test_without_a_callback_a_question_is_declined_and_the_turn_goes_on(codex: Codex) -> None:
    codex.model.reply(ask()).reply(text("My own choice, then."))
    async with codex.session(permission_mode="plan") as session:
        ran = await run(session, "Ask me.")
    assert [(resolved.outcome, resolved.by) for resolved in ran.all(RequestResolved)] == [("declined", "no_callback")]
    assert "Blue" not in codex.model.requests[1].tool_outputs[0].text
    assert ran.result.outcome == "completed"


async def test_an_interrupt_withdraws_a_question(codex: Codex) -> None:
    codex.model.reply(ask())
    async with codex.session(permission_mode="plan", on_question=DEFER) as session:
        stream = session.messages()
        await session.send("Ask me.")
        opened = await until(stream, RequestOpened)
        assert (opened.kind, session.state) == ("question", "requires_action")
        await session.interrupt()
        resolved = await until(stream, RequestResolved)
        assert (resolved.request_id, resolved.outcome) == (opened.request_id, "withdrawn")
        assert not session.pending


async def test_outside_plan_mode_codex_offers_no_questions(codex: Codex) -> None:
    codex.model.reply(ask()).reply(text("Never mind."))
    async with codex.session() as session:
        ran = await run(session, "Ask me.")
    assert ran.all(RequestOpened) == []
    assert ran.result.outcome == "completed"
