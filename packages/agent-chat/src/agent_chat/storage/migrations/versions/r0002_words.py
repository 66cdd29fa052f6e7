"""Revision 0002: the words of messages, so that they are found."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from agent_chat.storage.rows.words import index_words

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add the words of every message, and their index."""
    op.add_column("agent_messages", sa.Column("words", sa.Text(), nullable=False, server_default=""))
    if op.get_bind().dialect.name == "postgresql":
        op.execute("ALTER TABLE agent_messages ADD COLUMN vector tsvector")
        op.execute("CREATE INDEX agent_messages_words ON agent_messages USING gin (vector)")
    index_words(op.get_bind())  # Makes SQLite's index as well.
