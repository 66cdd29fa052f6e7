"""Accounting: tokens a turn and a session used, and how full the context is. Tokens are never guessed."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import field
from typing import Literal

from pydantic import Field, StrictInt

from agent_sdk_core.arguments import checked_class
from agent_sdk_core.records import dataclass
from agent_sdk_core.wire.forms import WireForm
from agent_sdk_core.wire.model import Number, WireModel


class Usage(WireModel, frozen=True):
    """Tokens of one model call or of one turn, as Anthropic's API spells them.

    Attributes:
        input_tokens: Input that was neither read from nor written to the cache.
        output_tokens: Output, reasoning included.
        cache_read_input_tokens: Input that the cache held.
        cache_creation_input_tokens: Input that was written to the cache.
        reasoning_output_tokens: The part of the output that was reasoning, where the agent tells (Codex).
    """

    input_tokens: StrictInt = 0
    output_tokens: StrictInt = 0
    cache_read_input_tokens: StrictInt | None = None
    cache_creation_input_tokens: StrictInt | None = None
    reasoning_output_tokens: StrictInt | None = None

    @property
    def total_tokens(self) -> int:
        """All tokens, each counted once."""
        cached = (self.cache_read_input_tokens or 0) + (self.cache_creation_input_tokens or 0)
        return self.input_tokens + cached + self.output_tokens


class ModelUsage(WireModel, frozen=True):
    """Tokens one model used in a session so far, all threads included."""

    input_tokens: StrictInt = Field(default=0, alias="inputTokens")
    output_tokens: StrictInt = Field(default=0, alias="outputTokens")
    cache_read_input_tokens: StrictInt = Field(default=0, alias="cacheReadInputTokens")
    cache_creation_input_tokens: StrictInt = Field(default=0, alias="cacheCreationInputTokens")
    context_window: StrictInt | None = Field(default=None, alias="contextWindow")
    cost_usd: Number | None = Field(default=None, alias="costUSD")

    @property
    def total_tokens(self) -> int:
        """All tokens, each counted once."""
        cached = self.cache_read_input_tokens + self.cache_creation_input_tokens
        return self.input_tokens + cached + self.output_tokens


@checked_class()
@dataclass(frozen=True, slots=True)
class ModelPrice:
    """What a model costs, in US dollars per million tokens.

    Attributes:
        input: Input that was neither read from nor written to the cache.
        cached_input: Input that the cache held.
        output: Output, reasoning included.
        cache_write: Input that was written to the cache; absent: as `input`.

    Raises:
        ValueError: A price is negative, or no finite number.
    """

    input: float
    cached_input: float
    output: float
    cache_write: float | None = None

    def __post_init__(self) -> None:
        for price in (self.input, self.cached_input, self.output, self.cache_write or 0):
            if not (math.isfinite(price) and price >= 0):
                raise ValueError(f"A price is a number of US dollars that is not negative, not {price!r}.")

    def cost(self, usage: Usage) -> float:
        """Return what tokens cost in US dollars, each counted once."""
        written = self.input if self.cache_write is None else self.cache_write
        per_million = (
            usage.input_tokens * self.input
            + (usage.cache_read_input_tokens or 0) * self.cached_input
            + (usage.cache_creation_input_tokens or 0) * written
            + usage.output_tokens * self.output
        )
        return per_million / 1_000_000


@checked_class()
@dataclass(frozen=True, slots=True, repr=False)
class ContextWindow(WireForm):
    """How full the model's context is.

    Attributes:
        used_tokens: Tokens of the last model call, input and output.
        max_tokens: Size of the window, or None when the agent did not tell.
    """

    used_tokens: int
    max_tokens: int | None = None

    @property
    def used_fraction(self) -> float | None:
        """Used part of the window from 0 to 1, or None when its size is unknown."""
        return min(1.0, self.used_tokens / self.max_tokens) if self.max_tokens else None


def _no_models() -> Mapping[str, ModelUsage]:
    return {}


def _no_agents() -> Mapping[str, Usage]:
    return {}


@checked_class()
@dataclass(frozen=True, slots=True, repr=False)
class SessionUsage(WireForm):
    """What a session used so far.

    Attributes:
        total: Tokens of the main thread since this process knows the session.
        by_model: Tokens a model, all threads included.
        context: How full the context is, or None before the first model call.
        cost_usd: Cost in US dollars, or None when nobody told.
        cost_source: Who told the cost.
        by_agent: Tokens of each sub-agent since this process knows the session, by the id of the tool use that started
            it, as `parent_tool_use_id` of its messages.
    """

    total: Usage
    by_model: Mapping[str, ModelUsage] = field(default_factory=_no_models)
    context: ContextWindow | None = None
    cost_usd: float | None = None
    cost_source: Literal["agent", "price_table"] | None = None
    by_agent: Mapping[str, Usage] = field(default_factory=_no_agents)
