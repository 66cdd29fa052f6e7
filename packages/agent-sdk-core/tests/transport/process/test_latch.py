# pyright: reportPrivateUsage=false
from __future__ import annotations

import threading
from pathlib import Path

import anyio
import pytest

from agent_sdk_core.transport.process.latch import Latch

pytestmark = pytest.mark.anyio


async def test_all_waiters_wake_when_another_thread_sets_it() -> None:
    latch = Latch()
    woken: list[int] = []

    async def wait(number: int) -> None:
        await latch.wait()
        woken.append(number)

    with anyio.fail_after(30):
        async with anyio.create_task_group() as tasks:
            for number in range(3):
                tasks.start_soon(wait, number)
            await anyio.wait_all_tasks_blocked()
            assert woken == []
            threading.Thread(target=latch.set).start()
    assert sorted(woken) == [0, 1, 2]
    await latch.wait()
    latch.set()


async def test_a_cancelled_waiter_is_forgotten_and_no_waiter_takes_a_descriptor() -> None:
    before = len(list(Path("/dev/fd").iterdir()))
    latch = Latch()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(latch.wait)
        await anyio.wait_all_tasks_blocked()
        assert len(list(Path("/dev/fd").iterdir())) == before
        tasks.cancel_scope.cancel()
    assert not latch._posts
    latch.set()
    assert latch.is_set


def test_a_waiter_whose_event_loop_is_gone_is_no_trouble() -> None:
    latch = Latch()
    called: list[str] = []

    async def register() -> None:
        latch.call(lambda: called.append("late"))

    for backend in ("asyncio", "trio"):
        anyio.run(register, backend=backend)
    latch.set()
    assert called == []
