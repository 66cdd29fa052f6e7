"""`Placer`: finds the host of a session: of a new one, and of one whose own host is gone."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, Final
from uuid import uuid4

import anyio

from agent_fleet.driving.way import BACKEND, CALL_SECONDS
from agent_fleet.errors import FleetError, FleetFullError, HostLostError
from agent_fleet.hosts import FleetHosts
from agent_fleet.line import FleetHost, HostLine
from agent_fleet.placing import Limits, place
from agent_fleet.store.fleet_store import FleetStore
from agent_fleet.store.records import Load, Waiter

Json = dict[str, Any]

RESTART_SECONDS: Final = 180.0
"""How long a worker may take to be back on a machine that is there: as long as Ray gives it on one that is busy."""

_PAUSE: Final = 0.2


class Placer:
    """Finds hosts for the sessions of one tenant.

    Args:
        hosts: The hosts.
        store: Knows what is open on them.
        tenant: Whose sessions they are.
        limits: How many may be open.
        queue_seconds: How long a session waits where every host is full.
        shared: Whether a session of a lost host may go on elsewhere.
    """

    def __init__(
        self, hosts: FleetHosts, store: FleetStore, tenant: str, limits: Limits, *, queue_seconds: float, shared: bool
    ) -> None:
        self._hosts = hosts
        self._store = store
        self._tenant = tenant
        self._limits = limits
        self._queue_seconds = queue_seconds
        self._shared = shared

    async def new(self, described: Json) -> tuple[str, str]:
        """Add a session on a host that has room, and return its id and the host; waits where all are full."""
        waiter = uuid4().hex
        deadline = anyio.current_time() + self._queue_seconds
        try:
            while True:
                hosts = await self._hosts.found()
                choose = partial(self._choose, hosts, waiter)
                try:
                    names = [host.name for host in hosts]
                    return await self._store.place(choose, waiter, names, **described)
                except FleetFullError as error:
                    if anyio.current_time() >= deadline:
                        error.backend = BACKEND
                        raise
                await anyio.sleep(_PAUSE)
        except BaseException:
            with anyio.move_on_after(CALL_SECONDS, shield=True):
                await self._store.give_up(waiter)
            raise

    def _choose(
        self,
        hosts: Sequence[FleetHost],
        waiter: str,
        loads: Sequence[Load],
        waiting: Sequence[Waiter],
    ) -> str:
        limits = self._limits
        return place(hosts, loads, tenant=self._tenant, limits=limits, waiting=waiting, waiter=waiter).name

    async def another(self, key: str, host: str, reason: str, *, gone: float) -> HostLine:
        """Return the way to another host that may have a session, whose own is gone.

        To the same one where only that may have it, and its machine is there: its worker is still being started anew.

        Args:
            key: The session.
            host: Where it was.
            reason: Why that is gone.
            gone: For how many seconds.

        Raises:
            HostLostError: None may.
        """
        if not self._shared and gone < RESTART_SECONDS and await self._hosts.lives(host):
            return await self._hosts.line(host)
        if not self._shared:
            why = "its workspace and the agent's own log are on that host alone"
            raise HostLostError(
                f"Host {host} is gone ({reason}), and session {key} cannot go on elsewhere: {why}. Where every host "
                "has both on a shared volume, FleetBackend(shared=True) goes on.",
                reason=why,
                backend=BACKEND,
                details={"host": host, "session": key},
            )
        try:
            found = await self._hosts.found()
            other = place(found, await self._store.loads(), tenant=self._tenant, limits=Limits(), besides=host)
        except (FleetError, FleetFullError) as error:
            raise HostLostError(
                f"Host {host} is gone ({reason}), and no other host takes session {key}: {error.message}",
                resumable=True,
                reason="no other host takes it",
                backend=BACKEND,
            ) from error
        line = await self._hosts.line(other.name)
        await self._store.move(key, other.name)
        return line
