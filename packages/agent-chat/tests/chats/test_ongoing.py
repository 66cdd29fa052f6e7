"""Work that goes on when who asked for it is gone."""

from __future__ import annotations

import asyncio

import pytest

from agent_chat.chats.ongoing import OngoingWork
from agent_sdk_core.errors import AgentError

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def test_what_it_returns_or_raises_is_the_callers() -> None:
    async def fails() -> None:
        raise AgentError("no")

    ongoing = OngoingWork()
    assert await ongoing.run(asyncio.sleep(0, "done")) == "done"
    with pytest.raises(AgentError, match="no"):
        await ongoing.run(fails())
    await ongoing.wait()


@pytest.mark.parametrize("fails", [False, True])
async def test_a_caller_that_is_cancelled_neither_stops_it_nor_leaves_an_error_to_nobody(fails: bool) -> None:
    begun, gate, ended = asyncio.Event(), asyncio.Event(), False

    async def work() -> None:
        nonlocal ended
        begun.set()
        await gate.wait()
        ended = True
        if fails:
            raise AgentError("no")

    told: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context))
    ongoing = OngoingWork()
    caller = asyncio.create_task(ongoing.run(work()))
    await begun.wait()
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    asyncio.get_running_loop().call_soon(gate.set)
    await ongoing.wait()
    assert ended
    del caller
    await asyncio.sleep(0)
    assert told == []


async def test_work_that_is_cancelled_itself_ends_who_waits_for_it() -> None:
    async def cancelled() -> None:
        raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await OngoingWork().run(cancelled())
