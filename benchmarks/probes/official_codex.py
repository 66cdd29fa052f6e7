"""The official package, `openai_codex`: `turn.stream()`, synchronous and asynchronous."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from importlib import import_module
from typing import Any, Final

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


async def together(plan: Plan) -> Together:
    done = Together()
    async with official.AsyncCodex(config(plan)) as codex:
        await ask(await codex.thread_start(cwd=plan.cwd))
        memory, watch = rss_now(), Stopwatch()
        threads = await asyncio.gather(*(codex.thread_start(cwd=plan.cwd) for _ in range(plan.rounds)))
        done.open = watch.lap()
        cpu = time.process_time()
        await asyncio.gather(*(ask(thread) for thread in threads))
        done.wall, done.cpu, done.memory = watch.lap(), time.process_time() - cpu, rss_now() - memory
    return done


async def ask(thread: Any) -> float:
    watch = Stopwatch()
    async for _ in (await thread.turn(HELLO)).stream():
        pass
    return watch.lap()


async def flood(plan: Plan) -> Flood:
    flood = Flood()
    async with official.AsyncCodex(config(plan)) as codex:
        loud, quiet = [await codex.thread_start(cwd=plan.cwd) for _ in range(2)]
        for thread in (loud, quiet):
            await ask(thread)
        flood.alone = [await ask(quiet) for _ in range(plan.rounds)]

        async def read(turn: Any) -> None:
            async for _ in turn.stream():
                pass

        reading = asyncio.create_task(read(await loud.turn(STREAM)))
        while len(flood.beside) < plan.rounds:
            took = await ask(quiet)
            if reading.done():
                break
            flood.beside.append(took)
        await reading
        turn = await loud.turn(STREAM)
        await ask(quiet)
        watch = Stopwatch()
        with suppress(official.InvalidRequestError):  # By then the turn may have ended: it is read as late as that.
            await turn.interrupt()
            await read(turn)
            flood.interrupt = watch.lap()
    return flood


async def run_async(plan: Plan) -> None:
    match plan.task:
        case "stream" | "replay":
            answer(await stream_async(plan))
        case "converse":
            answer_all([await converse_async(plan) for _ in range(plan.rounds + 1)])
        case "once":
            await converse_async(plan)
            answer(cost_so_far())
        case "together":
            answer(await together(plan))
        case "flood":
            answer(await flood(plan))
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
