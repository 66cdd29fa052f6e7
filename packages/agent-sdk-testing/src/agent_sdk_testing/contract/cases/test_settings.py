"""Settings that change while a session is open: from the next turn, or refused in words."""

from __future__ import annotations

from typing import Any, cast

import pytest

from agent_sdk_core import Allow, AssistantMessage, Deny, InvalidRequestError, PermissionRequest
from agent_sdk_testing import Gate, text
from agent_sdk_testing.contract.agent import Agent
from agent_sdk_testing.contract.traits import needs
from agent_sdk_testing.contract.watching import run, until

pytestmark = pytest.mark.anyio


@needs("mode:bypass")
async def test_a_permission_mode_that_is_set_in_a_turn_holds_from_the_next(agent: Agent) -> None:
    gate = Gate()
    agent.model.reply(text("Wait", gate, ".")).reply(text("Nothing."))
    agent.model.reply(agent.command("echo hi > one.txt", escalate=True)).reply(text("One."))
    async with agent.session(permission_mode="bypass") as session, session.query("First.") as turn:
        await gate.reached()
        await session.set_permission_mode("default")
        assert session.info.permission_mode != "default"
        gate.open()
        await turn.wait()
        await run(session, "Second.")
        assert session.info.permission_mode == "default"
        await run(session, "Third.")
        assert not agent.exists("one.txt")


@needs("mode:bypass")
async def test_what_a_callback_sets_holds_from_the_next_turn(agent: Agent) -> None:
    asked: list[str] = []

    async def decide(request: PermissionRequest) -> Allow | Deny:
        asked.append(request.request_id)
        await session.set_permission_mode("default")
        await session.set_model(agent.other_models[1])
        return Allow()

    agent.model.reply(agent.command("echo hi > one.txt", escalate=True))
    agent.model.reply(agent.command("echo hi > two.txt", escalate=True)).reply(text("Done."))
    agent.model.reply(text("Fine."))
    async with agent.session(permission_mode="default", model=agent.other_models[0], can_use_tool=decide) as session:
        await run(session, "First.")
        assert len(asked) == 2
        await run(session, "Second.")
    models = [agent.model_of(request) for request in agent.model.requests if "First." in request.text]
    assert agent.exists("two.txt")
    assert [model for model in models if model == agent.other_models[1]] == models[-1:]


async def test_a_permission_mode_that_there_is_not_names_the_nearest(agent: Agent) -> None:
    async with agent.session() as session:
        with pytest.raises(InvalidRequestError, match=r"'acceptEdit'.*accept_edits"):
            await session.set_permission_mode(cast("Any", "acceptEdit"))
        agent.model.reply(text("Fine."))
        await run(session, "Go on.")


@needs("reasoning_effort")
async def test_an_effort_that_there_is_not_is_refused(agent: Agent) -> None:
    async with agent.session() as session:
        with pytest.raises(InvalidRequestError, match="reasoning effort 'hihg'"):
            await session.set_reasoning_effort("hihg")
        with pytest.raises(InvalidRequestError, match="reasoning effort 'hihg'"):
            await agent.open(session.backend, reasoning_effort="hihg")


@pytest.mark.parametrize("name", ["", " \t", "half \ud800", "nul\0"])
async def test_a_setting_that_names_nothing_is_refused(agent: Agent, name: str) -> None:
    async with agent.session() as session:
        for change in (session.set_model, session.set_reasoning_effort, session.set_permission_mode):
            with pytest.raises(InvalidRequestError):
                await change(cast("Any", name))
        agent.model.reply(text("Fine."))
        assert (await run(session, "Go on.")).result.outcome == "completed"


async def test_a_priority_that_there_is_not_is_refused(agent: Agent) -> None:
    async with agent.session() as session:
        with pytest.raises(InvalidRequestError, match=r"priority 'now'.*queue, steer"):
            await session.send("Hello.", priority=cast("Any", "now"))
        assert session.state == "idle"


@pytest.mark.parametrize("limit", [0, -1])
async def test_a_page_of_history_without_a_turn_is_refused(agent: Agent, limit: int) -> None:
    async with agent.session() as session:
        with pytest.raises(InvalidRequestError, match="at least one turn"):
            await session.history(limit=limit)


@needs("list_sessions")
async def test_a_page_of_a_stored_history_without_a_turn_is_refused(agent: Agent) -> None:
    async with agent.backend() as backend:
        with pytest.raises(InvalidRequestError, match="at least one turn"):
            await backend.read_history("01a1fb00-0000-7000-8000-000000000000", limit=0)


async def test_settings_are_in_force_when_the_queue_goes_on(agent: Agent) -> None:
    first, second = agent.other_models
    gate = Gate()
    agent.model.reply(text("One", gate, ".")).reply(text("Two."))
    async with agent.session(model=first) as session:
        watch = session.messages()
        async with session.query("First.") as turn:
            await gate.reached()
            await session.send("Second.")
            await session.set_model(second)
            gate.open()
            await turn.wait()
        await until(watch, AssistantMessage, lambda message: message.text == "Two.")
    assert agent.model_of(agent.model.requests[-1]) == second
