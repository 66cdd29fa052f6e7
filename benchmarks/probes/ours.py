"""codex_sdk or claude_sdk as a program uses it: `async for message in turn`, on asyncio or trio, with deltas or not."""

from __future__ import annotations

import os
import signal
import time
from typing import cast

import anyio

from agent_sdk_core import AgentBackend, AgentSession, ResultMessage, SessionOptions, StreamEvent, Turn, WireLog
from probes.memory import rss_now
from probes.plan import (
    ENDLESS,
    HELLO,
    STREAM,
    Ending,
    Flood,
    Lap,
    Plan,
    Stopwatch,
    Streamed,
    Together,
    answer,
    answer_all,
    cost_so_far,
)


def backend_of(plan: Plan) -> AgentBackend:
    if plan.agent == "codex":
        from codex_sdk import CodexBackend

        return CodexBackend(executable=plan.executable, wire_log=WireLog(plan.record) if plan.record else None)
    from claude_sdk import ClaudeBackend

    return ClaudeBackend(executable=plan.executable)


async def stream(plan: Plan) -> Streamed:
    streamed = Streamed(plan.deltas)
    partial = not plan.variant.endswith("-whole")
    options = SessionOptions(cwd=plan.cwd, include_partial_messages=partial)
    async with backend_of(plan) as backend, await backend.create_session(options) as session:
        async for _ in session.query(HELLO):
            pass
        length = 0
        turn = session.query(STREAM)
        with streamed.measured():
            async for message in turn:
                if isinstance(message, StreamEvent):
                    length += len(message.text)
        streamed.check(length if partial else len(turn.text))
    return streamed


async def converse(plan: Plan) -> Lap:
    lap, watch = Lap(), Stopwatch()
    backend = backend_of(plan)
    await backend.start()
    if backend.capabilities.shared_process:
        lap.start = watch.lap()
    session = await backend.create_session(SessionOptions(cwd=plan.cwd))
    if backend.capabilities.shared_process:
        lap.open = watch.lap()
    else:
        lap.start = watch.lap()
    async for _ in session.query(HELLO):
        lap.first = lap.first or watch.split()
    lap.turn = watch.lap()
    await backend.aclose()
    lap.close = watch.lap()
    return lap


async def end(plan: Plan) -> Ending:
    ending = Ending()
    backend, _, _ = await streaming(plan)
    watch = Stopwatch()
    await backend.aclose()
    ending.close = watch.lap()

    backend, session, turn = await streaming(plan)
    pid = cast("int", getattr(backend if backend.capabilities.shared_process else session, "pid"))  # noqa: B009  # no type has it on both
    watch = Stopwatch()
    os.kill(pid, signal.SIGKILL)
    last = [message async for message in turn][-1]
    ending.noticed = watch.lap()
    if not isinstance(last, ResultMessage) or not last.is_error:
        raise RuntimeError(f"the turn of a killed agent ended with {last!r}")
    await backend.aclose()
    return ending


async def streaming(plan: Plan) -> tuple[AgentBackend, AgentSession, Turn]:
    """Return an agent in a turn that streams, and does not end."""
    backend = backend_of(plan)
    session = await backend.create_session(SessionOptions(cwd=plan.cwd))
    turn = session.query(ENDLESS)
    async for message in turn:
        if isinstance(message, StreamEvent) and message.text:
            break
    return backend, session, turn


async def together(plan: Plan) -> Together:
    done = Together()
    backend = backend_of(plan)
    async with await backend.create_session(SessionOptions(cwd=plan.cwd)) as session:
        await session.run(HELLO)
    memory, watch = rss_now(), Stopwatch()
    sessions: list[AgentSession] = []

    async def open_one() -> None:
        sessions.append(await backend.create_session(SessionOptions(cwd=plan.cwd)))

    async def turn(session: AgentSession) -> None:
        async for _ in session.query(HELLO):
            pass

    async with anyio.create_task_group() as group:
        for _ in range(plan.rounds):
            group.start_soon(open_one)
    done.open = watch.lap()
    cpu = time.process_time()
    async with anyio.create_task_group() as group:
        for session in sessions:
            group.start_soon(turn, session)
    done.wall, done.cpu, done.memory = watch.lap(), time.process_time() - cpu, rss_now() - memory
    await backend.aclose()
    return done


async def flood(plan: Plan) -> Flood:
    flood = Flood()
    async with backend_of(plan) as backend:
        loud, quiet = [await backend.create_session(SessionOptions(cwd=plan.cwd)) for _ in range(2)]

        async def ask(session: AgentSession) -> float:
            watch = Stopwatch()
            async for _ in session.query(HELLO):
                pass
            return watch.lap()

        for session in (loud, quiet):
            await ask(session)
        flood.alone = [await ask(quiet) for _ in range(plan.rounds)]
        turn = loud.query(STREAM)

        async def read() -> None:
            async for _ in turn:
                pass

        async with anyio.create_task_group() as group:
            group.start_soon(read)
            while len(flood.beside) < plan.rounds:
                took = await ask(quiet)
                if turn.result is not None:
                    break
                flood.beside.append(took)
        await loud.send(STREAM)
        await ask(quiet)
        watch = Stopwatch()
        await loud.interrupt()
        flood.interrupt = watch.lap()
    return flood


async def run(plan: Plan) -> None:
    match plan.task:
        case "stream" | "replay" | "record":
            answer(await stream(plan))
        case "converse":
            answer_all([await converse(plan) for _ in range(plan.rounds + 1)])
        case "once":
            await converse(plan)
            answer(cost_so_far())
        case "together":
            answer(await together(plan))
        case "flood":
            answer(await flood(plan))
        case _:
            answer_all([await end(plan) for _ in range(plan.rounds + 1)])


def main() -> None:
    plan = Plan.from_arguments()
    anyio.run(run, plan, backend=plan.variant.removesuffix("-whole"))


if __name__ == "__main__":
    main()
