from __future__ import annotations

from typing import Any

import pytest

from agent_chat.transcript.blocks import Ending
from agent_chat.transcript.endings import count, duration, ending_of


def test_an_ending_tells_time_tokens_context_and_cost(wire: Any) -> None:
    usage = {"input_tokens": 1200, "cache_read_input_tokens": 30_000, "output_tokens": 450}
    ending = ending_of(wire.result(usage=usage, total_cost_usd=0.5), (31_650, 272_000))
    assert ending == Ending(
        "completed",
        facts=("1.5 s", "31.2k tokens in (30.0k cached)", "450 out", "context 12% of 272k", "$0.50"),
    )


def test_what_is_not_known_is_left_out(wire: Any) -> None:
    assert ending_of(wire.result(duration_ms=None, usage={}), None) == Ending("completed")
    uncached = ending_of(wire.result(usage={"input_tokens": 5, "output_tokens": 1}), (6, None))
    assert uncached.facts == ("1.5 s", "5 tokens in", "1 out", "context 6")


@pytest.mark.parametrize(
    ("fields", "outcome", "errors"),
    [
        ({"subtype": "error_during_execution", "is_error": True, "errors": ["no\x07pe"]}, "failed", ("nope",)),
        ({"subtype": "success", "is_error": True, "result": "API down"}, "failed", ("API down",)),
        ({"subtype": "error_max_turns", "is_error": True}, "limit", ("The turn ended with error_max_turns.",)),
        ({"subtype": "error_during_execution", "terminal_reason": "aborted_tools", "errors": ["x"]}, "interrupted", ()),
    ],
)
def test_failures_say_why(wire: Any, fields: dict[str, Any], outcome: str, errors: tuple[str, ...]) -> None:
    ending = ending_of(wire.result(**fields), None)
    assert (ending.outcome, ending.errors) == (outcome, errors)


@pytest.mark.parametrize(("milliseconds", "text"), [(0, "0.0 s"), (1234, "1.2 s"), (125_000, "2 min 5 s")])
def test_times_are_for_people(milliseconds: int, text: str) -> None:
    assert duration(milliseconds) == text


@pytest.mark.parametrize(
    ("tokens", "text"), [(7, "7"), (12_345, "12.3k"), (272_000, "272k"), (1_050_000, "1.1M"), (100_000_000, "100M")]
)
def test_numbers_are_for_people(tokens: int, text: str) -> None:
    assert count(tokens) == text


def test_the_size_of_the_context_is_also_taken_from_the_result(wire: Any) -> None:
    told = wire.result(modelUsage={"small": {"contextWindow": 100_000}, "big": {"contextWindow": 200_000}, "old": {}})
    assert ending_of(told, (20_000, None)).facts[-1] == "context 10% of 200k"
    assert ending_of(told, (20_000, 40_000)).facts[-1] == "context 50% of 40.0k"
