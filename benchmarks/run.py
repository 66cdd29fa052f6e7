"""Measures codex_sdk beside a raw reader and the official package, in one run: imports, deltas, latency.

Prints a table on stdout, progress on stderr. It needs no network and no account: the real codex asks a scripted model.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

from measure.imports import measure_imports
from measure.latency import measure_latency, measure_programs
from measure.report import NOT_INSTALLED, Section, as_json, as_text
from measure.scene import measuring_env, scene
from measure.streaming import measure_streaming

SECTIONS = ("imports", "streaming", "latency", "programs")


def main(arguments: list[str] | None = None) -> int:
    """Run the benchmarks; 0 when all that could be measured was."""
    parser = argparse.ArgumentParser(description="Measure codex_sdk beside a raw reader and the official package.")
    parser.add_argument("--json", metavar="FILE", type=Path, help="write the numbers to this file too")
    parser.add_argument("--quick", action="store_true", help="a smoke run; its numbers mean little")
    parser.add_argument("--only", choices=SECTIONS, action="append", help="measure this section only; repeatable")
    parser.add_argument("--deltas", type=int, metavar="N", help="deltas of the long turn (default: 20000)")
    parser.add_argument("--rounds", type=int, metavar="N", help="how often each reader reads it (default: 5)")
    parser.add_argument("--codex", metavar="PATH", type=Path, help="the codex binary (default: the bundled one)")
    options = parser.parse_args(arguments)

    wanted: tuple[str, ...] = tuple(options.only or SECTIONS)
    quick: bool = options.quick
    deltas: int = options.deltas or (200 if quick else 20_000)
    rounds: int = options.rounds or (1 if quick else 5)
    official = find_spec("openai_codex") is not None
    if not official:
        progress("the official package is not installed: `uv run --group bench python benchmarks/run.py` installs it")

    load = os.getloadavg()[0]
    sections: list[Section] = []
    if "imports" in wanted:
        sections.append(measure_imports(1 if quick else 15, official=official, env=measuring_env(), progress=progress))
    if set(wanted) - {"imports"}:
        with scene(deltas, options.codex) as place:
            if "streaming" in wanted:
                sections.append(measure_streaming(place, deltas, rounds, official=official, progress=progress))
            if "latency" in wanted:
                sections.append(measure_latency(place, 1 if quick else 3, official=official, progress=progress))
            if "programs" in wanted:
                sections.append(measure_programs(place, 1 if quick else 7, official=official, progress=progress))
    about = machine(load)
    print(as_text(about, sections))
    if options.json is not None:
        options.json.write_text(json.dumps(as_json(about, sections), indent=2) + "\n", encoding="utf-8")
    return 0


def machine(load: float) -> dict[str, str]:
    """Return what the numbers depend on; `load` is what else ran when it began."""
    return {
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "system": f"{platform.system()} {platform.machine()}, {os.cpu_count()} processors",
        "load": f"{load:.1f} before, {os.getloadavg()[0]:.1f} after",
        **{
            name: installed(name) for name in ("codex-sdk", "openai-codex", "openai-codex-cli-bin", "anyio", "pydantic")
        },
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
