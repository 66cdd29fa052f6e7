"""Each complaint of our list has tests that exist, or the reason why it is not this layer's."""

from __future__ import annotations

import ast
import tomllib
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

import pytest

_ROOT = Path(__file__).parents[1]
_CASES = "packages/agent-sdk-testing/src/agent_sdk_testing/contract/cases"
_COMPLAINTS: dict[str, dict[str, Any]] = tomllib.loads((_ROOT / "tests/complaints.toml").read_text(encoding="utf-8"))
_COUNT = 88
_LATER = {"Windows"}
"""The parts of the project that are still to come."""


@cache
def functions_in(path: str) -> frozenset[str]:
    """Return the tests of a file, those of classes as "Class::test"; none if there is no such file."""
    file = _ROOT / path.replace("contract/", f"{_CASES}/", 1) if path.startswith("contract/") else _ROOT / path
    return frozenset(_tests_in(ast.parse(file.read_text(encoding="utf-8")).body)) if file.is_file() else frozenset()


def _tests_in(body: Iterable[ast.stmt]) -> Iterable[str]:
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
            yield node.name
        elif isinstance(node, ast.ClassDef) and node.name.startswith("Test"):
            yield from (f"{node.name}::{name}" for name in _tests_in(node.body))


def faults(entry: dict[str, Any]) -> list[str]:
    """Return what is wrong with the answer to a complaint."""
    found = [f"unknown key {key!r}" for key in entry.keys() - {"about", "tests", "reason", "later"}]
    tests, reason, later = entry.get("tests", []), entry.get("reason"), entry.get("later")
    found += [f"{name} is no sentence" for name in ("about", "reason") if not _is_sentence(entry.get(name, "None."))]
    if "about" not in entry:
        found.append("it says not what it is about")
    if not tests and reason is None:
        found.append("it has neither a test nor a reason")
    if later is not None and (reason is None or later not in _LATER):
        found.append(f"{later!r} is no part that is to come, or there is no reason to wait for it")
    if len(set(tests)) != len(tests):
        found.append("it names a test twice")
    return [*found, *(f"there is no test {test}" for test in tests if not _exists(test))]


def _is_sentence(text: str) -> bool:
    return text[:1].isupper() and text.endswith(".")


def _exists(test: str) -> bool:
    path, _, name = test.partition("::")
    return name in functions_in(path)


def test_every_complaint_has_an_answer_and_in_order() -> None:
    assert list(_COMPLAINTS) == [str(number) for number in range(1, _COUNT + 1)]


@pytest.mark.parametrize("number", _COMPLAINTS)
def test_an_answer_is_a_test_that_exists_or_a_reason(number: str) -> None:
    assert faults(_COMPLAINTS[number]) == []


GOOD = {"about": "It hangs.", "tests": ["tests/test_complaints.py::test_a_wrong_answer_is_found_out"]}
WRONG: dict[str, dict[str, Any]] = {
    "nothing": {"about": "It hangs."},
    "no test of this name": {**GOOD, "tests": ["tests/test_complaints.py::test_that_never_was"]},
    "no such file": {**GOOD, "tests": ["tests/test_that_never_was.py::test_that_never_was"]},
    "a test of another file": {**GOOD, "tests": ["tests/test_behaviours.py::test_a_wrong_answer_is_found_out"]},
    "a helper": {**GOOD, "tests": ["tests/test_complaints.py::faults"]},
    "no sentence": {**GOOD, "reason": "not ours"},
    "later without a reason": {**GOOD, "later": "Windows"},
    "later than everything": {**GOOD, "reason": "Not yet.", "later": "some day"},
    "twice": {**GOOD, "tests": GOOD["tests"] * 2},
    "about nothing": {"tests": GOOD["tests"]},
    "another key": {**GOOD, "status": "fixed"},
}


def test_a_good_answer_has_no_faults() -> None:
    assert faults(GOOD) == []
    assert faults({**GOOD, "reason": "The rest is not built yet.", "later": "Windows"}) == []
    assert faults({"about": "It hangs.", "reason": "It is the agent that hangs."}) == []


@pytest.mark.parametrize("entry", WRONG.values(), ids=WRONG)
def test_a_wrong_answer_is_found_out(entry: dict[str, Any]) -> None:
    assert len(faults(entry)) == 1
