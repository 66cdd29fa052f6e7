"""Runs random schedules of faults: `python -m tests.faults [--schedules N] [--seed S] [--agents …] [--at-once N]`.

Exits with 1 if anything was wrong, and prints the seed with which it comes back.
"""

from __future__ import annotations

import argparse
import math
import os
import sys
import tempfile
import time
import traceback
from collections.abc import Awaitable, Callable, Iterable, Mapping
from pathlib import Path
from typing import Final

import anyio
from tests.faults import fakes, real
from tests.faults.schedules import Schedule

AGENTS: Final[Mapping[str, Callable[[str, Schedule, Path], Awaitable[list[str]]]]] = {
    **{f"fake-{name}": fakes.complaints_of for name in fakes.AGENTS},
    **dict.fromkeys(real.AGENTS, real.complaints_of),
}

LOOPS: Final = ("asyncio", "trio")
"""A schedule runs on the first where its seed is even, so that a seed alone brings back what was wrong."""

AT_ONCE: Final = {"fake": 24, "real": 4}
"""How many schedules run at once: those of the fake agents wait nine tenths of their time, the real ones compute."""


class Tally:
    """How many schedules of one agent ran, and how many had complaints.

    Args:
        agent: The agent.
        folder: For the sessions of the fake ones.
    """

    def __init__(self, agent: str, folder: Path) -> None:
        self._agent = agent
        self._folder = folder
        self.ran = 0
        self.wrong = 0

    async def run(self, seeds: Iterable[int], at_once: int, seconds: float) -> None:
        """Run the schedules of these seeds, so many at once; after so many seconds no further one is begun."""
        left, ends = iter(seeds), time.monotonic() + seconds

        async def work() -> None:
            for seed in left:
                await self._one(seed)
                if time.monotonic() > ends:
                    return

        async with anyio.create_task_group() as tasks:
            for _ in range(at_once):
                tasks.start_soon(work)

    async def _one(self, seed: int) -> None:
        try:
            found = await AGENTS[self._agent](self._agent.removeprefix("fake-"), Schedule.of(seed), self._folder)
        except Exception:
            found = [f"{self._agent} {seed}: {traceback.format_exc()}"]
        self.ran += 1
        self.wrong += bool(found)
        for complaint in found:
            sys.stdout.write(f"{complaint}\n")
        sys.stdout.flush()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.faults")
    parser.add_argument("--schedules", type=int, default=100, help="how many schedules each agent runs")
    parser.add_argument("--seed", type=int, default=0, help="the first one's seed")
    parser.add_argument("--agents", nargs="+", choices=sorted(AGENTS), default=sorted(AGENTS))
    parser.add_argument("--loop", choices=LOOPS, help="the event loop of all; by default the seed says which")
    parser.add_argument("--at-once", type=int, help=f"how many run at once; by default {AT_ONCE}")
    parser.add_argument("--minutes", type=float, default=math.inf, help="how long an agent's are begun")
    return parser.parse_args()


def _cpu() -> float:
    used = os.times()
    return used.user + used.system + used.children_user + used.children_system


def main() -> int:
    """Run the command."""
    given = _arguments()
    loops = LOOPS if given.loop is None else (given.loop,)
    wrong = 0
    with tempfile.TemporaryDirectory() as folder:
        for agent in given.agents:
            began, used, tally = time.monotonic(), _cpu(), Tally(agent, Path(folder))
            at_once = given.at_once or AT_ONCE["fake" if agent.startswith("fake-") else "real"]
            for number, loop in enumerate(loops):
                first = given.seed + (number - given.seed) % len(loops)
                seeds = range(first, given.seed + given.schedules, len(loops))
                anyio.run(tally.run, seeds, at_once, given.minutes * 60 / len(loops), backend=loop)
            wrong += tally.wrong
            took = f"{time.monotonic() - began:.0f} s, {_cpu() - used:.0f} s of CPU"
            sys.stdout.write(f"{agent}: {tally.ran} schedules in {took}, {tally.wrong} with complaints\n")
            sys.stdout.flush()
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
