"""The official package, `openai_codex`: `turn.stream()`, synchronous and asynchronous."""

from __future__ import annotations

import asyncio
from importlib import import_module
from typing import Any

from probes.plan import DELTA_METHOD, HELLO, STREAM, Lap, Plan, Stopwatch, Streamed, answer

# Imported by name: it is installed for benchmarks only, and type checks run without it.
official: Any = import_module("openai_codex")


def config(plan: Plan) -> Any:
    return official.CodexConfig(codex_bin=plan.codex)


def stream(plan: Plan) -> Streamed:
    streamed = Streamed(plan.deltas)
    with official.Codex(config(plan)) as codex:
        thread = codex.thread_start(cwd=plan.cwd)
        for _ in thread.turn(HELLO).stream():
            pass
        length = 0
        with streamed.measured():
            for event in thread.turn(STREAM).stream():
                if event.method == DELTA_METHOD:
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
                if event.method == DELTA_METHOD:
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


async def run_async(plan: Plan) -> Streamed | list[Lap]:
    return await stream_async(plan) if plan.deltas else [await converse_async(plan) for _ in range(plan.rounds + 1)]


def main() -> None:
    plan = Plan.from_arguments()
    if plan.variant == "async":
        answer(asyncio.run(run_async(plan)))
    else:
        answer(stream(plan) if plan.deltas else [converse(plan) for _ in range(plan.rounds + 1)])


if __name__ == "__main__":
    main()
