"""The schema of a store: which revision a database has, and how it comes to today's.

Alembic, which is slow to load, is loaded only where a database is made or changed.
"""

from __future__ import annotations

import logging
import sqlite3
import time
from contextlib import closing
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, inspect, text
from sqlalchemy.exc import DBAPIError

from agent_chat.storage.database.connections import Database
from agent_chat.storage.database.failures import failure_of
from agent_chat.storage.database.tables import VERSION_TABLE, metadata
from agent_chat.storage.errors import StoreCorruptError, StoreReadOnlyError, StoreTooNewError

REVISIONS: Final = ("0001", "0002", "0003", "0004")
"""All that there are, oldest first."""

HEAD: Final = REVISIONS[-1]
BACKUPS: Final = 3
"""Backups of a file that are kept."""

_MIGRATIONS: Final = Path(__file__).parents[1] / "migrations"
_LOCK: Final = 0x6167656E74  # "agent": processes that open a database at once wait here for each other.
_log = logging.getLogger(__name__)


def prepare(database: Database) -> None:
    """Bring a database to today's schema; one that has it is only read.

    Raises:
        StoreTooNewError: A later version made it.
        StoreCorruptError: It is damaged, or the database of something else.
        StoreReadOnlyError: It would have to be changed, and cannot be.
    """
    if database.place.path is not None:
        _look(database, database.place.path)
    with database.reading() as connection:
        found = revision(connection, database)
    if found != HEAD and database.read_only:
        raise StoreReadOnlyError(
            f"The store {database.place.shown} has an older schema, and cannot be written to bring it up to date. Make "
            "it writable, or open a copy of it."
        )
    if found != HEAD:
        _bring(database)
    database.use_write_ahead_log()


def _look(database: Database, path: Path) -> None:
    """Refuse what is none of ours before it is opened to be written: even closing that can change the file."""
    if not path.is_file() or not path.stat().st_size:
        return
    try:
        with closing(sqlite3.connect(database.uri("mode=ro"), uri=True)) as connection:
            tables = {str(row[0]) for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
            found: str | None = None
            if VERSION_TABLE in tables:
                row = connection.execute(f"SELECT version_num FROM {VERSION_TABLE}").fetchone()
                found = row and row[0]
    except sqlite3.OperationalError:
        return  # It has to be written to be read, after a crash for instance: it is looked at again then.
    except sqlite3.Error as error:
        raise failure_of(error, database.place) from error
    _judge(database, tables, found)


def _bring(database: Database) -> None:
    try:
        with database.connect(writes=True) as connection, connection.begin():
            if database.dialect == "postgresql":
                connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
            found = revision(connection, database)  # Another process may have been quicker.
            if found is not None and found != HEAD:
                _secure(connection, database, found)
            if found != HEAD:
                migrate(connection)
    except (DBAPIError, sqlite3.Error) as error:
        raise failure_of(error, database.place) from error


def revision(connection: Connection, database: Database) -> str | None:
    """Return the revision of a database, None for an empty one.

    Raises:
        StoreTooNewError: It is none of ours.
        StoreCorruptError: Its tables are those of something else.
    """
    tables = set(inspect(connection).get_table_names())
    found: str | None = None
    if VERSION_TABLE in tables:
        found = connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE}")).scalar()
    _judge(database, tables, found)
    return found


def _judge(database: Database, tables: set[str], found: str | None) -> None:
    if VERSION_TABLE not in tables:
        if database.dialect == "sqlite" and tables:
            raise StoreCorruptError(
                f"{database.place.path} is a database, but no store of chats; it is left as it is. Name another file."
            )
    elif found is not None and found not in REVISIONS:
        raise StoreTooNewError(
            f"The store {database.place.shown} was made by a later version of agent-sdk-chat (its schema is {found!r}, "
            f"this version knows {HEAD!r}). Nothing was changed. Upgrade agent-sdk-chat, or name another store."
        )


def migrate(connection: Connection, target: str = "head") -> None:
    """Run the revisions that a database lacks, in the transaction that the connection is in."""
    config: Any = import_module("alembic.config").Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    scripts = import_module("alembic.script").ScriptDirectory.from_config(config)

    def missing(found: str, _: object) -> Any:
        return scripts._upgrade_revs(target, found)  # noqa: SLF001  # as Alembic's own command does

    environment: Any = import_module("alembic.runtime.environment").EnvironmentContext(config, scripts, fn=missing)
    with environment:
        environment.configure(connection=connection, version_table=VERSION_TABLE, target_metadata=metadata)
        environment.run_migrations()


def _secure(connection: Connection, database: Database, found: str) -> None:
    """Look whether a database is sound, and keep a copy of it as it is."""
    _log.info("the store %s is brought from revision %s to %s", database.place.shown, found, HEAD)
    if database.place.path is None:
        _copy_tables(connection, found)
        return
    problems = sqlite_problems(connection)
    if problems:
        raise StoreCorruptError(
            f"The store {database.place.shown} is damaged ({problems[0]}), so it was not brought up to date. It is "
            f"left as it is; put back a backup, {database.place.path}.before-*, or move it away.",
            details={"problems": problems},
        )
    _copy_file(database.place.path, found)


def sqlite_problems(connection: Connection) -> list[str]:
    """Return what SQLite finds wrong with a file."""
    found = [str(row[0]) for row in connection.exec_driver_sql("PRAGMA integrity_check(20)")]
    return [] if found == ["ok"] else found


def _copy_file(path: Path, found: str) -> None:
    """Copy what is committed; our own transaction, which has changed nothing yet, keeps other writers out."""
    number = time.strftime("%Y%m%d-%H%M%S", time.gmtime())
    copy = path.with_name(f"{path.name}.before-{HEAD}-{number}")
    part = copy.with_name(f"{copy.name}.part")
    part.touch(mode=0o600)
    with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(part)) as target:
        source.backup(target)
        target.execute("PRAGMA journal_mode=DELETE")
    part.rename(copy)
    _log.info("the store was copied to %s before its schema %s changes", copy, found)
    for old in sorted(path.parent.glob(f"{path.name}.before-*"))[:-BACKUPS]:
        old.unlink(missing_ok=True)


def _copy_tables(connection: Connection, found: str) -> None:
    """Copy the tables beside themselves, where no tool and no right beyond the store's own is needed."""
    names = inspect(connection).get_table_names()
    for name in names:
        if name.startswith("before_"):
            connection.execute(text(f'DROP TABLE "{name}"'))
    for name in names:
        if name in metadata.tables:
            connection.execute(text(f'CREATE TABLE "before_{HEAD}_{name}" AS TABLE "{name}"'))
    _log.info("the tables were copied to before_%s_… before the schema %s changes", HEAD, found)
