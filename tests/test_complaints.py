"""Each complaint of our list that concerns what is built has a test, or a reason why not."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
COMPLAINTS: dict[str, dict[str, Any]] = tomllib.loads((ROOT / "tests/complaints.toml").read_text(encoding="utf-8"))
OURS = {*range(30, 45), *range(66, 77), 82, 83}


def test_every_complaint_of_this_layer_is_taken() -> None:
    assert {int(number) for number in COMPLAINTS} >= OURS


@pytest.mark.parametrize("number", COMPLAINTS)
def test_a_complaint_names_tests_that_exist_or_a_reason(number: str) -> None:
    entry = COMPLAINTS[number]
    assert entry["about"].endswith(".")
    assert bool(entry.get("tests")) != bool(entry.get("reason"))
    for test in entry.get("tests", ()):
        path, _, name = test.rpartition("::")
        assert f"def {name}(" in (ROOT / path).read_text(encoding="utf-8"), test
