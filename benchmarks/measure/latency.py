"""How long the steps of a short conversation take, and what a program costs that has only one."""

from __future__ import annotations

import time
from typing import Final, cast

from measure.report import NOT_INSTALLED, Row, Section, middle
from measure.scene import Scene

_STEPS: Final = ("start", "open", "first", "turn", "close")
_ENDS: Final = ("close", "noticed")
LAPS: Final = 3
"""Conversations of one process that count."""


def measure_latency(place: Scene, rounds: int, laps: int = LAPS) -> Section:
    """Let each reader have `rounds` times `laps` conversations, each with an agent of its own, interleaved.

    Args:
        place: Where to run.
        rounds: How many processes each.
        laps: How many conversations of each process count, after a first one that does not; 0: only the first.
    """
    steps: dict[str, list[dict[str, float | None]]] = {}
    for reader, done in place.each("converse", rounds, laps=laps):
        steps.setdefault(reader.name, []).extend(cast("list[dict[str, float | None]]", done))
    rows = [
        Row(reader.name, _milliseconds(steps[reader.name], _STEPS))
        if reader.name in steps
        else Row(reader.name, status=NOT_INSTALLED)
        for reader in place.readers.all("converse")
    ]
    opened = "open: open a session. " if place.agent == "codex" else ""
    notes = (
        f"start: spawn to handshake done. {opened}first: prompt to the first thing heard of its turn.",
        "turn: prompt to the end of a turn of three deltas. close: until the process has ended.",
    )
    title = f"{place.agent}, latency: median and least ms of {rounds * max(laps, 1)} conversations"
    return Section(f"{place.agent}-latency", title, rows, notes)


def measure_endings(place: Scene, rounds: int, laps: int = LAPS) -> Section:
    """Let each reader close an agent in mid turn, and have another one killed, `rounds` times `laps`, interleaved.

    Args:
        place: Where to run.
        rounds: How many processes each.
        laps: How often in each process, after a first time that does not count; 0: only the first.
    """
    ends: dict[str, list[dict[str, float | None]]] = {}
    for reader, done in place.each("end", rounds, laps=laps):
        ends.setdefault(reader.name, []).extend(cast("list[dict[str, float | None]]", done))
    rows = [
        Row(reader.name, _milliseconds(ends[reader.name], _ENDS, greatest=True))
        if reader.name in ends
        else Row(reader.name, status=NOT_INSTALLED)
        for reader in place.readers.all("end")
    ]
    notes = (
        "close: in a turn that streams, until the process has ended; the raw pipe sends SIGTERM and does nothing else.",
        "noticed: from SIGKILL to what ends the reader's loop: the end of the pipe, an error result, an exception.",
    )
    title = f"{place.agent}, endings in mid turn: median, least and greatest ms of {rounds * max(laps, 1)}"
    return Section(f"{place.agent}-endings", title, rows, notes)


def measure_programs(place: Scene, rounds: int) -> Section:
    """Run a program that imports, starts, asks once and ends, `rounds` times each, interleaved.

    Args:
        place: Where to run.
        rounds: How often each.
    """
    runs: dict[str, list[tuple[float, dict[str, float]]]] = {}
    start = time.perf_counter()
    for reader, cost in place.each("once", rounds):
        runs.setdefault(reader.name, []).append((time.perf_counter() - start, cast("dict[str, float]", cost)))
        start = time.perf_counter()
    rows: list[Row] = []
    for reader in place.readers.all("once"):
        done = runs.get(reader.name)
        if done is None:
            rows.append(Row(reader.name, status=NOT_INSTALLED))
            continue
        values: dict[str, float | None] = {
            "CPU min": min(cost["cpu"] for _, cost in done) * 1000,
            "CPU median": middle([cost["cpu"] for _, cost in done]) * 1000,
            "wall min": min(wall for wall, _ in done) * 1000,
            "wall median": middle([wall for wall, _ in done]) * 1000,
            "peak MB": max(cost["peak_rss"] for _, cost in done) / 1e6,
        }
        rows.append(Row(reader.name, values))
    note = "What an import defers is paid here. CPU and memory are the program's, not the agent's."
    title = f"{place.agent}, one question, a whole program: ms, {rounds} processes each"
    return Section(f"{place.agent}-programs", title, rows, (note,))


def _milliseconds(
    done: list[dict[str, float | None]], steps: tuple[str, ...], *, greatest: bool = False
) -> dict[str, float | None]:
    values: dict[str, float | None] = {}
    for step in steps:
        taken = [seconds * 1000 for lap in done if (seconds := lap[step]) is not None]
        if taken:
            values |= {step: middle(taken), f"{step} min": min(taken)}
            if greatest:
                values[f"{step} max"] = max(taken)
    return values
