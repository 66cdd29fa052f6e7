"""The database of a fleet: how it is reached, and brought to today's tables.

SQLite serves the hosts of one machine, PostgreSQL those of many. Alembic, which is slow to load, is loaded only where
the tables have to be made.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any, Final, TypeVar
from urllib.parse import unquote, urlsplit

from sqlalchemy import Connection, Engine, create_engine, event, inspect, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import QueuePool

from agent_fleet.errors import FleetStoreError
from agent_fleet.store.tables import VERSION_TABLE, metadata
from agent_sdk_core.errors import InvalidRequestError

T = TypeVar("T")

HEAD: Final = "0003"
_OLDER: Final = ("0001", "0002")
BUSY_SECONDS: Final = 10.0
_MIGRATIONS: Final = Path(__file__).parent / "migrations"
_LOCK: Final = 0x666C656574  # "fleet": processes that open a database at once wait here for each other.
_HOW: Final = 'Write "postgresql://user@host/database", or "sqlite:////absolute/fleet.db" for hosts on one machine.'


def is_local(url: str) -> bool:
    """Tell whether only the processes of one machine can share a store."""
    return not url.startswith(("postgresql", "postgres"))


def sqlite_path(url: str) -> Path:
    """Return the file of a store on SQLite.

    Raises:
        InvalidRequestError: The URL names none.
    """
    if not url:
        raise InvalidRequestError(f"The store of a fleet has no name. {_HOW}")
    scheme, separator, _ = url.partition(":")
    if not separator or "/" in scheme:
        return Path(url).expanduser().absolute()
    path = unquote(urlsplit(url).path)
    if scheme not in ("sqlite", "sqlite+pysqlite") or len(path) < 2:
        raise InvalidRequestError(f"The store of a fleet cannot be at a URL that begins with {scheme + ':'!r}. {_HOW}")
    return Path(path[1:]).absolute()


def connect_sqlite(path: Path) -> sqlite3.Connection:
    """Return a connection to a file, in which readers do not wait for the writer."""
    made = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    try:
        made.execute("PRAGMA journal_mode=WAL")
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode != sqlite3.SQLITE_BUSY:
            raise
        # Whoever opens it at the same time does this as well; SQLite does not wait for that by itself.
    made.execute("PRAGMA synchronous=NORMAL")
    return made


class Database:
    """Connections to the database of a fleet; its calls block, and belong into a thread.

    Args:
        url: Where it is.
    """

    def __init__(self, url: str) -> None:
        self.local = is_local(url)
        self._path = sqlite_path(url) if self.local else None
        self.url = url if self._path is None else str(self._path)
        self._engine: Engine | None = None

    def open(self) -> None:
        """Reach the database, and make what it lacks.

        Raises:
            FleetStoreError: It cannot be reached.
        """
        if self._engine is not None:
            return
        self._engine = self._sqlite(self._path) if self._path is not None else self._postgresql()
        try:
            self.write(self._prepare)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Let go of the connections."""
        engine, self._engine = self._engine, None
        if engine is not None:
            engine.dispose()

    def write(self, do: Callable[[Connection], T]) -> T:
        """Run something in one transaction, which nobody else writes in between on SQLite.

        Raises:
            FleetStoreError: The database cannot be reached or written.
        """
        if self._engine is None:
            raise FleetStoreError("The store of the fleet is closed.", retryable=False)
        try:
            with self._engine.begin() as connection:
                return do(connection)
        except (DBAPIError, sqlite3.Error, OSError) as error:
            reason = str(getattr(error, "orig", None) or error).splitlines()[0]
            raise FleetStoreError(f"The store of the fleet cannot be used now: {reason}") from error

    def _prepare(self, connection: Connection) -> None:
        if not self.local:
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
        found: str | None = None
        if VERSION_TABLE in inspect(connection).get_table_names():
            found = connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE}")).scalar()  # noqa: S608  # ours
        if found == HEAD:
            return
        if found is not None and found not in _OLDER:
            raise FleetStoreError(
                f"The store of the fleet was made by a later version of agent-sdk-fleet (its schema is {found!r}, this "
                f"version knows {HEAD!r}). Nothing was changed; upgrade agent-sdk-fleet here.",
                retryable=False,
            )
        _migrate(connection)

    def _sqlite(self, path: Path) -> Engine:
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            path.touch(mode=0o600)
        except OSError as error:
            raise FleetStoreError(
                f"The store {path} cannot be made: {error.strerror}. Name another place.", retryable=False
            ) from None

        engine = create_engine(
            "sqlite+pysqlite://", creator=partial(connect_sqlite, path), poolclass=QueuePool, pool_size=4
        )
        event.listen(engine, "begin", _begin_writing)
        return engine

    def _postgresql(self) -> Engine:
        place = "postgresql+psycopg://" + self.url.partition("://")[2]
        options = {"connect_timeout": int(BUSY_SECONDS), "application_name": "agent-sdk-fleet"}
        try:
            return create_engine(place, pool_size=4, pool_pre_ping=True, connect_args=options)
        except ImportError:
            raise FleetStoreError(
                "A store on PostgreSQL needs its driver: `pip install 'agent-sdk-fleet[postgres]'`.", retryable=False
            ) from None


def _begin_writing(connection: Connection) -> None:
    """Take the lock when a transaction begins: one that read first would fail if somebody else wrote meanwhile."""
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _migrate(connection: Connection) -> None:
    config: Any = import_module("alembic.config").Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    scripts = import_module("alembic.script").ScriptDirectory.from_config(config)

    def missing(found: str, _: object) -> Any:
        return scripts._upgrade_revs("head", found)  # noqa: SLF001  # as Alembic's own command does

    environment: Any = import_module("alembic.runtime.environment").EnvironmentContext(config, scripts, fn=missing)
    with environment:
        environment.configure(connection=connection, version_table=VERSION_TABLE, target_metadata=metadata)
        environment.run_migrations()
