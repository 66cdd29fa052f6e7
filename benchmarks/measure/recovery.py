"""How soon sessions can be used: after a crash of the process that all of them share, and with one started ahead."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from measure.readers import Reader
from measure.report import Row, Section, middle
from measure.scene import Scene

_OURS: Final = {loop: Reader(loop, "probes.recovering", loop) for loop in ("asyncio", "trio")}
_RAW: Final = {"raw": Reader("raw", "probes.raw", "json")}


def measure_recovery(place: Scene, rounds: int, sessions: int) -> Section:
    """Kill codex with sessions, or open sessions of claude from a warm pool, on both event loops, in turns.

    Args:
        place: Where to run.
        rounds: How many processes on each loop, and of the raw reader.
        sessions: How many sessions codex has.
    """
    return _crash(place, rounds, sessions) if place.agent == "codex" else _warm(place, rounds)


def _crash(place: Scene, rounds: int, sessions: int) -> Section:
    runs = _runs(place, "crash", rounds, sessions, _RAW | _OURS)
    rows = [
        Row(
            "raw pipe, json.loads" if loop == "raw" else f"codex_sdk, {loop}",
            {
                "heard ms": middle([run["heard"] * 1000 for run in done]),
                "heard ms max": max(run["heard"] * 1000 for run in done),
                "turns ms": middle([run["turns"] * 1000 for run in done]),
                "turns ms max": max(run["turns"] * 1000 for run in done),
                "usable": min(run["usable"] for run in done),
            },
        )
        for loop, done in runs.items()
    ]
    note = (
        "The app-server is killed with its sessions open, one in five of which never had a turn; all are asked at "
        "once, and again where a prompt went down with it. The raw pipe starts another one at once and asks it for all "
        "threads together: that is the agent's own part. heard: from SIGKILL until the last of them has had a first "
        "text; turns: until all have had a whole turn. usable: the least number of sessions whose turn completed, and "
        "which rest."
    )
    return Section("codex-crash", f"codex, killed with {sessions} sessions", rows, (note,))


def _warm(place: Scene, rounds: int) -> Section:
    runs = _runs(place, "warm", rounds, 3, _OURS)
    rows: list[Row] = []
    for loop, done in runs.items():
        for name, what in (("started ahead", "ahead"), ("started then", "cold")):
            took = [seconds * 1000 for run in done for seconds in run[what]]
            rows.append(
                Row(f"claude_sdk, {loop}: {name}", {"open ms": middle(took), "min": min(took), "max": max(took)})
            )
    note = "open: `create_session`, with `prewarm=1` once a process waits, and without it."
    return Section("claude-warm", "claude, sessions of processes started ahead", rows, (note,))


def _runs(
    place: Scene, task: Any, rounds: int, laps: int, readers: Mapping[str, Reader]
) -> dict[str, list[dict[str, Any]]]:
    runs: dict[str, list[dict[str, Any]]] = {name: [] for name in readers}
    for number in range(rounds):
        for name, done in runs.items():
            place.progress(f"{place.agent}, {task}: round {number + 1} of {rounds}, {name}")
            done.append(place.run(readers[name], task, rounds=laps))
    return runs
