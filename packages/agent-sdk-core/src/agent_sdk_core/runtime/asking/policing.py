"""Policing: a session's policy on the way of a request, before anybody is asked and after an input was changed."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import anyio.to_thread

from agent_sdk_core.asking.permissions import Allow, Deny, PermissionRequest
from agent_sdk_core.asking.requests import AgentAnswer, AgentRequest, DecidedBy
from agent_sdk_core.errors import failure_text
from agent_sdk_core.messages.result import ResultMessage
from agent_sdk_core.options import SessionOptions
from agent_sdk_core.telemetry.reporting import error_reporter

if TYPE_CHECKING:
    from agent_sdk_core.policy.guard import PolicyDecision, PolicyGuard
    from agent_sdk_core.policy.rules import Rule
    from agent_sdk_core.runtime.turns.meter import Meter

_log = logging.getLogger(__name__)


class Ruling(NamedTuple):
    """What a policy answers to a request, and the rule by which it does; no answer leaves it to a person."""

    answer: AgentAnswer | None
    rule: str | None = None
    by: DecidedBy = "policy"


class Police:
    """The policy of one session.

    Args:
        guard: The rules.
        options: The session's options.
        meter: Counts tool calls, where they are limited.

    Attributes:
        added: Rules that answers added, which tighten those of the policy, and allow what these leave open.
    """

    def __init__(self, guard: PolicyGuard, options: SessionOptions, meter: Meter | None = None) -> None:
        # Never the folder of a call: the model chooses that one, and with it what a relative rule would mean.
        self._workspace = "." if options.cwd is None and options.resume is None else options.cwd
        # The folder of a stored session is the agent's to know, unless the options name it.
        self._guard = guard if self._workspace is not None else guard.without_workspace()
        self._always_asked = frozenset(name for registry in options.registries for name in registry.always_asked)
        self._meter = meter
        self._denied: dict[str, str] = {}
        self.added: Sequence[Rule] = ()

    @classmethod
    def of(cls, options: SessionOptions, meter: Meter | None = None) -> Police | None:
        """Return the police of a session that has a policy."""
        return None if options.policy is None else cls(options.policy, options, meter)

    async def decide(self, request: AgentRequest) -> Ruling:
        """Return what the policy answers, nothing where a person decides."""
        if not isinstance(request, PermissionRequest):
            return Ruling(None)
        decision = await self._judge_request(request, request.input)
        rule = _name(decision)
        match decision.verdict:
            case "deny":
                return Ruling(denial(decision), rule)
            case "allow":
                asked = request.requires_person or request.tool_name in self._always_asked
                return Ruling(None) if asked else Ruling(Allow(), rule)
            case "ask":
                return Ruling(None, rule)

    async def review(self, request: AgentRequest, answer: AgentAnswer) -> Ruling:
        """Return what the policy says instead of an answer, nothing where it lets it pass.

        An input that was changed is judged like one of the agent.
        """
        if isinstance(request, PermissionRequest) and isinstance(answer, Allow) and answer.updated_input is not None:
            decision = await self._judge_request(request, answer.updated_input)
            if decision.verdict == "deny":
                return Ruling(denial(decision), _name(decision))
        return Ruling(None)

    async def judge(
        self,
        tool_name: str,
        tool_input: Mapping[str, object],
        cwd: str | None,
        escalates: Iterable[str] = (),
        *,
        tool_use_id: str | None = None,
    ) -> PolicyDecision:
        """Decide about a tool call, off the event loop: it asks the file system where links lead.

        A policy that raises, or decides nothing that is a decision, denies.

        Args:
            tool_name: The tool, in Claude's vocabulary.
            tool_input: Its arguments.
            cwd: Folder in which it would run.
            escalates: What an allow would lift.
            tool_use_id: The call, by which its refusal is told with the turn's result.
        """

        def decide() -> PolicyDecision:
            # Whatever is raised in this thread is the policy's: a cancellation reaches none.
            try:
                workspace = os.path.abspath(Path(self._workspace or cwd or ".").expanduser())  # keeps links
                guards = [self._guard, *self._added()]
                decisions = [
                    _checked(
                        guard.judge(
                            tool_name, tool_input, cwd=cwd or workspace, workspace=workspace, escalates=escalates
                        )
                    )
                    for guard in guards
                ]
                return min(decisions, key=_strictness)
            except BaseException as error:
                return _broken(error)

        decision = self._out_of_calls(tool_use_id) or await anyio.to_thread.run_sync(decide)
        if (name := _name(decision)) is not None:
            place = f" ({decision.rule.source})" if decision.rule is not None and decision.rule.source else ""
            _log.info("policy: %s of %s by %s%s: %s", decision.verdict, tool_name, name, place, decision.why)
            if decision.verdict == "deny" and tool_use_id is not None:
                self._denied[tool_use_id] = name
        return decision

    def named(self, result: ResultMessage) -> ResultMessage:
        """Return a result whose refused tool uses name the rules that refused them."""
        denials = [
            denial if (rule := self._denied.get(str(denial.get("tool_use_id")))) is None else {**denial, "rule": rule}
            for denial in result.permission_denials
        ]
        return (
            result
            if denials == result.permission_denials
            else result.model_copy(update={"permission_denials": denials})
        )

    def _added(self) -> Iterable[PolicyGuard]:
        """Return the guard of the rules that answers added, where there are any."""
        if not self.added:
            return ()
        from agent_sdk_core.policy.guard import PolicyGuard

        guard = PolicyGuard.of(self.added)
        return (guard if self._workspace is not None else guard.without_workspace(),)

    def _out_of_calls(self, tool_use_id: str | None) -> PolicyDecision | None:
        from agent_sdk_core.policy.guard import PolicyDecision

        if self._meter is None or tool_use_id is None or (ending := self._meter.call(tool_use_id)) is None:
            return None
        return PolicyDecision("deny", None, ending.message.rstrip("."), ending.limit)

    async def _judge_request(self, request: PermissionRequest, tool_input: Mapping[str, object]) -> PolicyDecision:
        return await self.judge(
            request.tool_name, tool_input, request.cwd, request.escalates, tool_use_id=request.tool_use_id
        )


class Reviewer(Police):
    """The policy of a session on a host, which judges there what the agent wants: here, what an answer changes.

    The host judges that as well; but who answers is told here what became of it.
    """

    async def decide(self, request: AgentRequest) -> Ruling:
        """Leave it to a person: the host's policy has."""
        return Ruling(None)


def _checked(decision: object) -> PolicyDecision:
    """Return what a policy decided; a policy of the application's own may return anything."""
    from agent_sdk_core.policy.guard import PolicyDecision

    if not isinstance(decision, PolicyDecision) or decision.verdict not in ("allow", "ask", "deny"):
        raise TypeError(f"it returned {type(decision).__name__}, which is no decision")
    return decision


def _strictness(decision: PolicyDecision) -> int:
    """Rank decisions by what holds: a refusal, a rule that asks, an allow; what no rule covers, each leaves open."""
    ranks = {"deny": 0, "allow": 2}
    return ranks.get(decision.verdict, 1 if decision.rule is not None else 3)


def _broken(error: BaseException) -> PolicyDecision:
    """Return the refusal of a policy that failed, which nothing passes."""
    from agent_sdk_core.policy.guard import PolicyDecision

    _log.error("the policy failed, which counts as a denial", exc_info=error)
    error_reporter().report(error, where="callback")
    return PolicyDecision("deny", None, f"it failed, and lets nothing pass ({failure_text(error)})")


def _name(decision: PolicyDecision) -> str | None:
    return decision.limit if decision.rule is None else decision.rule.text


def denial(decision: PolicyDecision) -> Deny:
    """Return the refusal that names the rule, for the model and for the log."""
    return Deny(f"The policy refuses it: {decision.why}.")
