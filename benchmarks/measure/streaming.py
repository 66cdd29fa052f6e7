"""What a delta costs: one long turn, read in every way, each in a process of its own, in turns."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

from measure.report import NOT_INSTALLED, Row, Section, middle, ratio
from measure.scene import OFFICIAL_ASYNC, OURS, RAW, READERS, Scene


def measure_streaming(
    place: Scene, deltas: int, rounds: int, *, official: bool, progress: Callable[[str], None]
) -> Section:
    """Let each reader read a turn of `deltas` deltas, `rounds` times, interleaved.

    Args:
        place: Where to run.
        deltas: Deltas a turn; what `place` was set up with.
        rounds: How often each.
        official: Whether the official package is installed.
        progress: Told what is done.
    """
    readers = [reader for reader in READERS if official or not reader.official]
    runs: dict[str, list[dict[str, float]]] = {reader.name: [] for reader in readers}
    for number in range(rounds):
        for reader in readers:
            progress(f"deltas: round {number + 1} of {rounds}, {reader.name}")
            runs[reader.name].append(cast("dict[str, float]", place.run(reader, deltas=deltas)))
    costs = {name: [run["cpu"] / run["deltas"] * 1e6 for run in done] for name, done in runs.items()}
    rows: list[Row] = []
    for reader in READERS:
        done = runs.get(reader.name)
        if done is None:
            rows.append(Row(reader.name, status=NOT_INSTALLED))
            continue
        cost = costs[reader.name]
        values: dict[str, float | None] = {
            "CPU us min": min(cost),
            "CPU us median": middle(cost),
            "x raw (min)": ratio(min(cost), min(costs[RAW.name])),
            "x raw (median)": ratio(middle(cost), middle(costs[RAW.name])),
            "deltas/s median": middle([run["deltas"] / run["wall"] for run in done]),
            "deltas/s max": max(run["deltas"] / run["wall"] for run in done),
            "wake-ups": middle([run["switches"] for run in done]),
            "peak MB": max(run["peak_rss"] for run in done) / 1e6,
        }
        rows.append(Row(reader.name, values))
    title = f"Stream: CPU of the reader a delta, one turn of {deltas:,} deltas"
    return Section("streaming", title, rows, _comparison(costs) if official else ())


def _comparison(costs: dict[str, list[float]]) -> tuple[str, ...]:
    ours, theirs = costs[OURS.name], costs[OFFICIAL_ASYNC.name]
    least, usual = min(theirs) / min(ours), middle(theirs) / middle(ours)
    return (f"{OFFICIAL_ASYNC.name} takes {least:.1f} times the CPU of {OURS.name} (medians: {usual:.1f} times).",)
