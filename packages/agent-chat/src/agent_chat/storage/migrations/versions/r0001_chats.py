"""Revision 0001: chats, their logs, and what a workspace reopens."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the tables."""
    big = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "agent_chats",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("backend", sa.String()),
        sa.Column("model", sa.String()),
        sa.Column("effort", sa.String()),
        sa.Column("permission_mode", sa.String()),
        sa.Column("sandbox", sa.String()),
        sa.Column("cwd", sa.Text()),
        sa.Column("workspace", sa.Text()),
        sa.Column("last_session_id", sa.String()),
        sa.Column("lineage", sa.Text(), nullable=False),
        sa.Column("created_at", sa.Double, nullable=False),
        sa.Column("last_active_at", sa.Double, nullable=False),
        sa.Column("usage", sa.Text()),
        sa.Column("context", sa.Text()),
        sa.Column("archived", sa.Boolean(), nullable=False),
        sa.Column("tags", sa.Text(), nullable=False),
        sa.Column("last_seq", big, nullable=False),
    )
    op.create_index("agent_chats_used", "agent_chats", ["last_active_at", "id"])
    op.create_index("agent_chats_session", "agent_chats", ["last_session_id"])
    op.create_table(
        "agent_messages",
        sa.Column("id", big, primary_key=True, autoincrement=False),
        sa.Column("chat_id", sa.String(), nullable=False),
        sa.Column("seq", big, nullable=False),
        sa.Column("at", sa.Double, nullable=False),
        sa.Column("uuid", sa.String()),
        sa.Column("type", sa.String(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
    )
    op.create_index("agent_messages_seq", "agent_messages", ["chat_id", "seq"], unique=True)
    op.create_index("agent_messages_uuid", "agent_messages", ["chat_id", "uuid"], unique=True)
    op.create_table(
        "agent_workspaces",
        sa.Column("workspace", sa.Text(), primary_key=True),
        sa.Column("chat_id", sa.String(), nullable=False),
        sa.Column("last_session_id", sa.String()),
    )
    if op.get_bind().dialect.name == "postgresql":
        op.execute("CREATE SEQUENCE agent_message_numbers")
