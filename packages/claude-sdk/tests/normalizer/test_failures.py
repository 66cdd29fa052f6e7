from __future__ import annotations

from typing import Any

import pytest

from agent_sdk_core import AuthenticationError
from agent_sdk_core.messages.base import Source
from agent_sdk_core.messages.parse import parse_message
from claude_sdk.normalizer.failures import failure_of

FAILED = {"type": "result", "subtype": "success", "is_error": True, "result": "Not logged in \u00b7 Please run /login"}


def test_what_to_run_is_said_where_claude_names_a_command_of_its_terminal() -> None:
    failure = failure_of(FAILED, {"error": "authentication_failed"})
    result: Any = parse_message(FAILED, source=Source("claude", failure=failure))
    assert isinstance(result.error, AuthenticationError)
    assert result.error.message == (
        "Not logged in \u00b7 Log in with `claude auth login` or `backend.login()`, or set ANTHROPIC_API_KEY"
    )
    assert result.result == FAILED["result"]


@pytest.mark.parametrize("message", [None, {"error": "billing_error"}])
def test_other_failures_keep_claudes_own_words(message: Any) -> None:
    failure = failure_of({**FAILED, "result": "No."}, message)
    assert failure is None or failure.message is None
