"""What telemetry costs: turns with nothing counted, counted as always is, and exported to OpenTelemetry."""

from __future__ import annotations

from typing import cast

from measure.readers import Reader
from measure.report import Row, Section, middle
from measure.scene import Scene


def measure_telemetry(place: Scene, rounds: int) -> Section:
    """Let one process have the same turns in each state, `rounds` times, in turns.

    Args:
        place: Where to run.
        rounds: How many blocks of each.
    """
    place.progress(f"{place.agent}, telemetry: {rounds} rounds")
    probe = Reader("telemetry", "probes.observed", "asyncio")
    found = cast("dict[str, dict[str, list[float]]]", place.run(probe, "telemetry", rounds=rounds))
    bare = next(iter(found.values()))
    rows: list[Row] = []
    for name, blocks in found.items():
        values: dict[str, float | None] = {}
        for kind, what in (("short", "turn"), ("long", "delta")):
            values[f"{what} us min"] = min(blocks[kind]) * 1e6
            values[f"{what} us median"] = middle(blocks[kind]) * 1e6
            pairs = zip(blocks[kind], bare[kind], strict=True)
            values[f"{what} more %"] = 100 * (middle([mine / theirs for mine, theirs in pairs]) - 1)
        rows.append(Row(name, values))
    notes = (
        "Spans go to an exporter that sends them nowhere: what sending costs is the exporter's own.",
        (
            "turn: one of three deltas, the worst case for what a turn costs once. more: than the block with nothing "
            "counted that was run beside it, the median of all pairs."
        ),
    )
    return Section(f"{place.agent}-telemetry", f"{place.agent}, telemetry: CPU in us", rows, notes)
