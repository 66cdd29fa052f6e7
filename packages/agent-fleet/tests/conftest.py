"""A fleet without an engine: session hosts in this process, which can be killed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import anyio
import pytest
from pydantic_core import from_json

from agent_fleet.backend import FleetBackend
from agent_fleet.errors import HostGoneError
from agent_fleet.line import FleetHost, HostLine, HostSpec, Plane
from agent_fleet.store.fleet_store import FleetStore
from agent_fleet.store.journal import StoreJournal
from agent_fleet.workspaces import prepared
from agent_sdk_core.hosting.remote import RemoteHost
from agent_sdk_core.wire.error_form import error_from_wire
from agent_sdk_core.wire.json_lines import json_text
from agent_sdk_testing import MemoryBackend


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class LocalLine(HostLine):
    def __init__(self, plane: LocalPlane, host: str, spec: HostSpec) -> None:
        self.host = host
        self._plane = plane
        self._spec = spec

    async def request(self, method: str, params: Mapping[str, Any], *, timeout: float) -> Any:
        lost = self._plane.lost[self.host]
        if lost.is_set():
            raise HostGoneError(f"Host {self.host} is gone.")
        answer: dict[str, Any] = {}
        host = self._plane.host(self.host, self._spec)

        async def ask() -> None:
            answer.update(from_json(await host.request(json_text({"method": method, "params": params}).encode())))
            group.cancel_scope.cancel()

        async with anyio.create_task_group() as group:
            group.start_soon(ask)
            await lost.wait()
            group.cancel_scope.cancel()
        if not answer:
            raise HostGoneError(f"Host {self.host} is gone.")
        if "failure" in answer:
            raise error_from_wire(answer["failure"])
        return answer["result"]

    async def retire(self) -> None:
        self._plane.retired.append(self.host)


class LocalPlane(Plane):
    """Hosts "one" and "two" of one memory agent each."""

    def __init__(self) -> None:
        self.agents = {name: MemoryBackend() for name in ("one", "two")}
        self.lost = {name: anyio.Event() for name in self.agents}
        self.gone: set[str] = set()
        self.drained: set[str] = set()
        self.retired: list[str] = []
        self.running: dict[str, RemoteHost] = {}
        self.left: list[RemoteHost] = []
        self.stores: list[FleetStore] = []

    async def start(self) -> None:
        return

    async def hosts(self) -> Sequence[FleetHost]:
        return [
            FleetHost(name, "127.0.0.1", draining=name in self.drained, alive=name not in self.gone)
            for name in self.agents
        ]

    async def line(self, host: str, spec: HostSpec) -> HostLine:
        return LocalLine(self, host, spec)

    def host(self, name: str, spec: HostSpec) -> RemoteHost:
        if name not in self.running:
            store = FleetStore(spec.store)
            self.stores.append(store)

            async def lose(key: str, reason: str) -> None:
                await self.running[name].lose(key, reason)

            journal = StoreJournal(store, f"actor-of-{name}", lose, seconds=spec.lease_seconds)
            self.running[name] = RemoteHost(
                lambda: self.agents[name],
                journal=journal,
                name=name,
                prepare=prepared,
                abandoned_seconds=spec.abandoned_seconds,
            )
        return self.running[name]

    def kill(self, name: str) -> None:
        """Cut a host off, as the death of its process does; what it ran is not heard of any more."""
        self.lost[name].set()
        if (host := self.running.pop(name, None)) is not None:
            self.left.append(host)
        agent: Any = self.agents[name]
        for stored in agent._store.values():  # A dead process holds no session open.
            stored.opened_by = None

    def revive(self, name: str) -> None:
        """Start the host anew, where its agent still has what it stored."""
        self.lost[name] = anyio.Event()

    async def aclose(self) -> None:
        for host in (*self.running.values(), *self.left):
            await host.aclose()
        for store in self.stores:
            await store.aclose()


@pytest.fixture
async def plane(anyio_backend: str) -> AsyncIterator[LocalPlane]:
    made = LocalPlane()
    yield made
    await made.aclose()


@pytest.fixture
def store_url(tmp_path: Path) -> str:
    return str(tmp_path / "fleet.db")


@pytest.fixture
async def fleet(plane: LocalPlane, store_url: str) -> AsyncIterator[FleetBackend]:
    async with FleetBackend("codex", plane=plane, store=store_url, hosts=["one"], recovery_seconds=2.0) as backend:
        yield backend
