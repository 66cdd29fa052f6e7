"""What `doctor` found, for people: an agent after the other, then the configuration, then what follows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from agent_chat.transcript.paths import short_path
from agent_chat.transcript.sanitize import visible
from agent_sdk_core.config.runtime import RuntimeConfig
from agent_sdk_core.interfaces.diagnosis import Diagnosis, DiagnosisStatus, DriftVerdict, Severity

_STATUS: Final[dict[DiagnosisStatus, tuple[str, str, str]]] = {
    "ok": ("✓", "green", "ready"),
    "warning": ("!", "yellow", "ready, with something to know"),
    "error": ("✗", "red", "needs attention"),
    "missing": ("○", "dim", "not installed"),
}
_SEVERITY: Final[dict[Severity, tuple[str, str]]] = {"error": ("✗", "red"), "warning": ("!", "yellow")}
_VERDICTS: Final[dict[DriftVerdict, str]] = {
    "same": "the one that this SDK was made for",
    "compatible": "newer or older, and nothing that this SDK uses is gone or changed",
    "reduced": "some of what this SDK uses is gone or changed",
    "incompatible": "too different for this SDK",
}
_FILES: Final = {"user": "Yours", "workspace": "Workspace"}
_INDENT: Final = 2


@dataclass(frozen=True, slots=True)
class Checkup:
    """What was found.

    Attributes:
        agents: What is known of each agent that was looked at.
        chosen: The backend that is used when none is named; None when that cannot be told.
        config: The configuration; an empty one when it is wrong.
        config_problem: What is wrong with the configuration; "" when nothing is.
        asked: The backend that was asked about; None for all.
    """

    agents: tuple[Diagnosis, ...]
    chosen: str | None
    config: RuntimeConfig
    config_problem: str = ""
    asked: str | None = None

    @property
    def deciding(self) -> Diagnosis | None:
        """The agent that decides whether all is well: the one that was asked about, or that would be used."""
        return next((agent for agent in self.agents if agent.backend == (self.asked or self.chosen)), None)

    @property
    def well(self) -> bool:
        """Whether that agent can be used, and the configuration is right."""
        return not self.config_problem and self.deciding is not None and self.deciding.usable


class Fact(NamedTuple):
    """A line of what was found."""

    name: str
    text: str


def print_checkup(console: Console, checkup: Checkup) -> None:
    """Print a checkup on a terminal."""
    for agent in checkup.agents:
        mark, style, words = _STATUS[agent.status]
        console.print(Text.assemble((f"{mark} ", style), (_title(agent), "bold"), "  ", (words, style)))
        _print_facts(console, list(_facts(agent)))
        for problem in agent.problems:
            mark, style = _SEVERITY[problem.severity] if agent.status != "missing" else _STATUS["missing"][:2]
            _print_problem(console, mark, style, problem.what, problem.advice)
        console.print()
    console.print(Text("  Configuration", style="bold"))
    _print_facts(console, list(_configuration(checkup)))
    if checkup.config_problem:
        _print_problem(console, "✗", "red", checkup.config_problem, "")
    console.print()
    mark, style = ("✓", "green") if checkup.well else ("✗", "red")
    console.print(_hanging(Text(mark, style=style), Text(_verdict(checkup), style="bold")))


def plain_checkup(checkup: Checkup) -> Iterator[str]:
    """Return the lines of a checkup as plain text."""
    for agent in checkup.agents:
        yield f"{_title(agent)}: {_STATUS[agent.status][2]}"
        yield from (f"  {name:<10}  {text}" for name, text in _facts(agent))
        for problem in agent.problems:
            level = "note" if agent.status == "missing" else problem.severity
            yield f"  {level}: {visible(problem.what)} {visible(problem.advice)}".rstrip()
        yield ""
    yield "Configuration"
    yield from (f"  {name:<10}  {text}" for name, text in _configuration(checkup))
    if checkup.config_problem:
        yield f"  error: {visible(checkup.config_problem)}"
    yield ""
    yield _verdict(checkup)


def _title(agent: Diagnosis) -> str:
    return visible(f"{agent.backend} {agent.version or ''}".strip())


def _facts(agent: Diagnosis) -> Iterator[Fact]:
    if agent.executable is not None:
        yield Fact("Executable", visible(short_path(agent.executable)))
    if agent.login:
        yield Fact("Login", visible(agent.login))
    if agent.tested and agent.version is not None:
        within = {True: "yes", False: "no", None: "not known"}[agent.within_tested_range]
        yield Fact("Tested", f"{within}; tested with {visible(agent.tested)}")
    if agent.drift is not None:
        yield Fact("Protocol", _VERDICTS[agent.drift.verdict])
    elif agent.executable is not None and agent.incomparable:
        yield Fact("Protocol", f"not compared: {visible(agent.incomparable)}")


def _configuration(checkup: Checkup) -> Iterator[Fact]:
    for file in checkup.config.files:
        yield Fact(_FILES[file.kind], visible(short_path(str(file.path))) + ("" if file.exists else " (not there)"))
    if checkup.chosen is not None:
        yield Fact("Agent", f"{checkup.chosen}, when no other is named ({_origin(checkup)})")


def _origin(checkup: Checkup) -> str:
    return visible(short_path(str(checkup.config.source("backend"))))


def _verdict(checkup: Checkup) -> str:
    agent = checkup.deciding
    if not checkup.agents:
        return (
            'No agent is installed: `pip install "agent-sdk[codex]"` or `pip install "agent-sdk[claude]"` brings one.'
        )
    if checkup.config_problem:
        return "The configuration is wrong; nothing runs until it is corrected."
    if agent is None:
        return "Which agent is to be used is not clear: set AGENT_SDK_BACKEND, or `backend` in the configuration."
    if agent.usable:
        named = f"--backend {agent.backend} " if agent.backend != checkup.chosen else ""
        return f'Ready: agent-sdk run {named}"what is this project about?"'
    if checkup.asked:
        return f"{agent.backend} needs attention first."
    others = [other.backend for other in checkup.agents if other.usable]
    hint = f"; or use the other one: agent-sdk run --backend {others[0]} …" if others else ""
    return f"{agent.backend} would be used, and needs attention first{hint}."


def _print_facts(console: Console, facts: list[Fact]) -> None:
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True, min_width=10)
    table.add_column(overflow="fold")
    for name, text in facts:
        table.add_row(Text(name, style="dim"), Text(text))
    console.print(Padding(table, (0, 0, 0, _INDENT)))


def _print_problem(console: Console, mark: str, style: str, what: str, advice: str) -> None:
    said = Text(visible(what), style=style)
    if advice:
        said = Text.assemble(said, "\n→ ", visible(advice))
    console.print(Padding(_hanging(Text(mark, style=style), said), (0, 0, 0, _INDENT)))


def _hanging(mark: Text, text: Text) -> Table:
    table = Table.grid(padding=(0, 1, 0, 0))
    table.add_column(width=1)
    table.add_column(overflow="fold")
    table.add_row(mark, text)
    return table
