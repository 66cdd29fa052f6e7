"""The least that a program can do: a pipe, a line at a time, a JSON parser. All else is compared with it."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable
from typing import Any, Final

from pydantic_core import from_json

from probes.memory import rss_now
from probes.pipes import ClaudePipe, CodexPipe, Pipe
from probes.plan import (
    ENDLESS,
    FLOOD,
    FLOOD_BEGUN,
    HELLO,
    NEVER_ASKED,
    STREAM,
    Crash,
    Ending,
    Flood,
    Lap,
    Plan,
    Stops,
    Stopwatch,
    Streamed,
    Together,
    answer,
    answer_all,
    cost_so_far,
)

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


def together(plan: Plan) -> Together:
    return threads_together(plan) if plan.agent == "codex" else processes_together(plan)


def threads_together(plan: Plan) -> Together:
    done = Together()
    pipe = codex(plan)
    pipe.greet()
    pipe.open()
    for _ in pipe.turn(HELLO):
        pass
    memory, watch = rss_now(), Stopwatch()
    threads = [pipe.open_thread() for _ in range(plan.rounds)]
    done.open = watch.lap()
    cpu = time.process_time()
    for thread in threads:
        pipe.begin_turn(thread, HELLO)
    left = plan.rounds
    for message in pipe.messages():
        left -= message.get("method") == "turn/completed"
        if not left:
            break
    done.wall, done.cpu, done.memory = watch.lap(), time.process_time() - cpu, rss_now() - memory
    pipe.close()
    return done


def processes_together(plan: Plan) -> Together:
    done = Together()
    first = begin(plan)
    for _ in first.turn(HELLO):
        pass
    first.close()
    memory, watch = rss_now(), Stopwatch()
    pipes = [spawn(plan) for _ in range(plan.rounds)]
    for pipe in pipes:
        pipe.greet()
    done.open = watch.lap()
    cpu = time.process_time()
    # Each process answers at its own pace whether its pipe is read or not: three deltas fit into any pipe.
    turns = [pipe.turn(HELLO) for pipe in pipes]
    firsts = [next(turn) for turn in turns]
    assert len(firsts) == plan.rounds
    for turn in turns:
        for _ in turn:
            pass
    done.wall, done.cpu, done.memory = watch.lap(), time.process_time() - cpu, rss_now() - memory
    for pipe in pipes:
        pipe.close()
    return done


def flood(plan: Plan) -> Flood:
    flood = Flood()
    pipe = codex(plan)
    pipe.greet()
    loud, quiet = pipe.open_thread(), pipe.open_thread()
    messages = pipe.messages()
    ended: set[str] = set()
    begun: dict[str, str] = {}

    def read_to_end(thread: str) -> None:
        for message in messages:
            params = message.get("params", {})
            if message.get("method") == "turn/started":
                begun[params["threadId"]] = params["turn"]["id"]
            if message.get("method") == "turn/completed":
                ended.add(params["threadId"])
                if params["threadId"] == thread:
                    return

    def ask(thread: str) -> float:
        watch = Stopwatch()
        pipe.begin_turn(thread, HELLO)
        read_to_end(thread)
        return watch.lap()

    for thread in (loud, quiet):
        ask(thread)
    flood.alone = [ask(quiet) for _ in range(plan.rounds)]
    ended.clear()
    pipe.begin_turn(loud, STREAM)
    while len(flood.beside) < plan.rounds:
        took = ask(quiet)
        if loud in ended:
            break
        flood.beside.append(took)
    if loud not in ended:
        read_to_end(loud)
    pipe.begin_turn(loud, STREAM)
    ask(quiet)
    watch = Stopwatch()
    pipe.interrupt(loud, begun[loud])
    read_to_end(loud)
    flood.interrupt = watch.lap()
    pipe.close()
    return flood


def interrupts(plan: Plan) -> Stops:
    """Interrupt floods: what is left of the time of all others is theirs, and not the agent's."""
    stops = Stops()
    pipe = begin(plan)
    for _ in range(plan.rounds):
        watch, seen = Stopwatch(), 0
        for message in pipe.turn(FLOOD):
            seen += bool(pipe.delta(message))
            if seen == FLOOD_BEGUN:
                seen += 1
                watch.lap()
                pipe.stop()
        stops.interrupt.append(watch.lap())
    pipe.close()
    return stops


def crash(plan: Plan) -> Crash:
    """Kill codex with many sessions, and have a turn in each of them on another one: what no reader can save."""
    done, pipe = Crash(plan.rounds), codex(plan)
    pipe.greet()
    threads = [pipe.open_thread() for _ in range(plan.rounds)]
    stored = threads[plan.rounds // NEVER_ASKED :]
    for thread in stored:
        pipe.begin_turn(thread, HELLO)
        next(message for message in pipe.messages() if message.get("method") == "turn/completed")
    watch = Stopwatch()
    os.kill(pipe.pid, signal.SIGKILL)
    pipe.close()
    pipe = codex(plan)
    pipe.greet()
    asked = {pipe.ask_for_thread(thread) for thread in stored}
    asked |= {pipe.ask_for_thread() for _ in range(plan.rounds - len(stored))}
    heard: set[str] = set()
    for message in pipe.messages():
        if message.get("id") in asked and "result" in message:
            pipe.begin_turn(message["result"]["thread"]["id"], HELLO)
        if pipe.delta(message) and len(heard) < plan.rounds:
            heard.add(message["params"]["threadId"])
            done.heard = watch.split() if len(heard) == plan.rounds else done.heard
        done.usable += message.get("method") == "turn/completed"
        if done.usable == plan.rounds:
            break
    done.turns = watch.lap()
    pipe.close()
    return done


def codex(plan: Plan) -> CodexPipe:
    return CodexPipe(plan.executable, PARSERS[plan.variant], plan.cwd)


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
        case "together":
            answer(together(plan))
        case "flood":
            answer(flood(plan))
        case "spread":
            answer(interrupts(plan))
        case "crash":
            answer(crash(plan))
        case _:
            answer_all([end(plan) for _ in range(plan.rounds + 1)])


if __name__ == "__main__":
    main()
