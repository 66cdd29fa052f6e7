"""Compaction on request: a turn that nobody prompted, waited for."""

from __future__ import annotations

from typing import Any

import anyio
import pytest

from agent_sdk_core.errors import (
    AgentError,
    InvalidRequestError,
    RequestTimeoutError,
    SessionBusyError,
    UnsupportedOptionError,
)

pytestmark = pytest.mark.anyio


def compacting(agent: Any, **result: object) -> Any:
    async def compact() -> None:
        agent.open("nobody")
        agent.uuids = []
        agent.emit(agent.init(), agent.result(**result))

    return compact


async def test_compaction_returns_when_its_turn_has_ended(session: Any, agent: Any) -> None:
    agent.hooks["compact"] = compacting(agent)
    with anyio.fail_after(30):
        await session.compact()
    assert session.state == "idle"


async def test_a_prompt_waits_for_a_compaction(session: Any, agent: Any) -> None:
    async def begin() -> None:
        agent.open("nobody")
        agent.uuids = []
        agent.emit(agent.init())

    agent.hooks["compact"] = begin
    with anyio.fail_after(30):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(session.compact)
            await anyio.wait_all_tasks_blocked()
            await session.send("after", uuid="after")
            assert len(session.queue) == 1
            agent.emit(agent.result())
            await anyio.wait_all_tasks_blocked()
            assert agent.uuids == ["after"]
            agent.finish()
        await session.wait_idle()


async def test_a_failed_compaction_raises_its_error(session: Any, agent: Any) -> None:
    agent.hooks["compact"] = compacting(
        agent, subtype="error_during_execution", is_error=True, errors=["no"], error_code="invalid_request"
    )
    with anyio.fail_after(30), pytest.raises(InvalidRequestError, match="no"):
        await session.compact()


async def test_a_refused_compaction_leaves_the_session_idle(session: Any, agent: Any) -> None:
    async def refuse() -> None:
        raise AgentError("not now")

    agent.hooks["compact"] = refuse
    with anyio.fail_after(30):
        with pytest.raises(AgentError, match="not now"):
            await session.compact()
        assert session.state == "idle"
        async with session.query("go on") as turn:
            agent.finish()
            await turn.wait()


async def test_a_running_turn_excludes_a_compaction(session: Any, agent: Any) -> None:
    with anyio.fail_after(30):
        await session.send("one")
        with pytest.raises(SessionBusyError, match="wait_idle"):
            await session.compact()
        agent.finish()


async def test_a_driver_that_cannot_says_so(session: Any, agent: Any) -> None:
    with anyio.fail_after(30), pytest.raises(UnsupportedOptionError, match="memory"):
        await session.compact()


async def test_an_agent_that_never_begins_is_not_waited_for_for_ever(
    session: Any, agent: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def agree() -> None: ...

    agent.hooks["compact"] = agree
    monkeypatch.setattr("agent_sdk_core.runtime.turns.runner.COMPACT_SECONDS", 0.01)
    with anyio.fail_after(30), pytest.raises(RequestTimeoutError, match="did not begin"):
        await session.compact()
    assert session.state == "idle"
