"""Limits of a session: what goes beyond ends the turn, and every one after it, with a result that names the limit."""

from __future__ import annotations

from typing import Any

import pytest

from agent_sdk_core import AgentError, AgentSession, PolicyGuard, PolicyLimits, ResultMessage, tool
from agent_sdk_testing import text
from agent_sdk_testing.contract.agent import Agent
from agent_sdk_testing.contract.traits import needs
from agent_sdk_testing.contract.watching import Asker, run

pytestmark = pytest.mark.anyio


def script(agent: Agent, calls: int) -> None:
    """Let the model call a command so many times, and then say that it is done."""
    for number in range(calls):
        agent.model.reply(agent.command(f"echo {number} >> done.txt", escalate=True))
    agent.model.otherwise(text("Done."))


def scope_of(agent: Agent) -> str:
    """The widest scope that an agent has."""
    return agent.backend_class().capabilities.policy_scope


def limited(agent: Agent, **limits: Any) -> Any:
    """A session with limits, whose commands are all allowed."""
    options = {"permission_mode": "default", "policy_scope": scope_of(agent), "can_use_tool": Asker()}
    return agent.session(policy=PolicyGuard(limits=PolicyLimits(**limits)), **options)


def check_limit(result: ResultMessage, subtype: str, reason: str) -> None:
    assert (result.outcome, result.subtype, result.terminal_reason) == ("limit", subtype, reason)
    assert result.is_error
    assert result.errors
    with pytest.raises(AgentError) as caught:
        result.raise_for_error()
    assert caught.value.details["subtype"] == subtype


async def check_refused(agent: Agent, session: AgentSession, subtype: str) -> ResultMessage:
    """A further prompt ends with the same limit, and the model is not asked."""
    asked = len(agent.model.requests)
    result = (await run_refused(session)).result
    assert (result.outcome, result.subtype) == ("limit", subtype)
    assert len(agent.model.requests) == asked
    return result


async def run_refused(session: AgentSession) -> Any:
    turn = session.query("Again.")
    messages = [message async for message in turn]
    assert messages == [turn.result]
    assert turn.result is not None
    assert turn.result.user_message_uuids == [turn.uuid]
    return turn


@needs("max_turns")
async def test_a_turn_that_wants_more_model_calls_than_it_may_take_ends(agent: Agent) -> None:
    script(agent, 3)
    async with agent.session(permission_mode="default", can_use_tool=Asker(), max_turns=2) as session:
        ran = await run(session, "Act.")
        check_limit(ran.result, "error_max_turns", "max_turns")
        assert agent.read("done.txt") == "0\n1\n"
        agent.model.reply(text("One call."))
        assert (await run(session, "Once more.")).result.outcome == "completed"


@needs("max_turns")
async def test_a_turn_that_takes_all_the_model_calls_it_may_is_no_failure(agent: Agent) -> None:
    script(agent, 1)
    async with agent.session(permission_mode="default", can_use_tool=Asker(), max_turns=2) as session:
        assert (await run(session, "Act.")).result.outcome == "completed"


async def test_a_session_has_no_more_turns_than_its_policy_says(agent: Agent) -> None:
    agent.model.otherwise(text("Hello."))
    async with limited(agent, turns=2) as session:
        for _ in range(2):
            assert (await run(session, "Hi.")).result.outcome == "completed"
        result = await check_refused(agent, session, "error_max_turns")
        check_limit(result, "error_max_turns", "max_turns")
        assert result.error_details == {"limit": "limits.turns", "most": 2}
        queued = [await session.send("Again.") for _ in range(2)]
        await session.wait_idle()
        assert len(set(queued)) == 2


async def test_a_limit_for_a_minute_says_when_to_come_back(agent: Agent) -> None:
    agent.model.otherwise(text("Hello."))
    async with limited(agent, turns_per_minute=1) as session:
        await run(session, "Hi.")
        result = await check_refused(agent, session, "error_max_turns")
        assert result.error is not None
        assert result.error.retryable is True
        assert 0 < result.error_details["retry_after_seconds"] <= 60  # pyright: ignore[reportOperatorIssue]  # a number, of this limit


async def test_a_tool_call_too_many_does_not_run_and_ends_the_turn(agent: Agent) -> None:
    script(agent, 4)
    async with limited(agent, tool_calls=2) as session:
        ran = await run(session, "Act.")
        check_limit(ran.result, "error_max_tool_calls", "max_tool_calls")
        assert ran.results[-1].is_error is True
        assert agent.read("done.txt") == "0\n1\n"
        await check_refused(agent, session, "error_max_tool_calls")


@needs("tools")
async def test_a_tool_of_the_application_does_not_run_once_too_often(agent: Agent) -> None:
    ran_with: list[int] = []

    @tool(read_only=True)
    async def count(number: int) -> str:
        """Count."""
        ran_with.append(number)
        return "Counted."

    for number in (1, 2):
        agent.model.reply(agent.application_tool("tools", "count", number=number))
    agent.model.otherwise(text("Done."))
    options = {"policy_scope": scope_of(agent), "can_use_tool": Asker(), "tools": [count]}
    async with agent.session(policy=PolicyGuard(limits=PolicyLimits(tool_calls=1)), **options) as session:
        check_limit((await run(session, "Count.")).result, "error_max_tool_calls", "max_tool_calls")
    assert ran_with == [1]


async def test_tokens_are_limited(agent: Agent) -> None:
    script(agent, 3)
    async with limited(agent, tokens=15) as session:  # A call of the scripted model takes more than half of it.
        ran = await run(session, "Act.")
        check_limit(ran.result, "error_max_tokens", "max_tokens")
        assert agent.read("done.txt") in ("0\n", "0\n1\n")
        await check_refused(agent, session, "error_max_tokens")


async def test_an_answer_that_took_the_last_token_is_no_failure(agent: Agent) -> None:
    agent.model.otherwise(text("Hello."))
    async with limited(agent, tokens=1) as session:
        assert (await run(session, "Hi.")).result.outcome == "completed"
        await check_refused(agent, session, "error_max_tokens")


async def test_within_its_limits_a_session_is_left_alone(agent: Agent) -> None:
    script(agent, 2)
    limits = {"turns": 5, "tool_calls": 9, "tokens": 10**9, "turns_per_minute": 9, "tool_calls_per_minute": 9}
    async with limited(agent, **limits) as session:
        assert (await run(session, "Act.")).result.outcome == "completed"
        assert (await run(session, "Act.")).result.outcome == "completed"
