"""Both faces have the same names and the same arguments."""

from __future__ import annotations

import inspect
from typing import Any

import pytest

import agent_sdk_core
from agent_sdk_core import sync
from agent_sdk_core.interfaces.streams import Stream

PAIRS = [
    (agent_sdk_core.AgentBackend, sync.AgentBackend),
    (agent_sdk_core.AgentSession, sync.AgentSession),
    (agent_sdk_core.Turn, sync.Turn),
    (agent_sdk_core.PromptQueue, sync.PromptQueue),
    (Stream, sync.Stream),
    (agent_sdk_core.GoalRun, sync.GoalRun),
    (agent_sdk_core.LoginHandle, sync.LoginHandle),
]
OTHER_NAMES = {"aclose": "close"}
CLASS_METHODS = {"locate", "replay", "check_protocol"}
"""Of a kind of agent, which has no event loop: they are called on the async class."""


def public(cls: type) -> dict[str, Any]:
    annotated = {name: None for base in cls.__mro__[:-1] for name in vars(base).get("__annotations__", {})}
    found = {name: inspect.getattr_static(cls, name, None) for name in {*dir(cls), *annotated}}
    return {name: value for name, value in found.items() if not name.startswith("_")}


def arguments(function: Any) -> list[tuple[str, Any, Any]]:
    parameters = list(inspect.signature(function).parameters.values())
    return [(parameter.name, parameter.kind, parameter.default) for parameter in parameters[1:]]


@pytest.mark.parametrize(("face", "plain"), PAIRS)
def test_whatever_the_async_face_has_the_synchronous_one_has_and_with_the_same_arguments(face: Any, plain: Any) -> None:
    theirs, ours = public(face), public(plain)
    missing = {name for name in theirs if OTHER_NAMES.get(name, name) not in ours} - CLASS_METHODS
    if plain is sync.AgentSession:
        missing -= {"backend"}  # set when it is made
    assert not missing
    for name, value in theirs.items():
        mine = ours.get(OTHER_NAMES.get(name, name))
        if inspect.isfunction(value) and mine is not None:
            assert arguments(value) == arguments(mine), name
            assert not inspect.iscoroutinefunction(mine)
            assert (mine.__doc__ or "").strip()
    own = set(ours) - {OTHER_NAMES.get(name, name) for name in theirs}
    assert own <= {"inner", "portal", "face_of", "backend"}


@pytest.mark.parametrize("name", ["create_backend", "query"])
def test_functions_have_the_same_arguments(name: str) -> None:
    theirs, ours = inspect.signature(getattr(agent_sdk_core, name)), inspect.signature(getattr(sync, name))
    assert list(theirs.parameters) == list(ours.parameters)


def test_the_options_of_a_session_are_those_of_the_async_face() -> None:
    assert list(sync.SessionOptions.model_fields) == list(agent_sdk_core.SessionOptions.model_fields)
    assert isinstance(sync.SessionOptions(), agent_sdk_core.SessionOptions)


def test_the_public_names_are_these() -> None:
    assert sync.__all__ == dir(sync)
    for name in sync.__all__:
        # A tool is the same on both faces: it may be a plain function on either.
        assert name == "tool" or getattr(sync, name).__module__.startswith("agent_sdk_core.sync.")
    with pytest.raises(AttributeError, match="no attribute 'nope'"):
        _ = sync.nope  # pyright: ignore[reportAttributeAccessIssue]  # what is refused
