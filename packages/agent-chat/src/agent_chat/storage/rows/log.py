"""The log in the database: messages appended in batches, and read from its end or next to a number."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import Connection, bindparam, insert, select, text, update

from agent_chat.storage import rules
from agent_chat.storage.database.tables import ID_BITS, NUMBERS, chats, leases, messages
from agent_chat.storage.records import ChatLease, MessagePage, StoredMessage
from agent_chat.storage.rows.chats import require
from agent_chat.storage.rows.words import insert_words, stored_words, vector
from agent_chat.storage.rules import clean, stored_object
from agent_sdk_core.errors import AgentError
from agent_sdk_core.messages.parse import SDKMessage

_ASKED: Final = 500
"""Uuids of one query."""

_LATEST: Final = (1 << (63 - ID_BITS)) - 1
"""Milliseconds that an id can tell, until the year 2248."""

# Statements are made once: building one takes longer than running it.
_CHATS: Final = (
    select(chats.c.id, chats.c.last_seq, chats.c.last_active_at)
    .where(chats.c.id.in_(bindparam("wanted", expanding=True)))
    .order_by(chats.c.id)  # One order for all, so that no two writers wait for each other.
    .with_for_update()
)
_KNOWN: Final = select(messages.c.uuid, messages.c.seq).where(
    messages.c.chat_id == bindparam("chat"), messages.c.uuid.in_(bindparam("wanted", expanding=True))
)
_INSERTED: Final = insert(messages)
_UPDATED: Final = (
    update(chats)
    .where(chats.c.id == bindparam("wanted"))
    .values(last_seq=bindparam("seq"), last_active_at=bindparam("active"), bytes=chats.c.bytes + bindparam("more"))
)


@dataclass(slots=True)
class Append:
    """Messages for one chat, written with what else has arrived."""

    chat_id: str
    messages: Sequence[SDKMessage | Mapping[str, object]]
    at: float | Sequence[float] | None
    lease: ChatLease | None
    size: int = field(init=False)

    def __post_init__(self) -> None:
        self.chat_id = clean(self.chat_id)
        self.size = len(self.messages)

    @staticmethod
    def together(connection: Connection, works: Sequence[Append]) -> Sequence[object]:
        """Write all of them; see `Batched`."""
        batch = _Batch(connection, works)
        readings = [_read(work) for work in works]
        batch.look_up(
            (work.chat_id, uuid)
            for work, reading in zip(works, readings, strict=True)
            if not isinstance(reading, AgentError)
            for uuid in reading.uuids
        )
        outcomes = [batch.add(work, reading) for work, reading in zip(works, readings, strict=True)]
        batch.write()
        return outcomes


@dataclass(slots=True)
class _Reading:
    """What is to be written: each message's fields, its line, its uuid and its time."""

    bodies: list[tuple[dict[str, object], str]]
    uuids: list[str | None]
    times: list[float]


def _read(work: Append) -> _Reading | AgentError:
    try:
        bodies, times = rules.bodies(work.messages), rules.times(work.at, len(work.messages))
    except AgentError as error:
        return error
    uuids = [clean(uuid) if isinstance(uuid := body.get("uuid"), str) else None for body, _ in bodies]
    return _Reading(bodies, uuids, times)


@dataclass(slots=True)
class _State:
    last_seq: int
    active: float
    generation: int | None
    numbers: dict[str, int] = field(default_factory=dict[str, int])
    bytes: int = 0


class _Batch:
    """Rows of one transaction; nothing is written before `write`, so that one refusal undoes nothing of the others."""

    def __init__(self, connection: Connection, works: Sequence[Append]) -> None:
        self._connection = connection
        self._rows: list[dict[str, Any]] = []
        self._states: dict[str, _State] = {}
        wanted = sorted({work.chat_id for work in works})
        for start in range(0, len(wanted), _ASKED):
            found = connection.execute(_CHATS, {"wanted": wanted[start : start + _ASKED]})
            self._states |= {row.id: _State(row.last_seq, row.last_active_at, None) for row in found}
        if any(work.lease is not None for work in works):
            held = select(leases.c.chat_id, leases.c.generation).where(leases.c.chat_id.in_(list(self._states)))
            for row in connection.execute(held):
                self._states[row.chat_id].generation = row.generation

    def add(self, work: Append, reading: _Reading | AgentError) -> tuple[int, ...] | AgentError:
        """Return the numbers of the messages, or why they cannot be written."""
        state = self._states.get(work.chat_id)
        if state is None:
            return rules.not_found(work.chat_id)
        if work.lease is not None and work.lease.generation != state.generation:
            return self._lost(work.lease)
        if isinstance(reading, AgentError):
            return reading
        numbers: list[int] = []
        for (body, line), uuid, at in zip(reading.bodies, reading.uuids, reading.times, strict=True):
            number = None if uuid is None else state.numbers.get(uuid)
            if number is None:
                number = state.last_seq = state.last_seq + 1
                if uuid is not None:
                    state.numbers[uuid] = number
                state.active, state.bytes = max(state.active, at), state.bytes + len(line.encode())
                self._rows.append(
                    {
                        "chat_id": work.chat_id,
                        "seq": number,
                        "at": at,
                        "uuid": uuid,
                        "type": clean(str(body.get("type", ""))),
                        "body": line,
                        "words": stored_words(body),
                    }
                )
            numbers.append(number)
        return tuple(numbers)

    def _lost(self, lease: ChatLease) -> AgentError:
        from agent_chat.storage.rows.leases import holding

        held = holding(self._connection, lease.chat_id)
        return rules.lost(lease, None if held is None else held.holder)

    def look_up(self, pairs: Iterable[tuple[str, str | None]]) -> None:
        """Learn which of these messages the logs have."""
        wanted: dict[str, list[str]] = {}
        for chat_id, uuid in pairs:
            if uuid is not None and chat_id in self._states:
                wanted.setdefault(chat_id, []).append(uuid)
        for chat_id, uuids in wanted.items():
            numbers = self._states[chat_id].numbers
            for start in range(0, len(uuids), _ASKED):
                wanted_uuids = {"chat": chat_id, "wanted": uuids[start : start + _ASKED]}
                found = self._connection.execute(_KNOWN, wanted_uuids)
                numbers |= {row.uuid: row.seq for row in found}

    def write(self) -> None:
        """Write what was added."""
        if not self._rows:
            return
        number_rows(self._connection, self._rows)
        insert_rows(self._connection, self._rows)
        changed = [
            {"wanted": chat_id, "seq": state.last_seq, "active": state.active, "more": state.bytes}
            for chat_id, state in self._states.items()
            if state.bytes
        ]
        self._connection.execute(_UPDATED, changed)


def insert_rows(connection: Connection, rows: list[dict[str, Any]]) -> None:
    """Write rows of messages, and their words."""
    if connection.dialect.name == "postgresql":
        _insert_on_postgresql(connection, rows)
    else:
        connection.execute(_INSERTED, rows)
        insert_words(connection, rows)


def _insert_on_postgresql(connection: Connection, rows: list[dict[str, Any]]) -> None:
    names = [column.name for column in messages.columns]
    marks = ", ".join(f"%({name})s" for name in names)
    sql = f"INSERT INTO {messages.name} ({', '.join(names)}, vector) VALUES ({marks}, %(vector)s::tsvector)"
    connection.exec_driver_sql(sql, [{**row, "vector": vector(row["words"])} for row in rows])


def number_rows(connection: Connection, rows: list[dict[str, Any]]) -> None:
    """Give each message its id: when it was written, and what tells it from others of that millisecond."""
    if connection.dialect.name == "postgresql":
        taken = connection.execute(
            text(f"SELECT nextval('{NUMBERS}') FROM generate_series(1, :count)"), {"count": len(rows)}
        ).scalars()
        for row, number in zip(rows, taken, strict=True):
            row["id"] = _first_id(row["at"]) | (int(number) & ((1 << ID_BITS) - 1))
        return
    following: dict[int, int] = {}
    for row in rows:
        first = _first_id(row["at"])
        if first not in following:
            last = connection.exec_driver_sql(
                f"SELECT max(id) FROM {messages.name} WHERE id >= ? AND id < ?",
                (first, first + (1 << ID_BITS)),
            ).scalar()
            following[first] = first if last is None else int(last) + 1
        row["id"] = following[first]
        following[first] += 1


def _first_id(at: float) -> int:
    return min(max(int(at * 1000), 0), _LATEST) << ID_BITS


def page(connection: Connection, chat_id: str, *, after: int | None, before: int | None, limit: int) -> MessagePage:
    """Return messages of a chat, oldest first."""
    chat_id = clean(chat_id)
    query = select(messages.c.seq, messages.c.at, messages.c.body).where(messages.c.chat_id == chat_id)
    if after is not None:
        query = query.where(messages.c.seq > after).order_by(messages.c.seq)
    else:
        query = query if before is None else query.where(messages.c.seq < before)
        query = query.order_by(messages.c.seq.desc())
    found = list(connection.execute(query.limit(limit + 1)))
    if not found:
        require(connection, chat_id)
    more = len(found) > limit
    found = found[:limit]
    cursor = str(found[-1].seq) if more else None
    if after is None:
        found.reverse()
    return MessagePage(
        (StoredMessage(chat_id, row.seq, row.at, stored_object(row.body, "The message")) for row in found), cursor
    )
