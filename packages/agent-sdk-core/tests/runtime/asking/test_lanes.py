"""Lanes of calls: who waits for whom."""

from __future__ import annotations

import anyio
import pytest

from agent_sdk_core.runtime.asking.lanes import Lane

pytestmark = pytest.mark.anyio


async def test_readers_run_together_and_a_writer_alone_in_the_order_they_came() -> None:
    lane, log = Lane(), list[str]()
    go = {name: anyio.Event() for name in ("read 1", "read 2", "write", "read 3")}

    async def run(name: str) -> None:
        async with lane.enter(alone=name == "write"):
            log.append(name)
            await go[name].wait()

    with anyio.fail_after(30):
        async with anyio.create_task_group() as tasks:
            for name in go:
                tasks.start_soon(run, name)
                await anyio.wait_all_tasks_blocked()
            assert log == ["read 1", "read 2"]
            for released, now in (("read 1", []), ("read 2", ["write"]), ("write", ["read 3"]), ("read 3", [])):
                seen = len(log)
                go[released].set()
                await anyio.wait_all_tasks_blocked()
                assert log[seen:] == now


async def test_a_call_that_gives_up_leaves_the_way_free() -> None:
    lane = Lane()
    async with lane.enter(alone=False):
        with anyio.move_on_after(0.01):
            async with lane.enter(alone=True):
                raise AssertionError
    with anyio.fail_after(30):
        async with lane.enter(alone=True):
            pass
