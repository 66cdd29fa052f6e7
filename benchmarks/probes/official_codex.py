"""The official package, `openai_codex`: `turn.stream()`, synchronous and asynchronous."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from importlib import import_module
from typing import Any, Final

from probes.plan import ENDLESS, HELLO, STREAM, Ending, Lap, Plan, Stopwatch, Streamed, answer, answer_all, cost_so_far

# Imported by name: it is installed for benchmarks only, and type checks run without it.
official: Any = import_module("openai_codex")

DELTA: Final = "item/agentMessage/delta"


def config(plan: Plan) -> Any:
    return official.CodexConfig(codex_bin=plan.executable)


def stream(plan: Plan) -> Streamed:
    streamed = Streamed(plan.deltas)
    with official.Codex(config(plan)) as codex:
        thread = codex.thread_start(cwd=plan.cwd)
        for _ in thread.turn(HELLO).stream():
            pass
        length = 0
        with streamed.measured():
            for event in thread.turn(STREAM).stream():
                if event.method == DELTA:
                    length += len(event.payload.delta)
    streamed.check(length)
    return streamed


async def stream_async(plan: Plan) -> Streamed:
    streamed = Streamed(plan.deltas)
    async with official.AsyncCodex(config(plan)) as codex:
        thread = await codex.thread_start(cwd=plan.cwd)
        async for _ in (await thread.turn(HELLO)).stream():
            pass
        length = 0
        with streamed.measured():
            async for event in (await thread.turn(STREAM)).stream():
                if event.method == DELTA:
                    length += len(event.payload.delta)
    streamed.check(length)
    return streamed


def converse(plan: Plan) -> Lap:
    lap, watch = Lap(), Stopwatch()
    codex = official.Codex(config(plan))
    lap.start = watch.lap()
    thread = codex.thread_start(cwd=plan.cwd)
    lap.open = watch.lap()
    for _ in thread.turn(HELLO).stream():
        lap.first = lap.first or watch.split()
    lap.turn = watch.lap()
    codex.close()
    lap.close = watch.lap()
    return lap


async def converse_async(plan: Plan) -> Lap:
    lap, watch = Lap(), Stopwatch()
    codex = official.AsyncCodex(config(plan))
    await codex.__aenter__()
    lap.start = watch.lap()
    thread = await codex.thread_start(cwd=plan.cwd)
    lap.open = watch.lap()
    async for _ in (await thread.turn(HELLO)).stream():
        lap.first = lap.first or watch.split()
    lap.turn = watch.lap()
    await codex.close()
    lap.close = watch.lap()
    return lap


async def end_async(plan: Plan) -> Ending:
    ending = Ending()
    codex, _ = await streaming(plan)
    watch = Stopwatch()
    await codex.close()
    ending.close = watch.lap()

    codex, events = await streaming(plan)
    pid = codex._client._sync._proc.pid  # noqa: SLF001  # it has no public name
    watch = Stopwatch()
    os.kill(pid, signal.SIGKILL)
    try:
        async for _ in events:
            pass
    except official.TransportClosedError:
        pass
    ending.noticed = watch.lap()
    await codex.close()
    return ending


async def streaming(plan: Plan) -> tuple[Any, AsyncIterator[Any]]:
    """Return an agent in a turn that streams, and does not end."""
    codex = official.AsyncCodex(config(plan))
    await codex.__aenter__()
    thread = await codex.thread_start(cwd=plan.cwd)
    events = (await thread.turn(ENDLESS)).stream()
    async for event in events:
        if event.method == DELTA:
            break
    return codex, events


async def run_async(plan: Plan) -> None:
    match plan.task:
        case "stream" | "replay":
            answer(await stream_async(plan))
        case "converse":
            answer_all([await converse_async(plan) for _ in range(plan.rounds + 1)])
        case "once":
            await converse_async(plan)
            answer(cost_so_far())
        case _:
            answer_all([await end_async(plan) for _ in range(plan.rounds + 1)])


def run(plan: Plan) -> None:
    match plan.task:
        case "stream" | "replay":
            answer(stream(plan))
        case "converse":
            answer_all([converse(plan) for _ in range(plan.rounds + 1)])
        case _:
            converse(plan)
            answer(cost_so_far())


def main() -> None:
    plan = Plan.from_arguments()
    if plan.variant == "async":
        asyncio.run(run_async(plan))
    else:
        run(plan)


if __name__ == "__main__":
    main()
