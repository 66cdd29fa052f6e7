"""Questions of the agent, answered, declined and withdrawn."""

from __future__ import annotations

import pytest

from agent_sdk_core import DEFER, Answers, InvalidRequestError, QuestionRequest, RequestOpened, RequestResolved
from agent_sdk_testing import text
from agent_sdk_testing.contract.agent import Agent
from agent_sdk_testing.contract.traits import needs
from agent_sdk_testing.contract.watching import result_of, run, until

pytestmark = [pytest.mark.anyio, needs("questions", "on_question")]


async def test_a_question_is_answered_by_the_callback(agent: Agent) -> None:
    asked: list[QuestionRequest] = []

    async def answer(request: QuestionRequest) -> Answers:
        asked.append(request)
        return Answers({request.questions[0].id: ("Blue",)})

    agent.model.reply(agent.question("Which colour?", "Red", "Blue")).reply(text("Blue it is."))
    async with agent.session(permission_mode=agent.question_mode, on_question=answer) as session:
        ran = await run(session, "Ask me.")
    [question] = asked[0].questions
    assert question.text == "Which colour?"
    assert [choice.label for choice in question.choices] == ["Red", "Blue"]
    assert "Blue" in agent.model.requests[1].tool_outputs[0].text
    assert [(resolved.kind, resolved.outcome, resolved.by) for resolved in ran.all(RequestResolved)] == [
        ("question", "answered", "callback")
    ]


async def test_an_answer_that_does_not_fit_a_question_is_never_sent(agent: Agent) -> None:
    agent.model.reply(agent.question("Which colour?", "Red", "Blue")).reply(text("Blue it is."))
    async with agent.session(permission_mode=agent.question_mode, on_question=DEFER) as session:
        stream = session.messages()
        uuid = await session.send("Ask me.")
        await until(stream, RequestOpened)
        [request] = session.pending
        assert isinstance(request, QuestionRequest)
        key = request.questions[0].id
        for answers, words in (
            ({"Which animal?": "Cat"}, "Nobody asked"),
            ({key: ("Red", "Blue")}, "takes one answer"),
        ):
            with pytest.raises(InvalidRequestError, match=words):
                await session.answer(request.request_id, Answers(answers))
        assert list(session.pending) == [request]
        await session.answer(request.request_id, Answers({key: "Blue"}))
        await result_of(stream, uuid)
    assert "Blue" in agent.model.requests[1].tool_outputs[0].text


async def test_without_a_callback_a_question_is_declined_and_the_turn_goes_on(agent: Agent) -> None:
    agent.model.reply(agent.question("Which colour?", "Red", "Blue")).reply(text("My own choice, then."))
    async with agent.session(permission_mode=agent.question_mode) as session:
        ran = await run(session, "Ask me.")
    assert [(resolved.outcome, resolved.by) for resolved in ran.all(RequestResolved)] == [("declined", "no_callback")]
    assert ran.result.result == "My own choice, then."


async def test_an_interrupt_withdraws_a_question(agent: Agent) -> None:
    agent.model.reply(agent.question("Which colour?", "Red", "Blue"))
    async with agent.session(permission_mode=agent.question_mode, on_question=DEFER) as session:
        watch, results = session.messages(), session.messages()
        uuid = await session.send("Ask me.")
        opened = await until(watch, RequestOpened)
        assert (opened.kind, session.state) == ("question", "requires_action")
        await session.interrupt()
        resolved = await until(watch, RequestResolved)
        assert (resolved.request_id, resolved.outcome) == (opened.request_id, "withdrawn")
        assert (await result_of(results, uuid)).outcome == "interrupted"
        assert not session.pending
