"""`Tables`: the tables of a fleet's store, each write of which is one transaction."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Any, Final, TypeVar

import anyio
import anyio.to_thread
from sqlalchemy import Connection, Row, select, text

from agent_fleet.store.database import Database
from agent_fleet.store.records import FleetSessionRow
from agent_fleet.store.tables import sessions
from agent_sdk_core.errors import SessionClosedError

T = TypeVar("T")

LEASE_SECONDS: Final = 15.0
"""How long a host may be silent before another one may have its sessions."""


class Tables:
    """The tables, from any event loop of asyncio or trio.

    Args:
        url: "postgresql://user@host/database"; or the path of a file of SQLite, where all hosts are one machine.

    Attributes:
        url: The same for every process of this machine, whatever folder it works in.
    """

    def __init__(self, url: str) -> None:
        self._database = Database(url)
        self.url = self._database.url
        self._opening = anyio.Lock()
        self._opened = False

    @property
    def local(self) -> bool:
        """Whether only the processes of one machine can share it."""
        return self._database.local

    async def open(self) -> None:
        """Reach the database and make its tables, where that was not done.

        Raises:
            FleetStoreError: It cannot be reached.
        """
        async with self._opening:
            if not self._opened:
                await anyio.to_thread.run_sync(self._database.open)
                self._opened = True

    async def aclose(self) -> None:
        """Let go of the database."""
        if self._opened:
            self._opened = False
            with anyio.CancelScope(shield=True):
                await anyio.to_thread.run_sync(self._database.close)

    async def _write(self, do: Callable[[Connection], T]) -> T:
        await self.open()
        return await anyio.to_thread.run_sync(partial(self._database.write, do))  # Waits, although it is cancelled.


def now_of(connection: Connection) -> float:
    """Return the time: of the database's machine where several use it."""
    if connection.dialect.name == "postgresql":
        return float(connection.execute(text("SELECT extract(epoch FROM clock_timestamp())")).scalar_one())
    return time.time()


def fence(connection: Connection, key: str, generation: int) -> None:
    """Refuse a write of who does not have a session any more.

    Raises:
        SessionClosedError: The lease is lost.
    """
    query = select(sessions.c.generation, sessions.c.expires).where(sessions.c.id == key).with_for_update()
    row = connection.execute(query).one_or_none()
    if row is None or row.generation != generation or not row.expires:
        raise SessionClosedError(
            f"Session {key} belongs to another host by now; this one writes nothing more.", code="lease_lost"
        )


def session_of(row: Row[Any], now: float) -> FleetSessionRow:
    """Return the session that a row holds."""
    names = FleetSessionRow.__dataclass_fields__.keys() - {"live"}
    return FleetSessionRow(**{name: getattr(row, name) for name in names}, live=row.expires > now)
