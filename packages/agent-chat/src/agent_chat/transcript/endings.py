"""The end of a turn in a line: how it ended, how long it took, what it used and how full the context is."""

from __future__ import annotations

from agent_chat.transcript.advice import advice_of
from agent_chat.transcript.blocks import Ending
from agent_chat.transcript.sanitize import clean
from agent_sdk_core.messages.result import ResultMessage
from agent_sdk_core.messages.usage import ContextWindow, Usage


def ending_of(result: ResultMessage, context: tuple[int, int | None] | None) -> Ending:
    """Return the block that ends a turn.

    Args:
        result: The turn's result.
        context: Tokens in the context and its size, as last told.
    """
    facts: list[str] = []
    if result.duration_ms is not None:
        facts.append(duration(result.duration_ms))
    if result.usage is not None and result.usage.total_tokens:
        facts += _tokens(result.usage)
    if context is not None:
        facts.append(_context(ContextWindow(context[0], context[1] or _window(result))))
    if result.total_cost_usd:
        cost = f"${result.total_cost_usd:.2f}"
        facts.append(cost if cost != "$0.00" else "less than $0.01")
    error = result.error
    errors = tuple(clean(text).strip() for text in result.errors) or ((clean(error.message),) if error else ())
    advice = advice_of(result)
    return Ending(result.outcome, errors if error else (), tuple(facts), advice.text, advice.ways)


def duration(milliseconds: float) -> str:
    """Return a time for people, such as "0.4 s" or "2 min 5 s"."""
    seconds = milliseconds / 1000
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, seconds = divmod(round(seconds), 60)
    return f"{minutes} min {seconds} s"


def count(tokens: int) -> str:
    """Return a number of tokens for people, such as "840", "12.4k" or "1.0M"."""
    for size, unit in ((1_000_000, "M"), (1_000, "k")):
        if tokens >= size:
            return f"{tokens / size:.1f}{unit}" if tokens < 100 * size else f"{tokens // size}{unit}"
    return str(tokens)


def _tokens(usage: Usage) -> list[str]:
    cached = usage.cache_read_input_tokens or 0
    given = usage.input_tokens + cached + (usage.cache_creation_input_tokens or 0)
    return [
        f"{count(given)} tokens in{f' ({count(cached)} cached)' if cached else ''}",
        f"{count(usage.output_tokens)} out",
    ]


def _window(result: ResultMessage) -> int | None:
    """Return the size of the context, for an agent that tells it with the result alone."""
    return max((used.context_window or 0 for used in (result.model_usage or {}).values()), default=0) or None


def _context(context: ContextWindow) -> str:
    if context.used_fraction is None or context.max_tokens is None:
        return f"context {count(context.used_tokens)}"
    return f"context {context.used_fraction:.0%} of {count(context.max_tokens)}"
