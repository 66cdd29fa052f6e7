"""The meter of a session: what it counts, when a limit is reached, and that a minute passes."""

from __future__ import annotations

from typing import Any

import pytest

from agent_sdk_core.messages.base import Source
from agent_sdk_core.messages.conversation import AssistantMessage, UserMessage
from agent_sdk_core.messages.result import ResultMessage
from agent_sdk_core.messages.system import UsageMessage
from agent_sdk_core.messages.usage import ModelUsage, SessionUsage, Usage
from agent_sdk_core.policy.limits import PolicyLimits
from agent_sdk_core.runtime.turns import meter as meters
from agent_sdk_core.runtime.turns.meter import Meter
from agent_sdk_core.runtime.turns.records import Ending

SOURCE = Source("test", synthetic=True)


class Bill:
    """What the agent tells of its usage."""

    def __init__(self) -> None:
        self.cost: float | None = None
        self.models: dict[str, ModelUsage] = {}

    def __call__(self) -> SessionUsage:
        return SessionUsage(Usage(), by_model=self.models, cost_usd=self.cost)


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    time = [1000.0]
    monkeypatch.setattr(meters, "clock", lambda: time[0])
    return time


def meter(bill: Bill | None = None, *, max_turns: int | None = None, **limits: Any) -> Meter:
    made = Meter(PolicyLimits(**limits), bill or Bill(), max_turns=max_turns)
    assert made.begin() is None
    return made


def used(tokens: int, parent: str | None = None) -> UsageMessage:
    usage = {"input_tokens": tokens, "output_tokens": 0}
    return UsageMessage.synthesize(SOURCE, session_id="s", usage=usage, parent_tool_use_id=parent)


def tool(use_id: str, parent: str | None = None) -> AssistantMessage:
    block: dict[str, Any] = {"type": "tool_use", "id": use_id, "name": "Bash", "input": {}}
    message: dict[str, Any] = {"id": "m", "role": "assistant", "content": [block]}
    return AssistantMessage.synthesize(SOURCE, session_id="s", message=message, parent_tool_use_id=parent)


def said(text: str) -> AssistantMessage:
    message: dict[str, Any] = {"id": "m", "role": "assistant", "content": [{"type": "text", "text": text}]}
    return AssistantMessage.synthesize(SOURCE, session_id="s", message=message)


def done(use_id: str) -> UserMessage:
    block = {"type": "tool_result", "tool_use_id": use_id, "content": "ok"}
    return UserMessage.synthesize(SOURCE, session_id="s", message={"role": "user", "content": [block]})


def result() -> ResultMessage:
    return ResultMessage.synthesize(SOURCE, session_id="s", subtype="success")


def name(ending: Ending | None) -> str | None:
    return None if ending is None else ending.limit


def test_a_turn_goes_on_until_its_tools_are_done() -> None:
    counted = meter(max_turns=1)
    counted.take(tool("one"))
    counted.take(used(3))
    assert counted.due() is None
    counted.take(done("one"))
    assert name(counted.due()) == "max_turns"


def test_a_call_that_used_no_tool_was_the_last() -> None:
    counted = meter(max_turns=1, tokens=1)
    counted.take(used(3))
    assert counted.due() is None
    counted.take(tool("more"))  # It was not.
    counted.take(done("more"))
    assert name(counted.due()) == "max_turns"


def test_an_agent_that_tells_tools_after_their_usage_has_them_run() -> None:
    counted = meter(max_turns=2)
    for number in ("one", "two"):
        counted.take(used(3))
        assert counted.due() is None
        counted.take(tool(number))
        assert counted.due() is None
        ran = done(number)
        counted.take(ran)
    assert name(counted.due()) == "max_turns"
    counted = meter(max_turns=2)
    for message in (used(3), tool("one"), done("one"), said("Done."), used(3)):
        counted.take(message)
    assert counted.due() is None


def test_the_next_turn_has_its_own_calls_of_the_model() -> None:
    counted = meter(max_turns=1)
    for message in (used(3), result()):
        counted.take(message)
    assert counted.may_begin() is None
    assert counted.begin() is None
    counted.take(used(3))
    assert counted.due() is None


def test_tokens_of_sub_agents_end_the_turn_at_once() -> None:
    counted = meter(tokens=10)
    counted.take(tool("agent"))
    counted.take(used(3))
    counted.take(used(8, parent="agent"))
    assert name(counted.due()) == "limits.tokens"
    assert name(counted.may_begin()) == "limits.tokens"


def test_a_call_is_counted_once() -> None:
    counted = meter(tool_calls=1)
    assert counted.call("one") is None
    counted.take(tool("one"))
    assert counted.call("one") is counted.due() is None
    counted.take(tool("two", parent="one"))
    assert name(counted.due()) == name(counted.call("two")) == name(counted.may_begin()) == "limits.tool_calls"


def test_tools_may_be_forbidden_altogether() -> None:
    counted = meter(tool_calls=0)
    assert counted.may_begin() is None
    assert name(counted.call("one")) == "limits.tool_calls"


def test_a_minute_passes(now: list[float]) -> None:
    counted = meter(tool_calls_per_minute=2)
    assert counted.call("one") is None
    now[0] += 30
    assert counted.call("two") is None
    refused = counted.call("three")
    assert refused is not None
    assert refused.fields["error_details"] == {
        "limit": "limits.tool_calls_per_minute",
        "most": 2,
        "retry_after_seconds": 30,
    }
    assert counted.may_begin() is None  # The prompt may need no tool.
    now[0] += 61
    assert counted.call("four") is None


def test_no_call_a_minute_is_a_limit_too(now: list[float]) -> None:
    refused = meter(tool_calls_per_minute=0).call("one")
    assert refused is not None
    assert "60 s" in refused.message


def test_tokens_of_a_minute_are_forgotten_with_it(now: list[float]) -> None:
    counted = meter(tokens_per_minute=5)
    counted.take(used(5))
    assert name(counted.may_begin()) == "limits.tokens_per_minute"
    now[0] += 60
    assert counted.may_begin() is None


def test_a_turn_that_nobody_prompted_counts_and_is_ended() -> None:
    counted = meter(turns=1)
    assert name(counted.may_begin()) == name(counted.begin()) == "limits.turns"


def test_what_a_result_tells_beside_is_counted() -> None:
    bill = Bill()
    counted = meter(bill, tokens=10)
    counted.take(used(4))
    bill.models = {"m": ModelUsage(inputTokens=4), "of a sub-agent": ModelUsage(outputTokens=6)}
    counted.take(result())
    assert name(counted.may_begin()) == "limits.tokens"


def test_what_a_session_used_before_it_was_resumed_does_not_count() -> None:
    bill = Bill()
    counted = Meter(PolicyLimits(tokens=10, cost_usd=1), bill, told_live=False, resumed=True)
    counted.begin()
    counted.take(used(4))
    bill.models, bill.cost = {"m": ModelUsage(inputTokens=40)}, 5.0
    counted.take(result())
    assert counted.may_begin() is None  # Of the tokens 36 are old, and of the dollars 4.5.
    counted.take(used(5))
    bill.models, bill.cost = {"m": ModelUsage(inputTokens=45)}, 5.5
    counted.take(result())
    assert name(counted.may_begin()) == "limits.cost_usd"
    bill.models = {"m": ModelUsage(inputTokens=46)}
    counted.take(result())
    assert name(counted.may_begin()) == "limits.tokens"


def test_a_cost_that_nobody_tells_ends_the_turn() -> None:
    bill = Bill()
    counted = meter(bill, cost_usd=1)
    assert counted.may_begin() is None
    counted.take(tool("one"))
    counted.take(used(4))
    counted.take(done("one"))
    ending = counted.due()
    assert ending is not None
    assert ending.message == "The session's cost is limited, and nobody tells what its model costs."
    bill.cost = 0.5
    counted.take(used(4))
    assert counted.may_begin() is None
    bill.cost = 1.25
    counted.take(used(4))
    ending = counted.may_begin()
    assert ending is not None
    assert ending.message == "The session used 1.2500 US dollars, and its limit is 1 (limits.cost_usd)."


def test_a_cost_that_comes_with_the_result_is_waited_for() -> None:
    bill = Bill()
    counted = Meter(PolicyLimits(cost_usd_per_minute=1), bill, told_live=False)
    counted.begin()
    counted.take(used(4))
    assert counted.may_begin() is None
    bill.cost = 2.0
    counted.take(result())
    assert name(counted.may_begin()) == "limits.cost_usd_per_minute"
