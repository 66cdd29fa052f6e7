"""Revision 0003: who may write a chat, drafts, read marks, prompts on their way, and how large a chat is."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Make the tables, and count the bytes of every chat."""
    big = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.add_column("agent_chats", sa.Column("generation", big, nullable=False, server_default="0"))
    op.add_column("agent_chats", sa.Column("bytes", big, nullable=False, server_default="0"))
    length = "octet_length(body)" if op.get_bind().dialect.name == "postgresql" else "length(CAST(body AS BLOB))"
    op.execute(
        "UPDATE agent_chats SET bytes = coalesce((SELECT sum("
        f"{length}) FROM agent_messages WHERE chat_id = agent_chats.id), 0)"
    )
    op.create_table(
        "agent_leases",
        sa.Column("chat_id", sa.String(), primary_key=True),
        sa.Column("generation", big, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("machine", sa.Text(), nullable=False),
        sa.Column("pid", big, nullable=False),
        sa.Column("started", sa.Text(), nullable=False),
        sa.Column("since", sa.Double, nullable=False),
        sa.Column("expires_at", sa.Double, nullable=False),
    )
    op.create_table(
        "agent_drafts",
        sa.Column("chat_id", sa.String(), primary_key=True),
        sa.Column("author", sa.String(), primary_key=True),
        sa.Column("text", sa.Text(), nullable=False),
    )
    op.create_table(
        "agent_read_marks",
        sa.Column("chat_id", sa.String(), primary_key=True),
        sa.Column("reader", sa.String(), primary_key=True),
        sa.Column("seq", big, nullable=False),
    )
    op.create_table(
        "agent_prompts",
        sa.Column("number", big, primary_key=True),
        sa.Column("chat_id", sa.String(), nullable=False),
        sa.Column("uuid", sa.String(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("at", sa.Double, nullable=False),
    )
    op.create_index("agent_prompts_uuid", "agent_prompts", ["chat_id", "uuid"], unique=True)
