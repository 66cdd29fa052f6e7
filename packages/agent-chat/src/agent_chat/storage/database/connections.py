"""Connections to a database: some that read, and one that writes."""

from __future__ import annotations

import logging
import os
import sqlite3
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import QueuePool

from agent_chat.storage.database.failures import failure_of
from agent_chat.storage.database.filesystems import network_file_system
from agent_chat.storage.database.places import Place
from agent_chat.storage.errors import StoreUnavailableError

BUSY_SECONDS: Final = 10.0
"""How long one attempt waits for a lock; the writer tries again."""

_READERS: Final = 4
_WRITES: Final = "agent_writes"
_log = logging.getLogger(__name__)


class Database:
    """A database and the ways to it.

    Attributes:
        place: Where it is.
        read_only: Whether it can only be read.
        on_network: The kind of network file system that it is on, None for a local one.
    """

    def __init__(self, place: Place) -> None:
        self.place = place
        self.read_only = False
        self.on_network: str | None = None
        self._engine: Engine | None = None
        self._immutable = False

    @property
    def dialect(self) -> str:
        """Name of the database."""
        return self.place.dialect

    def open(self) -> None:
        """Make the connections ready; a file of SQLite that is there is not changed by it.

        Raises:
            StoreUnavailableError: The driver is not installed, or the file cannot be made.
        """
        if self.place.path is None:
            self._engine = self._postgresql()
            return
        self._look_at(self.place.path)
        self._engine = create_engine(
            "sqlite+pysqlite://", creator=self._sqlite, poolclass=QueuePool, pool_size=_READERS
        )
        event.listen(self._engine, "begin", _begin)

    def close(self) -> None:
        """Close what is not in use."""
        if self._engine is not None:
            self._engine.dispose()
            self._engine = None

    def connect(self, *, writes: bool = False) -> Connection:
        """Return a new or an idle connection."""
        assert self._engine is not None
        return self._engine.connect().execution_options(**{_WRITES: writes})

    @contextmanager
    def reading(self) -> Generator[Connection]:
        """Return a connection that sees one state of the database, and give it back.

        Raises:
            StoreError: It cannot be read.
        """
        try:
            with self.connect() as connection:
                yield connection
        except (DBAPIError, sqlite3.Error, OSError) as error:
            raise failure_of(error, self.place) from error

    def use_write_ahead_log(self) -> None:
        """Let readers and the writer of SQLite work at once, where the file system can."""
        if self.place.path is None or self.read_only:
            return
        with self.connect() as connection:
            raw: Any = connection.connection.driver_connection
            if self.on_network is not None:
                _log.warning(
                    "the store %s is on a network file system (%s): it is slower there, and only one machine may use "
                    "it. Set AGENT_SDK_STORE_URL to a local file, or to a PostgreSQL.",
                    self.place.shown,
                    self.on_network,
                )
                raw.execute("PRAGMA journal_mode=DELETE")
                return
            try:
                (mode,) = raw.execute("PRAGMA journal_mode=WAL").fetchone()
            except sqlite3.OperationalError as error:  # "locking protocol", seen on WSL 1.
                mode = str(error)
                if error.sqlite_errorcode == sqlite3.SQLITE_BUSY:
                    return  # Another process has just opened it, and does this as well.
            if mode != "wal":
                _log.warning("the store %s works without a write-ahead log (%s)", self.place.shown, mode)

    def _look_at(self, path: Path) -> None:
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise StoreUnavailableError(
                f"The folder of the store, {path.parent}, cannot be made: {error.strerror}. Name another place."
            ) from None
        self.on_network = network_file_system(path.parent)
        exists = path.exists()
        if not exists:  # Nobody else reads what is said in a chat; the files that SQLite makes beside it are alike.
            try:
                os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
            except OSError as error:
                raise StoreUnavailableError(
                    f"The store {path} cannot be made: {error.strerror}. Name another place."
                ) from None
        self.read_only = exists and not os.access(path, os.W_OK)
        # Nobody writes into a read-only folder; without this, SQLite wants to make a file beside a WAL database.
        self._immutable = exists and not os.access(path.parent, os.W_OK) and self.read_only

    def uri(self, mode: str) -> str:
        """Return what SQLite calls the file, opened in a mode such as "mode=ro"."""
        return f"file:{quote(str(self.place.path))}?{mode}{'&immutable=1' if self._immutable else ''}"

    def _sqlite(self) -> sqlite3.Connection:
        uri = self.uri("mode=ro" if self.read_only else "mode=rwc")
        made = sqlite3.connect(uri, uri=True, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
        made.execute(f"PRAGMA synchronous={'FULL' if self.on_network else self.place.synchronous}")
        return made

    def _postgresql(self) -> Engine:
        try:
            return create_engine(
                self.place.url,
                pool_size=_READERS,
                pool_pre_ping=True,
                connect_args={
                    "connect_timeout": int(BUSY_SECONDS),
                    "application_name": "agent-sdk",
                    "options": f"-c lock_timeout={int(BUSY_SECONDS * 1000)}",
                },
            )
        except ImportError:
            raise StoreUnavailableError(
                "A store on PostgreSQL needs its driver: `pip install 'agent-sdk-chat[postgres]'`.", retryable=False
            ) from None


def _begin(connection: Connection) -> None:
    """A writer takes the lock when it begins: one that read first would fail if somebody else wrote meanwhile."""
    writes = connection.get_execution_options().get(_WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
