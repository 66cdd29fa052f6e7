"""Errors of agents, of their start and of requests, as the SDK's error classes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from pydantic_core import from_json

from acp_sdk.protocol import methods
from acp_sdk.protocol.initialization import AgentLogin, TerminalLogin, UnknownLogin
from agent_sdk_core.errors import (
    AgentError,
    AuthenticationError,
    HandshakeError,
    InvalidRequestError,
    ProcessExitedError,
    ProtocolError,
    SessionNotFoundError,
)
from agent_sdk_core.transport.process.patience import is_passing
from agent_sdk_core.transport.process.stderr import reason_in
from agent_sdk_core.wire.reading import as_record

Logins = Sequence[AgentLogin | TerminalLogin | UnknownLogin]

_GONE: Final = re.compile(
    r"(session|conversation).{0,80}(not found|unknown|does not exist)|no (previous|such|stored) session|"
    r"(unknown|invalid|no) session",
    re.IGNORECASE | re.DOTALL,
)


def translate(
    error: ProtocolError, *, backend: str, command: Sequence[str], logins: Logins = (), session_id: str | None = None
) -> AgentError:
    """Return the error of the class that fits what an agent answered.

    Args:
        error: Its answer.
        backend: What the agent is called.
        command: How it was started, for logins.
        logins: How one logs in.
        session_id: The session that was asked for, where it may be gone.
    """
    said = said_by(error).rstrip(".")
    details = {**error.details, "data": error.rpc_data}
    if error.rpc_code == methods.AUTH_REQUIRED:
        return AuthenticationError(
            f"The {backend} agent wants a login: {said}. {how_to_log_in(logins, command)}",
            backend=backend,
            details={**details, "methods": [login.to_wire() for login in logins]},
        )
    if session_id is not None and (error.rpc_code == methods.NOT_FOUND or _GONE.search(said)):
        return SessionNotFoundError(
            f"The {backend} agent has no stored session {session_id!r}: {said}.", backend=backend, details=details
        )
    if error.rpc_code == methods.INVALID_PARAMS:
        return InvalidRequestError(f"The {backend} agent refused: {said}.", backend=backend, details=details)
    error.backend = backend
    return error


def how_to_log_in(logins: Logins, command: Sequence[str]) -> str:
    """Return what a person does to log in, in a sentence or more."""
    ways: list[str] = []
    for login in logins:
        match login:
            case TerminalLogin():
                ways.append(f"run `{' '.join([*command[:1], *login.args])}` in a terminal ({login.name})")
            case AgentLogin(description=str(text)) if text:
                ways.append(f"{login.name}: {text.rstrip('.')} (authenticate({login.method_id!r}))")
            case AgentLogin():
                ways.append(f"{login.name} (authenticate({login.method_id!r}))")
            case UnknownLogin():
                pass
    return f"It offers: {'; '.join(ways)}." if ways else "It does not say how; look into its documentation."


def startup_error(command: Sequence[str], error: ProcessExitedError, *, backend: str) -> HandshakeError:
    """Return the error for an agent that ended before it had introduced itself, from its last words."""
    tail = error.stderr_tail.strip()
    return HandshakeError(
        f"{' '.join(command)} ended during its start: {reason_in(tail) or error}",
        backend=backend,
        retryable=is_passing(tail),
        details={"exit_code": error.exit_code, "signal": error.signal, "stderr": tail},
    )


def said_by(error: ProtocolError) -> str:
    """Return what an agent says of a request that it refused, with the detail that it gives."""
    told = as_record(error.details.get("error")) or {}
    message = told.get("message")
    text = _inner(message) if isinstance(message, str) else error.message
    data = as_record(error.rpc_data) or {}
    for key in ("details", "message", "error"):
        if isinstance(more := data.get(key), str) and more not in text:
            text = f"{text}: {more}"
            break
    return text.strip()


def _inner(message: str) -> str:
    """Return what a message says that is the answer of a provider, in JSON (Gemini CLI 0.61)."""
    if not message.startswith("{"):
        return message
    try:
        told = (as_record((as_record(from_json(message)) or {}).get("error")) or {}).get("message")
    except ValueError:
        return message
    return told if isinstance(told, str) and told else message
