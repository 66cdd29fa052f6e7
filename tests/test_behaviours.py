"""The list of promised behaviours and the cases of the contract suite agree, both ways."""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path

_ROOT = Path(__file__).parents[1]
_CASES = _ROOT / "packages/agent-sdk-testing/src/agent_sdk_testing/contract/cases"


def promises() -> list[dict[str, object]]:
    with (_ROOT / "tests/behaviours.toml").open("rb") as file:
        return tomllib.load(file)["promise"]


def named() -> set[str]:
    return {str(test) for promise in promises() for test in list_of(promise["tests"])}


def list_of(value: object) -> list[object]:
    assert isinstance(value, list)
    return list(value)  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]  # TOML


def functions_of(path: Path) -> set[str]:
    """Return the names of the test functions of a file."""
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    return {
        node.name
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, functions) and node.name.startswith("test_")
    }


def cases() -> set[str]:
    """Return the names of every case of the contract suite."""
    return {f"contract/{path.name}::{name}" for path in _CASES.glob("test_*.py") for name in functions_of(path)}


def test_every_promise_is_a_sentence_with_an_id_and_a_test() -> None:
    identities = [promise["id"] for promise in promises()]
    assert len(set(identities)) == len(identities)
    for promise in promises():
        assert str(promise["says"]).endswith(".")
        assert promise["tests"], f"no test holds us to {promise['id']}"


def test_every_test_that_a_promise_names_exists() -> None:
    elsewhere = {test for test in named() if not test.startswith("contract/")}
    assert named() - elsewhere - cases() == set()
    for test in elsewhere:
        path, _, name = test.partition("::")
        assert name in functions_of(_ROOT / path), test


def test_every_case_is_named_by_a_promise() -> None:
    assert cases() - named() == set()


def readme() -> list[dict[str, object]]:
    with (_ROOT / "tests/behaviours.toml").open("rb") as file:
        return tomllib.load(file)["readme"]


def sentences_of_the_readme() -> list[str]:
    """Return the sentences of "What you can rely on", without their marks."""
    section = (_ROOT / "README.md").read_text(encoding="utf-8").partition("## What you can rely on\n")[2]
    points = section.partition("\nEach of these")[0]
    text = " ".join(line.strip().removeprefix("- ") for line in points.splitlines()).replace("**", "")
    return [sentence.strip() for sentence in re.split(r"(?<=\.)\s+(?=[A-Z`\[])", text) if sentence.strip()]


def test_every_sentence_that_the_readme_promises_is_held_by_tests() -> None:
    assert [str(entry["says"]) for entry in readme()] == sentences_of_the_readme()
    known = {str(promise["id"]) for promise in promises()}
    for entry in readme():
        assert set(map(str, list_of(entry["promises"]))) <= known
        tests = [str(test) for test in list_of(entry.get("tests", []))]
        assert entry["promises"] or tests, f"no test holds us to {entry['says']!r}"
        for test in tests:
            path, _, name = test.partition("::")
            assert name in functions_of(_ROOT / path), test
