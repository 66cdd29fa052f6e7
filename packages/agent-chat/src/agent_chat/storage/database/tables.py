"""Tables of a store, as SQLAlchemy sees them; the revisions of `migrations` make them.

A message's id orders it by time: the millisecond it was written in, and twenty bits that tell those of one apart. So
the newest come first without sorting, also when older sessions are imported later. `words` holds what of a message is
searched, as it is compared; the full-text index is SQLite's FTS5 over that column, or a `tsvector` of PostgreSQL.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, Boolean, Column, Double, Index, Integer, MetaData, String, Table, Text

VERSION_TABLE: Final = "agent_schema"
FULL_TEXT: Final = "agent_message_words"
"""SQLite's table of words."""

NUMBERS: Final = "agent_message_numbers"
"""PostgreSQL's sequence that tells messages of one millisecond apart."""

ID_BITS: Final = 20

metadata = MetaData()
_BIG: Final = BigInteger().with_variant(Integer, "sqlite")

chats = Table(
    "agent_chats",
    metadata,
    Column("id", String, primary_key=True),
    Column("title", Text, nullable=False),
    Column("backend", String),
    Column("model", String),
    Column("effort", String),
    Column("permission_mode", String),
    Column("sandbox", String),
    Column("cwd", Text),
    Column("workspace", Text),
    Column("last_session_id", String),
    Column("lineage", Text, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("last_active_at", Double, nullable=False),
    Column("usage", Text),
    Column("context", Text),
    Column("archived", Boolean, nullable=False),
    Column("tags", Text, nullable=False),
    Column("last_seq", _BIG, nullable=False),
    Column("generation", _BIG, nullable=False, server_default="0"),
    Column("bytes", _BIG, nullable=False, server_default="0"),
    Column("waiting", _BIG, nullable=False, server_default="0"),
    Index("agent_chats_used", "last_active_at", "id"),
    Index("agent_chats_session", "last_session_id"),
)

messages = Table(
    "agent_messages",
    metadata,
    Column("id", _BIG, primary_key=True, autoincrement=False),
    Column("chat_id", String, nullable=False),
    Column("seq", _BIG, nullable=False),
    Column("at", Double, nullable=False),
    Column("uuid", String),
    Column("type", String, nullable=False),
    Column("body", Text, nullable=False),
    Column("words", Text, nullable=False, server_default=""),
    Index("agent_messages_seq", "chat_id", "seq", unique=True),
    Index("agent_messages_uuid", "chat_id", "uuid", unique=True),
)

workspaces = Table(
    "agent_workspaces",
    metadata,
    Column("workspace", Text, primary_key=True),
    Column("chat_id", String, nullable=False),
    Column("last_session_id", String),
)

leases = Table(
    "agent_leases",
    metadata,
    Column("chat_id", String, primary_key=True),
    Column("generation", _BIG, nullable=False),
    Column("name", Text, nullable=False),
    Column("host", Text, nullable=False),
    Column("machine", Text, nullable=False),
    Column("pid", _BIG, nullable=False),
    Column("started", Text, nullable=False),
    Column("since", Double, nullable=False),
    Column("expires_at", Double, nullable=False),
)

drafts = Table(
    "agent_drafts",
    metadata,
    Column("chat_id", String, primary_key=True),
    Column("author", String, primary_key=True),
    Column("text", Text, nullable=False),
)

read_marks = Table(
    "agent_read_marks",
    metadata,
    Column("chat_id", String, primary_key=True),
    Column("reader", String, primary_key=True),
    Column("seq", _BIG, nullable=False),
)

prompts = Table(
    "agent_prompts",
    metadata,
    Column("number", _BIG, primary_key=True),
    Column("chat_id", String, nullable=False),
    Column("uuid", String, nullable=False),
    Column("content", Text, nullable=False),
    Column("state", String, nullable=False),
    Column("at", Double, nullable=False),
    Index("agent_prompts_uuid", "chat_id", "uuid", unique=True),
)

KEPT_BY_CHAT: Final = (drafts, read_marks, prompts, leases, workspaces)
"""Tables beside the log that hold what belongs to a chat."""
