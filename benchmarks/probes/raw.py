"""The least that a program can do: a pipe, a line at a time, a JSON parser. All else is compared with it."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from typing import Any, Final, cast

from pydantic_core import from_json

from probes.plan import DELTA_METHOD, HELLO, STREAM, Lap, Plan, Stopwatch, Streamed, answer

Json = dict[str, Any]

PARSERS: Final[dict[str, Callable[[bytes], Any]]] = {"json": json.loads, "from_json": from_json}


class Pipe:
    """An app-server at the end of two pipes."""

    def __init__(self, plan: Plan) -> None:
        self._parse = PARSERS[plan.variant]
        self._process = subprocess.Popen(
            [plan.codex, "app-server"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        self._ids = 0
        client = {"name": "benchmark", "title": "benchmark", "version": "0"}
        self.call("initialize", {"clientInfo": client, "capabilities": {"experimentalApi": True}})
        self.send({"method": "initialized"})

    def send(self, message: Json) -> None:
        stdin = self._process.stdin
        assert stdin is not None
        stdin.write(json.dumps(message).encode() + b"\n")
        stdin.flush()

    def ask(self, method: str, params: Json) -> int:
        self._ids += 1
        self.send({"id": self._ids, "method": method, "params": params})
        return self._ids

    def call(self, method: str, params: Json) -> Json:
        number = self.ask(method, params)
        return next(message for message in self.messages() if message.get("id") == number)["result"]

    def messages(self) -> Iterator[Json]:
        parse, stdout = self._parse, self._process.stdout
        assert stdout is not None
        for line in stdout:
            yield parse(line)

    def turn(self, thread_id: str, prompt: str) -> Iterator[Json]:
        """Yield everything up to the turn's end, the answer to the request included."""
        self.ask("turn/start", {"threadId": thread_id, "input": [{"type": "text", "text": prompt}]})
        for message in self.messages():
            yield message
            if message.get("method") == "turn/completed":
                return

    def open(self, plan: Plan) -> str:
        return cast("str", self.call("thread/start", {"cwd": plan.cwd})["thread"]["id"])

    def close(self) -> None:
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        stdin.close()
        self._process.wait(timeout=10)
        stdout.close()


def stream(plan: Plan) -> Streamed:
    streamed = Streamed(plan.deltas)
    pipe = Pipe(plan)
    thread_id = pipe.open(plan)
    for _ in pipe.turn(thread_id, HELLO):
        pass
    length = 0
    with streamed.measured():
        for message in pipe.turn(thread_id, STREAM):
            if message.get("method") == DELTA_METHOD:
                length += len(message["params"]["delta"])
    pipe.close()
    streamed.check(length)
    return streamed


def converse(plan: Plan) -> Lap:
    lap, watch = Lap(), Stopwatch()
    pipe = Pipe(plan)
    lap.start = watch.lap()
    thread_id = pipe.open(plan)
    lap.open = watch.lap()
    for message in pipe.turn(thread_id, HELLO):
        if not lap.first and str(message.get("method")).startswith(("turn/", "item/")):
            lap.first = watch.split()
    lap.turn = watch.lap()
    pipe.close()
    lap.close = watch.lap()
    return lap


def main() -> None:
    plan = Plan.from_arguments()
    answer(stream(plan) if plan.deltas else [converse(plan) for _ in range(plan.rounds + 1)])


if __name__ == "__main__":
    main()
