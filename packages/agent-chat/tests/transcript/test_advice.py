"""What to do about a turn that was not completed: by codes of ours, whatever the agent calls it."""

from __future__ import annotations

from typing import Any

import pytest

from agent_chat.transcript.advice import Advice, advice_of

FAILED = {"subtype": "error_during_execution", "is_error": True, "errors": ["no"], "user_message_uuids": ["p"]}


@pytest.mark.parametrize(
    ("code", "words", "ways"),
    [
        ("authentication_failed", "Log in", ("again",)),
        ("usage_limit", "quota", ("model", "again")),
        ("rate_limited", "Wait", ("again", "model")),
        ("connection_failed", "network", ("again",)),
        ("context_window_exceeded", "compacting", ("compact", "again", "new")),
        ("invalid_request", "another model", ("model", "edit")),
        ("process_exited", "started again", ("continue", "again")),
        ("policy_denied", "rule", ("settings", "edit")),
        ("something_new", "Try again", ("again", "edit")),
    ],
)
def test_a_failure_has_advice_by_its_code(wire: Any, code: str, words: str, ways: tuple[str, ...]) -> None:
    advice = advice_of(wire.result(**FAILED, error_code=code))
    assert words in advice.text
    assert advice.ways == ways


def test_a_failure_that_only_its_status_tells_has_advice_too(wire: Any) -> None:
    assert "Log in" in advice_of(wire.result(**FAILED, api_error_status=401)).text
    assert "Wait" in advice_of(wire.result(**FAILED, api_error_status=503)).text


@pytest.mark.parametrize(
    ("subtype", "details", "ways"),
    [
        ("error_max_turns", {"limit": "max_turns"}, ("continue",)),
        ("error_max_turns", {"limit": "limits.turns"}, ("new", "settings")),
        ("error_max_turns", {"limit": "limits.turns_per_minute", "retry_after_seconds": 9}, ("again", "settings")),
        ("error_max_budget_usd", {}, ("new", "settings")),
        ("error_max_structured_output_retries", {}, ("again", "edit")),
    ],
)
def test_a_limit_is_of_a_turn_or_of_the_session(
    wire: Any, subtype: str, details: dict[str, Any], ways: tuple[str, ...]
) -> None:
    fields = {**FAILED, "subtype": subtype, "error_code": "limit_reached", "error_details": details}
    assert advice_of(wire.result(**fields)).ways == ways


def test_what_was_stopped_goes_on_and_what_was_completed_needs_nothing(wire: Any) -> None:
    stopped = wire.result(**FAILED, terminal_reason="aborted_tools")
    assert advice_of(stopped) == Advice("", ("continue", "again"))
    assert advice_of(wire.result(**FAILED, terminal_reason="cancelled")).ways == ("again",)
    assert advice_of(wire.result(user_message_uuids=["p"])) == Advice()


def test_what_nobody_has_asked_for_cannot_be_asked_again(wire: Any) -> None:
    stopped = wire.result(**{**FAILED, "user_message_uuids": []}, terminal_reason="aborted_tools")
    assert advice_of(stopped).ways == ("continue",)
