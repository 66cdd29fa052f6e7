"""How long the steps of a short conversation take, and what a program costs that has only one."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final, cast

from measure.report import NOT_INSTALLED, Row, Section, middle
from measure.scene import READERS, Scene

_STEPS: Final = ("start", "open", "first", "turn", "close")
_LAPS: Final = 3
"""Conversations of one process that count."""
_READERS: Final = tuple(reader for reader in READERS if reader.variant not in {"from_json", "asyncio-whole"})


def measure_latency(place: Scene, rounds: int, *, official: bool, progress: Callable[[str], None]) -> Section:
    """Let each reader have `rounds` times `_LAPS` conversations, each with an app-server of its own, interleaved.

    Args:
        place: Where to run.
        rounds: How many processes each.
        official: Whether the official package is installed.
        progress: Told what is done.
    """
    readers = [reader for reader in _READERS if official or not reader.official]
    laps: dict[str, list[dict[str, float]]] = {reader.name: [] for reader in readers}
    for number in range(rounds):
        for reader in readers:
            progress(f"latency: round {number + 1} of {rounds}, {reader.name}")
            laps[reader.name] += cast("list[dict[str, float]]", place.run(reader, rounds=_LAPS))
    rows: list[Row] = []
    for reader in _READERS:
        had = laps.get(reader.name)
        if had is None:
            rows.append(Row(reader.name, status=NOT_INSTALLED))
            continue
        values: dict[str, float | None] = {}
        for step in _STEPS:
            values[step] = middle([lap[step] for lap in had]) * 1000
            values[f"{step} min"] = min(lap[step] for lap in had) * 1000
        rows.append(Row(reader.name, values))
    notes = (
        "start: spawn to handshake done. open: open a session. first: prompt to the first thing heard of its turn.",
        "turn: prompt to the end of a turn of three deltas. close: until the process has ended.",
    )
    return Section("latency", f"Latency: median and least ms of {rounds * _LAPS} conversations", rows, notes)


def measure_programs(place: Scene, rounds: int, *, official: bool, progress: Callable[[str], None]) -> Section:
    """Run a program that imports, starts, asks once and ends, `rounds` times each, interleaved.

    Args:
        place: Where to run.
        rounds: How often each.
        official: Whether the official package is installed.
        progress: Told what is done.
    """
    readers = [reader for reader in _READERS if official or not reader.official]
    runs: dict[str, list[tuple[float, dict[str, float]]]] = {reader.name: [] for reader in readers}
    for number in range(rounds):
        progress(f"programs: round {number + 1} of {rounds}")
        for reader in readers:
            start = time.perf_counter()
            cost = cast("dict[str, float]", place.run(reader))
            runs[reader.name].append((time.perf_counter() - start, cost))
    rows: list[Row] = []
    for reader in _READERS:
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
    note = "What an import defers is paid here. CPU and memory are the program's, not the app-server's."
    return Section("programs", f"One question, a whole program: ms, {rounds} processes each", rows, (note,))
