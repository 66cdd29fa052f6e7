from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from agent_sdk_core import (
    AgentError,
    InvalidRequestError,
    ProcessExitedError,
    ProtocolError,
    RateLimitError,
    error_from_wire,
    error_to_wire,
)
from agent_sdk_core.schemas import export_json_schemas
from agent_sdk_core.wire.error_form import CLASSES

SCHEMA: Any = Draft202012Validator(export_json_schemas()["error.schema.json"])
OWN: dict[type[AgentError], dict[str, Any]] = {
    RateLimitError: {"reset_at": 12.5},
    ProcessExitedError: {"exit_code": 3, "signal": 9, "stderr_tail": "tail"},
    ProtocolError: {"rpc_code": -32000, "rpc_data": {"a": [1]}},
}
SCALARS = st.none() | st.booleans() | st.integers() | st.text(max_size=5)
JSON = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner))


class StoreLostError(RateLimitError):
    """An error of a package beside the SDK."""


def sent(error: AgentError) -> Any:
    """What another process reads."""
    wire = json.loads(json.dumps(error_to_wire(error), allow_nan=False))
    SCHEMA.validate(wire)
    return wire


@pytest.mark.parametrize("cls", CLASSES.values(), ids=lambda cls: cls.__name__)
def test_an_error_crosses_with_its_class_and_its_fields(cls: type[AgentError]) -> None:
    shared: dict[str, Any] = {"code": "c", "retryable": True, "backend": "b", "details": {"k": [1]}}
    for own in ({}, OWN.get(cls, {})):
        error = cls("It broke; mend it.", **shared, **own)
        again = error_from_wire(sent(error))
        assert type(again) is cls
        assert again.args == error.args
        assert {**vars(again), "details": dict(again.details)} == {**vars(error), "details": dict(error.details)}


def test_details_that_json_cannot_hold_are_told_in_words() -> None:
    details = {"path": Path("/x"), "odd": 1j, "nan": float("nan"), "half": 0.5, "set": {1}, "in": {5: (None, True)}}
    told = error_from_wire(sent(AgentError("x", details=details))).details
    assert told == {"path": "/x", "odd": "1j", "nan": "nan", "half": 0.5, "set": [1], "in": {"5": [None, True]}}


def test_a_class_beside_the_tree_crosses_as_the_nearest_of_it() -> None:
    again = error_from_wire(sent(StoreLostError("x", reset_at=1)))
    assert isinstance(again, RateLimitError)
    assert (type(again), again.reset_at) == (RateLimitError, 1)


def test_a_class_of_a_newer_version_is_an_error_all_the_same() -> None:
    wire: dict[str, object] = {"error": "Newer", "message": "x", "code": "y", "retryable": False, "exit_code": 3}
    SCHEMA.validate(wire)
    assert type(error_from_wire(wire)) is AgentError


@given(st.sampled_from([cls("x", **own) for cls, own in OWN.items()]), st.data())
def test_what_the_schema_takes_is_read_and_nothing_else(error: AgentError, data: st.DataObject) -> None:
    wire = sent(error)
    wire[data.draw(st.sampled_from(sorted(wire)))] = data.draw(JSON)
    try:
        error_from_wire(wire)
    except InvalidRequestError:
        assert not SCHEMA.is_valid(wire)
    else:
        SCHEMA.validate(wire)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"message": None}, "error.message is of type NoneType, not a string."),
        ({"details": []}, "error.details is of type list, not an object."),
    ],
)
def test_what_is_no_error_is_refused_with_its_place(change: dict[str, object], problem: str) -> None:
    with pytest.raises(InvalidRequestError, match=problem):
        error_from_wire({**error_to_wire(AgentError("x")), **change})
    with pytest.raises(InvalidRequestError, match=r"error\.message is missing"):
        error_from_wire({"error": "AgentError"})


def test_what_is_no_error_of_ours_does_not_cross() -> None:
    stranger: Any = ValueError("x")
    with pytest.raises(InvalidRequestError, match="error must be AgentError, not ValueError"):
        error_to_wire(stranger)
