"""`FleetHosts`: the hosts that a backend may use, and the ways to them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from typing import Any

import anyio

from agent_fleet.driving.way import CALL_SECONDS
from agent_fleet.line import FleetHost, HostLine, HostSpec, Plane
from agent_fleet.placing import wanted
from agent_fleet.store.records import FleetSessionRow
from agent_sdk_core.errors import AgentError, SessionNotFoundError


class FleetHosts:
    """Hosts, chosen by name and label.

    Args:
        plane: The engine.
        spec: What runs on each.
        names: Their names; none: any.
        labels: What they are labelled with.
    """

    def __init__(self, plane: Plane, spec: HostSpec, names: Collection[str], labels: Mapping[str, str]) -> None:
        self._plane = plane
        self._spec = spec
        self._names = names
        self._labels = labels
        self._lines: dict[str, HostLine] = {}
        self._lining = anyio.Lock()

    async def start(self) -> None:
        """Reach the cluster; raises what `Plane.start` raises."""
        await self._plane.start()

    async def found(self) -> Sequence[FleetHost]:
        """Return them; raises what `wanted` raises."""
        return wanted(await self._plane.hosts(), self._names, self._labels)

    async def lives(self, host: str) -> bool:
        """Tell whether a host's machine is in the fleet, whatever runs on it; False where the fleet does not answer."""
        with anyio.move_on_after(CALL_SECONDS), suppress(AgentError):
            return any(each.alive and each.name == host for each in await self._plane.hosts())
        return False

    async def line(self, host: str) -> HostLine:
        """Return the way to a host; raises what `Plane.line` raises."""
        async with self._lining:
            if host not in self._lines:
                self._lines[host] = await self._plane.line(host, self._spec)
            return self._lines[host]

    async def ask(self, method: str, params: Mapping[str, Any], *, host: str | None = None) -> Any:
        """Ask a host, absent: the first one; raises what that raises."""
        hosts = await self.found()
        line = await self.line(host or hosts[0].name)
        return await line.request(method, params, timeout=CALL_SECONDS)

    async def ask_holder(
        self, method: str, session_id: str, row: FleetSessionRow | None, params: Mapping[str, Any]
    ) -> Any:
        """Ask the host that has a stored session; one that the fleet does not know, each host in turn.

        Args:
            method: What is asked.
            session_id: The session.
            row: What the fleet knows of it.
            params: What is asked with.
        """
        hosts = await self.found()
        asked = {**params, "session_id": session_id}
        if row is not None:
            asked["session_id"] = row.resolved_session_id or session_id
            return await self.ask(method, asked, host=row.host)
        for host in hosts[:-1]:
            try:
                return await self.ask(method, asked, host=host.name)
            except SessionNotFoundError:
                continue
        return await self.ask(method, asked, host=hosts[-1].name)

    async def retire(self) -> None:
        """Let hosts end what runs for this backend, if nobody uses it; bounded, never raises."""
        async with anyio.create_task_group() as tasks:
            for line in self._lines.values():
                tasks.start_soon(line.retire)
