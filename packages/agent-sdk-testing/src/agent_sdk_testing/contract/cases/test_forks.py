"""Copies of a session up to one of its turns, which its prompt, its messages and its result name alike."""

from __future__ import annotations

from uuid import uuid4

import pytest

from agent_sdk_core import AssistantMessage, InvalidRequestError, UserMessage
from agent_sdk_testing import Gate, text
from agent_sdk_testing.contract.agent import Agent
from agent_sdk_testing.contract.traits import needs
from agent_sdk_testing.contract.watching import Ran, run, until

pytestmark = [pytest.mark.anyio, needs("fork")]


def place_of(ran: Ran, name: str) -> str:
    """Return the uuid that names a turn."""
    match name:
        case "prompt":
            return ran.uuid
        case "message":
            return str(ran.all(AssistantMessage)[0].uuid)
        case _:
            return str(ran.result.uuid)


@pytest.mark.parametrize("name", ["prompt", "message", "result"])
async def test_a_fork_ends_with_the_turn_that_is_named(agent: Agent, name: str) -> None:
    agent.model.reply(agent.command("echo one")).reply(text("One.")).reply(text("Two.")).reply(text("Forked."))
    async with agent.session(permission_mode="bypass") as session:
        first = await run(session, "First.")
        await run(session, "Second.")
        async with await session.fork(at=place_of(first, name)) as fork:
            await run(fork, "Instead.")
            told = [message.text for message in await fork.history() if isinstance(message, UserMessage)]
            assert [said for said in told if said] == ["First.", "Instead."]
    last = agent.model.requests[-1].text
    assert "One." in last
    assert "Second." not in last


@needs("steer")
async def test_a_fork_at_a_result_has_what_joined_the_turn(agent: Agent) -> None:
    feed = agent.feed("feed")
    agent.model.reply(agent.command(f"read line <'{feed.path}'")).reply(text("Both.")).reply(text("Two."))
    agent.model.reply(text("Forked."))
    async with agent.session(permission_mode="bypass") as session:
        watch = session.messages()
        async with session.query("First.") as turn:
            await until(watch, AssistantMessage, lambda message: message.tool_uses)
            await session.send("And this.", priority="steer")
            feed.line()
            result = await turn.wait()
        await session.wait_idle()
        await run(session, "Second.")
        async with await session.fork(at=result.uuid) as fork:
            await run(fork, "Instead.")
    last = agent.model.requests[-1].text
    assert "Both." in last
    assert "Second." not in last


async def test_a_stored_session_is_forked_at_a_turn_in_another_process(agent: Agent) -> None:
    agent.model.reply(text("One.")).reply(text("Two.")).reply(text("Forked."))
    async with agent.session() as session:
        first = await run(session, "First.")
        await run(session, "Second.")
        session_id = session.resolved_session_id
    async with (
        agent.backend() as backend,
        await agent.open(backend, resume=session_id, fork=True, fork_at=first.uuid) as fork,
    ):
        await run(fork, "Instead.")
    assert "One." in agent.model.requests[-1].text
    assert "Second." not in agent.model.requests[-1].text


async def test_a_fork_takes_over_what_was_set(agent: Agent) -> None:
    first, second = agent.other_models
    gate = Gate()
    agent.model.reply(text("One.")).reply(text("Two", gate, ".")).reply(text("Forked.")).reply(text("Three."))
    async with agent.session(model=first) as session:
        await run(session, "First.")
        async with session.query("Second.") as turn:
            await gate.reached()
            await session.set_model(second)
            gate.open()
            await turn.wait()
        async with await session.fork() as fork:
            await run(fork, "Instead.")
    assert agent.model_of(agent.model.requests[-1]) == second


async def test_a_place_that_the_session_does_not_have_is_refused(agent: Agent) -> None:
    agent.model.reply(text("One."))
    async with agent.session() as session:
        await run(session, "First.")
        place = str(uuid4())
        with pytest.raises(InvalidRequestError, match=f"no message .*'{place}'"):
            await session.fork(at=place)
