from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import pytest

from agent_sdk_core import AgentBackend, BackendCapabilities, PermissionMode
from agent_sdk_testing import Step, call
from agent_sdk_testing.contract import rules
from agent_sdk_testing.contract.agent import Action, Agent, Verdict
from agent_sdk_testing.contract.traits import Trait, has


class Backend(AgentBackend):
    capabilities = BackendCapabilities(fork=True)


class Flyer(Agent):
    name = "flyer"
    traits: ClassVar[frozenset[Trait]] = frozenset({"edits"})
    unsupported_options: ClassVar[frozenset[str]] = frozenset({"native"})
    modes: ClassVar[Mapping[PermissionMode, Mapping[Action, Verdict]]] = {"default": {}}

    @classmethod
    def backend_class(cls) -> type[AgentBackend]:
        return Backend

    def command(self, cmd: str, *, escalate: bool = False, wait: float | None = None) -> Step:
        return call("run", command=cmd)


@pytest.mark.parametrize(
    "name", ["edits", "fork", "cwd", "mode:default", "failure:rate limit", "policy_scope:asked_only"]
)
def test_an_agent_has_what_it_declares(name: str) -> None:
    assert has(Flyer, name)


@pytest.mark.parametrize(
    "name", ["deletes", "process", "resume", "native", "mode:plan", "failure:overloaded", "policy_scope:every_call"]
)
def test_an_agent_lacks_what_it_does_not_declare(name: str) -> None:
    assert not has(Flyer, name)


@pytest.mark.parametrize("name", ["flight", "colour:red", ""])
def test_a_name_that_means_nothing_raises(name: str) -> None:
    with pytest.raises(ValueError, match="no capability"):
        has(Flyer, name)


def test_the_assertions_of_the_suites_own_modules_tell_their_values() -> None:
    assert "@pytest_ar" in vars(rules)
