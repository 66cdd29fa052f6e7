"""Revision 0003: sessions are counted by host and tenant."""

from __future__ import annotations

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Make the index that they are counted in."""
    op.create_index("fleet_session_load", "fleet_session", ["expires", "host", "tenant"])
