"""Counts tokens: a model call shows as growth of the thread's total."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Self

from agent_sdk_core.messages.base import Source
from agent_sdk_core.messages.system import UsageMessage
from agent_sdk_core.usage import ContextWindow, ModelUsage, SessionUsage, Usage
from codex_sdk.normalizer.frames import Frames
from codex_sdk.normalizer.wire import Wire, integer, record


@dataclass(frozen=True, slots=True)
class Tokens:
    """Token counts as Codex keeps them: `input` includes cached and cache-written, `output` includes reasoning."""

    input: int = 0
    cached: int = 0
    cache_write: int = 0
    output: int = 0
    reasoning: int = 0

    @classmethod
    def read(cls, breakdown: Wire) -> Self:
        """Read a `TokenUsageBreakdown`."""
        return cls(
            input=integer(breakdown, "inputTokens") or 0,
            cached=integer(breakdown, "cachedInputTokens") or 0,
            cache_write=integer(breakdown, "cacheWriteInputTokens") or 0,
            output=integer(breakdown, "outputTokens") or 0,
            reasoning=integer(breakdown, "reasoningOutputTokens") or 0,
        )

    def plus(self, other: Tokens) -> Tokens:
        """Return the sum."""
        return Tokens(*(getattr(self, item.name) + getattr(other, item.name) for item in fields(self)))

    def since(self, base: Tokens) -> Tokens:
        """Return the growth from `base`; a count that shrank has not grown."""
        return Tokens(*(max(0, getattr(self, item.name) - getattr(base, item.name)) for item in fields(self)))

    def to_wire(self) -> Wire:
        """Return the counts as Anthropic's API spells them."""
        return {
            "input_tokens": max(0, self.input - self.cached - self.cache_write),
            "output_tokens": self.output,
            "cache_read_input_tokens": self.cached,
            "cache_creation_input_tokens": self.cache_write,
            "reasoning_output_tokens": self.reasoning,
        }


class UsageMeter:
    """The tokens of a thread since we know it.

    Attributes:
        context_tokens: Tokens in the context after the last model call, None before.
        context_window: Size of the model's context window, where Codex told.
    """

    def __init__(self) -> None:
        self.context_tokens: int | None = None
        self.context_window: int | None = None
        self._known: Tokens | None = None
        self._total = Tokens()
        self._by_model: dict[str, Tokens] = {}

    def update(self, usage: Wire, model: str | None, *, counts: bool) -> Tokens | None:
        """Take a `tokenUsage` object; return the tokens of the model call that it tells of, None if of none.

        Args:
            usage: The object: `total`, `last`, `modelContextWindow`.
            model: The model that was called.
            counts: False for the state replayed when a thread is resumed: where counting begins.
        """
        total, last = Tokens.read(record(usage, "total")), record(usage, "last")
        self.context_tokens = integer(last, "totalTokens") or self.context_tokens
        self.context_window = integer(usage, "modelContextWindow") or self.context_window
        # Without a replayed state the total may hold calls from before our time, the last call does not.
        grown = total.since(self._known) if self._known is not None else Tokens.read(last)
        self._known = total
        if not counts or not (grown.input or grown.output):
            return None
        self._total = self._total.plus(grown)
        self._by_model[model or "unknown"] = self._by_model.get(model or "unknown", Tokens()).plus(grown)
        return grown

    def announce(self, frames: Frames, source: Source, call: Tokens) -> None:
        """Add the `system/usage` message of a model call."""
        fields_: Wire = {"usage": call.to_wire()}
        if self.context_tokens is not None:
            fields_["context_tokens"] = self.context_tokens
        if self.context_window is not None:
            fields_["context_window"] = self.context_window
        frames.system(UsageMessage, "usage", source, fields_)

    def model_usage(self) -> Wire:
        """Return `modelUsage` of a result: the tokens by model so far."""
        models: Wire = {}
        for model, tokens in self._by_model.items():
            counted = tokens.to_wire()
            models[model] = {
                "inputTokens": counted["input_tokens"],
                "outputTokens": counted["output_tokens"],
                "cacheReadInputTokens": counted["cache_read_input_tokens"],
                "cacheCreationInputTokens": counted["cache_creation_input_tokens"],
                "contextWindow": self.context_window,
            }
        return models

    def session_usage(self) -> SessionUsage:
        """Return what the thread used so far."""
        used = self.context_tokens
        return SessionUsage(
            total=Usage.model_validate(self._total.to_wire()),
            by_model={name: ModelUsage.model_validate(value) for name, value in self.model_usage().items()},
            context=None if used is None else ContextWindow(used, self.context_window),
        )
