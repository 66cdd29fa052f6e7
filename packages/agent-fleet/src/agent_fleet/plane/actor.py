"""`HostActor`: the shell that Ray runs on a host, around one `RemoteHost`. It takes and returns bytes of JSON."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from collections.abc import Mapping
from importlib import import_module
from typing import Any

from agent_fleet.store.fleet_store import FleetStore
from agent_fleet.store.journal import StoreJournal
from agent_fleet.workspaces import prepared
from agent_sdk_core.hosting.journal import keep_renewing
from agent_sdk_core.hosting.remote import RemoteHost

_log = logging.getLogger(__name__)


class HostActor:
    """Serves the sessions of one backend and tenant on one host.

    Args:
        spec: What it runs, as JSON: `HostSpec` and the host's name.
        owner: Names it, and nobody else ever; absent: the id of the actor, which a restart keeps.
    """

    def __init__(self, spec: bytes, owner: str | None = None) -> None:
        self._spec: Mapping[str, Any] = json.loads(spec)
        self._owner = owner or _actor_id()
        self._host: RemoteHost | None = None
        self._store: FleetStore | None = None
        self._leases: asyncio.Task[None] | None = None
        self._stopping = False

    async def request(self, body: bytes) -> bytes:
        """Answer one call, see `RemoteHost.request`."""
        return await self._started().request(body)

    async def versions(self) -> bytes:
        """Tell the versions that all of a fleet have to have alike."""
        from agent_fleet.versions import versions

        return json.dumps(versions()).encode()

    async def shutdown(self) -> bool:
        """Close the agent, unless somebody has a session open; tell whether that was done."""
        if self._host is not None and self._host.sessions:
            return False
        self._stopping = True
        if self._host is not None:
            await self._host.aclose()
        if self._leases is not None:
            self._leases.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._leases
        if self._store is not None:
            await self._store.aclose()
        return True

    def _started(self) -> RemoteHost:
        if self._host is None:
            self._store = FleetStore(self._spec["store"])
            seconds = float(self._spec["lease_seconds"])
            journal = StoreJournal(self._store, self._owner, self._lose, seconds=seconds)
            self._host = RemoteHost(
                self._make,
                journal=journal,
                name=str(self._spec["host"]),
                prepare=prepared,
                abandoned_seconds=float(self._spec["abandoned_seconds"]),
            )
            self._leases = asyncio.get_running_loop().create_task(keep_renewing(journal.renew, seconds))
        return self._host

    def _make(self) -> Any:
        from agent_sdk_core.config.runtime import RuntimeConfig
        from agent_sdk_core.factory.registry import create_backend

        return create_backend(self._spec["backend"], config=RuntimeConfig(), **self._spec["arguments"])

    async def _lose(self, key: str, reason: str) -> None:
        if self._host is not None:
            await self._host.lose(key, reason)


def _actor_id() -> str:
    ray: Any = import_module("ray")
    return str(ray.get_runtime_context().get_actor_id())
