"""What every probe is told and what it answers: its arguments, what it counts, and one JSON object on stdout."""

from __future__ import annotations

import argparse
import json
import resource
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Final

from probes.memory import peak_rss

STREAM: Final = "stream"
"""The prompt that is answered with as many deltas as the plan says; any other gets a few words."""

HELLO: Final = "hello"

PIECE: Final = "abcde"
"""The text of each delta."""

DELTA_METHOD: Final = "item/agentMessage/delta"


@dataclass(frozen=True, slots=True)
class Plan:
    """What a probe does.

    Attributes:
        variant: Which of the probe's ways.
        codex: The codex executable.
        cwd: Folder that the agent works in.
        deltas: Deltas of the turn to measure; 0: measure latencies instead.
        rounds: Conversations to time after the first, which pays for what is loaded and built once and does not
            count; 0: have the first only, and tell what the whole process cost.
    """

    variant: str
    codex: str
    cwd: str
    deltas: int
    rounds: int

    @classmethod
    def from_arguments(cls) -> Plan:
        """Read the command line."""
        parser = argparse.ArgumentParser()
        for name in ("variant", "codex", "cwd"):
            parser.add_argument(f"--{name}", required=True)
        for name in ("deltas", "rounds"):
            parser.add_argument(f"--{name}", type=int, default=0)
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
        yield
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
        start: Spawn the app-server and shake hands.
        open: Open a session.
        first: From the prompt to the first thing heard of its turn.
        turn: From the prompt to the end of its turn.
        close: Until the process has ended.
    """

    start: float = 0.0
    open: float = 0.0
    first: float = 0.0
    turn: float = 0.0
    close: float = 0.0


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


def answer(result: Streamed | list[Lap]) -> None:
    """Print what was measured; of one conversation, seconds of CPU and peak bytes of the whole process so far."""
    if isinstance(result, Streamed):
        print(json.dumps(asdict(result)))
    elif len(result) > 1:
        print(json.dumps([asdict(lap) for lap in result[1:]]))
    else:
        print(json.dumps({"cpu": time.process_time(), "peak_rss": peak_rss()}))


def _switches() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_nvcsw
