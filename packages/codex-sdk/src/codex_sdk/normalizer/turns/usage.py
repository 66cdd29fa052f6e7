"""Counts tokens: a model call shows as growth of its thread's total; a session's threads share one ledger."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Self

from agent_sdk_core.messages.base import Source
from agent_sdk_core.messages.system import UsageMessage
from agent_sdk_core.messages.usage import ContextWindow, ModelPrice, ModelUsage, SessionUsage, Usage
from agent_sdk_core.records import dataclass
from agent_sdk_core.wire.reading import Json, integer_at, record_at
from codex_sdk.normalizer.emitter import Frames

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Tokens:
    """Token counts as Codex keeps them: `input` includes cached and cache-written, `output` includes reasoning."""

    input: int = 0
    cached: int = 0
    cache_write: int = 0
    output: int = 0
    reasoning: int = 0

    @classmethod
    def read(cls, breakdown: Json) -> Self:
        """Read a `TokenUsageBreakdown`."""
        return cls(
            input=integer_at(breakdown, "inputTokens") or 0,
            cached=integer_at(breakdown, "cachedInputTokens") or 0,
            cache_write=integer_at(breakdown, "cacheWriteInputTokens") or 0,
            output=integer_at(breakdown, "outputTokens") or 0,
            reasoning=integer_at(breakdown, "reasoningOutputTokens") or 0,
        )

    def plus(self, other: Tokens) -> Tokens:
        """Return the sum."""
        return Tokens(
            self.input + other.input,
            self.cached + other.cached,
            self.cache_write + other.cache_write,
            self.output + other.output,
            self.reasoning + other.reasoning,
        )

    def since(self, base: Tokens) -> Tokens:
        """Return the growth from `base`; a count that shrank has not grown."""
        return Tokens(
            max(0, self.input - base.input),
            max(0, self.cached - base.cached),
            max(0, self.cache_write - base.cache_write),
            max(0, self.output - base.output),
            max(0, self.reasoning - base.reasoning),
        )

    def to_wire(self) -> Json:
        """Return the counts as Anthropic's API spells them."""
        return {
            "input_tokens": max(0, self.input - self.cached - self.cache_write),
            "output_tokens": self.output,
            "cache_read_input_tokens": self.cached,
            "cache_creation_input_tokens": self.cache_write,
            "reasoning_output_tokens": self.reasoning,
        }


class Ledger:
    """What all threads of a session used since we know them, by model.

    Args:
        prices: Price by model, from the user; Codex tells none.
    """

    def __init__(self, prices: Mapping[str, ModelPrice] | None = None) -> None:
        self._prices = prices or {}
        self._tokens: dict[str, Tokens] = {}
        self._windows: dict[str, int] = {}

    def add(self, model: str, tokens: Tokens, window: int | None) -> None:
        """Add one model call."""
        self._tokens[model] = self._tokens.get(model, Tokens()).plus(tokens)
        if window is not None:
            self._windows[model] = window

    def cost(self) -> float | None:
        """Return what it all cost in US dollars; None unless every model that was used has a price."""
        costs = self._costs()
        return sum(costs.values()) if costs else None

    def model_usage(self) -> Json:
        """Return `modelUsage` of a result: the tokens by model so far."""
        costs = self._costs()
        models: Json = {}
        for model, tokens in self._tokens.items():
            counted = tokens.to_wire()
            models[model] = {
                "inputTokens": counted["input_tokens"],
                "outputTokens": counted["output_tokens"],
                "cacheReadInputTokens": counted["cache_read_input_tokens"],
                "cacheCreationInputTokens": counted["cache_creation_input_tokens"],
                "contextWindow": self._windows.get(model),
            }
            if model in costs:
                models[model]["costUSD"] = costs[model]
        return models

    def _costs(self) -> dict[str, float]:
        try:
            if any(model not in self._prices for model in self._tokens):
                return {}
            return {
                model: self._prices[model].cost(Usage.model_validate(tokens.to_wire()))
                for model, tokens in self._tokens.items()
            }
        except BaseException:  # A table of the application's own kind; the turn that it prices ends all the same.
            _log.exception("the prices of the Codex backend could not be looked up, so that no cost is told")
            return {}


class UsageMeter:
    """The tokens of a thread since we know it.

    Args:
        ledger: Of the session that the thread belongs to.

    Attributes:
        ledger: Of the session that the thread belongs to.
        context_tokens: Tokens in the context after the last model call, None before.
        context_window: Size of the model's context window, where Codex told.
    """

    def __init__(self, ledger: Ledger | None = None) -> None:
        self.ledger = ledger or Ledger()
        self.context_tokens: int | None = None
        self.context_window: int | None = None
        self._known: Tokens | None = None
        self._total = Tokens()

    def update(self, usage: Json, model: str | None, *, counts: bool) -> Tokens | None:
        """Take a `tokenUsage` object; return the tokens of the model call that it tells of, None if of none.

        Args:
            usage: The object: `total`, `last`, `modelContextWindow`.
            model: The model that was called.
            counts: False for the state replayed when a thread is resumed: where counting begins.
        """
        total, last = Tokens.read(record_at(usage, "total")), record_at(usage, "last")
        self.context_tokens = integer_at(last, "totalTokens") or self.context_tokens
        self.context_window = integer_at(usage, "modelContextWindow") or self.context_window
        # Without a replayed state the total may hold calls from before our time, the last call does not.
        grown = total.since(self._known) if self._known is not None else Tokens.read(last)
        self._known = total
        if not counts or not (grown.input or grown.output):
            return None
        self._total = self._total.plus(grown)
        self.ledger.add(model or "unknown", grown, self.context_window)
        return grown

    def start_over(self) -> None:
        """Note that the totals begin at zero again."""
        self._known = None

    def announce(self, frames: Frames, source: Source, call: Tokens) -> None:
        """Add the `system/usage` message of a model call."""
        fields_: Json = {"usage": call.to_wire()}
        if self.context_tokens is not None:
            fields_["context_tokens"] = self.context_tokens
        if self.context_window is not None:
            fields_["context_window"] = self.context_window
        frames.system(UsageMessage, "usage", source, fields_)

    def session_usage(self) -> SessionUsage:
        """Return what the session used so far; total and context are this thread's."""
        used, cost = self.context_tokens, self.ledger.cost()
        return SessionUsage(
            total=Usage.model_validate(self._total.to_wire()),
            by_model={name: ModelUsage.model_validate(value) for name, value in self.ledger.model_usage().items()},
            context=None if used is None else ContextWindow(used, self.context_window),
            cost_usd=cost,
            cost_source=None if cost is None else "price_table",
        )
