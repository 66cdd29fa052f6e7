"""Many sessions at once, and a turn beside one that floods."""

from __future__ import annotations

from typing import Any, Final, cast

from measure.readers import Agent
from measure.report import NOT_INSTALLED, Row, Section, middle, ratio
from measure.scene import Scene

AT_ONCE: Final[dict[Agent, tuple[int, ...]]] = {"codex": (1, 10, 50), "claude": (1, 4)}
"""How many sessions; each of Claude's is a process that takes a processor for a second, and 200 MB."""


def measure_together(place: Scene, rounds: int, counts: tuple[int, ...]) -> Section:
    """Let each reader open sessions and have a turn in all of them at once, `rounds` times, interleaved.

    Args:
        place: Where to run.
        rounds: How many processes each.
        counts: How many sessions.
    """
    rows: list[Row] = []
    for count in counts:
        runs: dict[str, list[dict[str, float]]] = {}
        for reader, done in place.each("together", rounds, laps=count):
            runs.setdefault(reader.name, []).append(cast("dict[str, float]", done))
        least = min(run["wall"] for run in runs[place.readers.raw.name])
        for reader in place.readers.all("together"):
            name = f"{count} at once: {reader.name}"
            if (done := runs.get(reader.name)) is None:
                rows.append(Row(name, status=NOT_INSTALLED))
                continue
            wall = [run["wall"] for run in done]
            values: dict[str, float | None] = {
                "open ms": middle([run["open"] for run in done]) * 1000,
                "turns ms": middle(wall) * 1000,
                "turns ms min": min(wall) * 1000,
                "x raw (min)": ratio(min(wall), least),
                "CPU ms a turn": min(run["cpu"] for run in done) * 1000 / count,
                "KB a session": middle([run["memory"] for run in done]) / 1000 / count,
            }
            rows.append(Row(name, values))
    note = "open, turns: until all are, until all have ended. CPU and memory are the reader's, after a first session."
    return Section(f"{place.agent}-together", f"{place.agent}, many sessions at once", rows, (note,))


def measure_flood(place: Scene, rounds: int, turns: int) -> Section:
    """Let each reader have turns beside one that streams as many deltas as the scene has, and interrupt such a one.

    Args:
        place: Where to run.
        rounds: How many processes each, interleaved.
        turns: How many turns alone, and at most how many beside the flood.
    """
    runs: dict[str, list[dict[str, Any]]] = {}
    for reader, done in place.each("flood", rounds, laps=turns):
        runs.setdefault(reader.name, []).append(cast("dict[str, Any]", done))
    rows: list[Row] = []
    for reader in place.readers.all("flood"):
        if (done := runs.get(reader.name)) is None:
            rows.append(Row(reader.name, status=NOT_INSTALLED))
            continue
        alone, beside = ([took * 1000 for run in done for took in run[which]] for which in ("alone", "beside"))
        interrupts = [run["interrupt"] * 1000 for run in done if run["interrupt"] is not None]
        values: dict[str, float | None] = {
            "alone ms": middle(alone),
            "beside ms": middle(beside) if beside else None,
            "slowed": middle(beside) / middle(alone) if beside else None,
            "turns beside": len(beside),
            "interrupt ms": middle(interrupts) if interrupts else None,
            "interrupt ms max": max(interrupts, default=None),
        }
        rows.append(Row(reader.name, values))
    note = "alone, beside: a turn of three deltas, median. interrupt: until its news, of a flood that nobody reads."
    title = f"{place.agent}, a turn beside one of {place.deltas:,} deltas on the same process"
    return Section(f"{place.agent}-flood", title, rows, (note,))
