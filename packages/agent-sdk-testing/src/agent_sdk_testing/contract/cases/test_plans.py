"""Plans: asked about before they are carried out, alike whether the agent waits with its plan or ends its turn."""

from __future__ import annotations

from typing import Any

import pytest

from agent_sdk_core import DEFER, Allow, Deny, RequestOpened, RequestResolved, ResultMessage
from agent_sdk_testing import text
from agent_sdk_testing.contract.agent import Agent
from agent_sdk_testing.contract.traits import needs
from agent_sdk_testing.contract.watching import Asker, run, until

pytestmark = [pytest.mark.anyio, needs("plans")]

_PLANNING: dict[str, Any] = {"permission_mode": "plan", "include_partial_messages": False}
"""Without deltas: Claude completes the input of the call after they have streamed."""


@pytest.mark.parametrize(("option", "mode"), [("allow", "default"), ("accept_edits", "accept_edits")])
async def test_an_approved_plan_sets_the_mode_and_is_carried_out(agent: Agent, option: str, mode: str) -> None:
    asker = Asker([Allow(option=option)])
    for step in agent.plan("1. Look\n2. Leap\n"):
        agent.model.reply(step)
    agent.model.reply(text("Carried out."))
    async with agent.session(**_PLANNING, can_use_tool=asker) as session:
        results = session.messages()
        await run(session, "Plan.")
        await session.wait_idle()
        last = await until(results, ResultMessage, lambda result: "Carried out." in (result.result or ""))
        assert (last.outcome, session.info.permission_mode) == ("completed", mode)
    [request] = asker.requests
    assert (request.tool_name, request.kind) == ("ExitPlanMode", "plan")
    assert "1. Look\n2. Leap" in str(request.input["plan"])
    assert [each.id for each in request.options] == ["allow", "accept_edits", "deny", "deny_stop"]


async def test_a_plan_that_is_refused_with_a_word_is_planned_again(agent: Agent) -> None:
    asker = Asker([Deny("Make it shorter.")])
    for step in agent.plan("1. Look\n2. Leap\n"):
        agent.model.reply(step)
    agent.model.reply(text("I think."))
    async with agent.session(**_PLANNING, can_use_tool=asker) as session:
        await run(session, "Plan.")
        await session.wait_idle()
        assert session.info.permission_mode == "plan"
    assert "Make it shorter." in agent.model.requests[-1].body.decode()
    assert len(asker.requests) == 1


async def test_a_plan_waits_for_its_answer_and_nobody_goes_on_without(agent: Agent) -> None:
    for step in agent.plan("1. Look\n"):
        agent.model.reply(step)
    agent.model.reply(text("Carried out."))
    async with agent.session(**_PLANNING, can_use_tool=DEFER) as session:
        stream = session.messages()
        await session.send("Plan.")
        opened = await until(stream, RequestOpened)
        assert session.state == "requires_action"
        assert [request.request_id for request in session.pending] == [opened.request_id]
        asked = len(agent.model.requests)
        await session.answer(session.pending[0].request_id, Allow())
        assert (await until(stream, RequestResolved)).outcome == "allowed"
        await session.wait_idle()
        assert len(agent.model.requests) == asked + 1


async def test_a_plan_that_nobody_can_approve_is_not_carried_out(agent: Agent) -> None:
    for step in agent.plan("1. Look\n"):
        agent.model.reply(step)
    agent.model.otherwise(text("I think."))
    async with agent.session(**_PLANNING) as session:
        stream = session.messages()
        await run(session, "Plan.")
        await session.wait_idle()
        assert (await until(stream, RequestResolved)).outcome == "denied"
        assert session.info.permission_mode == "plan"


async def test_an_interrupt_withdraws_a_plan(agent: Agent) -> None:
    for step in agent.plan("1. Look\n"):
        agent.model.reply(step)
    async with agent.session(**_PLANNING, can_use_tool=DEFER) as session:
        stream = session.messages()
        await session.send("Plan.")
        await until(stream, RequestOpened)
        await session.interrupt()
        assert (await until(stream, RequestResolved)).outcome == "withdrawn"
        await session.wait_idle()
        assert (session.state, list(session.pending)) == ("idle", [])
