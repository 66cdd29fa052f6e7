"""The least that a program can do: a pipe, a line at a time, a JSON parser. All else is compared with it."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from typing import Any, Final

from pydantic_core import from_json

from probes.pipes import ClaudePipe, CodexPipe, Pipe
from probes.plan import ENDLESS, HELLO, STREAM, Ending, Lap, Plan, Stopwatch, Streamed, answer, answer_all, cost_so_far

PARSERS: Final[dict[str, Callable[[bytes], Any]]] = {"json": json.loads, "from_json": from_json}


def spawn(plan: Plan) -> Pipe:
    kind = CodexPipe if plan.agent == "codex" else ClaudePipe
    return kind(plan.executable, PARSERS[plan.variant], plan.cwd)


def begin(plan: Plan) -> Pipe:
    pipe = spawn(plan)
    pipe.greet()
    pipe.open()
    return pipe


def stream(plan: Plan) -> Streamed:
    streamed = Streamed(plan.deltas)
    pipe = begin(plan)
    for _ in pipe.turn(HELLO):
        pass
    length, delta = 0, pipe.delta
    with streamed.measured():
        for message in pipe.turn(STREAM):
            length += len(delta(message))
    pipe.close()
    streamed.check(length)
    return streamed


def converse(plan: Plan) -> Lap:
    lap, watch = Lap(), Stopwatch()
    pipe = spawn(plan)
    pipe.greet()
    lap.start = watch.lap()
    if pipe.open():
        lap.open = watch.lap()
    for message in pipe.turn(HELLO):
        if not lap.first and pipe.begins(message):
            lap.first = watch.split()
    lap.turn = watch.lap()
    pipe.close()
    lap.close = watch.lap()
    return lap


def end(plan: Plan) -> Ending:
    ending = Ending()
    pipe = begin(plan)
    next(message for message in pipe.turn(ENDLESS) if pipe.delta(message))
    watch = Stopwatch()
    pipe.close(terminate=True)
    ending.close = watch.lap()

    pipe = begin(plan)
    turn = pipe.turn(ENDLESS)
    next(message for message in turn if pipe.delta(message))
    watch = Stopwatch()
    os.kill(pipe.pid, signal.SIGKILL)
    for _ in turn:
        pass
    ending.noticed = watch.lap()
    pipe.close()
    return ending


def main() -> None:
    plan = Plan.from_arguments()
    match plan.task:
        case "stream" | "replay":
            answer(stream(plan))
        case "converse":
            answer_all([converse(plan) for _ in range(plan.rounds + 1)])
        case "once":
            converse(plan)
            answer(cost_so_far())
        case _:
            answer_all([end(plan) for _ in range(plan.rounds + 1)])


if __name__ == "__main__":
    main()
