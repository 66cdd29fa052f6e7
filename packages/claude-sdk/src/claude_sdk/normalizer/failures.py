"""What a failed turn failed of: claude tells it with the message that stands for an answer, and the result. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from agent_sdk_core.messages.base import Failure
from agent_sdk_core.messages.result import failure_by_status
from agent_sdk_core.wire.reading import Json, filled_text

_BY_KIND: Final[Mapping[str, Failure]] = {
    "authentication_failed": Failure("authentication_failed"),
    "oauth_org_not_allowed": Failure("authentication_failed"),
    "account_on_hold": Failure("authentication_failed"),
    "verification_required": Failure("authentication_failed"),
    "cloud_credential_error": Failure("authentication_failed"),
    "billing_error": Failure("usage_limit"),
    "rate_limit": Failure("rate_limited", retryable=True),
    "overloaded": Failure("overloaded", retryable=True),
    "overloaded_error": Failure("overloaded", retryable=True),
    "server_error": Failure("server_error", retryable=True),
    "connection_failed": Failure("connection_failed", retryable=True),
    "invalid_request": Failure("invalid_request"),
    "model_not_found": Failure("invalid_request"),
    "max_output_tokens": Failure("max_output_tokens"),
}
_BY_END: Final[Mapping[str, Failure]] = {
    "prompt_too_long": Failure("context_window_exceeded"),
    "refusal": Failure("content_policy"),
    "structured_output_retry_exhausted": Failure("structured_output_invalid", retryable=True),
}


_GENERAL: Final = frozenset({"overloaded", "server_error", "invalid_request", "rate_limited", "connection_failed"})
"""What a status tells better, for it means the same on every agent."""


_NO_COMMAND: Final = "Please run /login"
_ADVICE: Final = "Log in with `claude auth login` or `backend.login()`, or set ANTHROPIC_API_KEY"


def failure_of(result: Json, message: Json | None) -> Failure | None:
    """Return what a turn failed of, the most exact that was told; None when nothing was.

    Claude advises a command of its own terminal, which there is not here: what to do instead is said in its place.

    Args:
        result: The result frame.
        message: The assistant frame of the turn that reports an error, if there was one.
    """
    failure, said = _failure_of(result, message), filled_text(result.get("result")) or ""
    if failure is not None and _NO_COMMAND in said:
        return replace(failure, message=said.replace(_NO_COMMAND, _ADVICE))
    return failure


def _failure_of(result: Json, message: Json | None) -> Failure | None:
    for end in (result.get("terminal_reason"), result.get("stop_reason")):
        if (failure := _BY_END.get(filled_text(end) or "")) is not None:
            return failure
    said: Failure | None = None
    if message is not None:
        kinds = (message.get("api_error"), message.get("api_error_type"), message.get("error"))
        said = next((failure for kind in kinds if (failure := _BY_KIND.get(filled_text(kind) or "")) is not None), None)
    if said is not None and said.code not in _GENERAL:
        return said
    status = result.get("api_error_status")
    return failure_by_status(status if isinstance(status, int) else None) or said
