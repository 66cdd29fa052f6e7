"""What a delta costs: one long turn, read in every way, each in a process of its own, in turns."""

from __future__ import annotations

from typing import Literal, cast

from measure.report import NOT_INSTALLED, Row, Section, middle, ratio
from measure.scene import Scene


def measure_streaming(place: Scene, rounds: int, *, task: Literal["stream", "replay"] = "stream") -> Section:
    """Let each reader read the long turn, `rounds` times, interleaved.

    Args:
        place: Where to run.
        rounds: How often each.
        task: Whether the agent works, or what it said before is said again at the speed of a pipe.
    """
    readers = place.readers
    runs: dict[str, list[dict[str, float]]] = {}
    for reader, run in place.each(task, rounds):
        runs.setdefault(reader.name, []).append(cast("dict[str, float]", run))
    costs = {name: [run["cpu"] / run["deltas"] * 1e6 for run in done] for name, done in runs.items()}
    least = costs[readers.raw.name]
    rows: list[Row] = []
    for reader in readers.all(task):
        done = runs.get(reader.name)
        if done is None:
            rows.append(Row(reader.name, status=NOT_INSTALLED))
            continue
        cost = costs[reader.name]
        values: dict[str, float | None] = {
            "CPU us min": min(cost),
            "CPU us median": middle(cost),
            "x raw (min)": ratio(min(cost), min(least)),
            "x raw (median)": ratio(middle(cost), middle(least)),
            "deltas/s median": middle([run["deltas"] / run["wall"] for run in done]),
            "deltas/s max": max(run["deltas"] / run["wall"] for run in done),
            "wake-ups": middle([run["switches"] for run in done]),
            "peak MB": max(run["peak_rss"] for run in done) / 1e6,
        }
        rows.append(Row(reader.name, values))
    kind, what = ("streaming", "one turn") if task == "stream" else ("replay", "one recorded turn")
    title = f"{place.agent}, {kind}: CPU of the reader a delta, {what} of {place.deltas:,} deltas"
    notes = _comparison(costs, readers.ours.name, readers.theirs.name) if place.official else ()
    return Section(f"{place.agent}-{kind}", title, rows, notes)


def _comparison(costs: dict[str, list[float]], ours: str, theirs: str) -> tuple[str, ...]:
    least, usual = min(costs[theirs]) / min(costs[ours]), middle(costs[theirs]) / middle(costs[ours])
    return (f"{theirs} takes {least:.1f} times the CPU of {ours} (medians: {usual:.1f} times).",)
