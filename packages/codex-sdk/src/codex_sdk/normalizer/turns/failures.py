"""What a failed turn means: Codex's `codexErrorInfo` as one of our error codes, and its message as a sentence."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from pydantic_core import from_json

from agent_sdk_core.messages.base import Failure
from agent_sdk_core.messages.result import failure_by_status
from agent_sdk_core.records import dataclass
from agent_sdk_core.wire.reading import Json, as_record, integer_at, record_at, text_at

_CODES: Final[Mapping[str, tuple[str, bool]]] = {
    "contextWindowExceeded": ("context_window_exceeded", False),
    "sessionBudgetExceeded": ("usage_limit", False),
    "usageLimitExceeded": ("usage_limit", False),
    "rateLimitExceeded": ("rate_limited", True),
    "flexUnavailable": ("overloaded", True),
    "serverOverloaded": ("overloaded", True),
    "cyberPolicy": ("content_policy", False),
    "misalignmentPolicyViolation": ("content_policy", False),
    "tooManyDenials": ("too_many_denials", False),
    "internalServerError": ("server_error", True),
    "unauthorized": ("authentication_failed", False),
    "badRequest": ("invalid_request", False),
    "sandboxError": ("sandbox_error", False),
    "activeTurnNotSteerable": ("session_busy", True),
}
_CONNECTION: Final = frozenset(
    {
        "httpConnectionFailed",
        "responseStreamConnectionFailed",
        "responseStreamDisconnected",
        "responseTooManyFailedAttempts",
    }
)
_LOST: Final = Failure("connection_failed", retryable=True)
_UNTOLD: Final = Failure("turn_failed")
_STATUS_IN_MESSAGE: Final = re.compile(r"unexpected status (\d{3})\b")


@dataclass(frozen=True, slots=True)
class TurnFailure:
    """Why a turn, or one try of a model request, failed.

    Attributes:
        code: Code of an `AgentError` class, or one of its own where none fits.
        message: A sentence for a person.
        retryable: Whether the same prompt may succeed later.
        status: HTTP status of the provider, where known.
    """

    code: str
    message: str
    retryable: bool = False
    status: int | None = None


def turn_failure(error: Json) -> TurnFailure:
    """Read a `TurnError`: `message`, `codexErrorInfo` and `additionalDetails`."""
    message = text_at(error, "message") or "The turn failed, and Codex did not say why."
    name, status = _kind(error.get("codexErrorInfo"))
    if status is None and name not in _CODES and (told := _STATUS_IN_MESSAGE.match(message)) is not None:
        # Older ones tell some statuses in the message alone (seen of 0.155 for 401 and 404).
        name, status = "httpConnectionFailed", int(told[1])
    if name in _CONNECTION:
        told = failure_by_status(status) or (_LOST if status is None else _UNTOLD)
        return TurnFailure(told.code, message, told.retryable, status)
    if name in _CODES:
        code, retryable = _CODES[name]
        return TurnFailure(code, message, retryable, status)
    if (said := _provider_message(message)) is not None:
        # Codex passes the body of an HTTP 400 on as the message, under the kind "other".
        return TurnFailure("invalid_request", said)
    if message.startswith("stream disconnected"):
        return TurnFailure("connection_failed", message, retryable=True)
    return TurnFailure("turn_failed", message)


def _kind(info: object) -> tuple[str, int | None]:
    if isinstance(info, str):
        return info, None
    wrapped = as_record(info) or {}
    name = next(iter(wrapped), "")
    return name, integer_at(record_at(wrapped, name), "httpStatusCode")


def _provider_message(message: str) -> str | None:
    if not message.startswith("{"):
        return None
    try:
        body = as_record(from_json(message))
    except ValueError:
        return None
    return text_at(record_at(body or {}, "error"), "message") or None
