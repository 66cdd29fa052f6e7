"""Looks for growth: thousands of sessions and turns in one process, on the real agents and a scripted model.

Prints a table for each soak on stdout, progress on stderr, and exits with 1 where something grew.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Sequence
from typing import Any, Final

from measure.readers import AGENTS
from measure.report import Row, Section
from measure.scene import BENCHMARKS, Scene, scene

SOAKS: Final = ("sessions", "turns")
LOOPS: Final = ("asyncio", "trio")

OBJECTS_EACH: Final = 0.1
"""Python objects that may be left of one session or turn, beside `OBJECTS`: what leaks leaves at least one."""

OBJECTS: Final = 200
"""Python objects by which caches may differ from one count to the next."""

BYTES_EACH: Final = 2048
"""Bytes that may be left of one, beside `SLACK`."""

SLACK: Final = 6 * 2**20
"""Bytes by which an allocator may differ from one count to the next."""


def main(arguments: list[str] | None = None) -> int:
    """Soak; 0 when nothing grew."""
    parser = argparse.ArgumentParser(description="Look for growth of memory, objects, descriptors, threads and tasks.")
    parser.add_argument("--sessions", type=int, default=2000, metavar="N", help="sessions of one turn (default: 2000)")
    parser.add_argument("--turns", type=int, default=2000, metavar="N", help="turns of long sessions (default: 2000)")
    parser.add_argument("--agent", choices=AGENTS, action="append", help="this agent only; repeatable")
    parser.add_argument("--loop", choices=LOOPS, action="append", help="this event loop only; repeatable")
    options = parser.parse_args(arguments)
    counts = {"sessions": options.sessions, "turns": options.turns}
    grown: list[str] = []
    for agent in options.agent or AGENTS:
        with scene(agent, 3, None, lambda _: None) as place:
            for loop in options.loop or LOOPS:
                for what in SOAKS:
                    if not counts[what]:
                        continue
                    samples = soak(place, loop, what, counts[what])
                    print(table(f"{agent}, {loop}: {counts[what]:,} {what}", samples), end="\n\n", flush=True)
                    grown += [f"{agent}, {loop}, {what}: {sentence}" for sentence in growth(samples)]
    for sentence in grown:
        print(f"soak: {sentence}", file=sys.stderr)
    return 1 if grown else 0


def soak(place: Scene, loop: str, what: str, count: int) -> list[dict[str, int]]:
    """Run one soak in a process of its own, and return what it held after each part."""
    options: dict[str, Any] = {
        "soak": what,
        "task": "soak",
        "agent": place.agent,
        "variant": loop,
        "executable": place.executable,
        "cwd": place.cwd,
        "rounds": count,
    }
    argv = [sys.executable, "-m", "probes.soaking", *(f"--{name}={value}" for name, value in options.items())]
    done = subprocess.run(argv, cwd=BENCHMARKS, env=place.env, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"soak: {place.agent}, {loop}, {what} failed with {done.returncode}; its output is above")
    return json.loads(done.stdout)


def growth(samples: Sequence[dict[str, int]]) -> list[str]:
    """Say what grew, from the end of the first quarter, when caches are full, to the end.

    The first sample is from before all, the last from after the backend's end.
    """
    first, last, after = samples[len(samples) // 4], samples[-2], samples[-1]
    each = max(last["done"] - first["done"], 1)
    grown = [
        f"{name} grew from {first[name]} to {last[name]}"
        for name in ("descriptors", "threads", "tasks")
        if last[name] > first[name]
    ]
    if (objects := last["objects"] - first["objects"]) > OBJECTS + OBJECTS_EACH * each:
        grown.append(f"{objects / each:.1f} Python objects are left of each")
    if (memory := last["memory"] - first["memory"]) > SLACK + BYTES_EACH * each:
        grown.append(f"{memory / each:,.0f} bytes are left of each")
    grown += [
        f"{name}: {after[name]} after the backend's end, {samples[0][name]} while it ran"
        for name in ("descriptors", "tasks")
        if after[name] > samples[0][name]
    ]
    return grown


def table(title: str, samples: Sequence[dict[str, int]]) -> str:
    """Return some of the samples as a table, memory in MB."""
    running = samples[:-1]
    chosen = running[:: max(len(running) // 5, 1)]
    rows = [Row(f"after {each['done']:,}", _values(each)) for each in chosen]
    return Section("soak", title, [*rows, Row("after the end", _values(samples[-1]))]).text()


def _values(each: dict[str, int]) -> dict[str, float | None]:
    return {
        "MB": each["memory"] / 1e6,
        "objects": each["objects"],
        "descriptors": each["descriptors"],
        "threads": each["threads"],
        "tasks": each["tasks"],
        "agent MB": each["agent_memory"] / 1e6 or None,
        "agent descriptors": each["agent_descriptors"] or None,
    }


if __name__ == "__main__":
    sys.exit(main())
