"""The ledger of sub-agents: calls told one by one, and calls whose output only the result tells."""

from __future__ import annotations

from typing import Any

from agent_sdk_core.messages.base import Source
from agent_sdk_core.messages.conversation import AssistantMessage, UserMessage
from agent_sdk_core.messages.result import ResultMessage
from agent_sdk_core.messages.system import UsageMessage
from agent_sdk_core.messages.usage import Usage
from agent_sdk_core.runtime.turns.agents import AgentLedger

SOURCE = Source("test", synthetic=True)


def call(parent: str | None, **usage: int) -> UsageMessage:
    return UsageMessage.synthesize(SOURCE, parent_tool_use_id=parent, usage=usage)


def said(parent: str | None, identity: str | None, model: str = "m", **usage: int) -> AssistantMessage:
    message: dict[str, Any] = {"id": identity, "model": model, "content": [], "usage": usage or None}
    return AssistantMessage.synthesize(SOURCE, parent_tool_use_id=parent, message=message)


def result(output: int, **since: int) -> ResultMessage:
    told = {model: {"outputTokens": tokens} for model, tokens in since.items()}
    usage = {"input_tokens": 1, "output_tokens": output}
    return ResultMessage.synthesize(SOURCE, subtype="success", usage=usage, model_usage_since_last_result=told)


def test_calls_are_summed_for_each_sub_agent() -> None:
    ledger = AgentLedger()
    assert ledger.take(call("a", input_tokens=3, output_tokens=2)) == Usage(input_tokens=3, output_tokens=2)
    ledger.take(call("a", input_tokens=1, output_tokens=1, cache_read_input_tokens=7))
    ledger.take(call("b", input_tokens=5))
    assert ledger.take(call(None, input_tokens=100)) is None
    assert ledger.by_agent() == {
        "a": Usage(input_tokens=4, output_tokens=3, cache_read_input_tokens=7),
        "b": Usage(input_tokens=5),
    }


def test_frames_of_one_message_are_one_call() -> None:
    ledger = AgentLedger()
    ledger.take(said("a", "m1", input_tokens=10, output_tokens=1))
    assert ledger.take(said("a", "m1", input_tokens=10, output_tokens=1)) is None
    ledger.take(said("a", "m1", input_tokens=10, output_tokens=4))
    ledger.take(said("a", "m2", input_tokens=12, output_tokens=1))
    ledger.take(said("a", None, input_tokens=1))
    ledger.take(said("a", None, input_tokens=1))
    assert ledger.by_agent() == {"a": Usage(input_tokens=24, output_tokens=5)}


def test_messages_without_usage_tell_nothing() -> None:
    ledger = AgentLedger()
    assert ledger.take(said("a", "m1")) is None
    assert ledger.take(UserMessage.synthesize(SOURCE, parent_tool_use_id="a", message={"content": "hi"})) is None
    assert ledger.by_agent() == {}


def test_output_that_only_the_result_tells_belongs_to_the_one_sub_agent() -> None:
    ledger = AgentLedger()
    ledger.take(said("a", "m1", input_tokens=10, output_tokens=1))
    assert ledger.settle(result(10, m=25, other=99), "m") == Usage(output_tokens=14)
    assert ledger.by_agent()["a"].output_tokens == 15
    ledger.take(said("a", "m2", model="small", input_tokens=10, output_tokens=1))
    assert ledger.settle(result(10, m=10, small=6), "m") == Usage(output_tokens=5)
    assert ledger.settle(result(10, m=10), "m") is None


def test_output_that_two_sub_agents_share_is_not_guessed() -> None:
    ledger = AgentLedger()
    ledger.take(said("a", "m1", input_tokens=10, output_tokens=1))
    ledger.take(said("b", "m2", input_tokens=10, output_tokens=2))
    assert ledger.settle(result(10, m=25), "m") is None
    assert [used.output_tokens for used in ledger.by_agent().values()] == [1, 2]


def test_a_result_without_these_counts_adds_nothing() -> None:
    ledger = AgentLedger()
    ledger.take(said("a", "m1", input_tokens=10, output_tokens=1))
    assert ledger.settle(ResultMessage.synthesize(SOURCE, subtype="success"), "m") is None
    assert ledger.by_agent()["a"].output_tokens == 1
