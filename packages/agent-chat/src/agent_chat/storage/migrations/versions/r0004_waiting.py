"""Revision 0004: how many requests of a chat wait for an answer, also when no process serves it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Add the number."""
    big = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.add_column("agent_chats", sa.Column("waiting", big, nullable=False, server_default="0"))
