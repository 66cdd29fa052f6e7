from __future__ import annotations

import pytest
from pydantic import ValidationError

from agent_sdk_core.messages.usage import ContextWindow, ModelPrice, ModelUsage, SessionUsage, Usage


def test_each_token_counts_once() -> None:
    usage = Usage(
        input_tokens=1,
        output_tokens=10,
        cache_read_input_tokens=100,
        cache_creation_input_tokens=1000,
        reasoning_output_tokens=5,
    )
    assert usage.total_tokens == 1111
    assert Usage().total_tokens == 0


def test_tokens_are_whole_numbers() -> None:
    with pytest.raises(ValidationError):
        Usage.model_validate({"input_tokens": "1"})
    with pytest.raises(ValidationError):
        Usage.model_validate({"input_tokens": True})


def test_usage_keeps_what_it_does_not_know() -> None:
    wire = {"input_tokens": 1, "service_tier": "standard"}
    assert Usage.model_validate(wire).to_wire() == wire


def test_model_usage_is_spelled_as_on_the_wire() -> None:
    wire = {"inputTokens": 1, "costUSD": 0.5, "webSearchRequests": 2}
    assert ModelUsage.model_validate(wire).to_wire() == wire
    assert ModelUsage.model_validate({"input_tokens": 1}).to_wire() == {"inputTokens": 1}


@pytest.mark.parametrize(
    ("used", "size", "fraction"), [(50, 200, 0.25), (300, 200, 1.0), (0, 200, 0.0), (5, None, None), (5, 0, None)]
)
def test_the_window_is_filled_by_a_fraction_or_by_nobody_knows(
    used: int, size: int | None, fraction: float | None
) -> None:
    assert ContextWindow(used, size).used_fraction == fraction


def test_session_usage_guesses_no_cost() -> None:
    usage = SessionUsage(Usage())
    assert (usage.by_model, usage.context, usage.cost_usd, usage.cost_source) == ({}, None, None, None)
    assert SessionUsage(Usage()).by_model is not usage.by_model


def test_a_price_counts_each_token_once() -> None:
    usage = Usage(
        input_tokens=100,
        output_tokens=10,
        cache_read_input_tokens=50,
        cache_creation_input_tokens=20,
        reasoning_output_tokens=5,
    )
    assert ModelPrice(2.0, 1.0, 10.0).cost(usage) == pytest.approx((100 * 2 + 50 * 1 + 20 * 2 + 10 * 10) / 1e6)
    assert ModelPrice(2.0, 1.0, 10.0, cache_write=4.0).cost(usage) == pytest.approx((200 + 50 + 80 + 100) / 1e6)
    assert ModelPrice(2.0, 1.0, 10.0).cost(Usage()) == 0


@pytest.mark.parametrize("price", [-1.0, float("nan"), float("inf")])
def test_a_price_that_is_none_is_refused(price: float) -> None:
    with pytest.raises(ValueError, match="A price is a number of US dollars"):
        ModelPrice(1.0, price, 1.0)
