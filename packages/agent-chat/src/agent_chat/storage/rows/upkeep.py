"""Upkeep of a database: whether it is sound, what follows from the logs made anew, and what is no longer kept."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection, insert, select, text, update
from sqlalchemy.exc import DBAPIError

from agent_chat.storage.database.schema import sqlite_problems
from agent_chat.storage.database.tables import FULL_TEXT, VERSION_TABLE, chats, messages
from agent_chat.storage.derived import derived_chat
from agent_chat.storage.records import RetentionPolicy, StoreReport
from agent_chat.storage.retention import Candidate, removed
from agent_chat.storage.rows import leases
from agent_chat.storage.rows.chats import columns, erase
from agent_chat.storage.rows.words import index_words
from agent_chat.storage.rules import stored_object

_SHOWN = 20
"""Problems of a kind that are told."""


def check(connection: Connection, shown: str) -> StoreReport:
    """Look whether the database, its index and its counts are sound; it changes nothing."""
    problems: list[str] = []
    if connection.dialect.name == "sqlite":
        problems += sqlite_problems(connection)
        problems += _index_problems(connection)
    problems += _count_problems(connection)
    totals = connection.execute(
        text(f"SELECT count(*), coalesce(sum({_length(connection)}), 0) FROM {messages.name}")
    ).one()
    number = connection.execute(text(f"SELECT count(*) FROM {chats.name}")).scalar_one()
    schema = connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE}")).scalar_one()
    return StoreReport(shown, str(schema), number, totals[0], int(totals[1]), tuple(problems))


def _length(connection: Connection) -> str:
    return "octet_length(body)" if connection.dialect.name == "postgresql" else "length(CAST(body AS BLOB))"


def _index_problems(connection: Connection) -> Iterator[str]:
    try:
        connection.exec_driver_sql(f"INSERT INTO {FULL_TEXT}({FULL_TEXT}, rank) VALUES ('integrity-check', 1)")
    except DBAPIError as error:
        if getattr(error.orig, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_READONLY:
            return  # The check counts as writing.
        yield f"The full text does not fit the messages ({error.orig}); rebuilding the index mends it."


def _count_problems(connection: Connection) -> Iterator[str]:
    counted = connection.execute(
        text(
            f"SELECT m.chat_id, m.number, m.highest, c.last_seq FROM (SELECT chat_id, count(*) AS number, "
            f"max(seq) AS highest FROM {messages.name} GROUP BY chat_id) m "
            f"LEFT JOIN {chats.name} c ON c.id = m.chat_id "
            f"WHERE c.last_seq IS NULL OR c.last_seq != m.highest OR m.number != m.highest LIMIT {_SHOWN}"
        )
    )
    for chat_id, number, highest, last_seq in counted:
        if last_seq is None:
            yield f"The chat {chat_id!r} has {number} messages and is in no list; rebuilding the index brings it back."
        elif last_seq != highest:
            yield f"The chat {chat_id!r} ends at {highest}, not at {last_seq}; rebuilding the index mends it."
        else:
            yield f"The chat {chat_id!r} lacks {highest - number} messages of its log."


def rebuild(connection: Connection) -> None:
    """Make anew what follows from the logs: chats that are lost, numbers and times of all, indexes, the full text."""
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("REINDEX")
    lost = connection.execute(
        text(f"SELECT DISTINCT chat_id FROM {messages.name} WHERE chat_id NOT IN (SELECT id FROM {chats.name})")
    ).scalars()
    for chat_id in list(lost):
        connection.execute(insert(chats).values(columns(_recovered(connection, chat_id))))
    totals = connection.execute(
        text(f"SELECT chat_id, max(seq), max(at), sum({_length(connection)}) FROM {messages.name} GROUP BY chat_id")
    ).all()
    for chat_id, highest, at, size in totals:
        values = {"last_seq": highest, "last_active_at": at, "bytes": int(size)}
        connection.execute(update(chats).where(chats.c.id == chat_id).values(values))
    index_words(connection)


def _recovered(connection: Connection, chat_id: str) -> Any:
    def bodies() -> Iterator[tuple[float, Any]]:
        query = select(messages.c.at, messages.c.body).where(messages.c.chat_id == chat_id).order_by(messages.c.seq)
        for row in connection.execute(query.execution_options(yield_per=500)):
            yield row.at, stored_object(row.body, "The message")

    return derived_chat(chat_id, bodies())


def retain(connection: Connection, policy: RetentionPolicy) -> tuple[str, ...]:
    """Remove the chats that a policy does not keep."""
    found = connection.execute(select(chats.c.id, chats.c.last_active_at, chats.c.bytes, chats.c.archived)).all()
    candidates = [
        Candidate(row.id, row.last_active_at, row.bytes, row.archived, leases.holding(connection, row.id) is not None)
        for row in found
    ]
    gone = removed(policy, candidates, leases.now(connection))
    for chat_id in gone:
        erase(connection, chat_id)
    return gone
