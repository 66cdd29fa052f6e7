"""Codex's errors, of its start and of requests, as the SDK's error classes; its words decide, not its codes."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from agent_sdk_core.errors import (
    AgentError,
    HandshakeError,
    InvalidRequestError,
    ProcessExitedError,
    ProtocolError,
    SessionBusyError,
    SessionNotFoundError,
    UnsupportedVersionError,
)
from agent_sdk_core.transport.process.patience import is_passing
from agent_sdk_core.transport.process.stderr import reason_in

_INVALID_PARAMS: Final = frozenset({-32600, -32602})
_NOT_FOUND: Final = (
    "no rollout found",
    "thread not found",
    "thread not loaded",
    "invalid session id",
    "invalid thread id",
    "no archived rollout found",
    "missing source rollout",
)
_EPHEMERAL: Final = "ephemeral threads do not support"
_LINEAGE: Final = re.compile(r"lineage for (\S+): missing source rollout")
"""Names the thread whose file is gone: the one that was asked for, or one that it was forked from (0.163)."""
_BUSY: Final = ("already has an active writer",)
_DAMAGED: Final = re.compile(r"at (?P<path>\S+\.sqlite).*?(?P<reason>file is not a database|disk image is malformed)")
"""Names a database of Codex's that is none any more (0.163)."""
_UNREADABLE: Final = re.compile(
    r".*failed to read session metadata (?P<path>.+?\.jsonl): (?:rollout at (?P=path) )?(?P<reason>.+)", re.DOTALL
)
"""Names the file of a session that is none any more; nested, the last one says why (0.163)."""
_HELD: Final = re.compile(r"database (table )?is locked|failed to initialize sqlite state runtime", re.IGNORECASE)
_UNWRITABLE: Final = re.compile(
    r"could not create PATH aliases: (?P<reason>[^\n]+?) \(os error \d+\)"
    r".*^Error: [^\n]*(\(os error \d+\)|failed to initialize sqlite state runtime)",
    re.DOTALL | re.MULTILINE,
)
"""Said of a folder that nothing can be written to; it is not named, or not with the reason (0.163)."""
_MISSING: Final = "No such file or directory"
"""Why, where no folder can be made; but also where one that starts beside it tidies up, which passes (0.163)."""
_NO_APP_SERVER: Final = ("unrecognized subcommand", "unexpected argument 'app-server'")
_CONTROL: Final = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]")
_BAD_CONFIG: Final = ("failed to load configuration", "failed to read configuration")


def translate(error: ProtocolError, *, session_id: str | None = None) -> AgentError:
    """Return the error of the class that fits what Codex said (words of 0.163)."""
    text = str(error).lower()
    details = dict(error.details)
    if session_id is not None and any(words in text for words in _NOT_FOUND):
        gone = _LINEAGE.search(str(error))
        missing = repr(session_id)
        if gone and gone[1] != session_id:
            missing = f"{gone[1]!r}, which {session_id!r} was forked from"
        return SessionNotFoundError(
            f"Codex has no stored session {missing}. A session is stored once its first turn has finished.",
            backend="codex",
            details=details,
        )
    if session_id is not None and _EPHEMERAL in text:
        said = f"Session {session_id!r} is never stored (SessionOptions.ephemeral)."
        return SessionNotFoundError(said, backend="codex", details=details)
    if any(words in text for words in _BUSY):
        return SessionBusyError(
            f"Session {session_id!r} is open in another Codex process; close it there, or fork it.",
            backend="codex",
            details=details,
        )
    if any(words in text for words in _BAD_CONFIG):
        return config_error(str(error))
    if (damaged := _DAMAGED.search(str(error))) is not None:
        return AgentError(
            f"A database of Codex's is damaged, {damaged['path']}: {damaged['reason']}. Put back a copy of it, or move "
            "it away: Codex makes another, and tells what was said in a session once that was resumed.",
            code="storage_damaged",
            backend="codex",
            details=details,
        )
    if (unreadable := _UNREADABLE.match(error.message)) is not None:
        return AgentError(
            f"The session's file {unreadable['path']} cannot be read: {unreadable['reason'].rstrip('.')}. "
            "Put back a copy of it, or delete it.",
            code="session_unreadable",
            backend="codex",
            details=details,
        )
    if error.rpc_code in _INVALID_PARAMS:
        return InvalidRequestError(error.message, backend="codex", details={**details, "data": error.rpc_data})
    error.backend = "codex"
    return error


def config_error(reason: str) -> InvalidRequestError:
    """Return the error for a config.toml that Codex cannot read; `reason` names file, line and column."""
    reason = reason.rpartition("configuration layers: ")[2].rpartition("load configuration: ")[2]
    return InvalidRequestError(
        f"Codex cannot read its configuration: {reason.rstrip('.')}. Correct the file, or move it away.",
        code="config_invalid",
        backend="codex",
    )


def plain(text: str) -> str:
    """Return what Codex wrote to its stderr without colours and other terminal controls."""
    return _CONTROL.sub("", text)


def startup_error(executable: Path | str, error: ProcessExitedError) -> AgentError:
    """Return the error for an app-server that ended before it had introduced itself, from its last words."""
    tail = plain(error.stderr_tail).strip()
    if any(words in tail for words in _NO_APP_SERVER):
        return UnsupportedVersionError(
            f"{executable} is too old: it has no app-server. Install a newer one, for example with "
            '`pip install "agent-sdk[codex]"`.',
            backend="codex",
        )
    reason = reason_in(tail).removeprefix("Error: ") or str(error)
    if (unwritable := _UNWRITABLE.search(tail)) is not None and "locked" not in tail:
        reason = (
            f"nothing can be written to its folder, CODEX_HOME or else ~/.codex: {unwritable['reason']}. Make it a "
            "folder that you may write to, or set another CODEX_HOME."
        )
    elif _HELD.search(tail):
        reason = f"{reason.rstrip('.')}. Another process may hold its databases: end it, or set another CODEX_HOME."
    return HandshakeError(
        f"codex app-server ended during its start: {reason}",
        backend="codex",
        retryable=is_passing(tail) and (unwritable is None or unwritable["reason"] == _MISSING),
        details={"exit_code": error.exit_code, "signal": error.signal, "stderr": tail},
    )
