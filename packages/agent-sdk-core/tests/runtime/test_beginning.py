# pyright: reportPrivateUsage=false
from __future__ import annotations

import asyncio
import gc
import warnings

import anyio
import anyio.lowlevel
import pytest

from agent_sdk_core.runtime.beginning import _Unbegun, start_in


def test_a_task_that_is_cancelled_before_its_first_step_leaves_nothing_that_warns() -> None:
    begun: list[str] = []

    async def never(name: str) -> None:
        begun.append(name)

    async def group() -> None:
        async with anyio.create_task_group() as tasks:
            # It starts the task in the round in which the loop stops.
            asyncio.get_running_loop().call_soon(start_in, tasks, never, "begun")
            loop_ends.set()
            await anyio.sleep_forever()

    async def main() -> None:
        held.append(asyncio.ensure_future(group()))
        await loop_ends.wait()

    held: list[object] = []
    loop_ends = asyncio.Event()
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        asyncio.run(main())
        gc.collect()
    assert not begun
    assert not warned


@pytest.mark.anyio
async def test_a_task_that_begins_runs_with_its_arguments() -> None:
    ran: list[tuple[int, str]] = []

    async def run(number: int, name: str) -> None:
        await anyio.lowlevel.checkpoint()
        ran.append((number, name))

    async with anyio.create_task_group() as tasks:
        start_in(tasks, run, 1, "one")
    assert ran == [(1, "one")]


def test_what_a_task_runs_is_made_once_whoever_drives_it() -> None:
    made: list[str] = []

    async def body() -> None:
        made.append("made")
        await asyncio.sleep(0)
        made.append("on")

    task = _Unbegun(body)
    task.close()
    assert not made
    assert task.send(None) is None
    with pytest.raises(StopIteration):
        task.send(None)
    assert made == ["made", "on"]

    other = _Unbegun(body)
    other.send(None)
    with pytest.raises(KeyError):
        other.throw(KeyError())
    other.close()
    assert made == ["made", "on", "made"]
