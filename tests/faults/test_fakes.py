"""Each fault of an agent, at each of its lines that differ: no hang, nothing left, one end a prompt, a next session."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import get_args

import anyio
import pytest
from tests.faults.fakes import AGENTS, complaints_of
from tests.faults.schedules import Schedule

from agent_sdk_testing import Fault
from agent_sdk_testing.fakes.faults import FaultKind

pytestmark = pytest.mark.anyio

FRAMES = {"acp": (0, 1, 3), "claude": (0, 3, 6), "codex": (0, 2, 6, 9)}
"""Lines with which something goes wrong: the greeting, the opening, and those of the first turn."""

KINDS: list[FaultKind] = [kind for kind in get_args(FaultKind) if kind != "long line"]


@pytest.fixture
def anyio_backend(request: pytest.FixtureRequest) -> str:
    """One of the two event loops, half of the tests on each."""
    return ("asyncio", "trio")[zlib.crc32(request.node.name.encode()) % 2]


async def complaints(agent: str, schedules: Sequence[Schedule], folder: Path) -> list[str]:
    """Run schedules at once, for each waits nearly all of its time, and return what is wrong with any."""
    found: list[str] = []

    async def one(schedule: Schedule) -> None:
        found.extend(await complaints_of(agent, schedule, folder))

    async with anyio.create_task_group() as tasks:
        for schedule in schedules:
            tasks.start_soon(one, schedule)
    return found


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("agent", sorted(AGENTS))
async def test_a_fault_at_any_line(agent: str, kind: FaultKind, tmp_path: Path) -> None:
    schedules = [
        Schedule(number, (Fault(kind, frame=frame),), (), kind == "hang" and frame == 0, ("run", "run"))
        for number, frame in enumerate(FRAMES[agent])
    ]
    assert await complaints(agent, schedules, tmp_path) == []


@pytest.mark.parametrize("agent", sorted(AGENTS))
async def test_a_line_that_is_longer_than_any_may_be(agent: str, tmp_path: Path) -> None:
    frame = FRAMES[agent][1]
    assert (
        await complaints_of(agent, Schedule(0, (Fault("long line", frame=frame),), (), False, ("run",)), tmp_path) == []
    )


@pytest.mark.parametrize("agent", sorted(AGENTS))
async def test_random_schedules(agent: str, tmp_path: Path) -> None:
    assert await complaints(agent, [Schedule.of(seed) for seed in range(8)], tmp_path) == []
