"""What an account may still use, in the words of either agent."""

from __future__ import annotations

from typing import Any

import pytest

from agent_chat.transcript.limits import AccountLimit, limits_of


@pytest.mark.parametrize(
    ("told", "limits"),
    [
        (
            {
                "primary": {"usedPercent": 42, "windowDurationMins": 300, "resetsAt": 1_800_000_000},
                "secondary": {"usedPercent": 130, "windowDurationMins": 10_080},
                "planType": "plus",
            },
            (AccountLimit("5 hours", 0.42, 1_800_000_000), AccountLimit("7 days", 1.0)),
        ),
        ({"primary": {"usedPercent": 5, "windowDurationMins": 60}}, (AccountLimit("1 hour", 0.05),)),
        ({"primary": {"usedPercent": 5, "windowDurationMins": 0.5}}, (AccountLimit("0 minutes", 0.05),)),
        ({"secondary": {"usedPercent": True}}, (AccountLimit("secondary"),)),
        (
            {"status": "allowed_warning", "rateLimitType": "seven_day_opus", "utilization": 0.9, "resetsAt": 7},
            (AccountLimit("seven day opus", 0.9, 7),),
        ),
        ({"rateLimitType": "five_hour", "utilization": 90}, (AccountLimit("five hour", 0.9),)),
        ({"rateLimitType": "five_hour"}, (AccountLimit("five hour"),)),
        ({"status": "allowed"}, ()),
    ],
)
def test_limits_are_read_of_what_either_agent_tells(
    wire: Any, told: dict[str, Any], limits: tuple[AccountLimit, ...]
) -> None:
    assert limits_of(wire.make("rate_limit_event", rate_limit_info=told)) == limits
