"""What messages do not hold, in the database: drafts, read marks, prompts on their way, what a workspace reopens."""

from __future__ import annotations

import json
from time import time
from typing import Final, cast

from sqlalchemy import Connection, delete, insert, select, update

from agent_chat.storage.database.tables import chats, drafts, prompts, read_marks, workspaces
from agent_chat.storage.records import ChatLease, ChatReference, PromptState, StoredPrompt
from agent_chat.storage.rows.chats import require
from agent_chat.storage.rows.leases import lock
from agent_chat.storage.rules import clean

STATES: Final[tuple[PromptState, ...]] = ("accepted", "dispatched", "ended")


def set_draft(connection: Connection, chat_id: str, said: str, author: str) -> None:
    """Keep what somebody has typed."""
    chat_id, author = clean(chat_id), clean(author)
    lock(connection, chat_id, None)
    connection.execute(delete(drafts).where(drafts.c.chat_id == chat_id, drafts.c.author == author))
    if said:
        connection.execute(insert(drafts).values(chat_id=chat_id, author=author, text=clean(said)))


def draft(connection: Connection, chat_id: str, author: str) -> str:
    """Return what somebody has typed."""
    require(connection, chat_id)
    found = select(drafts.c.text).where(drafts.c.chat_id == clean(chat_id), drafts.c.author == clean(author))
    return connection.execute(found).scalar() or ""


def mark_read(connection: Connection, chat_id: str, seq: int, reader: str) -> int:
    """Note up to which number somebody has read."""
    chat_id, reader = clean(chat_id), clean(reader)
    lock(connection, chat_id, None)
    before = read_mark(connection, chat_id, reader)
    seq = min(seq, connection.execute(select(chats.c.last_seq).where(chats.c.id == chat_id)).scalar_one())
    if seq <= before:
        return before
    connection.execute(delete(read_marks).where(read_marks.c.chat_id == chat_id, read_marks.c.reader == reader))
    connection.execute(insert(read_marks).values(chat_id=chat_id, reader=reader, seq=seq))
    return seq


def read_mark(connection: Connection, chat_id: str, reader: str) -> int:
    """Return up to which number somebody has read."""
    require(connection, chat_id)
    found = select(read_marks.c.seq).where(read_marks.c.chat_id == clean(chat_id), read_marks.c.reader == clean(reader))
    return connection.execute(found).scalar() or 0


def put_prompt(
    connection: Connection, chat_id: str, prompt: StoredPrompt, content: str, lease: ChatLease | None
) -> bool:
    """Store a prompt that the chat does not have, with its content as JSON."""
    chat_id, uuid = clean(chat_id), clean(prompt.uuid)
    lock(connection, chat_id, lease)
    known = select(prompts.c.number).where(prompts.c.chat_id == chat_id, prompts.c.uuid == uuid)
    if connection.execute(known).scalar() is not None:
        return False
    at = prompt.at or time()
    connection.execute(insert(prompts).values(chat_id=chat_id, uuid=uuid, content=content, state=prompt.state, at=at))
    return True


def move_prompt(connection: Connection, chat_id: str, uuid: str, state: PromptState, lease: ChatLease | None) -> bool:
    """Say how far a prompt came, unless it is that far."""
    lock(connection, chat_id, lease)
    earlier = STATES[: STATES.index(state)]
    moved = connection.execute(
        update(prompts)
        .where(prompts.c.chat_id == clean(chat_id), prompts.c.uuid == clean(uuid), prompts.c.state.in_(earlier))
        .values(state=state)
    )
    return moved.rowcount == 1


def list_prompts(connection: Connection, chat_id: str, state: PromptState | None) -> tuple[StoredPrompt, ...]:
    """Return the prompts of a chat, oldest first."""
    require(connection, chat_id)
    query = select(prompts).where(prompts.c.chat_id == clean(chat_id)).order_by(prompts.c.number)
    if state is not None:
        query = query.where(prompts.c.state == state)
    return tuple(
        StoredPrompt(row.uuid, json.loads(row.content), cast("PromptState", row.state), row.at)
        for row in connection.execute(query)
    )


def remember(connection: Connection, workspace: str, reference: ChatReference | None) -> None:
    """Note which chat a workspace reopens."""
    if reference is not None:
        require(connection, reference.chat_id)
    connection.execute(delete(workspaces).where(workspaces.c.workspace == clean(workspace)))
    if reference is not None:
        values = {"chat_id": clean(reference.chat_id), "last_session_id": clean(reference.last_session_id)}
        connection.execute(insert(workspaces).values(workspace=clean(workspace), **values))


def reference(connection: Connection, workspace: str) -> ChatReference | None:
    """Return which chat a workspace reopens."""
    row = connection.execute(select(workspaces).where(workspaces.c.workspace == clean(workspace))).one_or_none()
    return None if row is None else ChatReference(row.chat_id, row.last_session_id)
