"""The same turns and sessions of one agent here and on a fleet: latency, throughput, interrupts, memory."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, cast

import anyio

from agent_sdk_core import AgentBackend, AgentSession, SessionOptions, StreamEvent
from probes.memory import pss_of
from probes.plan import FLOOD, FLOOD_BEGUN, HELLO, PIECE, STREAM, Plan, Stopwatch, answer

AT_ONCE: Final = (20, 100)
"""How many sessions are open when memory is read; what one more takes is between them."""

_OPENING: Final = 8
_IDLE: Final = 10.0
"""Seconds for which nothing happens in them: two polls of each session."""


@dataclass(slots=True)
class Held:
    """What sessions take that are open, and have had a turn.

    Attributes:
        sessions: How many.
        open: Seconds until all were.
        turns: Seconds until all of them had ended a turn that began together.
        client: Bytes of this process.
        hosts: Bytes of the workers of the hosts; 0 without any.
        agents: Bytes of the agent's processes.
        engine: Bytes of whatever else runs of the fleet.
        idle_client: Seconds of CPU a second of this process while nothing happens in them.
        idle_hosts: The same of the workers of the hosts.
    """

    sessions: int
    open: float = 0.0
    turns: float = 0.0
    client: int = 0
    hosts: int = 0
    agents: int = 0
    engine: int = 0
    idle_client: float = 0.0
    idle_hosts: float = 0.0


@dataclass(slots=True)
class Spread:
    """What was measured.

    Attributes:
        start: Seconds until the first session was open.
        first: Seconds from a prompt to the first text of each turn.
        turn: Seconds that each of these turns took.
        stream: Seconds of each long turn.
        messages: Messages that its reader got of each.
        interrupt: Seconds from the wish to interrupt a flood that is read to its result.
        unread: The same of one that nobody reads, until the news of its end.
        held: What many sessions take.
    """

    start: float = 0.0
    first: list[float] = field(default_factory=list[float])
    turn: list[float] = field(default_factory=list[float])
    stream: list[float] = field(default_factory=list[float])
    messages: list[int] = field(default_factory=list[int])
    interrupt: list[float] = field(default_factory=list[float])
    unread: list[float] = field(default_factory=list[float])
    held: list[Held] = field(default_factory=list[Held])


def backend_of(plan: Plan) -> AgentBackend:
    if plan.variant == "fleet":
        from agent_fleet import FleetBackend
        from agent_fleet.plane.folder import FleetFolder

        store = FleetFolder().path / "fleet.db"
        return FleetBackend(plan.agent, store=store, executable=plan.executable, env=dict(os.environ))
    if plan.agent == "codex":
        from codex_sdk import CodexBackend

        return CodexBackend(executable=plan.executable)
    from claude_sdk import ClaudeBackend

    return ClaudeBackend(executable=plan.executable)


async def measured(plan: Plan) -> Spread:
    found, watch = Spread(), Stopwatch()
    async with backend_of(plan) as backend:
        async with await backend.create_session(SessionOptions(cwd=plan.cwd)) as session:
            found.start = watch.lap()
            await session.query(HELLO)
            for _ in range(plan.rounds):
                await ask(session, found)
                await stream(session, found, plan)
                await interrupt(session, found)
        if plan.agent == "codex":  # Each session of Claude is a process of some 200 MB.
            await hold(backend, plan, found)
    return found


async def ask(session: AgentSession, found: Spread) -> None:
    for _ in range(5):
        watch, heard = Stopwatch(), 0.0
        async for message in session.query(HELLO):
            if isinstance(message, StreamEvent) and message.text:
                heard = heard or watch.split()
        found.first.append(heard)
        found.turn.append(watch.lap())


async def stream(session: AgentSession, found: Spread, plan: Plan) -> None:
    watch, length, messages = Stopwatch(), 0, 0
    async for message in session.query(STREAM):
        messages += 1
        if isinstance(message, StreamEvent):
            length += len(message.text)
    found.stream.append(watch.lap())
    found.messages.append(messages)
    if length != plan.deltas * len(PIECE):
        raise RuntimeError(f"read {length} characters of {plan.deltas * len(PIECE)}")


async def interrupt(session: AgentSession, found: Spread) -> None:
    """Interrupt a flood that is read, and one that nobody reads."""
    watch, seen = Stopwatch(), 0
    async with anyio.create_task_group() as tasks:
        turn = session.query(FLOOD)
        async for message in turn:
            seen += isinstance(message, StreamEvent)
            if seen == FLOOD_BEGUN:
                watch.lap()
                tasks.start_soon(session.interrupt)
                seen += 1
        found.interrupt.append(watch.lap())
    async with session.query(FLOOD) as turn:
        for _ in range(FLOOD_BEGUN):
            await turn.__anext__()
        watch.lap()
        await session.interrupt()
        found.unread.append(watch.lap())
    if turn.result is None or turn.result.outcome != "interrupted":
        raise RuntimeError("the flood ended by itself")


async def hold(backend: AgentBackend, plan: Plan, found: Spread) -> None:
    sessions: list[AgentSession] = []
    room = anyio.Semaphore(_OPENING)

    async def open_one() -> None:
        async with room:
            sessions.append(await backend.create_session(SessionOptions(cwd=plan.cwd)))

    async def turn(session: AgentSession) -> None:
        async for _ in session.query(HELLO):
            pass

    for count in AT_ONCE:
        held, watch = Held(count), Stopwatch()
        async with anyio.create_task_group() as tasks:
            for _ in range(count - len(sessions)):
                tasks.start_soon(open_one)
        held.open = watch.lap()
        async with anyio.create_task_group() as tasks:
            for session in sessions:
                tasks.start_soon(turn, session)
        held.turns = watch.lap()
        weigh(held, backend, plan)
        await watch_idle(held, plan)
        found.held.append(held)


def weigh(held: Held, backend: AgentBackend, plan: Plan) -> None:
    held.client = pss_of([os.getpid()])
    if plan.variant != "fleet":
        held.agents = pss_of(family([cast("Any", backend).pid]))
        return
    from agent_fleet.plane.folder import FleetFolder
    from agent_fleet.plane.nodes import tagged

    hosts = workers_of(plan)
    agents = set(family(hosts)) - set(hosts)
    rest = {pid for node in FleetFolder().nodes for pid in tagged(node.tag)} - set(hosts) - agents
    held.hosts, held.agents, held.engine = pss_of(hosts), pss_of(agents), pss_of(rest)


async def watch_idle(held: Held, plan: Plan) -> None:
    hosts, watch = workers_of(plan), Stopwatch()
    client, used = time.process_time(), cpu_of(hosts)
    await anyio.sleep(_IDLE)
    seconds = watch.lap()
    held.idle_client = (time.process_time() - client) / seconds
    held.idle_hosts = (cpu_of(hosts) - used) / seconds


def workers_of(plan: Plan) -> list[int]:
    """Return the workers of the hosts; none, where there are no hosts."""
    if plan.variant != "fleet":
        return []
    from agent_fleet.plane.folder import FleetFolder
    from agent_fleet.plane.nodes import workers

    return [pid for node in FleetFolder().nodes for pid in workers(node)]


def cpu_of(pids: Iterable[int]) -> float:
    """Return the seconds of CPU that processes have used."""
    fields = [Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split() for pid in pids]
    return sum(int(user) + int(system) for user, system in (each[11:13] for each in fields)) / os.sysconf("SC_CLK_TCK")


def family(pids: Iterable[int]) -> list[int]:
    """Return processes and all that they started."""
    found = set(pids)
    parents: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except OSError:
                continue
    while more := {pid for pid, parent in parents.items() if parent in found and pid not in found}:
        found |= more
    return sorted(found)


def main() -> None:
    plan = Plan.from_arguments()
    answer(anyio.run(measured, plan))


if __name__ == "__main__":
    main()
