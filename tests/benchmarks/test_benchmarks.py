"""The benchmarks run: a smoke run reports every row, and says so where an official package is missing."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest

from agent_sdk_testing import clean_env

RUN: Final = Path(__file__).parents[2] / "benchmarks" / "run.py"
RAW: Final = "raw pipe, json.loads"
OFFICIAL: Final = {
    "codex": importlib.util.find_spec("openai_codex") is not None,
    # The workspace has the package for its executable, without what it needs to be imported.
    "claude": importlib.util.find_spec("mcp") is not None,
}

AGENTS = pytest.mark.parametrize("agent", ["codex", "claude"])


def run(folder: Path, *arguments: str) -> tuple[dict[str, dict[str, Any]], str, str]:
    """Return the rows by name, stdout and stderr of a quick run of one section."""
    report = folder / "report.json"
    argv = [sys.executable, str(RUN), "--quick", "--json", str(report), *arguments]
    done = subprocess.run(argv, env=clean_env(), capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    (rows,) = json.loads(report.read_text())["sections"].values()
    return {row["name"]: row for row in rows}, done.stdout, done.stderr


def measured(rows: dict[str, dict[str, Any]], agent: str) -> dict[str, dict[str, float]]:
    """Return the values of the rows that were measured, which are all but the missing official package's."""
    theirs = ("openai_codex", "claude_agent_sdk")
    for name, row in rows.items():
        assert row["status"] == ("not installed" if name.startswith(theirs) and not OFFICIAL[agent] else ""), name
        assert bool(row["values"]) == (not row["status"]), name
    return {name: row["values"] for name, row in rows.items() if not row["status"]}


def test_the_import_report_has_a_row_for_each_package_and_says_which_is_missing(tmp_path: Path) -> None:
    rows, out, err = run(tmp_path, "--only", "imports")
    assert list(rows) == [
        "bare Python",
        "import anyio, pydantic",
        "import codex_sdk",
        "from codex_sdk import what a program uses",
        "codex_sdk: a backend, options and a message",
        "import openai_codex",
        "import claude_sdk",
        "from claude_sdk import what a program uses",
        "claude_sdk: a backend, options and a message",
        "import claude_agent_sdk",
    ]
    for name in ("import codex_sdk", "import claude_sdk"):
        assert set(rows[name]["values"]) == {"min", "median", "min above bare", "median above bare", "peak MB"}
    assert all(name in out for name in rows)
    assert "imports: round 1 of 1" in err
    assert "ms above bare Python" in out
    for agent, package in (("codex", "openai_codex"), ("claude", "claude_agent_sdk")):
        row = rows[f"import {package}"]
        assert row["status"] == ("" if OFFICIAL[agent] else "not installed")
        assert bool(row["values"]) == OFFICIAL[agent]
        assert (
            any(f"import {package} " in line and "not installed" in line for line in out.splitlines())
            != (OFFICIAL[agent])
        )
        assert (f"the official package for {agent} is not installed" in err) != OFFICIAL[agent]


@AGENTS
@pytest.mark.usefixtures("codex_executable", "claude_executable")
def test_the_streaming_report_compares_every_reader_with_the_raw_one(tmp_path: Path, agent: str) -> None:
    rows, out, _ = run(tmp_path, "--agent", agent, "--only", "streaming", "--deltas", "20")
    assert len(rows) == (7 if agent == "codex" else 6)
    assert rows[RAW]["values"]["x raw (min)"] == 1.0
    for name, values in measured(rows, agent).items():
        assert values["CPU us min"] > 0, name
        assert values["deltas/s median"] > 0, name
    assert "one turn of 20 deltas" in out


@pytest.mark.usefixtures("claude_executable")
def test_what_claude_said_is_read_again_at_the_speed_of_a_pipe(tmp_path: Path) -> None:
    rows, out, _ = run(tmp_path, "--agent", "claude", "--only", "replay", "--deltas", "20")
    assert {RAW, "claude_sdk, asyncio", "claude_sdk, trio", "claude_agent_sdk, asyncio"} < set(rows)
    assert all(values["CPU us min"] > 0 for values in measured(rows, "claude").values())
    assert "one recorded turn of 20 deltas" in out


@pytest.mark.usefixtures("claude_executable")
def test_the_ends_of_an_agent_are_timed_for_every_reader(tmp_path: Path) -> None:
    rows, _, _ = run(tmp_path, "--agent", "claude", "--only", "endings")
    for name, values in measured(rows, "claude").items():
        assert set(values) == {f"{end}{kind}" for end in ("close", "noticed") for kind in ("", " min", " max")}, name
        assert all(value > 0 for value in values.values()), name
