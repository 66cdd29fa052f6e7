"""`LeaseTable`: who may write a session, and until when."""

from __future__ import annotations

from sqlalchemy import Connection, func, select, update

from agent_fleet.store.base import LEASE_SECONDS, Tables, fence, now_of, session_of
from agent_fleet.store.records import FleetSessionRow
from agent_fleet.store.tables import sessions
from agent_sdk_core.errors import SessionBusyError, SessionNotFoundError


class LeaseTable(Tables):
    """The leases of sessions: an owner writes under its generation, and who has lost its lease writes nothing."""

    async def claim(self, key: str, owner: str, *, seconds: float = LEASE_SECONDS) -> tuple[int, FleetSessionRow]:
        """Take the right to write a session, and return its generation and how it was left.

        An owner may claim again what it has: it was started anew, and who it was before is gone.

        Raises:
            SessionNotFoundError: There is no such session.
            SessionBusyError: Another owner has it.
        """

        def do(connection: Connection) -> tuple[int, FleetSessionRow]:
            now = now_of(connection)
            row = connection.execute(select(sessions).where(sessions.c.id == key).with_for_update()).one_or_none()
            if row is None:
                raise SessionNotFoundError(f"The fleet has no session {key!r}.")
            if row.owner not in ("", owner) and row.expires > now:
                raise SessionBusyError(
                    f"Session {key} is run by another worker, on host {row.host!r}, whose lease holds for "
                    f"{row.expires - now:.0f} s more.",
                    code="lease_held",
                    details={"owner": row.owner, "generation": row.generation},
                )
            generation = int(row.generation) + 1
            changed = {"owner": owner, "generation": generation, "expires": now + seconds}
            connection.execute(update(sessions).where(sessions.c.id == key).values(**changed))
            return generation, session_of(row, now)

        return await self._write(do)

    async def renew(self, owner: str, *, seconds: float = LEASE_SECONDS) -> set[tuple[str, int]]:
        """Hold the leases of an owner for longer, those that ran out unclaimed too; return what it has now."""

        def do(connection: Connection) -> set[tuple[str, int]]:
            until = now_of(connection) + seconds
            mine = (sessions.c.owner == owner) & (sessions.c.expires > 0)
            connection.execute(update(sessions).where(mine).values(expires=until))
            rows = connection.execute(select(sessions.c.id, sessions.c.generation).where(mine))
            return {(row.id, int(row.generation)) for row in rows}

        return await self._write(do)

    async def release(self, key: str, generation: int) -> None:
        """Give a lease back; does nothing when it is lost."""

        def do(connection: Connection) -> None:
            mine = (sessions.c.id == key) & (sessions.c.generation == generation)
            connection.execute(update(sessions).where(mine).values(expires=0, owner=""))

        await self._write(do)

    async def opened(self, key: str, generation: int, session_id: str) -> None:
        """Note what the agent calls a session.

        Raises:
            SessionClosedError: The lease is lost.
        """

        def do(connection: Connection) -> None:
            fence(connection, key, generation)
            first = func.coalesce(sessions.c.session_id, session_id)
            named = update(sessions).where(sessions.c.id == key)
            connection.execute(named.values(session_id=first, resolved_session_id=session_id))

        await self._write(do)
