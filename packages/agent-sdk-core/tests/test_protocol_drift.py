"""A backend that can compare protocols is found by name; one that cannot says so."""

from __future__ import annotations

import anyio
import pytest

from agent_sdk_core.errors import InvalidRequestError, UnsupportedOptionError
from agent_sdk_core.factory.registry import load_backend
from agent_sdk_core.interfaces.backend import AgentBackend
from agent_sdk_core.interfaces.diagnosis import DriftVerdict, ProtocolDrift


@pytest.mark.parametrize(
    ("verdict", "compatible", "runs"),
    [("same", True, True), ("compatible", True, True), ("reduced", False, True), ("incompatible", False, False)],
)
def test_a_verdict_says_what_works(verdict: DriftVerdict, compatible: bool, runs: bool) -> None:
    drift = ProtocolDrift("2", "1", verdict)
    assert (drift.compatible, drift.runs) == (compatible, runs)


def test_a_backend_is_loaded_by_its_name_whatever_its_case() -> None:
    assert load_backend(" Codex ") is load_backend()
    assert load_backend().type == "codex"


def test_a_name_that_nobody_registered_is_refused_with_those_that_are() -> None:
    with pytest.raises(InvalidRequestError, match=r"No backend is called 'nope'\. Registered: .*codex"):
        load_backend("nope")


def test_a_backend_without_a_protocol_says_so() -> None:
    class Plain(AgentBackend):
        type = "plain"

    with pytest.raises(UnsupportedOptionError, match="plain backend cannot compare protocols"):
        anyio.run(Plain.check_protocol)
