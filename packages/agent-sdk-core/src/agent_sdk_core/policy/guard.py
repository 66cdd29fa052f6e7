"""The policy guard: declarative rules that decide about a tool call before anyone is asked, and limits of a session.

The first deny wins, then an ask, then an allow. A command is judged by every part of it, a path by where its links
lead; what cannot be told is asked about. An allow covers no more than it says, a refusal as much as it may mean.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, Self

from agent_sdk_core.arguments import checked_class
from agent_sdk_core.asking.permissions import PermissionRequest
from agent_sdk_core.policy.judging import Call
from agent_sdk_core.policy.limits import NO_LIMITS, PolicyLimits
from agent_sdk_core.policy.rules import Rule, Verdict, parse_rules
from agent_sdk_core.policy.targets import changes_of
from agent_sdk_core.policy.tool_names import is_doubtful, likely
from agent_sdk_core.records import dataclass

_STRICTEST: Final = ("deny", "ask", "allow")
"""Of what a patch does to several files, the strictest verdict holds for all of it."""


@checked_class()
@dataclass(frozen=True, slots=True)
class PolicyDecision:
    """What a policy says about one tool call.

    Attributes:
        verdict: "allow" and "deny" are final; "ask" goes on to whoever is asked.
        rule: The rule that decided; None: no rule covers it, or something cannot be told.
        why: The reason, for a person and for the model.
        limit: The limit that refuses it, such as "limits.tool_calls".
    """

    verdict: Verdict
    rule: Rule | None
    why: str
    limit: str | None = None


@checked_class(methods=True)
class PolicyGuard:
    """Rules for what an agent may do unasked, what a person decides, and what never happens.

    A rule is a tool with what it is used on: `Bash(git push *)`, `Edit(/etc/**)`, `Read(**)` (below the workspace),
    `mcp__github__*`, `WebFetch(domain:example.com)`, or a kind of tools, `kind:execute`. An allow lifts no sandbox,
    no network and no other limit that it does not name: `Bash(make *) +sandbox`.

    Example:
        ```python
        policy = PolicyGuard(allow=["Read(**)", "Bash(git status *)"], deny=["Read(.env)", "Bash(sudo *)"])
        policy.judge("Bash", {"command": "git status && sudo rm -rf /"}, cwd="/repo").verdict  # "deny"
        ```

    Args:
        deny: What never happens.
        ask: What a person decides, whatever an allow says.
        allow: What happens unasked.
        limits: How much a session may do.
        source: Where the rules stand, for messages.

    Raises:
        InvalidRequestError: A rule cannot be read; `code` is "invalid_policy".
    """

    __slots__ = ("limits", "rules")

    rules: tuple[Rule, ...]
    """Every rule, in the order in which they are looked at."""

    limits: PolicyLimits
    """How much a session may do."""

    def __init__(
        self,
        *,
        deny: Iterable[str] = (),
        ask: Iterable[str] = (),
        allow: Iterable[str] = (),
        limits: PolicyLimits | None = None,
        source: str = "",
    ) -> None:
        self.limits = limits or NO_LIMITS
        self.rules = (
            *parse_rules(deny, "deny", source),
            *parse_rules(ask, "ask", source),
            *parse_rules(allow, "allow", source),
        )

    @classmethod
    def of(cls, rules: Iterable[Rule], limits: PolicyLimits | None = None) -> Self:
        """Return a guard with these rules and limits; refusals come first whatever their order."""
        guard = cls(limits=limits)
        ranked = list(rules)
        guard.rules = tuple(rule for verdict in ("deny", "ask", "allow") for rule in ranked if rule.verdict == verdict)
        return guard

    @property
    def refuses(self) -> bool:
        """Whether a rule denies or asks, or calls are limited, so that those which an agent makes unasked matter."""
        return self.limits.counts_calls or any(rule.verdict != "allow" for rule in self.rules)

    def warnings(self, own_tools: Mapping[str, str] | None = None) -> tuple[str, ...]:
        """Return which rules hardly cover what they are meant for, as sentences.

        Args:
            own_tools: Names of the application's tools, with those under which messages show them.
        """
        sentences = (_doubt(rule, own_tools or {}) for rule in self.rules)
        return tuple(sentence for sentence in sentences if sentence is not None)

    def __or__(self, other: PolicyGuard) -> PolicyGuard:
        """Return a guard with the rules of both, and the tighter limits."""
        return PolicyGuard.of((*self.rules, *other.rules), self.limits | other.limits)

    def tightened(self, other: PolicyGuard) -> PolicyGuard:
        """Return a guard with the refusals of another beside its own rules; what the other allows does not count."""
        refusals = (rule for rule in other.rules if rule.verdict != "allow")
        return PolicyGuard.of((*self.rules, *refusals), self.limits | other.limits)

    def without_workspace(self) -> PolicyGuard:
        """Return a guard for a session whose workspace is not known: no path is allowed that counts from it."""
        kept = (rule for rule in self.rules if rule.verdict != "allow" or not rule.is_relative)
        return PolicyGuard.of(kept, self.limits)

    def judge(
        self,
        tool_name: str,
        tool_input: Mapping[str, object],
        *,
        cwd: str,
        workspace: str | None = None,
        escalates: Iterable[str] = (),
    ) -> PolicyDecision:
        """Decide about one tool call. Blocking: it asks the file system where links lead.

        Args:
            tool_name: The tool, in Claude's vocabulary.
            tool_input: Its arguments.
            cwd: Absolute folder in which it would run.
            workspace: Absolute folder that relative patterns count from; absent: `cwd`.
            escalates: What an allow would lift, see `PermissionRequest.escalates`.
        """
        lifted = frozenset(escalates)
        calls = [(tool_name, tool_input), *changes_of(tool_input)]
        decisions = [self._judge(Call(name, given, cwd, workspace or cwd, lifted)) for name, given in calls]
        return min(decisions, key=lambda made: (_STRICTEST.index(made.verdict), made.rule is None))

    def _judge(self, call: Call) -> PolicyDecision:
        refusals = [rule for rule in self.rules if rule.verdict != "allow"]
        for rule in refusals:
            if (why := call.refused_by(rule)) is not None:
                return PolicyDecision(rule.verdict, rule, why)
        for rule in refusals:
            if (why := call.perhaps_refused_by(rule)) is not None:
                return PolicyDecision("ask", rule, why)
        allows = [rule for rule in self.rules if rule.verdict == "allow"]
        rule, why = call.allowed_by(allows, refusals)
        return PolicyDecision("ask" if rule is None else "allow", rule, why)

    def judge_request(self, request: PermissionRequest, *, workspace: str) -> PolicyDecision:
        """Decide about a request of an agent, see `judge`."""
        return self.judge(
            request.tool_name,
            request.input,
            cwd=request.cwd or workspace,
            workspace=workspace,
            escalates=request.escalates,
        )

    def __repr__(self) -> str:
        texts = {
            verdict: [rule.text for rule in self.rules if rule.verdict == verdict]
            for verdict in ("deny", "ask", "allow")
        }
        shown = [f"{verdict}={rules!r}" for verdict, rules in texts.items() if rules]
        return f"PolicyGuard({', '.join([*shown, *([f'limits={self.limits!r}'] if self.limits else [])])})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PolicyGuard) and (self.rules, self.limits) == (other.rules, other.limits)

    def __hash__(self) -> int:
        return hash((self.rules, self.limits))


def _doubt(rule: Rule, own_tools: Mapping[str, str]) -> str | None:
    """Return what is doubtful about a rule, None where nothing is."""
    if not is_doubtful(rule.tool):
        return None
    if (called := own_tools.get(rule.tool)) is not None:
        reason = f"the tool is called {called}."
    elif (meant := likely(rule.tool)) is not None:
        reason = f"no agent has a tool {rule.tool!r}; did you mean {meant!r}?"
    else:
        return None
    place = f"{rule.source}: " if rule.source else ""
    return f"{place}the policy's rule {rule.text!r} may cover nothing: {reason}"
