"""Leases in the database: who may write a chat, with a generation that only grows."""

from __future__ import annotations

from time import time

from sqlalchemy import Connection, Row, delete, insert, select, text, update

from agent_chat.storage import rules
from agent_chat.storage.database.tables import chats
from agent_chat.storage.database.tables import leases as table
from agent_chat.storage.holders import Process, this_process
from agent_chat.storage.records import ChatLease, LeaseHolder


def now(connection: Connection) -> float:
    """Return the time: of the database's machine where several may use it."""
    if connection.dialect.name == "postgresql":
        return float(connection.execute(text("SELECT extract(epoch FROM clock_timestamp())")).scalar_one())
    return time()


def lock(connection: Connection, chat_id: str, lease: ChatLease | None) -> int:
    """Let nobody else change a chat until the transaction ends, and return its generation.

    Raises:
        ChatNotFoundError: There is no such chat.
        LeaseLostError: The lease is given, and no longer holds.
    """
    found = connection.execute(
        select(chats.c.generation).where(chats.c.id == rules.clean(chat_id)).with_for_update()
    ).scalar()
    if found is None:
        raise rules.not_found(chat_id)
    if lease is not None:
        row = _row(connection, chat_id)
        if row is None or row.generation != lease.generation:
            raise rules.lost(lease, None if row is None else _lease(row).holder)
    return int(found)


def acquire(connection: Connection, chat_id: str, name: str, seconds: float) -> ChatLease:
    """Take the right to write a chat."""
    chat_id, name = rules.clean(chat_id), rules.clean(name)
    generation = lock(connection, chat_id, None) + 1
    if (held := holding(connection, chat_id)) is not None:
        raise rules.busy(chat_id, held.holder)
    me, at = this_process(), now(connection)
    connection.execute(delete(table).where(table.c.chat_id == chat_id))
    connection.execute(
        insert(table).values(
            chat_id=chat_id,
            generation=generation,
            name=name.replace("\0", ""),
            host=me.host,
            machine=me.machine,
            pid=me.pid,
            started=me.started,
            since=at,
            expires_at=at + seconds,
        )
    )
    connection.execute(update(chats).where(chats.c.id == chat_id).values(generation=generation))
    return ChatLease(chat_id, generation, LeaseHolder(name, me.host, me.pid, at, at + seconds))


def renew(connection: Connection, lease: ChatLease, seconds: float) -> ChatLease:
    """Hold a lease for longer."""
    lock(connection, lease.chat_id, lease)
    until = now(connection) + seconds
    connection.execute(update(table).where(table.c.chat_id == lease.chat_id).values(expires_at=until))
    row = _row(connection, lease.chat_id)
    assert row is not None
    return _lease(row)


def release(connection: Connection, lease: ChatLease) -> None:
    """Give a lease back."""
    connection.execute(delete(table).where(table.c.chat_id == lease.chat_id, table.c.generation == lease.generation))


def holding(connection: Connection, chat_id: str) -> ChatLease | None:
    """Return who may write a chat now; one that ran out, or whose process is gone, may not."""
    row = _row(connection, chat_id)
    if row is None or row.expires_at <= now(connection):
        return None
    return None if Process(row.host, row.machine, row.pid, row.started).is_gone() else _lease(row)


def _row(connection: Connection, chat_id: str) -> Row[tuple[object, ...]] | None:
    return connection.execute(select(table).where(table.c.chat_id == rules.clean(chat_id))).one_or_none()


def _lease(row: Row[tuple[object, ...]]) -> ChatLease:
    holder = LeaseHolder(row.name, row.host, row.pid, row.since, row.expires_at)
    return ChatLease(row.chat_id, row.generation, holder)
