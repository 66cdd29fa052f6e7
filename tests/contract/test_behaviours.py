"""The list of promised behaviours and the tests agree, both ways."""

from __future__ import annotations

import ast
import tomllib
from pathlib import Path

_TESTS = Path(__file__).parent.parent


def promises() -> list[dict[str, object]]:
    with (_TESTS / "behaviours.toml").open("rb") as file:
        return tomllib.load(file)["promise"]


def named() -> set[str]:
    return {str(test) for promise in promises() for test in list_of(promise["tests"])}


def list_of(value: object) -> list[object]:
    assert isinstance(value, list)
    return list(value)  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]


def existing() -> set[str]:
    """Return the node ids of every contract test, this file's own excluded."""
    found: set[str] = set()
    for path in (_TESTS / "contract").glob("test_*.py"):
        if path.name == Path(__file__).name:
            continue
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
                found.add(f"contract/{path.name}::{node.name}")
    return found


def test_every_promise_is_a_sentence_with_an_id_and_a_test() -> None:
    identities = [promise["id"] for promise in promises()]
    assert len(set(identities)) == len(identities)
    for promise in promises():
        assert str(promise["says"]).endswith(".")
        assert promise["tests"], f"no test holds us to {promise['id']}"


def test_every_test_that_a_promise_names_exists() -> None:
    assert named() - existing() == set()


def test_every_contract_test_is_named_by_a_promise() -> None:
    assert existing() - named() == set()
