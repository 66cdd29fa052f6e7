"""What every probe is told and what it answers: its arguments, what it counts, and one JSON value on stdout."""

from __future__ import annotations

import argparse
import gc
import json
import os
import resource
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Final, Literal

from probes.memory import peak_rss

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

HELLO: Final = "hello"
"""A prompt that is answered with a few words."""

STREAM: Final = "stream"
"""The prompt that is answered with as many deltas as the plan says."""

FLOOD: Final = "flood"
"""The prompt that is answered with `FLOOD_DELTAS` deltas: more than anybody waits for."""

FLOOD_DELTAS: Final = 100_000

FLOOD_BEGUN: Final = 500
"""Deltas that a reader has seen of a flood that it interrupts."""

ENDLESS: Final = "endless"
"""The prompt that is answered with a few words and then silence, in a turn that does not end."""

PIECE: Final = "abcde"
"""The text of each delta."""

NO_GC: Final = "BENCH_NO_GC"
"""Where this is set, the collector is off: its full passes come by chance, and cost as much as a thousand deltas."""

COUNT_FROM: Final = "ctermid"
"""A function of libc that nothing else here calls: who counts the instructions of a turn begins where it is called."""

COUNT_TO: Final = "getloadavg"
"""The like, for the end."""

if NO_GC in os.environ:
    gc.disable()

Task = Literal[
    "stream", "replay", "record", "converse", "once", "end", "together", "flood", "telemetry", "spread", "crash", "warm"
]

NEVER_ASKED: Final = 5
"""One in so many sessions has had no turn when its process is killed: nothing of it is stored."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a probe does.

    Attributes:
        task: "stream", "replay", "record": read one long turn. "converse": time the steps of short conversations.
            "once": have one, and tell what the whole process cost. "end": close an agent in mid turn, and kill another.
            "together": open many sessions and let all have a turn at once. "flood": have turns beside one that streams.
            "telemetry": have the same turns with nothing counted, counted as always, and exported. "spread": have
            turns, floods and many sessions, here or on a fleet. "crash": kill an app-server with many sessions.
            "warm": open sessions of processes that were started ahead, and of others.
        agent: "codex" or "claude".
        variant: Which of the probe's ways.
        executable: The agent's executable.
        cwd: Folder that the agent works in.
        deltas: Deltas of the long turn.
        rounds: How often to converse, to end or to ask beside a flood, after a first time that pays for what is loaded
            and built once; of "together", "crash": how many sessions.
        record: File to which ours writes what the agent says; empty: none.
    """

    task: str
    agent: str
    variant: str
    executable: str
    cwd: str
    deltas: int
    rounds: int
    record: str

    @classmethod
    def from_arguments(cls) -> Plan:
        """Read the command line."""
        parser = argparse.ArgumentParser()
        for name in ("task", "agent", "variant", "executable", "cwd"):
            parser.add_argument(f"--{name}", required=True)
        for name in ("deltas", "rounds"):
            parser.add_argument(f"--{name}", type=int, default=0)
        parser.add_argument("--record", default="")
        return cls(**vars(parser.parse_args()))


@dataclass(slots=True)
class Streamed:
    """What reading one turn took.

    Attributes:
        deltas: Deltas that the turn had.
        cpu: Seconds of CPU of this process, all its threads, its children not.
        wall: Seconds.
        switches: How often this process waited and was woken.
        peak_rss: Bytes.
    """

    deltas: int
    cpu: float = 0.0
    wall: float = 0.0
    switches: int = 0
    peak_rss: int = 0

    @contextmanager
    def measured(self) -> Generator[None]:
        """Measure what is done inside."""
        before, wall, cpu = _switches(), time.perf_counter(), time.process_time()
        os.ctermid()  # COUNT_FROM
        yield
        os.getloadavg()  # COUNT_TO
        self.cpu, self.wall = time.process_time() - cpu, time.perf_counter() - wall
        self.switches = _switches() - before
        self.peak_rss = peak_rss()

    def check(self, text_length: int) -> None:
        """Make sure that the probe read all of it: the numbers of one that did not would mean nothing."""
        if text_length != self.deltas * len(PIECE):
            raise RuntimeError(f"read {text_length} characters of {self.deltas * len(PIECE)}")


@dataclass(slots=True)
class Lap:
    """Seconds that each step of a short conversation took.

    Attributes:
        start: Spawn the agent and shake hands; for an agent with a process a session, that opens the session.
        open: Open a session; None where that is part of the start.
        first: From the prompt to the first thing heard of its turn.
        turn: From the prompt to the end of its turn.
        close: Until the process has ended.
    """

    start: float = 0.0
    open: float | None = None
    first: float = 0.0
    turn: float = 0.0
    close: float = 0.0


@dataclass(slots=True)
class Ending:
    """Seconds that an agent's end took, in a turn that streamed.

    Attributes:
        close: From the wish to close to the end of the process.
        noticed: From the death of the process to what tells the reader of its turn.
    """

    close: float = 0.0
    noticed: float = 0.0


@dataclass(slots=True)
class Together:
    """What many sessions at once took.

    Attributes:
        open: Seconds until all were open.
        wall: Seconds until all had ended their turns, which began together.
        cpu: Seconds of CPU of this process meanwhile.
        memory: Bytes by which this process grew from before the first session until all had had a turn.
    """

    open: float = 0.0
    wall: float = 0.0
    cpu: float = 0.0
    memory: int = 0


@dataclass(slots=True)
class Flood:
    """How turns went beside one that streamed.

    Attributes:
        alone: Seconds that each turn took before it.
        beside: Seconds that each turn took while it streamed.
        interrupt: Seconds from the wish to interrupt one that nobody read to the news of its end; None: it had ended.
    """

    alone: list[float] = field(default_factory=list[float])
    beside: list[float] = field(default_factory=list[float])
    interrupt: float | None = None


@dataclass(slots=True)
class Stops:
    """How floods were interrupted.

    Attributes:
        interrupt: Seconds from the wish to interrupt one that is read to its result.
    """

    interrupt: list[float] = field(default_factory=list[float])


@dataclass(slots=True)
class Crash:
    """How sessions went on after the process that all of them share was killed.

    Attributes:
        sessions: How many.
        heard: Seconds from the kill until the last of them had a first text of a new turn.
        turns: Seconds until all these turns had ended.
        usable: In how many the turn completed, after which they rest.
    """

    sessions: int
    heard: float = 0.0
    turns: float = 0.0
    usable: int = 0


@dataclass(slots=True)
class Warm:
    """How long sessions took to open, in seconds.

    Attributes:
        ahead: Of processes that were started ahead.
        cold: Of others.
    """

    ahead: list[float] = field(default_factory=list[float])
    cold: list[float] = field(default_factory=list[float])


@dataclass(slots=True)
class Cost:
    """What a whole program cost: seconds of CPU, and the most bytes it had."""

    cpu: float
    peak_rss: int


class Stopwatch:
    """Tells the seconds since it was last asked."""

    def __init__(self) -> None:
        self._last = time.perf_counter()

    def lap(self) -> float:
        """Return the seconds since the last lap and begin the next one."""
        now = time.perf_counter()
        last, self._last = self._last, now
        return now - last

    def split(self) -> float:
        """Return the seconds since the last lap."""
        return time.perf_counter() - self._last


def answer(result: DataclassInstance) -> None:
    """Print what was measured."""
    print(json.dumps(asdict(result)))


def answer_all(results: list[Lap] | list[Ending]) -> None:
    """Print what was measured each time but the first, unless there was no other."""
    print(json.dumps([asdict(result) for result in results[1:] or results]))


def cost_so_far() -> Cost:
    """Return what this process cost until now."""
    return Cost(time.process_time(), peak_rss())


def _switches() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_nvcsw
