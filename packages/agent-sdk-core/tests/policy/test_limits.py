"""Limits of a policy: what they say, and that of two the tighter counts, whoever adds which."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent_sdk_core.errors import InvalidRequestError
from agent_sdk_core.policy.guard import PolicyGuard
from agent_sdk_core.policy.limits import PolicyLimits

NAMES = tuple(PolicyLimits.model_fields)
LIMITS = st.dictionaries(st.sampled_from(NAMES), st.integers(1, 9)).map(lambda given: PolicyLimits(**given))


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"turns": 0}, "turns must be greater than 0"),
        ({"tool_calls": -1}, "tool_calls must be at least 0"),
        ({"tokens": 1.5}, "tokens must be a whole number"),
        ({"cost_usd": float("inf")}, "cost_usd must be a finite number"),
        ({"turn": 1}, "turn does not exist; did you mean 'turns'?"),
    ],
)
def test_a_limit_that_makes_no_sense_is_refused(given: Any, said: str) -> None:
    with pytest.raises(InvalidRequestError, match=said.replace("?", r"\?")):
        PolicyLimits(**given)


def test_nothing_is_limited_unless_somebody_says_so() -> None:
    assert not PolicyLimits()
    assert PolicyLimits(tool_calls=0)
    assert PolicyGuard().limits == PolicyLimits()


@given(LIMITS, LIMITS)
def test_of_two_limits_the_tighter_counts(one: PolicyLimits, other: PolicyLimits) -> None:
    both = one | other
    for name in NAMES:
        mine, theirs = getattr(one, name), getattr(other, name)
        said = [value for value in (mine, theirs) if value is not None]
        assert getattr(both, name) == (min(said) if said else None)
    guard = PolicyGuard(limits=one)
    assert (guard | PolicyGuard(limits=other)).limits == guard.tightened(PolicyGuard(limits=other)).limits == both


def test_limited_calls_matter_where_nobody_is_asked() -> None:
    assert PolicyGuard(limits=PolicyLimits(tool_calls=3)).refuses
    assert PolicyGuard(limits=PolicyLimits(tool_calls_per_minute=3)).refuses
    assert not PolicyGuard(limits=PolicyLimits(turns=3, tokens=5)).refuses


def test_a_guard_is_shown_and_compared_with_its_limits() -> None:
    guard = PolicyGuard(allow=["Read"], limits=PolicyLimits(turns=3))
    assert repr(guard) == "PolicyGuard(allow=['Read'], limits=PolicyLimits(turns=3))"
    assert guard != PolicyGuard(allow=["Read"])
    assert len({guard, PolicyGuard(allow=["Read"], limits=PolicyLimits(turns=3))}) == 1
    assert guard.without_workspace().limits == guard.limits
