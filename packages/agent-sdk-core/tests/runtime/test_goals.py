from __future__ import annotations

from collections.abc import Callable
from typing import Any

import anyio
import pytest

from agent_sdk_core import Goal, GoalChanged, InvalidRequestError, Source, UnsupportedError
from agent_sdk_core.interfaces.capabilities import BackendCapabilities
from agent_sdk_core.runtime.goals import next_goal

pytestmark = pytest.mark.anyio

SOURCE = Source("memory")


def told(status: str | None, objective: str | None = "Go.", **fields: object) -> GoalChanged:
    return GoalChanged.synthesize(SOURCE, objective=objective, status=status, **fields)


@pytest.fixture
async def session(make_backend: Callable[[], Any], monkeypatch: pytest.MonkeyPatch) -> Any:
    backend = make_backend()
    backend.capabilities = BackendCapabilities(goals=True)
    session = await backend.create_session()

    async def set_goal(objective: str, token_budget: int | None) -> None:
        session.deliver([told("active", objective, token_budget=token_budget)])

    async def clear_goal() -> None:
        session.deliver([told(None, None)])

    monkeypatch.setattr(session.driver, "set_goal", set_goal)
    monkeypatch.setattr(session.driver, "clear_goal", clear_goal)
    return session


def test_a_goal_follows_from_what_is_told() -> None:
    first = next_goal(None, told("active", tokens_used=3, seconds_used=1.5))
    assert first == Goal("Go.", tokens_used=3, seconds_used=1.5)
    assert next_goal(first, told(None)) == Goal("Go.")
    assert next_goal(None, told(None)) == Goal("Go.")
    assert next_goal(first, told(None, None)) is None


async def test_a_run_that_is_left_takes_the_goal_away(session: Any) -> None:
    async with await session.set_goal("Go.", token_budget=5) as run:
        assert (await anext(run)).status == "active"
        assert session.goal == Goal("Go.", token_budget=5)
    assert await run.wait() == Goal("Go.", "cleared", token_budget=5)
    assert (run.result, session.goal) == (None, None)
    await session.backend.aclose()


async def test_a_run_ends_with_its_session_and_leaving_it_then_is_quiet(session: Any) -> None:
    async with await session.set_goal("Go.") as run:
        await session.aclose()
    with anyio.fail_after(30):
        await run.wait()
    assert run.goal == Goal("Go.")
    await session.backend.aclose()


async def test_what_is_no_goal_is_refused(session: Any, make_backend: Callable[[], Any]) -> None:
    for objective, budget in ((" ", None), ("x", 0)):
        with pytest.raises(InvalidRequestError):
            await session.set_goal(objective, token_budget=budget)
    await session.backend.aclose()
    async with make_backend() as backend, await backend.create_session() as plain:
        assert plain.goal is None
        calls: list[Callable[[], Any]] = [
            lambda: plain.set_goal("x"),
            lambda: plain.driver.set_goal("x", None),
            plain.clear_goal,
            plain.driver.clear_goal,
        ]
        for call in calls:
            with pytest.raises(UnsupportedError):
                await call()
