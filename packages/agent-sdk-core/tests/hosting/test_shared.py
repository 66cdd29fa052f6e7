from __future__ import annotations

import anyio
import pytest

from agent_sdk_core import AgentError, BackendEvent
from agent_sdk_core.hosting.shared import SharedBackend
from agent_sdk_testing import MemoryBackend

pytestmark = pytest.mark.anyio


class Slow(MemoryBackend):
    """An agent that is started once it is let, and whose end can be waited for."""

    def __init__(self) -> None:
        super().__init__()
        self.asked, self.let, self.ended = anyio.Event(), anyio.Event(), anyio.Event()

    async def start(self) -> None:
        self.asked.set()
        await self.let.wait()
        await super().start()

    async def aclose(self) -> None:
        await super().aclose()
        self.ended.set()


async def test_one_that_is_dead_is_closed_and_gives_way_to_another() -> None:
    made: list[Slow] = []
    told: list[str] = []

    def make() -> Slow:
        made.append(Slow())
        made[-1].let.set()
        return made[-1]

    def tell(event: BackendEvent) -> None:
        told.append(event.kind)

    shared = SharedBackend(make, tell)
    first = await shared.get()
    assert await shared.get() is first
    made[0].emit("dead", "It is gone.")
    with anyio.fail_after(30):
        await made[0].ended.wait()
    assert told[-1] == "dead"
    assert await shared.get() is made[1]
    await shared.aclose()
    assert made[1].ended.is_set()


async def test_one_that_cannot_be_made_is_tried_again() -> None:
    attempts: list[Slow] = []

    def make() -> Slow:
        attempts.append(Slow())
        attempts[-1].let.set()
        if len(attempts) == 1:
            raise AgentError("It is not installed.")
        return attempts[-1]

    shared = SharedBackend(make, lambda event: None)
    with pytest.raises(AgentError, match="not installed"):
        await shared.get()
    assert await shared.get() is attempts[1]
    await shared.aclose()


async def test_one_that_is_being_started_is_closed_too() -> None:
    agent = Slow()
    shared = SharedBackend(lambda: agent, lambda event: None)
    with anyio.fail_after(30):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(shared.get)
            await agent.asked.wait()
            tasks.start_soon(shared.aclose)
            await anyio.wait_all_tasks_blocked()
            assert not agent.ended.is_set()
            agent.let.set()
    assert agent.ended.is_set()
