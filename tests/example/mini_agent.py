"""The mini agent under the contract suite."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.example.mini_backend import MiniBackend

from agent_sdk_core import AgentBackend
from agent_sdk_testing import Step, call
from agent_sdk_testing.contract.agent import HTTP_FAILURES, Agent


class MiniAgent(Agent):
    """The backend is not registered, so that the class itself is named."""

    name = "mini"
    modes = {
        "default": {"read in cwd": "asks", "writing command": "asks", "escalated command": "asks"},
        "bypass": {"read in cwd": "runs", "writing command": "runs", "network command": "runs"},
    }
    failures = HTTP_FAILURES
    other_models = ("mini-2", "mini-3")

    @classmethod
    def backend_class(cls) -> type[AgentBackend]:
        return MiniBackend

    def arguments(self) -> Mapping[str, Any]:
        return {"url": self.model.url}

    def command(self, cmd: str, *, escalate: bool = False, wait: float | None = None) -> Step:
        return call("run", command=cmd)
