from __future__ import annotations

from typing import Any

import pytest

from codex_sdk.normalizer import turn_failure


@pytest.mark.parametrize(
    ("info", "code", "retryable", "status"),
    [
        ("contextWindowExceeded", "context_window_exceeded", False, None),
        ("usageLimitExceeded", "usage_limit", False, None),
        ("rateLimitExceeded", "rate_limited", True, None),
        ("serverOverloaded", "overloaded", True, None),
        ("unauthorized", "authentication_failed", False, None),
        ("badRequest", "invalid_request", False, None),
        ({"activeTurnNotSteerable": {"turnKind": "review"}}, "session_busy", True, None),
        ({"httpConnectionFailed": {"httpStatusCode": 401}}, "authentication_failed", False, 401),
        ({"responseTooManyFailedAttempts": {"httpStatusCode": 429}}, "rate_limited", True, 429),
        ({"responseStreamConnectionFailed": {"httpStatusCode": 503}}, "server_error", True, 503),
        ({"responseStreamDisconnected": {"httpStatusCode": None}}, "connection_failed", True, None),
        ({"httpConnectionFailed": {"httpStatusCode": 418}}, "turn_failed", False, 418),
        ("somethingNew", "turn_failed", False, None),
        ({"somethingNew": {}}, "turn_failed", False, None),
        (None, "turn_failed", False, None),
        (5, "turn_failed", False, None),
    ],
)
def test_a_kind_of_error_has_a_code(info: Any, code: str, retryable: bool, status: int | None) -> None:
    failure = turn_failure({"message": "It failed.", "codexErrorInfo": info})
    assert (failure.code, failure.retryable, failure.status) == (code, retryable, status)
    assert failure.message == "It failed."


@pytest.mark.parametrize(
    ("message", "code", "said"),
    [
        ('{"error": {"message": "bad thing"}}', "invalid_request", "bad thing"),
        ('{"error": "bad"}', "turn_failed", '{"error": "bad"}'),
        ("{not json", "turn_failed", "{not json"),
        ("stream disconnected before completion: x", "connection_failed", "stream disconnected before completion: x"),
        ("", "turn_failed", "The turn failed, and Codex did not say why."),
    ],
)
def test_an_error_without_a_kind_is_read_from_its_message(message: str, code: str, said: str) -> None:
    failure = turn_failure({"message": message, "codexErrorInfo": "other"})
    assert (failure.code, failure.message) == (code, said)


@pytest.mark.parametrize("info", ["other", None, {"responseStreamDisconnected": {"httpStatusCode": None}}])
@pytest.mark.parametrize(
    ("status", "code", "retryable"),
    [
        (401, "authentication_failed", False),
        (404, "invalid_request", False),
        (503, "server_error", True),
        (418, "turn_failed", False),
    ],
)
def test_a_status_that_only_the_message_tells_is_read_from_it(
    info: Any, status: int, code: str, retryable: bool
) -> None:
    message = f"unexpected status {status} Somehow: who are you, url: http://127.0.0.1:1/v1/responses"
    failure = turn_failure({"message": message, "codexErrorInfo": info})
    assert (failure.code, failure.retryable, failure.status, failure.message) == (code, retryable, status, message)


def test_a_status_beside_a_kind_or_in_what_somebody_says_is_none() -> None:
    kind = turn_failure({"message": "unexpected status 401 Unauthorized", "codexErrorInfo": "serverOverloaded"})
    assert (kind.code, kind.status) == ("overloaded", None)
    told = turn_failure(
        {
            "message": "unexpected status 401 Unauthorized",
            "codexErrorInfo": {"httpConnectionFailed": {"httpStatusCode": 429}},
        }
    )
    assert (told.code, told.status) == ("rate_limited", 429)
    quoted = turn_failure({"message": "The model said: unexpected status 401", "codexErrorInfo": "other"})
    assert (quoted.code, quoted.status) == ("turn_failed", None)
