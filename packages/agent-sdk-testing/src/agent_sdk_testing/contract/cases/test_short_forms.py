"""The short ways to say what is said most: run, await, texts, a session that is entered where it is made."""

from __future__ import annotations

import anyio
import pytest

from agent_sdk_core import AssistantMessage, SessionOptions, StreamEvent
from agent_sdk_testing import Gate, text
from agent_sdk_testing.contract.agent import Agent
from agent_sdk_testing.contract.traits import needs
from agent_sdk_testing.contract.watching import run, until

pytestmark = pytest.mark.anyio


async def test_a_prompt_is_run_and_a_turn_awaited_for_the_result(agent: Agent) -> None:
    agent.model.when("First.").reply(text("One."))
    agent.model.when("Second.").reply(text("Two."))
    async with agent.session() as session:
        assert (await session.run("First.")).result == "One."
        turn = session.query("Second.")
        assert (await turn).result == turn.text == "Two."


async def test_a_run_that_is_cancelled_interrupts_its_turn(agent: Agent) -> None:
    gate = Gate()
    agent.model.reply(text("Half ", gate, "of it."))
    agent.model.otherwise(text("Fine."))
    async with agent.session() as session:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(session.run, "Talk.")
            await gate.reached()
            tasks.cancel_scope.cancel()
        assert session.state == "idle"
        assert (await session.run("And now?")).result == "Fine."


@pytest.mark.parametrize("partial", [True, False], ids=["deltas", "whole messages"])
async def test_the_texts_of_a_turn_are_its_text_with_blank_lines_between(agent: Agent, partial: bool) -> None:
    agent.model.reply(text("I look ", "around."), agent.command("echo here")).reply(text("All ", "well."))
    async with agent.session(permission_mode="bypass", include_partial_messages=partial) as session:
        turn = session.query("Look.")
        pieces = [piece async for piece in turn.texts()]
    assert "".join(pieces) == "I look around.\n\nAll well."
    assert (len(pieces) > 2) == partial
    assert turn.result is not None
    assert turn.result.result == "All well."


async def test_texts_stream_as_they_are_said(agent: Agent) -> None:
    gate = Gate()
    agent.model.reply(text("Half ", gate, "of it."))
    async with agent.session() as session, session.query("Talk.") as turn:
        texts = turn.texts()
        assert await anext(texts) == "Half "
        gate.open()
        assert "".join([piece async for piece in texts]) == "of it."


async def test_a_session_is_entered_where_it_is_made(agent: Agent) -> None:
    agent.model.otherwise(text("Fine."))
    options = SessionOptions(cwd=agent.workspace)
    async with agent.backend() as backend:
        async with backend.create_session(options) as session:
            assert backend.sessions == (session,)
            assert (await session.run("Talk.")).result == "Fine."
        assert not backend.sessions
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(backend.create_session, options)
            tasks.cancel_scope.cancel()
        assert not backend.sessions
    assert session.state == "closed"


@needs("resume", "fork")
async def test_a_stored_session_is_resumed_by_its_id_and_copied_in_one_line(agent: Agent) -> None:
    agent.model.otherwise(text("Fine."))
    async with agent.backend() as backend:
        async with await agent.open(backend) as session:
            await run(session, "Remember the 7.")
            stored = session.resolved_session_id
            async with session.fork() as copy:
                assert copy.session_id != session.session_id
        async with backend.resume(stored, SessionOptions(cwd=agent.workspace)) as session:
            assert session.session_id == stored
            assert [message.text for message in await session.history() if isinstance(message, AssistantMessage)]
            await run(session, "Which?")
    assert "Remember the 7." in str(agent.model.requests[-1].json)


async def test_a_turn_that_is_left_by_break_goes_on_whether_its_messages_or_texts_were_read(agent: Agent) -> None:
    gate = Gate()
    agent.model.reply(text("Half ", gate, "of it."))
    async with agent.session() as session:
        watch = session.messages()
        async for piece in session.query("Talk.").texts():
            assert piece == "Half "
            break
        assert session.state == "running"
        gate.open()
        await until(watch, StreamEvent, lambda event: event.text)
        await session.wait_idle()
