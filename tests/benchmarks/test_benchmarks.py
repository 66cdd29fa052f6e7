"""The benchmarks run: a smoke run reports every row, and says so where the official package is missing."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from agent_sdk_testing import clean_env

RUN = Path(__file__).parents[2] / "benchmarks" / "run.py"
OFFICIAL = importlib.util.find_spec("openai_codex") is not None


def run(folder: Path, *arguments: str) -> tuple[dict[str, dict[str, Any]], str, str]:
    """Return the rows by name, stdout and stderr of a quick run of one section."""
    report = folder / "report.json"
    argv = [sys.executable, str(RUN), "--quick", "--json", str(report), *arguments]
    done = subprocess.run(argv, env=clean_env(), capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    (rows,) = json.loads(report.read_text())["sections"].values()
    return {row["name"]: row for row in rows}, done.stdout, done.stderr


def test_the_import_report_has_a_row_for_each_package_beside_bare_python(tmp_path: Path) -> None:
    rows, out, err = run(tmp_path, "--only", "imports")
    assert list(rows) == [
        "bare Python",
        "import anyio, pydantic",
        "import codex_sdk",
        "from codex_sdk import what a program uses",
        "import openai_codex",
    ]
    assert set(rows["import codex_sdk"]["values"]) == {
        "min",
        "median",
        "min above bare",
        "median above bare",
        "peak MB",
    }
    assert all(name in out for name in rows)
    assert "imports: round 1 of 1" in err


@pytest.mark.usefixtures("codex_executable")
def test_the_streaming_report_compares_every_reader_with_the_raw_one(tmp_path: Path) -> None:
    rows, out, _ = run(tmp_path, "--only", "streaming", "--deltas", "20")
    measured = [name for name in rows if OFFICIAL or not name.startswith("openai_codex")]
    assert len(rows) == 7
    assert rows["raw pipe, json.loads"]["values"]["x raw (min)"] == 1.0
    for name in measured:
        assert rows[name]["values"]["CPU us min"] > 0, name
        assert rows[name]["values"]["deltas/s median"] > 0, name
    assert "one turn of 20 deltas" in out


def test_a_missing_official_package_is_named_and_not_dropped(tmp_path: Path) -> None:
    rows, out, err = run(tmp_path, "--only", "imports")
    row = rows["import openai_codex"]
    assert row["status"] == ("" if OFFICIAL else "not installed")
    assert bool(row["values"]) == OFFICIAL
    assert ("import openai_codex                        not installed" in out) is not OFFICIAL
    assert ("the official package is not installed" in err) is not OFFICIAL
