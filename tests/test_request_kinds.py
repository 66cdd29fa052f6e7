"""Every request that an agent of ours can make stands in request_kinds.toml, with what holds us to its answers."""

from __future__ import annotations

import ast
import tomllib
from pathlib import Path
from typing import Any

import pytest

from agent_sdk_testing.contract.cases.test_each_answer import KINDS
from claude_sdk.asking import requests as claude_requests
from codex_sdk.protocol.methods import SERVER_REQUESTS

_ROOT = Path(__file__).parents[1]
_CASES = _ROOT / "packages/agent-sdk-testing/src/agent_sdk_testing/contract/cases"
_AGENTS = ("claude", "codex")


def table() -> list[dict[str, Any]]:
    with (_ROOT / "tests/request_kinds.toml").open("rb") as file:
        return tomllib.load(file)["kind"]


def asked_by(agent: str) -> set[str]:
    """Return the requests that an agent can make: by codex's protocol, and of claude by what our reader knows."""
    if agent == "codex":
        return set(SERVER_REQUESTS)
    tree = ast.parse(Path(claude_requests.__file__).read_text(encoding="utf-8"))
    patterns = [node.value for node in ast.walk(tree) if isinstance(node, ast.MatchValue)]
    return {str(value.value) for value in patterns if isinstance(value, ast.Constant)}


def functions_of(path: Path) -> set[str]:
    """Return the names of the functions and methods of a file."""
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    return {node.name for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, functions)}


@pytest.mark.parametrize("agent", _AGENTS)
def test_every_request_that_an_agent_makes_stands_in_the_table_once(agent: str) -> None:
    named = [entry["native"] for entry in table() if entry["agent"] == agent]
    assert len(asked_by(agent)) > 3, "the reader was not understood"
    assert sorted(named) == sorted(asked_by(agent))


def test_every_kind_of_the_cases_is_a_request_of_each_agent() -> None:
    for agent in _AGENTS:
        cases = {case for entry in table() if entry["agent"] == agent for case in entry.get("cases", ())}
        assert cases == set(KINDS), agent


@pytest.mark.parametrize("entry", table(), ids=lambda entry: f"{entry['agent']} {entry['native']}")
def test_every_entry_names_tests_that_there_are(entry: dict[str, Any]) -> None:
    assert set(entry) <= {"agent", "native", "cases", "tests", "nobody"}
    assert entry.get("cases") or entry["tests"]
    assert "cases" not in entry or "nobody" not in entry
    for test in entry.get("tests", ()):
        path, _, name = test.partition("::")
        file = _CASES / path.removeprefix("contract/") if path.startswith("contract/") else _ROOT / path
        assert name in functions_of(file), test
