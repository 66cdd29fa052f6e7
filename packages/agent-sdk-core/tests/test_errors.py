# pyright: reportUnknownLambdaType=false, reportUnknownArgumentType=false
from __future__ import annotations

import copy
import pickle
import re
from pathlib import Path
from typing import Any

import pytest

from agent_sdk_core import errors
from agent_sdk_core.errors import AgentError, ProcessExitedError, ProtocolError, RateLimitError

CLASSES = [cls for cls in vars(errors).values() if isinstance(cls, type) and issubclass(cls, AgentError)]
SPECIAL: dict[type[AgentError], dict[str, Any]] = {
    RateLimitError: {"reset_at": 12.5},
    ProcessExitedError: {"exit_code": 3, "signal": 9, "stderr_tail": "tail"},
    ProtocolError: {"rpc_code": -32000, "rpc_data": {"a": 1}},
}


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
def test_an_error_has_its_class_code_and_its_own_where_given(cls: type[AgentError]) -> None:
    error = cls("It broke; mend it.")
    assert str(error) == error.message == "It broke; mend it."
    assert error.code == cls.default_code
    assert error.retryable is cls.default_retryable
    assert error.backend is None
    assert dict(error.details) == {}
    other = cls("x", code="mine", retryable=not cls.default_retryable, backend="b", details={"k": 1})
    assert (other.code, other.retryable, other.backend) == ("mine", not cls.default_retryable, "b")
    assert dict(other.details) == {"k": 1}


def test_what_it_says_can_be_written_whatever_it_names() -> None:
    error = AgentError("There is no session é\ud800\udcff.")
    assert str(error) == error.message == r"There is no session é\ud800\udcff."
    assert error.message.encode()


def test_every_class_has_a_code_of_its_own() -> None:
    codes = [cls.default_code for cls in CLASSES]
    assert len(set(codes)) == len(codes) > 15


def test_every_class_belongs_to_a_family() -> None:
    families = {cls for cls in CLASSES if AgentError in cls.__bases__}
    assert {cls.__name__ for cls in families} == {
        "StartError",
        "AccountError",
        "SessionError",
        "ConnectionLostError",
        "RequestError",
        "UnsupportedError",
    }
    leaves = set(CLASSES) - families - {AgentError}
    assert all(set(leaf.__bases__) <= families for leaf in leaves)
    assert all(any(issubclass(leaf, family) for leaf in leaves) for family in families)


def test_the_tree_of_the_documentation_is_that_of_the_classes() -> None:
    page = (Path(__file__).parents[3] / "docs/errors.md").read_text(encoding="utf-8")
    rows = [line.split("|")[1:3] for line in page.splitlines() if line.startswith("| `")]
    told = {re.findall(r"\w+Error", family)[0]: set(re.findall(r"\w+Error", leaves)) for family, leaves in rows}
    families = [cls for cls in CLASSES if AgentError in cls.__bases__]
    assert told == {
        family.__name__: {cls.__name__ for cls in CLASSES if family in cls.__bases__} for family in families
    }


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda error: pickle.loads(pickle.dumps(error))])
@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
def test_copies_keep_every_field(cls: type[AgentError], copied: Any) -> None:
    fields = SPECIAL.get(cls, {})
    error = cls("x", code="c", retryable=True, backend="b", details={"k": [1]}, **fields)
    error.add_note("seen in turn 3")
    other = copied(error)
    assert type(other) is cls
    assert other is not error
    assert str(other) == "x"
    assert other.args == error.args
    assert {**other.__dict__, "details": dict(other.details)} == {**error.__dict__, "details": dict(error.details)}
    for name, value in fields.items():
        assert getattr(other, name) == value


def test_an_error_without_details_can_be_pickled_too() -> None:
    assert dict(pickle.loads(pickle.dumps(AgentError("x"))).details) == {}
