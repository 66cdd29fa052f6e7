"""What Claude refuses, as this SDK's errors."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Final

from agent_sdk_core.errors import (
    AgentError,
    HandshakeError,
    InvalidRequestError,
    ProcessExitedError,
    ProtocolError,
    SessionBusyError,
    SessionNotFoundError,
    UnsupportedOptionError,
    UnsupportedVersionError,
)
from agent_sdk_core.transport.process.patience import is_passing
from agent_sdk_core.transport.process.stderr import reason_in

_UNKNOWN_OPTION: Final = re.compile(r"unknown option '([^']+)'")
_MEANT: Final = re.compile(r"\(Did you mean (?:one of )?--([\w-]+)")
_NO_ARGUMENT: Final = re.compile(r"option '(?:-\w, )?--([\w-]+)[^']*' argument missing")
_BAD_CONFIG: Final = re.compile(r"Configuration error in (.+?)\.?$", re.MULTILINE)
_INVALID_ARGUMENT: Final = re.compile(r"option '(--[\w-]+)[^']*' argument '([^']*)' is invalid\.?\s*(.*)")


def translate(error: ProtocolError) -> AgentError:
    """Return the error that a refused control request amounts to."""
    code, message = error.details.get("error_code"), str(error.details.get("error") or error.message)
    details = dict(error.details)
    if code == "not_found" and "odel" in message:
        return InvalidRequestError(message, backend="claude", details=details)
    if code == "bypass_not_launched":
        return UnsupportedOptionError(
            "The claude backend can skip permissions only in a session that was opened with permission_mode='bypass'.",
            backend="claude",
            details=details,
        )
    return error


def startup_error(
    error: ProcessExitedError, said: str, session_id: str | None, flags: Collection[str] = ()
) -> AgentError:
    """Return why a process ended before it answered `initialize`.

    Args:
        error: How it ended.
        said: What it gave as the reason, on stdout or at the end of stderr.
        session_id: The session that it was to resume, if any.
        flags: The names of claude's own flags that the caller gave.
    """
    details = {"exit_code": error.exit_code, "signal": error.signal, "stderr": error.stderr_tail}
    text = said or error.stderr_tail.strip()
    if session_id is not None and "No conversation found" in text:
        return SessionNotFoundError(f"Claude has no stored session {session_id!r}.", backend="claude", details=details)
    if "cannot be used with root" in text:
        return UnsupportedOptionError(
            "Claude does not let root skip permissions: use another permission_mode than 'bypass', run as another "
            "user, or, on a machine that is a sandbox anyway, give the backend an environment with IS_SANDBOX=1.",
            backend="claude",
            details=details,
        )
    if (found := _BAD_CONFIG.search(text) or _BAD_CONFIG.search(error.stderr_tail)) is not None:
        return InvalidRequestError(
            f"Claude cannot read its configuration: {found[1]}. Correct the file, or move it away.",
            code="config_invalid",
            backend="claude",
            details=details,
        )
    if "is already in use" in text:
        return SessionBusyError(f"claude: {text}", backend="claude", details=details)
    if (problem := _flag_problem(text, flags)) is not None:
        return InvalidRequestError(problem, backend="claude", details=details | {"option": "native"})
    if (found := _UNKNOWN_OPTION.search(text)) is not None:
        return UnsupportedVersionError(
            f"claude does not know the option {found[1]}: it is too old. Install a newer one, for example with "
            '`pip install "agent-sdk[claude]"`.',
            backend="claude",
            details=details,
        )
    if (found := _INVALID_ARGUMENT.search(text)) is not None:
        return InvalidRequestError(
            f"claude does not take {found[2]!r} as {found[1]}: {found[3]}", backend="claude", details=details
        )
    return HandshakeError(
        f"claude ended during its start: {reason_in(text) or error.message}",
        backend="claude",
        retryable=is_passing(text),
        details=details,
    )


def _flag_problem(text: str, flags: Collection[str]) -> str | None:
    """Return what is wrong with a flag of the caller's own, if that is why claude did not start."""
    place = 'SessionOptions.native["flags"]'
    if (found := _UNKNOWN_OPTION.search(text)) is not None:
        name, valued, _ = found[1].removeprefix("--").partition("=")
        if name in flags:
            meant = _MEANT.search(text)
            hint = f"; did you mean {meant[1]!r}?" if meant else "."
            if valued and not meant:
                hint = ", or it takes no value: then give True."
            return f"claude does not know the flag {name!r} of {place}{hint}"
    if (found := _NO_ARGUMENT.search(text)) is not None and found[1] in flags:
        return f"The flag {found[1]!r} of {place} needs a value; True is for flags that take none."
    return None
