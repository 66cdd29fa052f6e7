"""The real agents behind a fleet, under the contract suite: each on a host, with what does not cross left out."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, ClassVar, Final

from tests.contract.agents.claude import ClaudeAgent
from tests.contract.agents.codex import CodexAgent
from tests.fleet.sharing import the_cluster

from agent_fleet import FleetBackend
from agent_fleet.backend import capabilities_behind
from agent_sdk_core import AgentBackend, AgentSession
from agent_sdk_core.factory.registry import load_backend
from agent_sdk_testing.contract.process_agent import ProcessAgent

THERE: Final = (
    "a host judges by the policy, and notes in its own log by which rule; what a test changes here is not there"
)
KEPT: Final = "a host keeps what a program left that did not close it, for who resumes it"


def declared(name: str) -> type[FleetBackend]:
    """Return the backend of a fleet of one agent, which declares as a class what that agent can do behind it."""
    able = capabilities_behind(load_backend(name).capabilities)
    return type("DeclaredFleet", (FleetBackend,), {"capabilities": able})


class OnFleet(ProcessAgent):
    """An agent on the hosts "one" and "two", half of the sessions on each.

    The cases define tools and hooks in functions, where no host imports them; the account is of the host. For both, and
    for what becomes of a process that dies, the fleet has tests of its own.
    """

    loops = ("asyncio",)
    apart = frozenset({"tools", "hook", "login_methods", "process", "installed"})
    differs: ClassVar[Mapping[str, str]] = {
        "test_policy.test_a_policy_that_breaks_denies": THERE,
        "test_policy.test_a_decision_names_its_rule_in_messages_result_and_log": THERE,
    }
    left_out: ClassVar[Mapping[str, str]] = {
        "test_event_loops.test_an_event_loop_that_ends_settles_what_was_opened_in_it": KEPT,
        "test_event_loops.test_who_waits_is_told_when_the_event_loop_ends": KEPT,
    }
    agent: ClassVar[str]
    fleet: ClassVar[type[FleetBackend]]

    @classmethod
    def backend_class(cls) -> type[AgentBackend]:
        return cls.fleet

    def arguments(self) -> Mapping[str, Any]:
        self.ready()
        store = self.folder / "fleet.db"
        return {
            "backend": self.agent,
            "store": store,
            "hosts": ["one", "two"],
            "executable": os.fspath(self.executable),
            "env": self.env,
        }

    def ready(self) -> None:
        the_cluster()

    def pid(self, session: AgentSession) -> int:
        return self.started[-1]


class FleetCodexAgent(OnFleet, CodexAgent):
    """Codex on a fleet."""

    name = "fleet-codex"
    agent = native_name = "codex"
    fleet = declared("codex")


class FleetClaudeAgent(OnFleet, ClaudeAgent):
    """Claude Code on a fleet."""

    name = "fleet-claude"
    agent = native_name = "claude"
    fleet = declared("claude")
