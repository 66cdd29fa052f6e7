"""Policing: a session's policy on the way of a request, before anybody is asked and after an input was changed."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import anyio.to_thread

from agent_sdk_core.asking.permissions import Allow, Deny, PermissionRequest
from agent_sdk_core.asking.requests import AgentAnswer, AgentRequest
from agent_sdk_core.options import SessionOptions

if TYPE_CHECKING:
    from agent_sdk_core.policy.guard import PolicyDecision, PolicyGuard

_log = logging.getLogger(__name__)


class Police:
    """The policy of one session.

    Args:
        guard: The rules.
        options: The session's options.
    """

    def __init__(self, guard: PolicyGuard, options: SessionOptions) -> None:
        # Never the folder of a call: the model chooses that one, and with it what a relative rule would mean.
        self._workspace = "." if options.cwd is None and options.resume is None else options.cwd
        # The folder of a stored session is the agent's to know, unless the options name it.
        self._guard = guard if self._workspace is not None else guard.without_workspace()

    @classmethod
    def of(cls, options: SessionOptions) -> Police | None:
        """Return the police of a session that has a policy."""
        return None if options.policy is None else cls(options.policy, options)

    async def decide(self, request: AgentRequest) -> AgentAnswer | None:
        """Return what the policy answers, None where a person decides."""
        if not isinstance(request, PermissionRequest):
            return None
        decision = await self._judge_request(request, request.input)
        match decision.verdict:
            case "deny":
                return denial(decision)
            case "allow":
                return Allow()
            case "ask":
                return None

    async def review(self, request: AgentRequest, answer: AgentAnswer | None) -> AgentAnswer | None:
        """Return an answer as the policy lets it pass: an input that was changed is judged like one of the agent."""
        if isinstance(request, PermissionRequest) and isinstance(answer, Allow) and answer.updated_input is not None:
            decision = await self._judge_request(request, answer.updated_input)
            if decision.verdict == "deny":
                return denial(decision)
        return answer

    async def judge(
        self, tool_name: str, tool_input: Mapping[str, object], cwd: str | None, escalates: Iterable[str] = ()
    ) -> PolicyDecision:
        """Decide about a tool call, off the event loop: it asks the file system where links lead."""

        def decide() -> PolicyDecision:
            workspace = os.path.abspath(Path(self._workspace or cwd or ".").expanduser())  # noqa: PTH100  # keeps links
            return self._guard.judge(
                tool_name, tool_input, cwd=cwd or workspace, workspace=workspace, escalates=escalates
            )

        decision = await anyio.to_thread.run_sync(decide)
        if decision.rule is not None:
            _log.info("policy: %s of %s, %s", decision.verdict, tool_name, decision.why)
        return decision

    async def _judge_request(self, request: PermissionRequest, tool_input: Mapping[str, object]) -> PolicyDecision:
        return await self.judge(request.tool_name, tool_input, request.cwd, request.escalates)


def denial(decision: PolicyDecision) -> Deny:
    """Return the refusal that names the rule, for the model and for the log."""
    return Deny(f"The policy refuses it: {decision.why}.")
