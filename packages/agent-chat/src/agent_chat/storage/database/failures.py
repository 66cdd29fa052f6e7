"""Failures of a database: what its driver raised, as an error of the store that says what to do."""

from __future__ import annotations

import sqlite3
from typing import Final

from agent_chat.storage.database.places import Place
from agent_chat.storage.errors import (
    StoreBusyError,
    StoreCorruptError,
    StoreError,
    StoreFullError,
    StoreReadOnlyError,
    StoreUnavailableError,
)

_SQLITE: Final[dict[int, type[StoreError]]] = {
    sqlite3.SQLITE_BUSY: StoreBusyError,
    sqlite3.SQLITE_LOCKED: StoreBusyError,
    sqlite3.SQLITE_PROTOCOL: StoreBusyError,
    sqlite3.SQLITE_FULL: StoreFullError,
    sqlite3.SQLITE_READONLY: StoreReadOnlyError,
    sqlite3.SQLITE_PERM: StoreReadOnlyError,
    sqlite3.SQLITE_CORRUPT: StoreCorruptError,
    sqlite3.SQLITE_NOTADB: StoreCorruptError,
    sqlite3.SQLITE_CANTOPEN: StoreUnavailableError,
    sqlite3.SQLITE_IOERR: StoreUnavailableError,
}
_POSTGRESQL: Final[dict[str, type[StoreError]]] = {
    "40001": StoreBusyError,  # serialization_failure
    "40P01": StoreBusyError,  # deadlock_detected
    "55P03": StoreBusyError,  # lock_not_available
    "53100": StoreFullError,  # disk_full
    "25006": StoreReadOnlyError,  # read_only_sql_transaction
    "42501": StoreReadOnlyError,  # insufficient_privilege
    "XX001": StoreCorruptError,  # data_corrupted
    "XX002": StoreCorruptError,  # index_corrupted
}
_GONE: Final = ("08", "57", "53")
"""Classes of PostgreSQL's codes: the connection, an operator's intervention, resources."""

_SENTENCES: Final[dict[type[StoreError], str]] = {
    StoreBusyError: "The store {shown} is locked by another process ({reason}). Try again, or close what uses it.",
    StoreFullError: "The store {shown} cannot be written, for the disk is full. Make room, and try again.",
    StoreReadOnlyError: "The store {shown} can be read but not written ({reason}). Check its permissions and its disk.",
    StoreCorruptError: "The store {shown} is damaged ({reason}). It is left as it is. {advice}",
    StoreUnavailableError: "The store {shown} cannot be reached ({reason}). Check that it is there, and try again.",
}
_ADVICE: Final[dict[str, str]] = {
    "sqlite": "Put back a backup, {path}.before-*, or move it away: the agents' own sessions can be imported anew.",
    "postgresql": "Put back a backup of the database.",
}


def failure_of(error: BaseException, place: Place) -> StoreError:
    """Return what a driver's error means."""
    cause = getattr(error, "orig", None) or error
    reason = " ".join(str(cause).split()) or type(cause).__name__
    code = getattr(cause, "sqlite_errorcode", None)
    state = getattr(cause, "sqlstate", None)
    kind: type[StoreError] | None = None
    if isinstance(code, int):
        kind = _SQLITE.get(code & 0xFF)
    elif isinstance(state, str):
        kind = _POSTGRESQL.get(state) or (StoreUnavailableError if state.startswith(_GONE) else None)
    elif type(cause).__name__ in ("OperationalError", "ConnectionTimeout") or isinstance(cause, OSError):
        kind = StoreUnavailableError
    if kind is None:
        return StoreError(f"The store {place.shown} failed: {reason}")
    advice = _ADVICE[place.dialect].format(path=place.path)
    return kind(_SENTENCES[kind].format(shown=place.shown, reason=reason, advice=advice))
