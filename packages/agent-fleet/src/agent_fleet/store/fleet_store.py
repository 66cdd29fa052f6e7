"""`FleetStore`: which host has a session, and how far each prompt came; each write is one transaction.

A session's owner writes under its generation: who has lost the lease writes nothing, whenever it wakes up.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, Final, TypeVar
from uuid import uuid4

import anyio
import anyio.to_thread
from sqlalchemy import Connection, Row, func, insert, or_, select, text, update

from agent_fleet.errors import TENANT_FULL, FleetFullError
from agent_fleet.store.database import Database
from agent_fleet.store.records import FleetPromptRow, FleetSessionRow, Load, Waiter
from agent_fleet.store.tables import prompts, sessions, waiting
from agent_sdk_core.errors import (
    InvalidRequestError,
    SessionBusyError,
    SessionClosedError,
    SessionNotFoundError,
)
from agent_sdk_core.redaction import redact_value

T = TypeVar("T")

RESERVED_SECONDS: Final = 90.0
"""How long the place of a session is kept that no host has claimed yet."""

WAITING_SECONDS: Final = 3.0
"""How long somebody waits who does not ask again."""

_PLACING: Final = 0x706C616365
LEASE_SECONDS: Final = 15.0
"""How long a host may be silent before another one may have its sessions."""


class FleetStore:
    """The tables of a fleet, from any event loop of asyncio or trio.

    Args:
        url: "postgresql://user@host/database"; or the path of a file of SQLite, where all hosts are one machine.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self._database = Database(url)
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

    # Sessions

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
            now = _now(connection)
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
        known = or_(
            sessions.c.id == session_id,
            sessions.c.resolved_session_id == session_id,
            sessions.c.session_id == session_id,
        )

        def do(connection: Connection) -> FleetSessionRow | None:
            query = select(sessions).where(known).order_by(sessions.c.created_at.desc()).limit(1)
            row = connection.execute(query).one_or_none()
            return None if row is None else _session(row, _now(connection))

        return await self._write(do)

    async def list(self, *, live: bool = False) -> list[FleetSessionRow]:
        """Return the sessions, the newest first.

        Args:
            live: Whether only those that a host has.
        """

        def do(connection: Connection) -> list[FleetSessionRow]:
            now = _now(connection)
            query = select(sessions).order_by(sessions.c.created_at.desc())
            query = query.where(sessions.c.expires > now) if live else query
            return [_session(row, now) for row in connection.execute(query)]

        return await self._write(do)

    async def loads(self) -> list[Load]:
        """Return how many sessions are open, by host and tenant."""
        return await self._write(lambda connection: _loads(connection, _now(connection)))

    async def move(self, key: str, host: str) -> None:
        """Note that a session is on another host from now on; its lease decides when that may have it."""

        def do(connection: Connection) -> None:
            connection.execute(update(sessions).where(sessions.c.id == key).values(host=host))

        await self._write(do)

    # Leases

    async def claim(self, key: str, owner: str, *, seconds: float = LEASE_SECONDS) -> tuple[int, FleetSessionRow]:
        """Take the right to write a session, and return its generation and how it was left.

        An owner may claim again what it has: it was started anew, and who it was before is gone.

        Raises:
            SessionNotFoundError: There is no such session.
            SessionBusyError: Another owner has it.
        """

        def do(connection: Connection) -> tuple[int, FleetSessionRow]:
            now = _now(connection)
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
            return generation, _session(row, now)

        return await self._write(do)

    async def renew(self, owner: str, *, seconds: float = LEASE_SECONDS) -> set[tuple[str, int]]:
        """Hold the leases of an owner for longer, those that ran out unclaimed too; return what it has now."""

        def do(connection: Connection) -> set[tuple[str, int]]:
            until = _now(connection) + seconds
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
            _fence(connection, key, generation)
            first = func.coalesce(sessions.c.session_id, session_id)
            named = update(sessions).where(sessions.c.id == key)
            connection.execute(named.values(session_id=first, resolved_session_id=session_id))

        await self._write(do)

    # Prompts

    async def accept(self, key: str, uuid: str, content: Any) -> None:
        """Add a prompt; it is sent from now on, whatever happens.

        Raises:
            InvalidRequestError: The uuid was used before.
        """

        def do(connection: Connection) -> None:
            if _prompt_row(connection, key, uuid) is not None:
                raise InvalidRequestError(f"A prompt with uuid {uuid!r} was sent before; give each prompt its own.")
            at = _now(connection)
            row = {"session": key, "uuid": uuid, "content": json.dumps(content), "state": "accepted", "at": at}
            connection.execute(insert(prompts).values(**row))

        await self._write(do)

    async def dispatch(self, key: str, uuid: str, generation: int) -> None:
        """Note that a prompt is about to be handed to the agent.

        Raises:
            SessionClosedError: The lease is lost.
            InvalidRequestError: It does not wait: it was sent, or has ended, or was never accepted.
        """

        def do(connection: Connection) -> None:
            _fence(connection, key, generation)
            waits = (prompts.c.session == key) & (prompts.c.uuid == uuid) & (prompts.c.state == "accepted")
            sent = update(prompts).where(waits).values(state="dispatched", generation=generation)
            if connection.execute(sent).rowcount != 1:
                row = _prompt_row(connection, key, uuid)
                said = "was never accepted" if row is None else f"is {row.state} already"
                raise InvalidRequestError(f"Prompt {uuid} is not sent: it {said}.", code="prompt_not_waiting")

        await self._write(do)

    async def refused(self, key: str, uuid: str, generation: int) -> None:
        """Note that the agent did not take a prompt: it waits again.

        Raises:
            SessionClosedError: The lease is lost.
        """

        def do(connection: Connection) -> None:
            _fence(connection, key, generation)
            sent = (prompts.c.session == key) & (prompts.c.uuid == uuid) & (prompts.c.state == "dispatched")
            connection.execute(update(prompts).where(sent).values(state="accepted"))

        await self._write(do)

    async def end(self, key: str, uuids: Sequence[str], result: Any, *, generation: int | None = None) -> None:
        """Note the result of prompts; one that has ended keeps its own.

        Args:
            key: The session.
            uuids: The prompts.
            result: The message, as it crosses.
            generation: Whose owner notes it; None: the client, for prompts that no host was given.

        Raises:
            SessionClosedError: The lease is lost.
        """

        def do(connection: Connection) -> None:
            open_ = (prompts.c.session == key) & prompts.c.uuid.in_(list(uuids))
            if generation is None:
                open_ &= prompts.c.state == "accepted"
            else:
                _fence(connection, key, generation)
                open_ &= prompts.c.state != "ended"
            connection.execute(update(prompts).where(open_).values(state="ended", result=json.dumps(result)))

        await self._write(do)

    async def prompts(
        self, key: str, *, state: str | None = None, uuids: Iterable[str] | None = None
    ) -> list[FleetPromptRow]:
        """Return prompts of a session, the oldest first.

        Args:
            key: The session.
            state: Only those of this state.
            uuids: Only these.
        """

        def do(connection: Connection) -> list[FleetPromptRow]:
            query = select(prompts).where(prompts.c.session == key).order_by(prompts.c.seq)
            query = query.where(prompts.c.state == state) if state is not None else query
            query = query.where(prompts.c.uuid.in_(list(uuids))) if uuids is not None else query
            return [_prompt(row) for row in connection.execute(query)]

        return await self._write(do)

    async def counts(self) -> dict[str, int]:
        """Return how many prompts wait and run, of all sessions."""

        def do(connection: Connection) -> dict[str, int]:
            counted = select(prompts.c.state, func.count()).where(prompts.c.state != "ended").group_by(prompts.c.state)
            found = {str(state): int(count) for state, count in connection.execute(counted)}
            return {"accepted": found.get("accepted", 0), "dispatched": found.get("dispatched", 0)}

        return await self._write(do)

    async def _write(self, do: Callable[[Connection], T]) -> T:
        await self.open()
        return await anyio.to_thread.run_sync(partial(self._database.write, do))  # Waits, although it is cancelled.


def _add(
    backend: str, tenant: str, host: str, workspace: str | None, options: Mapping[str, Any], connection: Connection
) -> str:
    key, now = uuid4().hex, _now(connection)
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


def _now(connection: Connection) -> float:
    """Return the time: of the database's machine where several use it."""
    if connection.dialect.name == "postgresql":
        return float(connection.execute(text("SELECT extract(epoch FROM clock_timestamp())")).scalar_one())
    return time.time()


def _fence(connection: Connection, key: str, generation: int) -> None:
    query = select(sessions.c.generation, sessions.c.expires).where(sessions.c.id == key).with_for_update()
    row = connection.execute(query).one_or_none()
    if row is None or row.generation != generation or not row.expires:
        raise SessionClosedError(
            f"Session {key} belongs to another host by now; this one writes nothing more.", code="lease_lost"
        )


def _prompt_row(connection: Connection, key: str, uuid: str) -> Row[Any] | None:
    query = select(prompts).where(prompts.c.session == key, prompts.c.uuid == uuid)
    return connection.execute(query).one_or_none()


def _session(row: Row[Any], now: float) -> FleetSessionRow:
    names = FleetSessionRow.__dataclass_fields__.keys() - {"live"}
    return FleetSessionRow(**{name: getattr(row, name) for name in names}, live=row.expires > now)


def _prompt(row: Row[Any]) -> FleetPromptRow:
    result = None if row.result is None else json.loads(row.result)
    return FleetPromptRow(row.uuid, json.loads(row.content), row.state, int(row.generation), result)
