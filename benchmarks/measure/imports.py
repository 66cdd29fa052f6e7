"""What importing costs: CPU of a Python that does nothing else, and the memory it had."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from measure.readers import Agent, official_installed
from measure.report import NOT_INSTALLED, Row, Section, middle
from measure.scene import BENCHMARKS

BARE: Final = "bare Python"
_ONE_MODEL: Final = "anyio, pydantic, and one model"
_SHARED: Final = {
    BARE: "pass",
    "import anyio, pydantic": "import anyio; from pydantic import BaseModel",
    _ONE_MODEL: (
        "import anyio\nfrom pydantic import BaseModel\nclass Model(BaseModel):\n    name: str\nModel(name='x')"
    ),
}
_MESSAGE: Final = "AssistantMessage.from_wire({'type': 'assistant', 'message': {'content': []}})"
_CASES: Final[dict[Agent, dict[str, str]]] = {
    "codex": {
        "import codex_sdk": "import codex_sdk",
        "from codex_sdk import what a program uses": (
            "from codex_sdk import AssistantMessage, CodexBackend, SessionOptions"
        ),
        "codex_sdk: a backend, options and a message": (
            "from codex_sdk import AssistantMessage, CodexBackend, SessionOptions\n"
            f"CodexBackend(); SessionOptions(model='x'); {_MESSAGE}"
        ),
        "import openai_codex": "import openai_codex",
    },
    "claude": {
        "import claude_sdk": "import claude_sdk",
        "from claude_sdk import what a program uses": (
            "from claude_sdk import AssistantMessage, ClaudeBackend, SessionOptions"
        ),
        "claude_sdk: a backend, options and a message": (
            "from claude_sdk import AssistantMessage, ClaudeBackend, SessionOptions\n"
            f"ClaudeBackend(); SessionOptions(model='x'); {_MESSAGE}"
        ),
        "import claude_agent_sdk": "import claude_agent_sdk",
    },
}
"""Of each agent: ours, ours with what a program uses, its first use, and the official package."""


def measure_imports(
    rounds: int, agents: Sequence[Agent], *, env: Mapping[str, str], progress: Callable[[str], None]
) -> Section:
    """Import each in fresh processes, interleaved, after one round that writes the byte code.

    Args:
        rounds: How often each.
        agents: Whose packages.
        env: Environment of the processes.
        progress: Told what is done.
    """
    cases = {**_SHARED, **{name: code for agent in agents for name, code in _CASES[agent].items()}}
    missing = {[*_CASES[agent]][-1] for agent in agents if not official_installed(agent)}
    costs: dict[str, list[float]] = {name: [] for name in cases if name not in missing}
    for number in range(rounds + 1):
        progress(f"imports: round {number} of {rounds}")
        for name, cost in costs.items():
            cpu = _cpu_of(cases[name], env)
            if number:
                cost.append(cpu)
    bare = costs[BARE]
    rows: list[Row] = []
    for name, code in cases.items():
        cost = costs.get(name)
        if cost is None:
            rows.append(Row(name, status=NOT_INSTALLED))
            continue
        values: dict[str, float | None] = {
            "min": min(cost),
            "median": middle(cost),
            "min above bare": None if cost is bare else min(cost) - min(bare),
            "median above bare": None if cost is bare else middle(cost) - middle(bare),
            "peak MB": _peak_of(code, env) / 1e6,
        }
        rows.append(Row(name, values))
    above = {name: middle(cost) - middle(bare) for name, cost in costs.items()}
    notes = tuple(
        f"{agent}: {above[plain]:.0f} ms above bare Python, {above[used]:.0f} with what a program uses, "
        f"{above[first]:.0f} with its first use; "
        f"anyio and pydantic with one model take {above[_ONE_MODEL]:.0f} of them."
        for agent in agents
        for plain, used, first, _ in [[*_CASES[agent]]]
    )
    return Section("imports", f"Import: CPU in ms, {rounds} processes each", rows, notes)


def _cpu_of(code: str, env: Mapping[str, str]) -> float:
    """Return the milliseconds of CPU of a process that runs `code`, from its start to its end."""
    process = subprocess.Popen([sys.executable, "-c", code], env=dict(env))
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"`{code}` failed with {process.returncode}")
    return (usage.ru_utime + usage.ru_stime) * 1000


def _peak_of(code: str, env: Mapping[str, str]) -> int:
    """Return the most memory, in bytes, of a process that runs `code`."""
    asking = f"{code}\nfrom probes.memory import peak_rss\nprint(peak_rss())"
    argv = [sys.executable, "-c", asking]
    return int(subprocess.run(argv, cwd=BENCHMARKS, env=dict(env), stdout=subprocess.PIPE, check=True).stdout)
