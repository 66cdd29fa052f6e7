"""codex_sdk after its app-server was killed, and claude_sdk's sessions from processes that were started ahead."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from typing import cast

import anyio

from agent_sdk_core import AgentSession, ConnectionLostError, SessionOptions, StreamEvent
from probes.plan import HELLO, NEVER_ASKED, Crash, Plan, Stopwatch, Warm, answer

_TRIES = 3
"""How often one is asked: a prompt that the dying process still took ends with it."""


async def crash(plan: Plan) -> Crash:
    from codex_sdk import CodexBackend

    done = Crash(plan.rounds)
    async with CodexBackend(executable=plan.executable) as backend:
        sessions = [await backend.create_session(SessionOptions(cwd=plan.cwd)) for _ in range(plan.rounds)]
        for session in sessions[plan.rounds // NEVER_ASKED :]:
            await session.run(HELLO)
        heard = 0

        async def again(session: AgentSession) -> None:
            nonlocal heard
            begun = False
            for _ in range(_TRIES):
                turn = session.query(HELLO)
                with suppress(ConnectionLostError):
                    async for message in turn:
                        if isinstance(message, StreamEvent) and not begun:
                            begun = True
                            heard += 1
                            if heard == plan.rounds:
                                done.heard = watch.split()
                if turn.result is not None and turn.result.outcome == "completed":
                    done.usable += session.state == "idle"
                    return

        os.kill(cast("int", backend.pid), signal.SIGKILL)
        watch = Stopwatch()
        async with anyio.create_task_group() as tasks:
            for session in sessions:
                tasks.start_soon(again, session)
        done.turns = watch.lap()
    return done


async def warm(plan: Plan) -> Warm:
    from claude_sdk import ClaudeBackend

    done, options = Warm(), SessionOptions(cwd=plan.cwd)
    async with ClaudeBackend(executable=plan.executable) as backend:
        for _ in range(plan.rounds):
            watch = Stopwatch()
            session = await backend.create_session(options)
            done.cold.append(watch.lap())
            await session.aclose()
    async with ClaudeBackend(executable=plan.executable, prewarm=1) as backend:
        await (await backend.create_session(options)).aclose()
        for _ in range(plan.rounds):
            while not backend.warm:  # noqa: ASYNC110  # nothing tells when a process waits
                await anyio.sleep(0.01)
            watch = Stopwatch()
            session = await backend.create_session(options)
            done.ahead.append(watch.lap())
            await session.aclose()
    return done


async def run(plan: Plan) -> None:
    answer(await (crash(plan) if plan.task == "crash" else warm(plan)))


def main() -> None:
    plan = Plan.from_arguments()
    anyio.run(run, plan, backend=plan.variant)


if __name__ == "__main__":
    main()
