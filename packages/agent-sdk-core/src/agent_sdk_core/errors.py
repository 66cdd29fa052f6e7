"""Every error that the SDK raises, as one tree under `AgentError`: a few families, and under each its classes.

An error is a sentence that says what happened and what to do next. `code` is stable and meant for programs,
`retryable` says whether the same call may succeed later, `details` holds what a bug report needs. Secrets are left out
of all that it holds, see `redaction`.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import ClassVar, Final, TypedDict, Unpack, cast

from agent_sdk_core.redaction import redact, redact_value

_NO_DETAILS: Mapping[str, object] = MappingProxyType({})

NOTHING_STORED: Final = frozenset({"session_not_found", "session_unreadable"})
"""Codes of errors after which a session in which no turn has finished may begin again: an agent that was killed while
it wrote the first lines leaves a file that it cannot read."""


class ErrorFields(TypedDict, total=False):
    """The keyword arguments that every error takes, see `AgentError`."""

    code: str | None
    retryable: bool | None
    backend: str | None
    details: Mapping[str, object] | None


class AgentError(Exception):
    """Base of all errors; catch this one to catch them all.

    Args:
        message: One sentence for a person.
        code: Stable identifier; defaults to the class's own.
        retryable: Whether the same call may succeed later; defaults to the class's own.
        backend: Name of the backend that raised it, if one did.
        details: What a bug report needs: exit code, stderr tail, native error.
    """

    default_code: ClassVar[str] = "agent_error"
    default_retryable: ClassVar[bool] = False

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        retryable: bool | None = None,
        backend: str | None = None,
        details: Mapping[str, object] | None = None,
    ) -> None:
        message = _printable(redact(message))
        super().__init__(message)
        self.message = message
        self.code = code or self.default_code
        self.retryable = self.default_retryable if retryable is None else retryable
        self.backend = backend
        self.details = cast("Mapping[str, object]", redact_value(details)) if details else _NO_DETAILS

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle by value, so that errors cross process boundaries."""
        return (_rebuild, (type(self), {**self.__dict__, "details": dict(self.details)}))


def _printable(text: str) -> str:
    """Return a text that can be written anywhere: half a character, as in a file's name or an id, as its escape."""
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode()


def _rebuild(cls: type[AgentError], state: dict[str, object]) -> AgentError:
    error = cls.__new__(cls, state["message"])
    error.__dict__.update(state)
    return error


class StartError(AgentError):
    """The agent did not start: it is not there, of the wrong version, or did not come up."""

    default_code = "start_failed"


class AccountError(AgentError):
    """The account does not allow it: it is not logged in, or has used up what it may use."""

    default_code = "account_error"


class SessionError(AgentError):
    """The session cannot be used as it is now."""

    default_code = "session_error"


class ConnectionLostError(AgentError):
    """The agent is gone, whatever was asked of it."""

    default_code = "connection_lost"
    default_retryable = True


class RequestError(AgentError):
    """One request was refused, unanswered or misunderstood; the session goes on."""

    default_code = "request_failed"


class UnsupportedError(AgentError):
    """This agent, or this version of it, cannot do what was asked."""

    default_code = "unsupported"


class ExecutableNotFoundError(StartError):
    """The agent's executable is not where it was looked for; the message says how to install it."""

    default_code = "executable_not_found"


class UnsupportedVersionError(StartError, UnsupportedError):
    """The agent's version cannot work with this SDK; the message names the range that can."""

    default_code = "unsupported_version"


class SpawnError(StartError):
    """The operating system refused to start the agent."""

    default_code = "spawn_failed"


class StartupTimeoutError(StartError):
    """The agent started but did not answer the handshake in time."""

    default_code = "startup_timeout"
    default_retryable = True


class HandshakeError(StartError):
    """The agent answered the handshake with an error or with nonsense, or ended during it."""

    default_code = "handshake_failed"


class AuthenticationError(AccountError):
    """The agent is not logged in, or the provider refused its credentials; log in with the agent's own command."""

    default_code = "authentication_failed"


class RateLimitError(AccountError):
    """The provider limits the rate of requests.

    Args:
        reset_at: Unix time in seconds at which the limit resets, where it is known. A failed turn does not tell it: the
            account's limits come as `rate_limit_event`.
        message: See `AgentError`.
        fields: See `AgentError`.
    """

    default_code = "rate_limited"
    default_retryable = True

    def __init__(
        self,
        message: str,
        *,
        reset_at: float | None = None,
        **fields: Unpack[ErrorFields],
    ) -> None:
        super().__init__(message, **fields)
        self.reset_at = reset_at


class UsageLimitError(AccountError):
    """The account's quota is used up; waiting for its reset or another account is the only way on."""

    default_code = "usage_limit"


class InvalidRequestError(RequestError):
    """What was asked for makes no sense: an option, a prompt or an answer that we, or the agent, refuse."""

    default_code = "invalid_request"


class UnsupportedOptionError(UnsupportedError):
    """This backend cannot honour an option or a call; the message names both, and `backend` the backend."""

    default_code = "unsupported_option"


class SessionNotFoundError(SessionError):
    """No session of this id exists for this agent."""

    default_code = "session_not_found"


class SessionBusyError(SessionError):
    """The session is open elsewhere, or does something that excludes this call."""

    default_code = "session_busy"
    default_retryable = True


class SessionClosedError(SessionError):
    """The session or its backend has been closed."""

    default_code = "session_closed"


class ProcessExitedError(ConnectionLostError):
    """The agent's process ended while it was needed.

    Args:
        exit_code: Exit code, or None when a signal ended it.
        signal: Number of the signal that ended it, or None.
        stderr_tail: The last of what it wrote to stderr, redacted.
        message: See `AgentError`.
        fields: See `AgentError`.
    """

    default_code = "process_exited"
    default_retryable = True

    def __init__(
        self,
        message: str,
        *,
        exit_code: int | None = None,
        signal: int | None = None,
        stderr_tail: str = "",
        **fields: Unpack[ErrorFields],
    ) -> None:
        super().__init__(message, **fields)
        self.exit_code = exit_code
        self.signal = signal
        self.stderr_tail = redact(stderr_tail)


class FrameTooLargeError(RequestError):
    """One line of the agent's output, or of a request, exceeds the limit."""

    default_code = "frame_too_large"


class ProtocolError(RequestError):
    """The agent answered with an error that has no class of its own, or broke its protocol.

    Args:
        rpc_code: JSON-RPC error code, if it was one.
        rpc_data: JSON-RPC error data, if it was one.
        message: See `AgentError`.
        fields: See `AgentError`.
    """

    default_code = "protocol_error"

    def __init__(
        self,
        message: str,
        *,
        rpc_code: int | None = None,
        rpc_data: object = None,
        **fields: Unpack[ErrorFields],
    ) -> None:
        super().__init__(message, **fields)
        self.rpc_code = rpc_code
        self.rpc_data = redact_value(rpc_data)


class RequestTimeoutError(RequestError):
    """A request was not answered before its deadline; it may or may not have had an effect."""

    default_code = "request_timeout"
    default_retryable = True


class PolicyDeniedError(RequestError):
    """A policy forbids the call."""

    default_code = "policy_denied"


def failure_text(error: BaseException) -> str:
    """Say in a line what code of the application raised; never raises."""
    if isinstance(error, BaseExceptionGroup):
        group = cast("BaseExceptionGroup[BaseException]", error)
        return "; ".join(dict.fromkeys(failure_text(inner) for inner in group.exceptions))
    try:
        return error.message if isinstance(error, AgentError) else f"{type(error).__name__}: {error}"
    except BaseException:  # Its own text is code of the application as well.
        return type(error).__name__
