from __future__ import annotations

import pytest
from tests.contract.agents import Agent
from tests.contract.watching import run

from agent_sdk_core import (
    AgentError,
    ApiRetry,
    AssistantMessage,
    AuthenticationError,
    InvalidRequestError,
    RateLimitError,
    UsageLimitError,
)
from agent_sdk_testing import Step, call, disconnect, failed, http_error, incomplete, malformed, text

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("step", "kind", "code", "retryable"),
    [
        (http_error(400, "The request is wrong."), InvalidRequestError, "invalid_request", False),
        (http_error(401, "No such key."), AuthenticationError, "authentication_failed", False),
        (http_error(429, "Slow down."), RateLimitError, "rate_limited", True),
        (http_error(429, "Used up.", kind="usage_limit_reached"), UsageLimitError, "usage_limit", False),
        (http_error(500, "It broke."), AgentError, "server_error", True),
        (failed("context_length_exceeded", "Too long."), AgentError, "context_window_exceeded", False),
        (failed("server_is_overloaded", "Busy."), AgentError, "overloaded", True),
        (incomplete("max_output_tokens"), AgentError, None, None),
        (disconnect(), AgentError, "connection_failed", True),
    ],
    ids=["400", "401", "429", "usage-limit", "500", "context", "overloaded", "incomplete", "disconnect"],
)
async def test_a_failed_model_request_is_a_failed_result_of_the_right_class(
    agent: Agent, step: Step, kind: type[AgentError], code: str | None, retryable: bool | None
) -> None:
    agent.model.reply(step).otherwise(text("Next."))
    async with agent.session() as session:
        ran = await run(session, "Talk.")
        assert (ran.result.outcome, ran.result.is_error) == ("failed", True)
        error = ran.result.error
        assert error is not None
        assert type(error) is kind
        assert error.message
        assert error.backend == agent.name
        if code is not None:
            assert error.code == code
        if retryable is not None:
            assert error.retryable is retryable
        with pytest.raises(kind):
            ran.result.raise_for_error()
        assert session.state == "idle"
        assert (await run(session, "Again.")).result.outcome == "completed"


async def test_what_the_provider_says_is_in_the_error(agent: Agent) -> None:
    agent.model.reply(http_error(400, "The model 'nonsense' does not exist."))
    async with agent.session() as session:
        ran = await run(session, "Talk.")
    assert ran.result.errors == ["The model 'nonsense' does not exist."]
    assert str(ran.result.error) == "The model 'nonsense' does not exist."


async def test_a_broken_stream_is_retried_and_what_came_of_it_is_void(agent: Agent) -> None:
    agent.configure(retries=2)
    agent.model.reply(text("First ", "try"), disconnect()).reply(text("Second try"), disconnect())
    agent.model.reply(text("Third try."))
    async with agent.session() as session:
        ran = await run(session, "Talk.")
    assert [(message.text, bool(message.aborted)) for message in ran.all(AssistantMessage)] == [
        ("First try", True),
        ("Second try", True),
        ("Third try.", False),
    ]
    assert [(retry.attempt, retry.max_retries) for retry in ran.all(ApiRetry)] == [(1, 2), (2, 2)]
    assert (ran.result.outcome, ran.result.result) == ("completed", "Third try.")


async def test_a_stream_that_stays_broken_fails_after_its_retries(agent: Agent) -> None:
    agent.configure(retries=1)
    agent.model.reply(text("First try"), disconnect()).reply(text("Second try"), disconnect())
    async with agent.session() as session:
        ran = await run(session, "Talk.")
    assert len(ran.all(ApiRetry)) == 1
    assert ran.result.outcome == "failed"
    assert all(message.aborted for message in ran.all(AssistantMessage))


async def test_a_malformed_event_of_the_model_is_no_failure(agent: Agent) -> None:
    agent.model.reply(text("Hel"), malformed(), text("lo"))
    async with agent.session() as session:
        ran = await run(session, "Talk.")
    assert (ran.result.outcome, ran.result.result) == ("completed", "Hello")


async def test_a_failure_after_a_tool_keeps_the_tools_result(agent: Agent) -> None:
    agent.model.reply(agent.command("echo ran")).reply(http_error(500, "It broke."))
    async with agent.session(permission_mode="bypass") as session:
        ran = await run(session, "Run it.")
    assert [result.text for result in ran.results] == ["ran\n"]
    assert ran.result.outcome == "failed"


async def test_a_tool_that_does_not_exist_is_told_to_the_model_and_the_turn_goes_on(agent: Agent) -> None:
    agent.model.reply(call("no_such_tool", answer=42)).reply(text("I know better now."))
    async with agent.session() as session:
        ran = await run(session, "Talk.")
    assert ran.result.result == "I know better now."
