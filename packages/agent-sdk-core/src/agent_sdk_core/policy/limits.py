"""Limits of a policy: how much a session may do, in all and in any minute."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import ConfigDict, Field

from agent_sdk_core.option_values import Options

Count = Annotated[int, Field(gt=0, strict=True)]
Calls = Annotated[int, Field(ge=0, strict=True)]
Dollars = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class PolicyLimits(Options):
    """How much a session may do, counted from when it is opened; absent: as much as it likes.

    What goes beyond ends the turn with a result whose `outcome` is "limit", and so does every prompt after it. A limit
    for a minute counts the last 60 seconds; a prompt that it refuses may be sent again later.

    Attributes:
        turns: Turns, those that nobody prompted too. The result's `subtype` is "error_max_turns".
        tool_calls: Tool calls, those of sub-agents too. "error_max_tool_calls".
        tokens: Tokens of every kind, those of sub-agents too. "error_max_tokens".
        cost_usd: US dollars. "error_max_budget_usd".
        turns_per_minute: Turns in a minute.
        tool_calls_per_minute: Tool calls in a minute.
        tokens_per_minute: Tokens in a minute.
        cost_usd_per_minute: US dollars in a minute.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    turns: Count | None = None
    tool_calls: Calls | None = None
    tokens: Count | None = None
    cost_usd: Dollars | None = None
    turns_per_minute: Count | None = None
    tool_calls_per_minute: Calls | None = None
    tokens_per_minute: Count | None = None
    cost_usd_per_minute: Dollars | None = None

    def __bool__(self) -> bool:
        """Tell whether anything is limited."""
        return any(getattr(self, name) is not None for name in type(self).model_fields)

    @property
    def counts_calls(self) -> bool:
        """Whether tool calls are limited, so that those which an agent makes unasked matter."""
        return self.tool_calls is not None or self.tool_calls_per_minute is not None

    @property
    def counts_cost(self) -> bool:
        """Whether the cost is limited, so that somebody has to tell it."""
        return self.cost_usd is not None or self.cost_usd_per_minute is not None

    def __or__(self, other: PolicyLimits) -> PolicyLimits:
        """Return the tighter limits of both."""
        tighter: dict[str, float] = {}
        for name in type(self).model_fields:
            given = [value for limits in (self, other) if (value := getattr(limits, name)) is not None]
            if given:
                tighter[name] = min(given)
        return PolicyLimits.model_validate(tighter)

    def __hash__(self) -> int:
        return hash(tuple(getattr(self, name) for name in type(self).model_fields))


NO_LIMITS: Final = PolicyLimits()
