"""Answers that come too late, callbacks that outlive their turn, and callbacks that use the session that asks."""

from __future__ import annotations

from typing import Any

import anyio
import pytest

from agent_sdk_core import (
    DEFER,
    AgentSession,
    Allow,
    Deny,
    InvalidRequestError,
    PermissionRequest,
    RequestOpened,
    RequestResolved,
    SessionClosedError,
)
from agent_sdk_testing import text
from agent_sdk_testing.contract.agent import Agent
from agent_sdk_testing.contract.cases.test_waiting_requests import ask
from agent_sdk_testing.contract.watching import finish, result_of, run, until

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("after", ["deadline", "interrupt", "close"])
async def test_an_answer_that_comes_too_late_raises_and_runs_nothing(agent: Agent, after: str) -> None:
    ask(agent)
    timeout = 0.05 if after == "deadline" else None
    options: dict[str, Any] = {"permission_mode": "default", "can_use_tool": DEFER, "request_timeout": timeout}
    async with agent.session(**options) as session:
        watch, results = session.messages(), session.messages()
        uuid = await session.send("Act.")
        opened = await until(watch, RequestOpened)
        if after == "interrupt":
            await session.interrupt()
        elif after == "close":
            await session.aclose()
        await until(watch, RequestResolved)
        with pytest.raises((InvalidRequestError, SessionClosedError)):
            await session.answer(opened.request_id, Allow())
        await result_of(results, uuid)
    assert not agent.exists("done.txt")


async def test_a_callback_that_outlives_its_turn_answers_nothing(agent: Agent) -> None:
    ask(agent, then=None)
    asked, go, returned = anyio.Event(), anyio.Event(), anyio.Event()

    async def callback(request: PermissionRequest) -> Allow | Deny:
        if asked.is_set():
            return Deny()
        asked.set()
        with anyio.CancelScope(shield=True):
            await go.wait()
        returned.set()
        return Allow()

    async with agent.session(permission_mode="default", can_use_tool=callback) as session:
        turn = session.query("Act.")
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(finish, turn)
            await asked.wait()
            await session.interrupt()
        assert turn.result is not None
        assert turn.result.outcome == "interrupted"
        ask(agent, then="Did not.")
        watch = session.messages()
        uuid = await session.send("Again.")
        await until(watch, RequestOpened)
        go.set()
        await returned.wait()
        assert (await until(watch, RequestResolved)).outcome == "denied"
        assert (await result_of(watch, uuid)).result == "Did not."
    assert not agent.exists("done.txt")


async def test_a_callback_may_use_the_session_that_asks(agent: Agent) -> None:
    ask(agent, then="First.")
    agent.model.reply(text("Second."))
    holder: list[AgentSession] = []
    sent: list[str] = []

    async def callback(request: PermissionRequest) -> Allow:
        [session] = holder
        assert [one.request_id for one in session.pending] == [request.request_id]
        sent.append(await session.send("More."))
        await session.usage()
        await session.set_permission_mode("default")
        return Allow()

    async with agent.session(permission_mode="default", can_use_tool=callback) as session:
        holder.append(session)
        watch = session.messages()
        assert (await run(session, "Act.")).result.result == "First."
        assert (await result_of(watch, sent[0])).result == "Second."
    assert agent.read("done.txt") == "done\n"
