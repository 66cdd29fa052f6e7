from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import anyio
import pytest

from agent_sdk_core.errors import AgentError, InvalidRequestError, UnsupportedOptionError
from agent_sdk_core.runtime.driver import SessionDriver
from agent_sdk_core.runtime.settings import require_known
from agent_sdk_core.turn_options import TurnOptions

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
    with anyio.fail_after(30):
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
    with anyio.fail_after(30):
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
    with anyio.fail_after(30):
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
    with anyio.fail_after(30):
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
    with anyio.fail_after(30):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(session.set_model, "m")
            await reached.wait()
            tasks.start_soon(session.send, "hi")
            await anyio.wait_all_tasks_blocked()
            assert "start_turn" not in agent.calls
            gate.set()


async def test_a_mode_that_there_is_not_never_reaches_the_agent(session: Any, agent: Any) -> None:
    with anyio.fail_after(30), pytest.raises(InvalidRequestError, match="did you mean 'accept_edits'"):
        await session.set_permission_mode(cast("Any", "accept"))
    assert agent.calls == []


def test_a_value_that_is_like_none_is_answered_with_all() -> None:
    with pytest.raises(InvalidRequestError, match=r"no colour 'xyz'; there are: blue, red\."):
        require_known("colour", "xyz", ("red", "blue"), backend="memory")


async def test_a_driver_that_changes_nothing_says_so(agent: Any) -> None:
    with pytest.raises(UnsupportedOptionError, match="cannot change the reasoning effort of a session"):
        await SessionDriver.apply(agent, "reasoning_effort", "high")


async def test_a_turn_borrows_settings_and_gives_them_back(session: Any, agent: Any) -> None:
    with anyio.fail_after(30):
        await session.set_model("own")
        async with session.query("hi", options=TurnOptions(model="m", reasoning_effort="high")) as turn:
            assert agent.settings[1:] == [("model", "m"), ("reasoning_effort", "high")]
            assert agent.asked == (TurnOptions(model="m", reasoning_effort="high"), None)
            await session.set_reasoning_effort("low")  # For what comes after.
            agent.finish()
            await turn
        await anyio.wait_all_tasks_blocked()
    assert sorted(agent.settings[3:]) == [("model", "own"), ("reasoning_effort", "low")]


async def test_a_refused_setting_of_a_turn_keeps_it_from_starting_and_is_put_back(session: Any, agent: Any) -> None:
    applied: list[tuple[str, str | None]] = []
    agent.hooks["apply"] = taking(applied, refuse="high")
    with anyio.fail_after(30):
        with pytest.raises(InvalidRequestError, match="no high"):
            await session.run("hi", options=TurnOptions(model="m", reasoning_effort="high"))
        await anyio.wait_all_tasks_blocked()
        assert applied[0] == ("model", "m")
        assert sorted(applied[1:], key=str) == [("model", None), ("reasoning_effort", None)]
        assert "start_turn" not in agent.calls
        await session.send("goes on")


async def test_what_cannot_be_put_back_is_tried_before_each_turn_and_no_turn_starts_without(
    session: Any, agent: Any
) -> None:
    applied: list[tuple[str, str | None]] = []
    agent.hooks["apply"] = taking(applied, refuse=None)
    with anyio.fail_after(30):
        async with session.query("hi", options=TurnOptions(permission_mode="bypass")) as turn:
            agent.finish()
            await turn
        await anyio.wait_all_tasks_blocked()
        for _ in range(2):
            with pytest.raises(AgentError, match="no None"):
                await session.send("next")
        assert agent.calls.count("start_turn") == 1
        agent.hooks["apply"] = taking(applied, refuse="x")
        await session.send("next")
    assert applied == [("permission_mode", "bypass"), ("permission_mode", None)]


async def test_a_turn_that_ends_while_it_borrows_gives_back_what_it_took(session: Any, agent: Any) -> None:
    applied: list[tuple[str, str | None]] = []
    begun, go = anyio.Event(), anyio.Event()

    async def apply(setting: str, value: str | None) -> None:
        begun.set()
        await go.wait()
        applied.append((setting, value))

    agent.hooks["apply"] = apply
    with anyio.fail_after(30):
        async with anyio.create_task_group() as tasks:
            turn = session.query("hi", options=TurnOptions(model="m", reasoning_effort="high"))
            tasks.start_soon(turn.wait)
            await begun.wait()
            agent.emit(agent.result(uuids=[turn.uuid]))  # As an agent that is odd, or one that we gave up, would.
            session._turns._put(_abandoned(session))
            go.set()
        await anyio.wait_all_tasks_blocked()
    assert applied == [("model", "m"), ("model", None)]
    assert "start_turn" not in agent.calls


async def test_a_schema_that_is_none_is_told_by_the_name_it_was_given(session: Any, agent: Any) -> None:
    with anyio.fail_after(30):
        with pytest.raises(InvalidRequestError, match=r"TurnOptions\.output_schema, at type"):
            await session.run("hi", options=TurnOptions(output_schema={"type": "nonsense"}))
        async with session.query("hi", output_type=int) as turn:
            _, answers = agent.asked
            assert answers.name == "output_type=int"
            agent.emit(agent.result(structured_output={"value": 5}))
            assert (await turn).output == 5


def _abandoned(session: Any) -> Any:
    from agent_sdk_core.runtime.turns.events import Abandoned
    from agent_sdk_core.runtime.turns.records import Ending

    return Abandoned(Ending("x", "x", "aborted_streaming"), session._turns.running)
