"""Why a turn failed whose prompt an agent answered with an error."""

from __future__ import annotations

from typing import Final

from acp_sdk.process.errors import said_by
from acp_sdk.protocol import methods
from agent_sdk_core.errors import AuthenticationError, ProtocolError
from agent_sdk_core.messages.result import failure_by_status
from agent_sdk_core.wire.reading import as_record

_STATUS: Final = ("status", "statusCode", "httpStatus", "code")
"""Where agents put the HTTP status of their provider."""

_NAMES: Final = {"ContextOverflowError": "context_window_exceeded", "ProviderAuthError": "authentication_failed"}
"""Failures that opencode names, and of its provider's the name alone (1.18)."""


def failure_of(error: ProtocolError) -> tuple[str | None, str]:
    """Return the code, where it is known, and the reason."""
    if error.rpc_code == methods.AUTH_REQUIRED:
        return AuthenticationError.default_code, said_by(error)
    data = as_record(error.rpc_data) or {}
    for status in (data.get(key) for key in _STATUS):
        number = int(status) if isinstance(status, str) and status.isdigit() else status
        if isinstance(number, int) and (failure := failure_by_status(number)) is not None:
            return failure.code, said_by(error)
    if (code := _NAMES.get(str(data.get("errorName")))) is not None:
        return code, said_by(error)
    # Gemini CLI passes the status of its provider on as the code (0.61).
    failure = failure_by_status(error.rpc_code) if (error.rpc_code or 0) > 0 else None
    return None if failure is None else failure.code, said_by(error)
