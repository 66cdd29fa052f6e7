"""Turns, floods and many sessions on a fleet of two hosts on loopback, beside the same ones on a backend here."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import replace
from importlib.util import find_spec
from typing import Any, Final, cast

from agent_sdk_testing import scratch_folder
from measure.readers import Reader
from measure.report import NOT_INSTALLED, Row, Section, middle, ratio
from measure.scene import Scene

_RAW: Final = Reader("raw pipe, json.loads", "probes.raw", "json")
_HERE: Final = Reader("a backend here", "probes.spread", "here")
_FLEET: Final = Reader("a fleet of two hosts", "probes.spread", "fleet")

DELTAS: Final = 4_000
"""Deltas of the long turn: more than any agent says in some seconds."""


def measure_fleet(place: Scene, processes: int, rounds: int) -> list[Section]:
    """Have the same turns in both places, in turns, and then many sessions, where the agent takes many.

    Args:
        place: Where to run.
        processes: How many processes in each place.
        rounds: How often each of them has all the turns.
    """
    title = f"{place.agent}, a fleet of two hosts on loopback: turns of three and of {place.deltas:,} deltas"
    if find_spec("ray") is None:
        return [Section(f"{place.agent}-fleet", title, [Row(_FLEET.name, status=NOT_INSTALLED)])]
    runs: dict[str, list[dict[str, Any]]] = {_RAW.name: [], _HERE.name: [], _FLEET.name: []}
    with _fleet(place) as spread:
        for number in range(processes):
            for reader in (_RAW, _HERE, _FLEET):
                place.progress(f"{place.agent}, fleet: process {number + 1} of {processes}, {reader.name}")
                runs[reader.name].append(spread.run(reader, "spread", rounds=rounds))
    return [_turns(place, title, runs), *_held(place, runs)]


@contextmanager
def _fleet(place: Scene) -> Generator[Scene]:
    """Start two hosts, and return the place with their fleet in its environment."""
    from agent_fleet.commands import LocalFleet
    from agent_fleet.plane.folder import FOLDER_VARIABLE

    with scratch_folder(prefix="bench-fleet-") as folder:
        fleet = LocalFleet(folder)
        try:
            place.progress(f"{place.agent}, fleet: two hosts start")
            fleet.start(["one", "two"])
            yield replace(place, env={**place.env, FOLDER_VARIABLE: str(folder)})
        finally:
            fleet.stop()


def _turns(place: Scene, title: str, runs: dict[str, list[dict[str, Any]]]) -> Section:
    def all_of(name: str, what: str) -> list[float]:
        return [value for run in runs[name] for value in cast("list[float]", run[what])]

    here = middle(all_of(_HERE.name, "stream"))
    # The pipe interrupts alone: how long an agent takes to stop is no merit of whoever asks it.
    raw = all_of(_RAW.name, "interrupt")
    rows = [Row(_RAW.name, {"interrupt ms": _ms(middle, raw), "interrupt ms max": _ms(max, raw)})]
    for name in (_HERE.name, _FLEET.name):
        stream = middle(all_of(name, "stream"))
        values: dict[str, float | None] = {
            "first text ms": middle(all_of(name, "first")) * 1000,
            "turn ms": middle(all_of(name, "turn")) * 1000,
            "deltas/s": place.deltas / stream,
            "of here": ratio(here, stream),
            "messages": middle(all_of(name, "messages")),
            "interrupt ms": _ms(middle, all_of(name, "interrupt")),
            "interrupt ms max": _ms(max, all_of(name, "interrupt")),
            "unread ms": _ms(middle, all_of(name, "unread")),
            "unread ms max": _ms(max, all_of(name, "unread")),
        }
        rows.append(Row(name, values))
    note = (
        "first text, turn: of a short one, medians. interrupt: of a flood that is read, from the wish to its result; "
        "unread: of one that nobody reads. The store is a file of SQLite."
    )
    return Section(f"{place.agent}-fleet", title, rows, (note,))


def _held(place: Scene, runs: dict[str, list[dict[str, Any]]]) -> list[Section]:
    rows: list[Row] = []
    for name in (_HERE.name, _FLEET.name):
        done = runs[name]
        counted = [cast("list[dict[str, float]]", run["held"]) for run in done]
        for at, held in enumerate(counted[0]):
            parts = {part: middle([run[at][part] for run in counted]) for part in held}
            count = int(held["sessions"])
            values: dict[str, float | None] = {
                "open ms": parts["open"] * 1000,
                "turns ms": parts["turns"] * 1000,
                **{f"{part} MB": parts[part] / 1e6 for part in ("client", "hosts", "agents", "engine")},
            }
            for part in ("client", "hosts"):
                values[f"{part} idle %"] = parts[f"idle_{part}"] * 100
            if at:
                before = {part: middle([run[at - 1][part] for run in counted]) for part in held}
                for part in ("client", "hosts", "agents"):
                    grown = (parts[part] - before[part]) / (parts["sessions"] - before["sessions"])
                    values[f"{part} KB a session"] = grown / 1000
            rows.append(Row(f"{count} sessions: {name}", values))
    if not rows:
        return []
    what = (
        "open, turns: until all are, until all have ended a turn that began together. client: the program; hosts: the "
        "workers of both hosts; agents: what they run; engine: all else of the fleet. What several share counts once."
    )
    more = (
        "idle: of one processor, while nothing happens in any session. a session: what one more takes, from the "
        "smaller number to the larger one."
    )
    return [
        Section(f"{place.agent}-fleet-held", f"{place.agent}, many sessions on a fleet: memory", rows, (what, more))
    ]


def _ms(of: Callable[[list[float]], float], numbers: list[float]) -> float | None:
    return of(numbers) * 1000 if numbers else None
