"""Chats in the database."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, RowMapping, and_, delete, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from agent_chat.storage import rules
from agent_chat.storage.database.tables import KEPT_BY_CHAT, chats, messages
from agent_chat.storage.records import ChatLease, ChatMeta, ChatPage
from agent_chat.storage.rows import leases
from agent_chat.storage.rows.words import delete_words
from agent_chat.storage.rules import clean
from agent_sdk_core.messages.usage import ContextWindow, Usage
from agent_sdk_core.wire.json_lines import json_text


def columns(chat: ChatMeta) -> dict[str, Any]:
    """Return a chat as a row."""
    row = {name: clean(getattr(chat, name)) for name in ChatMeta.__dataclass_fields__}
    row["lineage"], row["tags"] = json_text(chat.lineage), json_text([clean(tag) for tag in chat.tags])
    row["usage"] = None if chat.usage is None else json_text(chat.usage.to_wire())
    row["context"] = None if chat.context is None else chat.context.to_json()
    return row


def chat_of(row: RowMapping) -> ChatMeta:
    """Return the chat of a row."""
    given: dict[str, Any] = {name: row[name] for name in ChatMeta.__dataclass_fields__}
    given["lineage"], given["tags"] = tuple(json.loads(row["lineage"])), tuple(json.loads(row["tags"]))
    given["usage"] = None if row["usage"] is None else Usage.model_validate_json(row["usage"])
    given["context"] = None if row["context"] is None else ContextWindow.from_json(row["context"])
    return ChatMeta(**given)


def create(connection: Connection, chat: ChatMeta) -> ChatMeta:
    """Add a chat."""
    made = rules.new_chat(chat)
    try:
        connection.execute(insert(chats).values(columns(made)))
    except IntegrityError:
        raise rules.exists(chat.id) from None
    return get(connection, chat.id)


def get(connection: Connection, chat_id: str) -> ChatMeta:
    """Return a chat."""
    row = connection.execute(select(chats).where(chats.c.id == clean(chat_id))).mappings().one_or_none()
    if row is None:
        raise rules.not_found(chat_id)
    return chat_of(row)


def require(connection: Connection, chat_id: str) -> None:
    """Refuse a chat that is not there."""
    if connection.execute(select(chats.c.id).where(chats.c.id == clean(chat_id))).scalar() is None:
        raise rules.not_found(chat_id)


def page(
    connection: Connection,
    *,
    workspace: str | None,
    backend: str | None,
    session_id: str | None,
    tag: str | None,
    archived: bool | None,
    limit: int,
    start: tuple[Any, ...] | None,
) -> ChatPage:
    """Return chats, those used last first."""
    query = select(chats).order_by(chats.c.last_active_at.desc(), chats.c.id.desc()).limit(limit + 1)
    for column, wanted in ((chats.c.workspace, workspace), (chats.c.backend, backend), (chats.c.archived, archived)):
        if wanted is not None:
            query = query.where(column == clean(wanted))
    if session_id is not None:
        inside = chats.c.lineage.contains(json_text(session_id), autoescape=True)
        query = query.where(or_(chats.c.last_session_id == clean(session_id), inside))
    if tag is not None:
        query = query.where(chats.c.tags.contains(json_text(clean(tag)), autoescape=True))
    if start is not None:
        at, chat_id = start
        earlier = and_(chats.c.last_active_at == at, chats.c.id < chat_id)
        query = query.where(or_(chats.c.last_active_at < at, earlier))
    found = [chat_of(row) for row in connection.execute(query).mappings()]
    last = found[limit - 1] if len(found) > limit else None
    return ChatPage(found[:limit], None if last is None else f"{last.last_active_at!r}~{last.id}")


def change(connection: Connection, chat_id: str, changes: Mapping[str, object], lease: ChatLease | None) -> ChatMeta:
    """Change a chat."""
    leases.lock(connection, chat_id, lease)
    changed = columns(rules.changed_chat(get(connection, chat_id), changes))
    wanted = {name: changed[name] for name in (*changes, "lineage")}
    connection.execute(update(chats).where(chats.c.id == clean(chat_id)).values(wanted))
    return get(connection, chat_id)


def remove(connection: Connection, chat_id: str) -> None:
    """Remove a chat that nobody writes, with all that is kept about it."""
    leases.lock(connection, chat_id, None)
    if (held := leases.holding(connection, chat_id)) is not None:
        raise rules.busy(chat_id, held.holder)
    erase(connection, chat_id)


def erase(connection: Connection, chat_id: str) -> None:
    """Remove a chat."""
    chat_id = clean(chat_id)
    delete_words(connection, chat_id)
    for table in (messages, *KEPT_BY_CHAT):
        connection.execute(delete(table).where(table.c.chat_id == chat_id))
    connection.execute(delete(chats).where(chats.c.id == chat_id))
