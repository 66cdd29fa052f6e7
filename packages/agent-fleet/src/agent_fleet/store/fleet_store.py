"""`FleetStore`: which host has a session, and how far each prompt came; each write is one transaction.

A session's owner writes under its generation: who has lost the lease writes nothing, whenever it wakes up.
"""

from __future__ import annotations

from agent_fleet.store.base import LEASE_SECONDS
from agent_fleet.store.leases import LeaseTable
from agent_fleet.store.prompts import PromptTable
from agent_fleet.store.sessions import SessionTable

__all__ = ["LEASE_SECONDS", "FleetStore"]


class FleetStore(SessionTable, LeaseTable, PromptTable):
    """The tables of a fleet, from any event loop of asyncio or trio.

    Args:
        url: "postgresql://user@host/database"; or the path of a file of SQLite, where all hosts are one machine.
    """
