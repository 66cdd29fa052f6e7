"""codex_sdk as a program uses it: `async for message in turn`, on asyncio or trio, with or without deltas."""

from __future__ import annotations

import anyio

from codex_sdk import CodexBackend, SessionOptions, StreamEvent
from probes.plan import HELLO, STREAM, Lap, Plan, Stopwatch, Streamed, answer


async def stream(plan: Plan, *, partial: bool) -> Streamed:
    streamed = Streamed(plan.deltas)
    options = SessionOptions(cwd=plan.cwd, include_partial_messages=partial)
    async with CodexBackend(executable=plan.codex) as backend, await backend.create_session(options) as session:
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
    backend = CodexBackend(executable=plan.codex)
    await backend.start()
    lap.start = watch.lap()
    session = await backend.create_session(SessionOptions(cwd=plan.cwd))
    lap.open = watch.lap()
    async for _ in session.query(HELLO):
        lap.first = lap.first or watch.split()
    lap.turn = watch.lap()
    await backend.aclose()
    lap.close = watch.lap()
    return lap


async def run(plan: Plan) -> Streamed | list[Lap]:
    if plan.deltas:
        return await stream(plan, partial=not plan.variant.endswith("-whole"))
    return [await converse(plan) for _ in range(plan.rounds + 1)]


def main() -> None:
    plan = Plan.from_arguments()
    answer(anyio.run(run, plan, backend=plan.variant.removesuffix("-whole")))


if __name__ == "__main__":
    main()
