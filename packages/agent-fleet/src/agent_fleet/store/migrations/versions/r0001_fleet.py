"""Revision 0001: sessions with their leases, and prompts on their way."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the tables."""
    big = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "fleet_session",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("backend", sa.String(), nullable=False),
        sa.Column("tenant", sa.String(), nullable=False),
        sa.Column("workspace", sa.Text()),
        sa.Column("options", sa.Text(), nullable=False),
        sa.Column("session_id", sa.String()),
        sa.Column("resolved_session_id", sa.String()),
        sa.Column("host", sa.String(), nullable=False),
        sa.Column("owner", sa.String(), nullable=False, server_default=""),
        sa.Column("generation", big, nullable=False, server_default="0"),
        sa.Column("expires", sa.Double, nullable=False, server_default="0"),
        sa.Column("created_at", sa.Double, nullable=False),
    )
    op.create_index("fleet_session_agent", "fleet_session", ["resolved_session_id"])
    op.create_index("fleet_session_first", "fleet_session", ["session_id"])
    op.create_index("fleet_session_owner", "fleet_session", ["owner"])
    op.create_table(
        "fleet_prompt",
        sa.Column("seq", big, primary_key=True, autoincrement=True),
        sa.Column("session", sa.String(), nullable=False),
        sa.Column("uuid", sa.String(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("generation", big, nullable=False, server_default="0"),
        sa.Column("result", sa.Text()),
        sa.Column("at", sa.Double, nullable=False),
    )
    op.create_index("fleet_prompt_uuid", "fleet_prompt", ["session", "uuid"], unique=True)
    op.create_index("fleet_prompt_state", "fleet_prompt", ["session", "state"])
