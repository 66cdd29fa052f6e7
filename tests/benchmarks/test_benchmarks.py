"""The benchmarks run: a smoke run reports every row, and says so where an official package is missing."""

from __future__ import annotations

import importlib.util
import json
import signal
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import pytest
from tests.postgresql import MISSING, programs

from agent_sdk_testing import clean_env

RUN: Final = Path(__file__).parents[2] / "benchmarks" / "run.py"
RAW: Final = "raw pipe, json.loads"
OFFICIAL: Final = {
    "codex": importlib.util.find_spec("openai_codex") is not None,
    # The workspace has the package for its executable, without what it needs to be imported.
    "claude": importlib.util.find_spec("mcp") is not None,
}


def _load(name: str) -> Any:
    """Return a module of the benchmarks, which are no package."""
    spec = importlib.util.spec_from_file_location(name, RUN.parent / "measure" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


AGENTS = pytest.mark.parametrize("agent", ["codex", "claude"])


def untraced() -> dict[str, str]:
    """Return the environment of a benchmark: nothing measures what it covers, which would make it slow."""
    return {name: value for name, value in clean_env().items() if not name.startswith("COVERAGE_")}


def run(folder: Path, *arguments: str) -> tuple[dict[str, dict[str, Any]], str, str]:
    """Return the rows by name, stdout and stderr of a quick run of one section."""
    report = folder / "report.json"
    argv = [sys.executable, str(RUN), "--quick", "--json", str(report), *arguments]
    done = subprocess.run(argv, env=untraced(), capture_output=True, text=True, timeout=240, check=False)
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
        "anyio, pydantic, and one model",
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


@AGENTS
@pytest.mark.usefixtures("codex_executable", "claude_executable")
def test_what_an_agent_said_is_read_again_at_the_speed_of_a_pipe(tmp_path: Path, agent: str) -> None:
    rows, out, _ = run(tmp_path, "--agent", agent, "--only", "replay", "--deltas", "20")
    assert {RAW, f"{agent}_sdk, asyncio", f"{agent}_sdk, trio"} < set(rows)
    assert all(values["CPU us min"] > 0 for values in measured(rows, agent).values())
    assert "one recorded turn of 20 deltas" in out


@AGENTS
@pytest.mark.usefixtures("codex_executable", "claude_executable")
def test_sessions_are_used_again_after_a_crash_and_opened_from_a_warm_pool(tmp_path: Path, agent: str) -> None:
    rows, _, _ = run(tmp_path, "--agent", agent, "--only", "recovery")
    assert len(rows) == (3 if agent == "codex" else 4)
    for name, values in measured(rows, agent).items():
        if agent == "codex":
            assert values["usable"] == 5, name
        else:
            assert values["open ms"] > 0, name


def test_a_ratio_that_grew_by_more_than_the_tolerance_is_named_with_what_to_do(tmp_path: Path) -> None:
    kept = _load("kept")
    path, told = tmp_path / "kept.json", list[str]()
    kept.keep_ratios({"codex": 2.0, "claude": 1.4}, path)
    assert kept.grown_since_kept({"codex": 2.09, "claude": 1.3}, told.append, path) == []
    (sentence,) = kept.grown_since_kept({"codex": 2.11, "claude": 1.4}, told.append, path)
    assert "codex takes 2.110 times" in sentence
    assert "2.000 are kept" in sentence
    assert not told
    kept.keep_ratios({"codex": 2.1}, path)
    assert kept.grown_since_kept({"codex": 2.11, "claude": 1.4}, told.append, path) == []
    assert kept.grown_since_kept({"another": 9.0}, told.append, path) == []
    assert "nothing is kept for another" in told[0]


def test_the_gate_says_what_to_install_where_nothing_can_count(tmp_path: Path) -> None:
    argv = [sys.executable, str(RUN), "--check"]
    env = {**untraced(), "PATH": str(tmp_path)}
    done = subprocess.run(argv, env=env, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 2
    assert "apt-get install valgrind" in done.stderr


@pytest.mark.usefixtures("claude_executable")
def test_the_ends_of_an_agent_are_timed_for_every_reader(tmp_path: Path) -> None:
    rows, _, _ = run(tmp_path, "--agent", "claude", "--only", "endings")
    for name, values in measured(rows, "claude").items():
        assert set(values) == {f"{end}{kind}" for end in ("close", "noticed") for kind in ("", " min", " max")}, name
        assert all(value > 0 for value in values.values()), name


@pytest.mark.skipif(programs() is None, reason=MISSING)
def test_a_run_that_is_ended_leaves_no_database_behind() -> None:
    with tempfile.TemporaryDirectory(prefix="bench-ended-") as name:
        Path(name).chmod(0o755)  # PostgreSQL may run as another user.
        argv = [sys.executable, str(RUN), "--quick", "--only", "store"]
        env = {**untraced(), "TMPDIR": name}
        with subprocess.Popen(argv, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as bench:
            assert bench.stderr is not None
            assert any("store: PostgreSQL" in line for line in bench.stderr)
            assert any(Path(name).glob("agent-sdk-postgresql-*"))
            bench.send_signal(signal.SIGTERM)
            _, said = bench.communicate(timeout=240)
        assert bench.returncode in (128 + signal.SIGTERM, 0), said  # 0: it was through, for this test came late.
        assert not list(Path(name).glob("agent-sdk-postgresql-*"))
        assert not [shown for shown in command_lines() if name in shown]


def command_lines() -> list[str]:
    """Return what the processes of this machine were started as."""
    shown: list[str] = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            shown.append(file.read_bytes().replace(b"\0", b" ").decode("utf-8", "replace"))
    return shown
