"""What the model or its provider does wrong, and the results that tell it."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from agent_sdk_core import (
    AgentError,
    AuthenticationError,
    InvalidRequestError,
    RateLimitError,
    RequestTimeoutError,
    UsageLimitError,
)
from agent_sdk_testing import call, http_error, text
from agent_sdk_testing.contract.agent import Agent, Failure
from agent_sdk_testing.contract.traits import needs
from agent_sdk_testing.contract.watching import run

pytestmark = pytest.mark.anyio


_FAILURES: Mapping[Failure, tuple[type[AgentError], str | None, bool | None]] = {
    "bad request": (InvalidRequestError, "invalid_request", False),
    "unauthorized": (AuthenticationError, "authentication_failed", False),
    "rate limit": (RateLimitError, "rate_limited", True),
    "usage limit": (UsageLimitError, "usage_limit", False),
    "server error": (AgentError, "server_error", True),
    "context window": (AgentError, "context_window_exceeded", False),
    "overloaded": (AgentError, "overloaded", True),
    "cut off": (AgentError, None, None),
    "disconnect": (AgentError, "connection_failed", True),
}


@pytest.mark.parametrize(
    "failure",
    [pytest.param(failure, marks=needs(f"failure:{failure}"), id=failure.replace(" ", "-")) for failure in _FAILURES],
)
async def test_a_failed_model_request_is_a_failed_result_of_the_right_class(agent: Agent, failure: Failure) -> None:
    kind, code, retryable = _FAILURES[failure]
    agent.model.reply(agent.failures[failure]).otherwise(text("Next."))
    async with agent.session() as session:
        ran = await run(session, "Talk.")
        assert (ran.result.outcome, ran.result.is_error) == ("failed", True)
        error = ran.result.error
        assert error is not None
        assert type(error) is kind
        assert error.message
        assert error.backend == agent.called
        if code is not None:
            assert error.code == code
        if retryable is not None:
            assert error.retryable is retryable
        with pytest.raises(kind):
            ran.result.raise_for_error()
        assert session.state == "idle"
        assert (await run(session, "Again.")).result.outcome == "completed"


@pytest.mark.parametrize(
    ("status", "kind", "code", "retryable"),
    [
        (402, UsageLimitError, "usage_limit", False),
        (403, AuthenticationError, "authentication_failed", False),
        (404, InvalidRequestError, "invalid_request", False),
        (408, RequestTimeoutError, "request_timeout", True),
        (413, InvalidRequestError, "invalid_request", False),
        (422, InvalidRequestError, "invalid_request", False),
        (503, AgentError, "server_error", True),
        (529, AgentError, "overloaded", True),
    ],
)
async def test_a_status_of_the_provider_has_one_code_whichever_agent_saw_it(
    agent: Agent, status: int, kind: type[AgentError], code: str, retryable: bool
) -> None:
    agent.model.otherwise(http_error(status, "It is so."))
    async with agent.session() as session:
        error = (await run(session, "Talk.")).result.error
    assert error is not None
    assert (type(error), error.code, error.retryable) == (kind, code, retryable)


async def test_what_the_provider_says_is_in_the_error(agent: Agent) -> None:
    agent.model.reply(http_error(400, "The model 'nonsense' does not exist."))
    async with agent.session() as session:
        ran = await run(session, "Talk.")
    assert "The model 'nonsense' does not exist." in str(ran.result.error)


async def test_a_failure_after_a_tool_keeps_the_tools_result(agent: Agent) -> None:
    agent.model.reply(agent.command("echo ran")).reply(http_error(500, "It broke."))
    async with agent.session(permission_mode="bypass") as session:
        ran = await run(session, "Run it.")
    assert [result.text.strip() for result in ran.results] == ["ran"]
    assert ran.result.outcome == "failed"


async def test_a_tool_that_does_not_exist_is_told_to_the_model_and_the_turn_goes_on(agent: Agent) -> None:
    agent.model.reply(call("no_such_tool", answer=42)).reply(text("I know better now."))
    async with agent.session() as session:
        ran = await run(session, "Talk.")
    assert ran.result.result == "I know better now."
