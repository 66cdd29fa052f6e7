"""Many sessions and many turns of ours, one after the other: what the process holds after each part of them."""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import gc
import json
import os
import sys
import threading
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final, cast

import anyio
from anyio.lowlevel import checkpoint

from agent_sdk_core import AgentBackend, AgentSession, SessionOptions
from probes.ours import backend_of
from probes.plan import HELLO, Plan

PARTS: Final = 20
"""How often is counted what the process holds."""

_TURNS_A_SESSION: Final = 100
"""A longer conversation would make each request to the model larger, and the agent slower, than what is looked for."""


@dataclass(frozen=True, slots=True)
class Sample:
    """What a process holds.

    Attributes:
        done: Sessions or turns until now.
        memory: Resident bytes.
        objects: Python objects that the collector knows, after a full collection.
        descriptors: Open files, pipes and sockets.
        threads: Threads.
        tasks: Tasks of the event loop.
        agent_memory: Resident bytes of the agent's process, where sessions share one; else 0.
        agent_descriptors: Its descriptors, likewise.
    """

    done: int
    memory: int
    objects: int
    descriptors: int
    threads: int
    tasks: int
    agent_memory: int
    agent_descriptors: int


def sample(done: int, backend: AgentBackend) -> Sample:
    """Count what this process and the agent that sessions share hold now."""
    gc.collect()
    _give_back()
    pid = getattr(backend, "pid", None) if backend.capabilities.shared_process else None
    return Sample(
        done,
        _memory("self"),
        len(gc.get_objects()),
        _descriptors("self"),
        threading.active_count(),
        len(anyio.get_running_tasks()),
        _memory(str(pid)) if pid else 0,
        _descriptors(str(pid)) if pid else 0,
    )


async def soak_sessions(plan: Plan, backend: AgentBackend, samples: list[Sample]) -> None:
    """Open a session, run one turn and close it, as often as the plan has rounds, four at a time."""

    async def one() -> None:
        async with backend.create_session(SessionOptions(cwd=plan.cwd)) as session:
            await _turn(session)

    for done in _parts(plan.rounds):
        await _at_once(one, done, samples[-1].done)
        samples.append(sample(done, backend))
        _tell("sessions", done, plan.rounds)


async def soak_turns(plan: Plan, backend: AgentBackend, samples: list[Sample]) -> None:
    """Run as many turns as the plan has rounds, in sessions of a hundred, one session at a time."""
    for done in _parts(plan.rounds):
        left = done - samples[-1].done
        while left:
            here = min(left, _TURNS_A_SESSION)
            async with backend.create_session(SessionOptions(cwd=plan.cwd)) as session:
                for _ in range(here):
                    await _turn(session)
            left -= here
        samples.append(sample(done, backend))
        _tell("turns", done, plan.rounds)


SOAKS: Final[dict[str, Callable[[Plan, AgentBackend, list[Sample]], Awaitable[None]]]] = {
    "sessions": soak_sessions,
    "turns": soak_turns,
}


async def run(plan: Plan, what: str) -> None:
    """Soak, and print the samples: the first before all, one after each part, the last after the backend's end."""
    backend = backend_of(plan)
    async with backend:
        # What is loaded, built and cached once does not grow.
        async with backend.create_session(SessionOptions(cwd=plan.cwd)) as session:
            await _turn(session)
        samples = [sample(0, backend)]
        await SOAKS[what](plan, backend, samples)
    for _ in range(5):
        await checkpoint()
    samples.append(sample(samples[-1].done, backend))
    print(json.dumps([asdict(each) for each in samples]))


async def _turn(session: AgentSession) -> None:
    result = await session.run(HELLO)
    if result.is_error or result.result != "Hello":
        raise RuntimeError(f"a turn ended with {result!r}")


async def _at_once(one: Callable[[], Awaitable[None]], upto: int, done: int) -> None:
    left = upto - done

    async def work() -> None:
        nonlocal left
        while left > 0:
            left -= 1
            await one()

    async with anyio.create_task_group() as group:
        for _ in range(4):
            group.start_soon(work)


def _give_back() -> None:
    """Give back what the C library keeps of freed memory; counting the objects alone makes it keep a megabyte more."""
    with contextlib.suppress(AttributeError):  # Another C library.
        ctypes.CDLL(None).malloc_trim(0)


def _parts(rounds: int) -> list[int]:
    return sorted({rounds * part // PARTS for part in range(1, PARTS + 1)} - {0})


def _memory(pid: str) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text("ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")


def _descriptors(pid: str) -> int:
    return sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir())


def _tell(what: str, done: int, rounds: int) -> None:
    print(f"{what}: {done} of {rounds}", file=sys.stderr, flush=True)


def main() -> None:
    """Run the probe: a plan's arguments, and `--soak`."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--soak", required=True, choices=SOAKS)
    own, rest = parser.parse_known_args()
    sys.argv[1:] = rest
    plan = Plan.from_arguments()
    anyio.run(run, plan, cast("str", own.soak), backend=plan.variant)


if __name__ == "__main__":
    main()
