"""Measures codex_sdk and claude_sdk beside a raw reader and the official packages, in one run.

Prints tables on stdout, progress on stderr. It needs no network and no account: the real agents ask a scripted model.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

from measure.imports import measure_imports
from measure.latency import LAPS, measure_endings, measure_latency, measure_programs
from measure.readers import AGENTS, Agent, official_installed
from measure.report import NOT_INSTALLED, Section, as_json, as_text
from measure.scene import Scene, measuring_env, replayed, scene
from measure.streaming import measure_streaming

SECTIONS: Final = ("imports", "streaming", "replay", "latency", "endings", "programs")
DISTRIBUTIONS: Final = (
    "agent-sdk-codex",
    "agent-sdk-claude",
    "openai-codex",
    "openai-codex-cli-bin",
    "claude-agent-sdk",
    "mcp",
    "anyio",
    "pydantic",
)


def main(arguments: list[str] | None = None) -> int:
    """Run the benchmarks; 0 when all that could be measured was."""
    parser = argparse.ArgumentParser(description="Measure our packages beside a raw reader and the official ones.")
    parser.add_argument("--json", metavar="FILE", type=Path, help="write the numbers to this file too")
    parser.add_argument("--quick", action="store_true", help="a smoke run; its numbers mean little")
    parser.add_argument("--agent", choices=AGENTS, action="append", help="measure this agent only; repeatable")
    parser.add_argument("--only", choices=SECTIONS, action="append", help="measure this section only; repeatable")
    parser.add_argument("--deltas", type=int, metavar="N", help="deltas of the long turn (default: 20000)")
    parser.add_argument("--rounds", type=int, metavar="N", help="how often each reader reads it (default: 5)")
    for agent in AGENTS:
        parser.add_argument(f"--{agent}", metavar="PATH", type=Path, help=f"the {agent} binary (default: the bundled)")
    options = parser.parse_args(arguments)

    wanted: tuple[str, ...] = tuple(options.only or SECTIONS)
    agents: tuple[Agent, ...] = tuple(options.agent or AGENTS)
    quick: bool = options.quick
    deltas: int = options.deltas or (200 if quick else 20_000)
    rounds: int = options.rounds or (1 if quick else 5)
    for agent in agents:
        if not official_installed(agent):
            progress(f"the official package for {agent} is not installed: `uv run nox -s bench` installs it")

    load = os.getloadavg()[0]
    sections: list[Section] = []
    if "imports" in wanted:
        sections.append(measure_imports(1 if quick else 15, agents, env=measuring_env(), progress=progress))
    if set(wanted) - {"imports"}:
        for agent in agents:
            with scene(agent, deltas, vars(options)[agent], progress) as place:
                sections += measure(place, wanted, rounds, quick=quick)
    about = machine(load)
    print(as_text(about, sections))
    if options.json is not None:
        options.json.write_text(json.dumps(as_json(about, sections), indent=2) + "\n", encoding="utf-8")
    return 0


def measure(place: Scene, wanted: tuple[str, ...], rounds: int, *, quick: bool) -> list[Section]:
    """Measure the sections that need a running agent."""
    sections: list[Section] = []
    processes, laps = (1, 0) if quick else (3, LAPS)
    if "streaming" in wanted:
        sections.append(measure_streaming(place, rounds))
    if "replay" in wanted and place.agent == "claude":
        with replayed(place) as recording:
            sections.append(measure_streaming(recording, rounds, task="replay"))
    if "latency" in wanted:
        sections.append(measure_latency(place, processes, laps))
    if "endings" in wanted:
        sections.append(measure_endings(place, processes, laps))
    if "programs" in wanted:
        sections.append(measure_programs(place, 1 if quick else 7))
    return sections


def machine(load: float) -> dict[str, str]:
    """Return what the numbers depend on; `load` is what else ran when it began."""
    return {
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "system": f"{platform.system()} {platform.machine()}, {os.cpu_count()} processors",
        "load": f"{load:.1f} before, {os.getloadavg()[0]:.1f} after",
        **{name: installed(name) for name in DISTRIBUTIONS},
    }


def installed(distribution: str) -> str:
    """Return the version of a distribution, or that there is none."""
    try:
        return version(distribution)
    except PackageNotFoundError:
        return NOT_INSTALLED


def progress(text: str) -> None:
    """Tell on stderr what is done."""
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
