"""Failures as a client reads them: an error code of the protocol, a sentence, and what a program needs."""

from __future__ import annotations

from typing import Final

from agent_sdk_core.errors import (
    AgentError,
    AuthenticationError,
    InvalidRequestError,
    SessionNotFoundError,
    UnsupportedError,
)
from agent_sdk_core.redaction import redact

PARSE_ERROR: Final = -32700
INVALID_REQUEST: Final = -32600
METHOD_NOT_FOUND: Final = -32601
INVALID_PARAMS: Final = -32602
INTERNAL_ERROR: Final = -32603
CANCELLED: Final = -32800
AUTH_REQUIRED: Final = -32000
NOT_FOUND: Final = -32002


class RefusalError(Exception):
    """An error that a request of a client is answered with.

    Attributes:
        code: The protocol's code.
        message: What is wrong, in a sentence.
        data: What a program needs to know.
    """

    def __init__(self, code: int, message: str, data: dict[str, object] | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.data = data


def refusal_of(error: Exception) -> RefusalError:
    """Return the refusal that an error stands for; what nobody foresaw shows no more than its class."""
    if isinstance(error, RefusalError):
        return error
    if not isinstance(error, AgentError):
        return RefusalError(INTERNAL_ERROR, f"Unexpected {type(error).__name__}.")
    data: dict[str, object] = {"code": error.code, "retryable": error.retryable}
    message = redact(error.message)
    if isinstance(error, AuthenticationError):
        return RefusalError(AUTH_REQUIRED, message, data)
    if isinstance(error, SessionNotFoundError) or error.code == "chat_not_found":
        return RefusalError(NOT_FOUND, message, data)
    if isinstance(error, InvalidRequestError | UnsupportedError):
        return RefusalError(INVALID_PARAMS, message, data)
    return RefusalError(INTERNAL_ERROR, message, data)
