"""The tables of docs/codex-wire.md name every method of the protocol, as the code's own lists have them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_tables_are_current_and_leave_out_no_method() -> None:
    command = [sys.executable, str(ROOT / "scripts" / "wire_table.py"), "--check"]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert ran.returncode == 0, ran.stderr
