"""`SessionTable`: the sessions of a fleet, and who waits for a place for one."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, Final
from uuid import uuid4

from sqlalchemy import Connection, func, insert, or_, select, text, update

from agent_fleet.errors import TENANT_FULL, FleetFullError
from agent_fleet.store.base import Tables, now_of, session_of
from agent_fleet.store.records import FleetSessionRow, Load, Waiter
from agent_fleet.store.tables import sessions, waiting
from agent_sdk_core.redaction import redact_value
from agent_sdk_core.wire.json_lines import mend

RESERVED_SECONDS: Final = 90.0
"""How long the place of a session is kept that no host has claimed yet."""

WAITING_SECONDS: Final = 3.0
"""How long somebody waits who does not ask again."""

_PLACING: Final = 0x706C616365


class SessionTable(Tables):
    """The sessions."""

    async def create(
        self, *, backend: str, tenant: str, host: str, workspace: str | None, options: Mapping[str, Any]
    ) -> str:
        """Add a session that nobody has yet, and return its id; secrets of its options are left out.

        Its place is kept for `RESERVED_SECONDS`, in which a host has to claim it.
        """
        return await self._write(partial(_add, backend, tenant, host, workspace, options))

    async def place(
        self,
        choose: Callable[[Sequence[Load], Sequence[Waiter]], str],
        waiter: str,
        hosts: Iterable[str],
        *,
        backend: str,
        tenant: str,
        workspace: str | None,
        options: Mapping[str, Any],
    ) -> tuple[str, str]:
        """Add a session on the host that is chosen for it, and return its id and the host: at once, for all programs.

        Args:
            choose: Returns the host, of how many sessions are open and of who waits; raises `FleetFullError`.
            waiter: Names who asks, for as long as it asks.
            hosts: Where it may be placed.
            backend: The agent.
            tenant: Whose it is.
            workspace: Folder that it works in.
            options: What it is opened with.

        Raises:
            FleetFullError: There is no room; who asked waits by this name for `WAITING_SECONDS`, until it asks again.
        """
        full: list[FleetFullError] = []

        def do(connection: Connection) -> tuple[str, str]:
            _alone(connection)
            now = now_of(connection)
            open_ = _loads(connection, now)
            connection.execute(waiting.delete().where(waiting.c.expires <= now))
            rows = connection.execute(select(waiting).order_by(waiting.c.since, waiting.c.id))
            known = [Waiter(row.id, row.tenant, frozenset(json.loads(row.hosts)), row.since) for row in rows]
            try:
                host = choose(open_, known)
            except FleetFullError as error:
                full.append(error)
                expires = now + WAITING_SECONDS
                if error.code == TENANT_FULL:  # There may be room, and it must not keep others from it.
                    connection.execute(waiting.delete().where(waiting.c.id == waiter))
                elif any(each.id == waiter for each in known):
                    connection.execute(update(waiting).where(waiting.c.id == waiter).values(expires=expires))
                else:
                    row = {"id": waiter, "tenant": tenant, "hosts": json.dumps(sorted(hosts)), "since": now}
                    connection.execute(insert(waiting).values(**row, expires=expires))
                return "", ""
            connection.execute(waiting.delete().where(waiting.c.id == waiter))
            return _add(backend, tenant, host, workspace, options, connection), host

        placed = await self._write(do)
        if full:
            raise full[0]
        return placed

    async def give_up(self, waiter: str) -> None:
        """Note that somebody waits no more."""

        def do(connection: Connection) -> None:
            connection.execute(waiting.delete().where(waiting.c.id == waiter))

        await self._write(do)

    async def forget(self, key: str) -> None:
        """Take away a session that was never open."""

        def do(connection: Connection) -> None:
            connection.execute(sessions.delete().where(sessions.c.id == key, sessions.c.session_id.is_(None)))

        await self._write(do)

    async def find(self, session_id: str) -> FleetSessionRow | None:
        """Return a session by its own id or by the agent's, the latest one; None: there is none."""
        if "\0" in session_id or mend(session_id) != session_id:
            return None  # No database takes it, and none has it.
        known = or_(
            sessions.c.id == session_id,
            sessions.c.resolved_session_id == session_id,
            sessions.c.session_id == session_id,
        )

        def do(connection: Connection) -> FleetSessionRow | None:
            query = select(sessions).where(known).order_by(sessions.c.created_at.desc()).limit(1)
            row = connection.execute(query).one_or_none()
            return None if row is None else session_of(row, now_of(connection))

        return await self._write(do)

    async def list(self, *, live: bool = False, lapsed: float = 0.0) -> list[FleetSessionRow]:
        """Return the sessions, the newest first.

        Args:
            live: Whether only those that a host has.
            lapsed: With them those that nobody gave back, and whose lease ran out so many seconds ago or less: their
                worker may be started anew.
        """

        def do(connection: Connection) -> list[FleetSessionRow]:
            now = now_of(connection)
            query = select(sessions).order_by(sessions.c.created_at.desc())
            if live:
                had = (sessions.c.owner != "") & (sessions.c.expires > now - lapsed)
                query = query.where((sessions.c.expires > now) | had)
            return [session_of(row, now) for row in connection.execute(query)]

        return await self._write(do)

    async def loads(self) -> list[Load]:
        """Return how many sessions are open, by host and tenant."""
        return await self._write(lambda connection: _loads(connection, now_of(connection)))

    async def move(self, key: str, host: str) -> None:
        """Note that a session is on another host from now on; its lease decides when that may have it."""

        def do(connection: Connection) -> None:
            connection.execute(update(sessions).where(sessions.c.id == key).values(host=host))

        await self._write(do)


def _add(
    backend: str, tenant: str, host: str, workspace: str | None, options: Mapping[str, Any], connection: Connection
) -> str:
    key, now = uuid4().hex, now_of(connection)
    kept = json.dumps(redact_value(dict(options)))
    row = {"id": key, "backend": backend, "tenant": tenant, "host": host, "workspace": workspace, "options": kept}
    connection.execute(insert(sessions).values(**row, created_at=now, expires=now + RESERVED_SECONDS))
    return key


def _loads(connection: Connection, now: float) -> list[Load]:
    by = (sessions.c.host, sessions.c.tenant)
    counted = select(*by, func.count().label("number")).where(sessions.c.expires > now).group_by(*by)
    return [Load(row.host, row.tenant, int(row.number)) for row in connection.execute(counted)]


def _alone(connection: Connection) -> None:
    """Wait until nobody else places a session; on SQLite nobody else writes at all."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _PLACING})
