"""The official package, `claude_agent_sdk`: `ClaudeSDKClient`, with partial messages."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import AsyncIterator
from importlib import import_module
from typing import Any

import anyio

from probes.memory import rss_now
from probes.plan import (
    ENDLESS,
    HELLO,
    STREAM,
    Ending,
    Lap,
    Plan,
    Stopwatch,
    Streamed,
    Together,
    answer,
    answer_all,
    cost_so_far,
)

# Imported by name: what it needs is installed for benchmarks only, and type checks run without it.
official: Any = import_module("claude_agent_sdk")


def client_of(plan: Plan) -> Any:
    options = official.ClaudeAgentOptions(
        cli_path=plan.executable, cwd=plan.cwd, include_partial_messages=True, setting_sources=["user"]
    )
    return official.ClaudeSDKClient(options)


def delta(message: Any) -> str:
    if not isinstance(message, official.StreamEvent) or message.event["type"] != "content_block_delta":
        return ""
    return message.event["delta"].get("text", "")


async def stream(plan: Plan) -> Streamed:
    streamed = Streamed(plan.deltas)
    async with client_of(plan) as client:
        await client.query(HELLO)
        async for _ in client.receive_response():
            pass
        length = 0
        with streamed.measured():
            await client.query(STREAM)
            async for message in client.receive_response():
                length += len(delta(message))
    streamed.check(length)
    return streamed


async def converse(plan: Plan) -> Lap:
    lap, watch = Lap(), Stopwatch()
    client = client_of(plan)
    await client.connect()
    lap.start = watch.lap()
    await client.query(HELLO)
    async for _ in client.receive_response():
        lap.first = lap.first or watch.split()
    lap.turn = watch.lap()
    await client.disconnect()
    lap.close = watch.lap()
    return lap


async def end(plan: Plan) -> Ending:
    ending = Ending()
    client, _ = await streaming(plan)
    watch = Stopwatch()
    await client.disconnect()
    ending.close = watch.lap()

    client, messages = await streaming(plan)
    pid = client._transport._process.pid  # noqa: SLF001  # it has no public name
    watch = Stopwatch()
    os.kill(pid, signal.SIGKILL)
    try:
        async for _ in messages:
            pass
    except Exception as error:  # It raises one that says that there is no message.
        del error
    ending.noticed = watch.lap()
    await client.disconnect()
    return ending


async def streaming(plan: Plan) -> tuple[Any, AsyncIterator[Any]]:
    """Return an agent in a turn that streams, and does not end."""
    client = client_of(plan)
    await client.connect()
    await client.query(ENDLESS)
    messages = client.receive_messages()
    async for message in messages:
        if delta(message):
            break
    return client, messages


async def together(plan: Plan) -> Together:
    async def ask(client: Any) -> None:
        await client.query(HELLO)
        async for _ in client.receive_response():
            pass

    done = Together()
    async with client_of(plan) as first:
        await ask(first)
    memory, watch = rss_now(), Stopwatch()
    clients = [client_of(plan) for _ in range(plan.rounds)]

    async with anyio.create_task_group() as group:
        for client in clients:
            group.start_soon(client.connect)
    done.open = watch.lap()
    cpu = time.process_time()
    async with anyio.create_task_group() as group:
        for client in clients:
            group.start_soon(ask, client)
    done.wall, done.cpu, done.memory = watch.lap(), time.process_time() - cpu, rss_now() - memory
    for client in clients:
        await client.disconnect()
    return done


async def run(plan: Plan) -> None:
    match plan.task:
        case "stream" | "replay":
            answer(await stream(plan))
        case "converse":
            answer_all([await converse(plan) for _ in range(plan.rounds + 1)])
        case "once":
            await converse(plan)
            answer(cost_so_far())
        case "together":
            answer(await together(plan))
        case _:
            answer_all([await end(plan) for _ in range(plan.rounds + 1)])


def main() -> None:
    plan = Plan.from_arguments()
    anyio.run(run, plan, backend=plan.variant)


if __name__ == "__main__":
    main()
