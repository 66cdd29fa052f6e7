from __future__ import annotations

from typing import Any

import pytest

from agent_sdk_core import errors
from agent_sdk_core.messages.base import Source
from agent_sdk_core.messages.parse import parse_message
from agent_sdk_core.messages.result import ResultMessage

EXECUTION = "error_during_execution"
TABLE: dict[str, tuple[dict[str, Any], str, type[errors.AgentError] | None, str | None]] = {
    "a finished turn": ({"subtype": "success", "result": "x"}, "completed", None, None),
    "with a reason": ({"subtype": "success", "terminal_reason": "end_turn"}, "completed", None, None),
    "Claude, interrupted while it streams": (
        {
            "subtype": EXECUTION,
            "is_error": True,
            "terminal_reason": "aborted_streaming",
            "errors": ["[ede_diagnostic]"],
        },
        "interrupted",
        None,
        None,
    ),
    "Claude, interrupted in a tool": (
        {"subtype": "success", "terminal_reason": "aborted_tools"},
        "interrupted",
        None,
        None,
    ),
    "Claude, an API failure as a success": (
        {
            "subtype": "success",
            "is_error": True,
            "api_error_status": 500,
            "terminal_reason": "api_error",
            "result": "API",
        },
        "failed",
        errors.AgentError,
        "server_error",
    ),
    "Claude, refused without a status": (
        {"subtype": "success", "is_error": True, "api_error_status": None, "result": "refused"},
        "failed",
        errors.AgentError,
        "turn_failed",
    ),
    "Claude, rate limited": (
        {"subtype": "success", "is_error": True, "api_error_status": 429},
        "failed",
        errors.RateLimitError,
        "rate_limited",
    ),
    "Claude, not logged in": (
        {"subtype": "success", "is_error": True, "api_error_status": 401},
        "failed",
        errors.AuthenticationError,
        "authentication_failed",
    ),
    "Claude, forbidden": (
        {"subtype": "success", "is_error": True, "api_error_status": 403},
        "failed",
        errors.AuthenticationError,
        "authentication_failed",
    ),
    "Claude, prompt too long": (
        {"subtype": "success", "is_error": True, "api_error_status": 400, "terminal_reason": "prompt_too_long"},
        "failed",
        errors.InvalidRequestError,
        "invalid_request",
    ),
    "Claude, out of turns": ({"subtype": "error_max_turns"}, "limit", errors.AgentError, "turn_failed"),
    "Claude, out of budget": (
        {"subtype": "error_max_budget_usd", "is_error": True},
        "limit",
        errors.AgentError,
        "turn_failed",
    ),
    "Codex, quota used up": (
        {"subtype": EXECUTION, "is_error": True, "errors": ["No quota."], "error_code": "usage_limit"},
        "failed",
        errors.UsageLimitError,
        "usage_limit",
    ),
    "Codex, a class of its own": (
        {"subtype": EXECUTION, "is_error": True, "error_code": "context_window_exceeded"},
        "failed",
        errors.AgentError,
        "context_window_exceeded",
    ),
    "Codex, interrupted": (
        {"subtype": EXECUTION, "terminal_reason": "aborted_tools", "error_code": "process_exited"},
        "interrupted",
        None,
        None,
    ),
    "the agent died": (
        {"subtype": EXECUTION, "is_error": True, "error_code": "process_exited", "terminal_reason": "agent_exited"},
        "failed",
        errors.ProcessExitedError,
        "process_exited",
    ),
    "a prompt that never ran": (
        {"subtype": EXECUTION, "is_error": True, "terminal_reason": "cancelled"},
        "cancelled",
        None,
        None,
    ),
    "an error of tomorrow": ({"subtype": "error_of_tomorrow"}, "failed", errors.AgentError, "turn_failed"),
}


@pytest.mark.parametrize(("fields", "outcome", "cls", "code"), TABLE.values(), ids=TABLE)
def test_outcome_and_error_are_read_from_all_that_tells(
    fields: dict[str, Any], outcome: str, cls: type[errors.AgentError] | None, code: str | None
) -> None:
    message = parse_message({"type": "result", **fields}, source=Source("memory"))
    assert isinstance(message, ResultMessage)
    assert message.outcome == outcome
    error = message.error
    if cls is None:
        assert error is None
        message.raise_for_error()
        return
    assert error is not None
    assert type(error) is cls
    assert error.code == code
    assert error.backend == "memory"
    assert error.details["subtype"] == fields["subtype"]
    with pytest.raises(cls):
        message.raise_for_error()


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"errors": ["a", "b"], "result": "c"}, "a; b"),
        ({"result": "c"}, "c"),
        ({}, "The turn ended with error_x."),
    ],
)
def test_the_error_says_what_is_known(fields: dict[str, Any], text: str) -> None:
    message = ResultMessage.model_validate({"subtype": "error_x", **fields})
    assert message.error is not None
    assert message.error.message == text
    assert message.error.backend is None


def test_usage_and_model_usage_are_typed() -> None:
    message = ResultMessage.model_validate(
        {
            "subtype": "success",
            "usage": {"input_tokens": 1, "output_tokens": 2, "cache_read_input_tokens": 3},
            "modelUsage": {"m": {"inputTokens": 5, "contextWindow": 100, "costUSD": 0.5}},
        }
    )
    assert message.usage is not None
    assert message.usage.total_tokens == 6
    assert message.model_usage is not None
    assert message.model_usage["m"].context_window == 100
    assert message.model_usage["m"].cost_usd == 0.5


@pytest.mark.parametrize(
    ("status", "code", "retryable"),
    [
        (400, "invalid_request", False),
        (401, "authentication_failed", False),
        (402, "usage_limit", False),
        (403, "authentication_failed", False),
        (404, "invalid_request", False),
        (408, "request_timeout", True),
        (413, "invalid_request", False),
        (418, "turn_failed", False),
        (422, "invalid_request", False),
        (429, "rate_limited", True),
        (500, "server_error", True),
        (504, "server_error", True),
        (529, "overloaded", True),
        (600, "turn_failed", False),
        (None, "turn_failed", False),
    ],
)
def test_a_status_alone_tells_code_and_retry(status: int | None, code: str, retryable: bool) -> None:
    result = ResultMessage(subtype="success", is_error=True, api_error_status=status)
    assert result.error is not None
    assert (result.error.code, result.error.retryable) == (code, retryable)
