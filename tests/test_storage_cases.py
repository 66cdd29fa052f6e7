"""Each case in which stores broke elsewhere is a test here, by name."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from tests.test_complaints import functions_in

CASES: list[dict[str, Any]] = tomllib.loads(Path(__file__).with_name("storage_cases.toml").read_text(encoding="utf-8"))[
    "case"
]


def test_every_case_says_what_broke_and_names_tests_that_exist() -> None:
    for case in CASES:
        assert case["about"].endswith("."), case
        assert case["tests"], case
        for test in case["tests"]:
            path, _, name = test.partition("::")
            assert name in functions_in(path), test
    assert len({case["about"] for case in CASES}) == len(CASES)
