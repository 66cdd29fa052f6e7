"""Tables of a fleet, as SQLAlchemy sees them; the revisions of `migrations` make them."""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, Column, Double, Index, Integer, MetaData, String, Table, Text

VERSION_TABLE: Final = "fleet_schema"

metadata = MetaData()
_BIG: Final = BigInteger().with_variant(Integer, "sqlite")

sessions = Table(
    "fleet_session",
    metadata,
    Column("id", String, primary_key=True),
    Column("backend", String, nullable=False),
    Column("tenant", String, nullable=False),
    Column("workspace", Text),
    Column("options", Text, nullable=False),
    Column("session_id", String),
    Column("resolved_session_id", String),
    Column("host", String, nullable=False),
    Column("owner", String, nullable=False, server_default=""),
    Column("generation", _BIG, nullable=False, server_default="0"),
    Column("expires", Double, nullable=False, server_default="0"),
    Column("created_at", Double, nullable=False),
    Index("fleet_session_agent", "resolved_session_id"),
    Index("fleet_session_first", "session_id"),
    Index("fleet_session_owner", "owner"),
    # All that is counted to place a session, so that neither the rows are read nor those of sessions that are closed.
    Index("fleet_session_load", "expires", "host", "tenant"),
)
"""One row a session. Its owner may write it until the lease expires; each owner has a generation of its own."""

prompts = Table(
    "fleet_prompt",
    metadata,
    Column("seq", _BIG, primary_key=True, autoincrement=True),
    Column("session", String, nullable=False),
    Column("uuid", String, nullable=False),
    Column("content", Text, nullable=False),
    Column("state", String, nullable=False),
    Column("generation", _BIG, nullable=False, server_default="0"),
    Column("result", Text),
    Column("at", Double, nullable=False),
    Index("fleet_prompt_uuid", "session", "uuid", unique=True),
    Index("fleet_prompt_state", "session", "state"),
)
"""One row a prompt: "accepted", then "dispatched" by a generation, then "ended" with its result."""

waiting = Table(
    "fleet_waiting",
    metadata,
    Column("id", String, primary_key=True),
    Column("tenant", String, nullable=False),
    Column("hosts", Text, nullable=False),
    Column("since", Double, nullable=False),
    Column("expires", Double, nullable=False),
)
"""One row an opening that found its hosts full: who asks when there is room sees who waits longer."""
