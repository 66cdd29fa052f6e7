"""A turn that takes too long or shows no sign of life is ended, and a session that nobody uses is parked."""

from __future__ import annotations

import anyio
import pytest

from agent_sdk_core import AgentError, AgentSession, Informational
from agent_sdk_testing import Gate, text
from agent_sdk_testing.contract.agent import Agent
from agent_sdk_testing.contract.traits import needs
from agent_sdk_testing.contract.watching import run

pytestmark = pytest.mark.anyio


async def test_a_turn_that_takes_too_long_ends_at_its_limit(agent: Agent) -> None:
    agent.model.when("Talk.").reply(text("Half ", Gate(), "of it."))
    agent.model.otherwise(text("Fine."))
    async with agent.session(turn_timeout=1) as session:
        result = await session.query("Talk.").wait()
        assert result.outcome == "limit"
        assert isinstance(result.error, AgentError)
        assert (result.error.code, result.error.details["limit"]) == ("limit_reached", "turn_timeout")
        assert "turn_timeout" in str(result.error)
        assert (await session.query("Go on.").wait()).outcome in ("completed", "limit")
        assert session.state == "idle"


async def test_a_turn_without_a_sign_of_life_is_warned_of_and_then_ended(agent: Agent) -> None:
    agent.model.when("Talk.").reply(text("Half ", Gate(), "of it."))
    agent.model.otherwise(text("Fine."))
    async with agent.session(stall_timeout=1) as session:
        async with session.query("Talk.") as turn:
            messages = [message async for message in turn]
        warnings = [message for message in messages if isinstance(message, Informational) and message.level]
        assert warnings
        assert all("no sign of life" in warning.content for warning in warnings), "a late sign is followed by another"
        assert turn.result is not None
        assert isinstance(turn.result.error, AgentError)
        assert (turn.result.outcome, turn.result.error.code) == ("failed", "turn_stalled")
        assert turn.result.error.retryable
        assert session.state == "idle"


async def parked(session: AgentSession) -> None:
    with anyio.fail_after(60):
        while session.state != "parked":
            await anyio.sleep(0.05)


@needs("idle_timeout", "resume")
async def test_a_session_that_nobody_uses_is_parked_and_comes_back_with_its_next_prompt(agent: Agent) -> None:
    agent.model.reply(text("Fine.")).reply(text("Next."))
    async with agent.session(idle_timeout=0.5) as session:
        await run(session, "Remember the word apple.")
        await parked(session)
        assert (await run(session, "Go on.")).result.result == "Next."
        assert session.resolved_session_id == session.session_id
        await parked(session)
    assert session.state == "closed"
    assert "Remember the word apple." in agent.model.requests[-1].text


@needs("idle_timeout", "resume")
async def test_a_session_is_not_parked_in_a_turn(agent: Agent) -> None:
    gate = Gate()
    agent.model.reply(text("Half ", gate, "of it."))
    async with agent.session(idle_timeout=0.2) as session:
        async with session.query("Talk.") as turn:
            await gate.reached()
            await anyio.sleep(0.5)
            assert session.state == "running"
            gate.open()
            assert (await turn.wait()).result == "Half of it."
        await parked(session)
