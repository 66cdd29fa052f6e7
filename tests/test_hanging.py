"""A test that hangs: it is named, the others run, and the run ends."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent

HANGS = """
import asyncio
import pytest

@pytest.fixture
def anyio_backend():
    return "asyncio"

@pytest.fixture
async def held(anyio_backend):
    yield

@pytest.mark.anyio
@pytest.mark.parametrize("number", range(4))
async def test_waits(held, number):
    if number == 1:
        await asyncio.Event().wait()
"""


def test_a_test_that_waits_for_ever_is_named_and_the_run_goes_on_to_its_end(tmp_path: Path) -> None:
    path = tmp_path / "test_waits.py"
    path.write_text(HANGS, "utf-8")
    env = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    options = ("-n", "1", "-o", "timeout=2", "-o", "cache_dir=.cache/pytest")
    command = [sys.executable, "-m", "pytest", "-c", str(ROOT / "pyproject.toml"), *options, str(path)]
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "1 failed, 3 passed" in done.stdout
    assert "crashed while running" in done.stdout
    assert "test_waits[1]" in done.stdout
