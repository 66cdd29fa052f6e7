"""Measures codex_sdk and claude_sdk beside a raw reader and the official packages, in one run.

Prints tables on stdout, progress on stderr. It needs no network and no account: the real agents ask a scripted model.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import signal
import sys
import threading
import traceback
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

from measure.fleet import DELTAS, measure_fleet
from measure.imports import measure_imports
from measure.instructions import measure_instructions
from measure.kept import PYTHON, grown_since_kept, keep_ratios
from measure.latency import LAPS, measure_endings, measure_latency, measure_programs
from measure.load import AT_ONCE, measure_flood, measure_together
from measure.picture import draw
from measure.readers import AGENTS, Agent, official_installed
from measure.recovery import measure_recovery
from measure.report import NOT_INSTALLED, Section, as_json, as_markdown, as_text, with_chapters
from measure.scene import BENCHMARKS, Scene, measuring_env, replayed, scene
from measure.stores import measure_stores
from measure.streaming import measure_streaming
from measure.telemetry import measure_telemetry

SECTIONS: Final = (
    "imports",
    "streaming",
    "replay",
    "latency",
    "endings",
    "programs",
    "load",
    "recovery",
    "telemetry",
    "fleet",
    "store",
)
DOCS: Final = BENCHMARKS.parent / "docs"
PICTURE: Final = "benchmarks.svg"
ended_by: Final[list[int]] = [signal.SIGINT]
DISTRIBUTIONS: Final = (
    "agent-sdk-codex",
    "agent-sdk-claude",
    "agent-sdk-fleet",
    "ray",
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
    parser.add_argument(
        "--report",
        action="store_true",
        help="write docs/benchmarks.md and its picture too; with --only, these sections anew",
    )
    parser.add_argument("--quick", action="store_true", help="a smoke run; its numbers mean little")
    parser.add_argument("--agent", choices=AGENTS, action="append", help="measure this agent only; repeatable")
    parser.add_argument("--only", choices=SECTIONS, action="append", help="measure this section only; repeatable")
    parser.add_argument("--check", action="store_true", help="count instructions, and fail where ours have grown")
    parser.add_argument("--keep", action="store_true", help="count instructions, and keep them for --check")
    parser.add_argument("--deltas", type=int, metavar="N", help="deltas of the long turn (default: 20000)")
    parser.add_argument("--rounds", type=int, metavar="N", help="how often each reader reads it (default: 5)")
    for agent in AGENTS:
        parser.add_argument(f"--{agent}", metavar="PATH", type=Path, help=f"the {agent} binary (default: the bundled)")
    options = parser.parse_args(arguments)

    wanted: tuple[str, ...] = tuple(options.only or SECTIONS)
    agents: tuple[Agent, ...] = tuple(options.agent or AGENTS)
    if options.check or options.keep:
        return gate(agents, {agent: vars(options)[agent] for agent in agents}, keep=options.keep)
    quick: bool = options.quick
    deltas: int = options.deltas or (4000 if quick else 20_000)
    rounds: int = options.rounds or (1 if quick else 5)
    for agent in agents:
        if not official_installed(agent):
            progress(f"the official package for {agent} is not installed: `uv run nox -s bench` installs it")

    load = os.getloadavg()[0]
    paths: dict[Agent, Path | None] = {agent: vars(options)[agent] for agent in agents}
    sections = measure_all(wanted, paths, deltas, rounds, quick=quick)
    about = machine(load)
    print(as_text(about, sections))
    if options.json is not None:
        options.json.write_text(json.dumps(as_json(about, sections), indent=2) + "\n", encoding="utf-8")
    page = DOCS / "benchmarks.md"
    if options.report and options.only:
        page.write_text(with_chapters(page.read_text(encoding="utf-8"), sections, about["load"]), encoding="utf-8")
    elif options.report:
        draw(sections, DOCS / PICTURE)
        page.write_text(as_markdown(about, sections, PICTURE), encoding="utf-8")
    return 0


def measure_all(
    wanted: Sequence[str], agents: Mapping[Agent, Path | None], deltas: int, rounds: int, *, quick: bool
) -> list[Section]:
    """Measure the wanted sections of these agents, each with its executable."""
    sections: list[Section] = []
    if "imports" in wanted:
        sections.append(measure_imports(1 if quick else 15, tuple(agents), env=measuring_env(), progress=progress))
    for agent, path in agents.items():
        if set(wanted) - {"imports", "fleet", "store", "telemetry"}:
            with scene(agent, deltas, path, progress) as place:
                sections += measure(place, wanted, rounds, quick=quick)
        if "telemetry" in wanted:  # Many short blocks beside each other tell more than a few long ones.
            with scene(agent, min(deltas, 1_000), path, progress) as place:
                sections.append(measure_telemetry(place, 1 if quick else 25))
        if "fleet" in wanted:
            with scene(agent, DELTAS, path, progress) as place:
                sections += measure_fleet(place, 1 if quick else 3, 1 if quick else 5)
    if "store" in wanted:
        sections.append(measure_stores(2_000 if quick else 100_000, progress))
    return sections


def measure(place: Scene, wanted: Sequence[str], rounds: int, *, quick: bool) -> list[Section]:
    """Measure the sections that need a running agent."""
    sections: list[Section] = []
    processes, laps = (1, 0) if quick else (3, LAPS)
    if "streaming" in wanted:
        sections.append(measure_streaming(place, rounds))
    if "replay" in wanted:
        with replayed(place) as recording:
            sections.append(measure_streaming(recording, rounds, task="replay"))
    if "latency" in wanted:
        sections.append(measure_latency(place, processes, laps))
    if "endings" in wanted:
        sections.append(measure_endings(place, processes, laps))
    if "load" in wanted:
        sections.append(measure_together(place, 1 if quick else 5, AT_ONCE[place.agent][: 1 if quick else None]))
        if place.agent == "codex":
            sections.append(measure_flood(place, 1 if quick else 5, 1 if quick else 10))
    if "recovery" in wanted:
        sections.append(measure_recovery(place, 1 if quick else 3, 5 if quick else 50))
    if "programs" in wanted:
        sections.append(measure_programs(place, 1 if quick else 7))
    return sections


_RECOUNTS: Final = 2
"""How often what seems to have grown is counted again: a busy machine adds by chance, a change of ours each time."""


def gate(agents: Sequence[Agent], executables: Mapping[Agent, Path | None], *, keep: bool) -> int:
    """Count the instructions of a delta, and compare their ratio to the raw reader's with the one that is kept."""
    try:
        sections = count_all(agents, executables)
        ratios = {agent: _ratio(section) for agent, section in zip(agents, sections, strict=True)}
        for agent in agents:
            for _ in range(0 if keep else _RECOUNTS):
                if not grown_since_kept({agent: ratios[agent]}, lambda _: None):
                    break
                sections.append(measure_instructions(agent, executables[agent], progress))
                ratios[agent] = min(ratios[agent], _ratio(sections[-1]))
    except RuntimeError as error:
        progress(f"bench: {error}")
        return 2
    print(as_text({"python": PYTHON}, sections))
    if keep:
        keep_ratios(ratios)
        return 0
    grown = grown_since_kept(ratios, progress)
    for sentence in grown:
        progress(f"bench: {sentence}")
    return 1 if grown else 0


def count_all(agents: Sequence[Agent], executables: Mapping[Agent, Path | None]) -> list[Section]:
    """Count for all agents at once: each count keeps one core busy, and what runs beside it is not in it.

    Raises:
        RuntimeError: Something cannot be counted.
    """
    stopped = threading.Event()

    def tell(text: str) -> None:
        if stopped.is_set():
            raise RuntimeError("The count of another agent was ended.")
        progress(text)

    def count(agent: Agent) -> Section:
        return measure_instructions(agent, executables[agent], tell)

    with ThreadPoolExecutor(len(agents)) as threads:
        try:
            return list(threads.map(count, agents))
        except BaseException:
            stopped.set()  # Who waits for the others waits for one reader at most.
            raise


def _ratio(section: Section) -> float:
    return section.rows[-1].values["x raw"] or 0.0


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


def end(number: int, frame: object) -> None:
    """End as Ctrl-C does, which asyncio takes as the end of its main task: all that was started is ended too.

    An exception out of the handler would strike wherever the loop stands, and a thread that it had just started and not
    yet written down would be waited for for ever.
    """
    del frame
    ended_by.append(number)
    signal.raise_signal(signal.SIGINT)


if __name__ == "__main__":
    for ending in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(ending, end)
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(128 + ended_by[-1])
    except Exception:
        if len(ended_by) == 1:
            raise
        traceback.print_exc()  # It came while what was measured was being ended.
        sys.exit(128 + ended_by[-1])
