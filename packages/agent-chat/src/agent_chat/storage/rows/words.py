"""Words in the database: the full-text index, filled by the batch that writes the messages, and searched."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, cast

from sqlalchemy import Connection, text

from agent_chat.storage.database.tables import FULL_TEXT
from agent_chat.storage.records import SearchHit
from agent_chat.storage.texts import Term, searchable_text, snippet, words

_CHUNK: Final = 1000
_NEWEST: Final = 2000
_TABLE: Final = "agent_messages"


def stored_words(body: Mapping[str, object]) -> str:
    """Return what of a message is searched, as it is compared."""
    said = searchable_text(body)
    return " ".join(words(said)) if said else ""


def vector(said: str) -> str:
    """Return words as PostgreSQL's `tsvector`; its own parser, which knows a language, is left out."""
    return " ".join(f"'{word}':{min(place, 16383)}" for place, word in enumerate(said.split(" "), 1) if word)


def insert_words(connection: Connection, rows: Iterable[Mapping[str, Any]]) -> None:
    """Add messages to SQLite's index; PostgreSQL has it in their own row."""
    if connection.dialect.name != "sqlite":
        return
    # In order, for FTS5 starts anew for each row that is older than the one before; those without a word as well, for
    # its check counts them.
    found = sorted((row["id"], row["words"]) for row in rows)
    connection.exec_driver_sql(f"INSERT INTO {FULL_TEXT}(rowid, words) VALUES (?, ?)", found)


def delete_words(connection: Connection, chat_id: str) -> None:
    """Take the messages of a chat out of SQLite's index, before they go."""
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql(
            f"INSERT INTO {FULL_TEXT}({FULL_TEXT}, rowid, words) SELECT 'delete', id, words FROM {_TABLE} "
            "WHERE chat_id = ? ORDER BY id",
            (chat_id,),
        )


def index_words(connection: Connection) -> None:
    """Make the words of every message, and the index, anew."""
    is_sqlite = connection.dialect.name == "sqlite"
    if is_sqlite:
        connection.exec_driver_sql(f"DROP TABLE IF EXISTS {FULL_TEXT}")
        connection.exec_driver_sql(
            f"CREATE VIRTUAL TABLE {FULL_TEXT} USING fts5(words, content='{_TABLE}', content_rowid='id', "
            "tokenize='unicode61 remove_diacritics 0')"
        )
    beside = "" if is_sqlite else ", vector = CAST(:vector AS tsvector)"
    update = f"UPDATE {_TABLE} SET words = :words{beside} WHERE id = :id"
    last: int | None = None
    while True:
        page = connection.execute(
            text(f"SELECT id, body FROM {_TABLE} WHERE id > :last ORDER BY id LIMIT {_CHUNK}"),
            {"last": -1 if last is None else last},
        ).all()
        if not page:
            return
        rows = [{"id": number, "words": stored_words(_object(body))} for number, body in page]
        connection.execute(text(update), [{**row, "vector": vector(row["words"])} for row in rows])
        insert_words(connection, rows)
        last = page[-1][0]


def _object(body: str) -> Mapping[str, object]:
    try:
        value: object = json.loads(body)
    except (ValueError, RecursionError):  # One message that nobody can read keeps no other from being found.
        value = None
    return cast("Mapping[str, object]", value) if isinstance(value, dict) else {}


def search(
    connection: Connection,
    wanted: Sequence[Term],
    *,
    chat_id: str | None,
    workspace: str | None,
    limit: int,
    before: int | None,
) -> tuple[list[SearchHit], int | None]:
    """Return the newest messages that hold every term, and the id to go on before."""
    if connection.dialect.name == "sqlite":
        query = " ".join(_fts5(term) for term in wanted)
        source = f"{FULL_TEXT} CROSS JOIN {_TABLE} m ON m.id = {FULL_TEXT}.rowid"  # The order is the plan.
        where, order = [f"{FULL_TEXT} MATCH :query"], f"{FULL_TEXT}.rowid"
        # "+": else each of these would be looked up in the index, 0.1 ms each. So it is 10 ms for 100,000 hits.
        among = f"+{FULL_TEXT}.rowid IN (SELECT o.id FROM {_TABLE} o WHERE o.chat_id"
    else:
        query = " & ".join(_tsquery(term) for term in wanted)
        source, where, order = f"{_TABLE} m", ["m.vector @@ CAST(:query AS tsquery)"], "m.id"
        among = "(m.chat_id"
    if chat_id is not None:
        where.append(f"{among} = :chat_id)")
    if workspace is not None:
        where.append(f"{among} IN (SELECT id FROM agent_chats WHERE workspace = :workspace))")
    if before is not None:
        where.append(f"{order} < :before")
    given = {"query": query, "chat_id": chat_id, "workspace": workspace, "before": before, "limit": limit + 1}
    columns, where = "m.id, m.chat_id, m.seq, m.at, m.type, m.body", [f"({each})" for each in where]
    last = f"ORDER BY {order} DESC LIMIT :limit"
    if connection.dialect.name == "sqlite":
        statements = [f"SELECT {columns} FROM {source} WHERE {' AND '.join(where)} {last}"]
    else:
        # PostgreSQL would read the whole log backwards for a rare word: 0.1 s for 60,000 messages, whatever it knows of
        # the words. So the newest are read first, and the index where these are not enough. They are a query of their
        # own, which it must not mix with the condition: it would take the index for them too, at 0.3 s for two
        # beginnings that every message has.
        earlier = "" if before is None else "WHERE id < :before"
        newest = f"(SELECT * FROM {_TABLE} {earlier} ORDER BY id DESC LIMIT {_NEWEST}) m"
        condition = " AND ".join(where)
        statements = [
            f"SELECT {columns} FROM {newest} WHERE {condition} {last}",
            f"""
            WITH found AS MATERIALIZED (SELECT m.id FROM {source} WHERE {condition}) SELECT {columns} FROM {source}
            WHERE m.id IN (SELECT id FROM found ORDER BY id DESC LIMIT :limit) ORDER BY m.id DESC
            """,
        ]
    found: Sequence[Any] = ()
    for statement in statements:
        if len(found) <= limit:
            found = connection.execute(text(statement), given).all()
    terms = tuple(wanted)
    hits = [
        SearchHit(row.chat_id, row.seq, row.at, row.type, snippet(searchable_text(_object(row.body)), terms))
        for row in found[:limit]
    ]
    return hits, found[limit - 1].id if len(found) > limit else None


def _fts5(term: Term) -> str:
    return f'"{" ".join(term.words)}"{"*" if term.prefix else ""}'


def _tsquery(term: Term) -> str:
    quoted = [f"'{word}'" for word in term.words]
    return f"({' <-> '.join(quoted)}{':*' if term.prefix else ''})"
