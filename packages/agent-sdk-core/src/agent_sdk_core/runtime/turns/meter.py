"""The meter of a session: what its turns used, and the limit that a prompt, a tool call or a running turn has reached.

It reads the session's messages. A turn is ended between two calls of the model, when the tools of the first are done,
and not at all where that call was its last.
"""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, Final, NamedTuple

from agent_sdk_core.messages.conversation import AssistantMessage, UserMessage
from agent_sdk_core.messages.parse import SDKMessage
from agent_sdk_core.messages.result import ResultMessage
from agent_sdk_core.messages.system import UsageMessage
from agent_sdk_core.messages.usage import SessionUsage
from agent_sdk_core.options import SessionOptions
from agent_sdk_core.runtime.turns.records import Ending

if TYPE_CHECKING:
    from agent_sdk_core.policy.limits import PolicyLimits

_MINUTE: Final = 60.0

clock = time.monotonic


class _Kind(NamedTuple):
    """What is counted: its name in `PolicyLimits`, the result's subtype and terminal reason, and how it is said."""

    name: str
    subtype: str
    reason: str
    unit: str


_TURNS: Final = _Kind("turns", "error_max_turns", "max_turns", "turns")
_CALLS: Final = _Kind("tool_calls", "error_max_tool_calls", "max_tool_calls", "tool calls")
_TOKENS: Final = _Kind("tokens", "error_max_tokens", "max_tokens", "tokens")
_COST: Final = _Kind("cost_usd", "error_max_budget_usd", "budget_exhausted", "US dollars")


class _Count:
    """How much of one kind was used, in all and in the last minute."""

    def __init__(self, kind: _Kind, total: float | None, per_minute: float | None) -> None:
        self.kind = kind
        self.used = 0.0
        self._total = total
        self._per_minute = per_minute
        self._recent: deque[tuple[float, float]] = deque()
        self._in_minute = 0.0

    def add(self, amount: float) -> None:
        """Count what was used now."""
        self.used += amount
        if self._per_minute is not None and amount > 0:
            self._recent.append((clock(), amount))
            self._in_minute += amount

    def reached(self, *, more: float = 0) -> Ending | None:
        """Return what ends a turn that goes on, None where it may.

        Args:
            more: What it would use for sure: nothing is known of tokens, but a call is one call.
        """
        if self._total is not None and self._passed(self.used, self._total, more):
            return self._ending(f"used {_amount(self.used)} {self.kind.unit}", self._total, self.kind.name)
        if self._per_minute is None:
            return None
        self._forget()
        if not self._passed(self._in_minute, self._per_minute, more):
            return None
        wait = math.ceil(self._recent[0][0] + _MINUTE - clock()) if self._recent else math.ceil(_MINUTE)
        said = f"used {_amount(self._in_minute)} {self.kind.unit} in a minute"
        return self._ending(said, self._per_minute, f"{self.kind.name}_per_minute", wait=max(wait, 1))

    def _passed(self, used: float, most: float, more: float) -> bool:
        return used + more > most if more else used >= most

    def _forget(self) -> None:
        """Take out what is older than a minute."""
        since = clock() - _MINUTE
        while self._recent and self._recent[0][0] <= since:
            self._in_minute -= self._recent.popleft()[1]
        if not self._recent:
            self._in_minute = 0.0

    def _ending(self, said: str, most: float, name: str, *, wait: int | None = None) -> Ending:
        later = "" if wait is None else f"; send the prompt again in {wait} s"
        message = f"The session {said}, and its limit is {_amount(most)} (limits.{name}){later}."
        return _limit(self.kind, message, f"limits.{name}", most, wait=wait)


class Meter:
    """What a session used, held against its limits.

    Args:
        limits: Of its policy.
        usage: Returns what the session used, as its agent tells.
        max_turns: Calls of the model that a turn may take, where the agent does not count them itself.
        max_budget_usd: What the session may cost, likewise.
        told_live: Whether the cost is known as soon as tokens were used; else with a turn's result.
        resumed: Whether the agent may tell what was used before.
    """

    def __init__(
        self,
        limits: PolicyLimits | None,
        usage: Callable[[], SessionUsage],
        *,
        max_turns: int | None = None,
        max_budget_usd: float | None = None,
        told_live: bool = True,
        resumed: bool = False,
    ) -> None:
        self._usage = usage
        self._max_turns = max_turns
        self._told_live = told_live
        self._before: float | None = None if resumed else 0.0
        self._cost_before = 0.0

        def count(kind: _Kind, most: float | None = None) -> _Count:
            total, minute = getattr(limits, kind.name, None), getattr(limits, f"{kind.name}_per_minute", None)
            return _Count(kind, min((each for each in (total, most) if each is not None), default=None), minute)

        self._turns, self._calls, self._tokens = count(_TURNS), count(_CALLS), count(_TOKENS)
        self._cost = count(_COST, max_budget_usd)
        self._costs = max_budget_usd is not None or (limits is not None and limits.counts_cost)
        self._refused: dict[str, Ending | None] = {}
        self._over: Ending | None = None
        self._begin()

    @classmethod
    def of(
        cls, options: SessionOptions, usage: Callable[[], SessionUsage], *, kept: Collection[str] = ()
    ) -> Meter | None:
        """Return the meter of a session that has a limit which its agent does not keep itself.

        Args:
            options: The session's options.
            usage: Returns what the session used, as its agent tells.
            kept: What the agent keeps itself: see `SessionDriver.budgets`.
        """
        max_turns = None if "max_turns" in kept else options.max_turns
        max_budget = None if "max_budget_usd" in kept else options.max_budget_usd
        limits = options.policy.limits if options.policy is not None else None
        if not limits and max_turns is None and max_budget is None:
            return None
        return cls(
            limits or None,
            usage,
            max_turns=max_turns,
            max_budget_usd=max_budget,
            told_live="max_budget_usd" not in kept,
            resumed=options.resume is not None,
        )

    def _begin(self) -> None:
        self._model_calls = 0
        self._open: set[str] = set()
        self._uses_tools: bool | None = None
        self._owed = False
        self._goes_on = False
        self._at_once: Ending | None = None

    def may_begin(self) -> Ending | None:
        """Return what ends a prompt before its turn begins, None where it may."""
        return self._turns.reached() or self._over or self._spent()

    def begin(self) -> Ending | None:
        """Count a turn; return what ends it at once, because nobody could be asked before."""
        self._begin()
        ending = self._turns.reached()
        self._turns.add(1)
        return ending

    def call(self, tool_use_id: str) -> Ending | None:
        """Count a tool call, once; return what refuses it."""
        if tool_use_id not in self._refused:
            refused = self._refused[tool_use_id] = self._calls.reached(more=1)
            self._calls.add(1)
            if refused is not None and not refused.fields["retryable"]:
                self._over = refused
        return self._refused[tool_use_id]

    def take(self, message: SDKMessage) -> None:
        """Take in a message."""
        nested = message.parent_tool_use_id is not None
        match message:
            case AssistantMessage():
                for use in message.tool_uses:
                    self._at_once = self.call(use.id) or self._at_once
                if not nested:
                    self._note_output(message)
            case UserMessage() if not nested:
                self._open.difference_update(result.tool_use_id for result in message.tool_results)
            case UsageMessage():
                self._tokens.add(message.usage.total_tokens)
                self._count_cost()
                if nested:
                    self._at_once = self._spent() or self._at_once
                else:
                    self._model_calls += 1
                    self._goes_on, self._owed = self._uses_tools is True, self._uses_tools is None
                    self._uses_tools = None
            case ResultMessage() if not nested:
                self._settle(self._usage())
                self._begin()
            case _:
                pass

    def _settle(self, usage: SessionUsage) -> None:
        """Count what a result tells beside: tokens of sub-agents, and the cost.

        Of a session that was resumed Claude tells what it used before as well (2.1.332); what of its first cost is old
        goes by the tokens.
        """
        known = max(self._tokens.used, usage.total.total_tokens)
        told = sum(used.total_tokens for used in usage.by_model.values())
        if self._before is None:
            self._before = max(0.0, told - known)
            if told and usage.cost_usd is not None:
                self._cost_before = usage.cost_usd * self._before / told
        self._tokens.add(max(0.0, max(known, told - self._before) - self._tokens.used))
        self._count_cost()

    def _note_output(self, message: AssistantMessage) -> None:
        """Note what a call of the model came to: its last word, or tools, which some agents tell after its usage."""
        self._goes_on = True
        self._open.update(use.id for use in message.tool_uses)
        if (message.tool_uses or message.text) and not (self._owed and message.tool_uses):
            self._uses_tools = bool(message.tool_uses)

    def due(self) -> Ending | None:
        """Return what ends the turn that runs, None where it may go on."""
        if self._at_once is not None:
            return self._at_once
        if not self._goes_on or self._open:
            return None
        return self._out_of_calls() or self._spent()

    def _out_of_calls(self) -> Ending | None:
        most = self._max_turns
        if most is None or self._model_calls < most:
            return None
        message = f"The turn took {self._model_calls} calls of the model, and its limit is {most} (max_turns)."
        return _limit(_TURNS, message, "max_turns", most)

    def _spent(self) -> Ending | None:
        return self._tokens.reached() or self._cost_reached()

    def _count_cost(self) -> None:
        cost = self._usage().cost_usd if self._costs else None
        if cost is not None:
            self._cost.add(max(0.0, cost - self._cost_before - self._cost.used))

    def _cost_reached(self) -> Ending | None:
        if self._costs and self._told_live and self._tokens.used and self._usage().cost_usd is None:
            message = "The session's cost is limited, and nobody tells what its model costs."
            return _limit(_COST, message, "cost_usd", None)
        return self._cost.reached()


def _limit(kind: _Kind, message: str, name: str, most: float | None, *, wait: int | None = None) -> Ending:
    details: dict[str, object] = {"limit": name}
    if most is not None:
        details["most"] = int(most) if float(most).is_integer() else most
    if wait is not None:
        details["retry_after_seconds"] = wait
    fields = {"subtype": kind.subtype, "error_details": details, "retryable": wait is not None}
    return Ending("limit_reached", message, kind.reason, fields, name)


def _amount(value: float) -> str:
    return f"{value:,.0f}".replace(",", " ") if float(value).is_integer() else f"{value:.4f}"
