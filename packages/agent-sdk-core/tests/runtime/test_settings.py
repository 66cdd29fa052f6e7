from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import anyio
import pytest

from agent_sdk_core.errors import InvalidRequestError, UnsupportedOptionError
from agent_sdk_core.runtime.driver import SessionDriver
from agent_sdk_core.runtime.settings import require_known

pytestmark = pytest.mark.anyio


def taking(applied: list[tuple[str, str | None]], *, refuse: str | None = None) -> Callable[..., Any]:
    async def apply(setting: str, value: str | None) -> None:
        await anyio.lowlevel.checkpoint()
        if value == refuse:
            raise InvalidRequestError(f"no {value}")
        applied.append((setting, value))

    return apply


async def test_an_idle_session_applies_a_setting_before_the_call_returns(session: Any, agent: Any) -> None:
    applied: list[tuple[str, str | None]] = []
    agent.hooks["apply"] = taking(applied)
    with anyio.fail_after(5):
        await session.set_model("m")
        assert applied == [("model", "m")]
        agent.hooks["apply"] = taking(applied, refuse="x")
        with pytest.raises(InvalidRequestError, match="no x"):
            await session.set_model("x")
        await session.send("goes on")


async def test_what_is_set_in_a_turn_is_applied_when_it_has_ended_and_the_last_word_counts(
    session: Any, agent: Any
) -> None:
    applied: list[tuple[str, str | None]] = []
    agent.hooks["apply"] = taking(applied)
    with anyio.fail_after(5):
        turn = session.query("hi")
        async with turn:
            for model in ("one", "two"):
                await session.set_model(model)
            await session.set_permission_mode("plan")
            assert applied == []
            agent.finish()
            await turn.wait()
        await anyio.wait_all_tasks_blocked()
        assert applied == [("model", "two"), ("permission_mode", "plan")]


async def test_what_waits_is_applied_before_the_next_prompt_is_sent(session: Any, agent: Any) -> None:
    agent.hooks["apply"] = taking([])
    with anyio.fail_after(5):
        async with session.query("hi"):
            waiting = await session.send("next")
            await session.set_model("two")
            agent.calls.clear()
            agent.finish()
        await anyio.wait_all_tasks_blocked()
        assert agent.calls == ["apply", "start_turn"]
        assert agent.uuids == [waiting]


async def test_a_setting_that_is_refused_after_its_turn_is_told_to_the_next_prompt_once(
    session: Any, agent: Any
) -> None:
    agent.hooks["apply"] = taking([], refuse="x")
    with anyio.fail_after(5):
        turn = session.query("hi")
        async with turn:
            await session.set_model("x")
            agent.finish()
            await turn.wait()
        await anyio.wait_all_tasks_blocked()
        with pytest.raises(InvalidRequestError, match="no x"):
            await session.send("not sent")
        assert agent.calls.count("start_turn") == 1
        await session.send("sent")
        assert agent.calls.count("start_turn") == 2


async def test_a_turn_waits_for_a_setting_that_is_on_its_way(session: Any, agent: Any) -> None:
    gate, reached = anyio.Event(), anyio.Event()

    async def apply(*_: object) -> None:
        reached.set()
        await gate.wait()

    agent.hooks["apply"] = apply
    with anyio.fail_after(5):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(session.set_model, "m")
            await reached.wait()
            tasks.start_soon(session.send, "hi")
            await anyio.wait_all_tasks_blocked()
            assert "start_turn" not in agent.calls
            gate.set()


async def test_a_mode_that_there_is_not_never_reaches_the_agent(session: Any, agent: Any) -> None:
    with anyio.fail_after(5), pytest.raises(InvalidRequestError, match="did you mean 'accept_edits'"):
        await session.set_permission_mode(cast("Any", "acceptEdits"))
    assert agent.calls == []


def test_a_value_that_is_like_none_is_answered_with_all() -> None:
    with pytest.raises(InvalidRequestError, match=r"no colour 'xyz'; there are: blue, red\."):
        require_known("colour", "xyz", ("red", "blue"), backend="memory")


async def test_a_driver_that_changes_nothing_says_so(agent: Any) -> None:
    with pytest.raises(UnsupportedOptionError, match="cannot change the reasoning effort of a session"):
        await SessionDriver.apply(agent, "reasoning_effort", "high")
