"""`StoreJournal`: the notes of one host in the fleet's store, under the leases that it holds and renews."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from agent_fleet.errors import FleetStoreError
from agent_fleet.store.fleet_store import LEASE_SECONDS, FleetStore
from agent_sdk_core.errors import SessionClosedError
from agent_sdk_core.hosting.journal import Claim, Journal


class StoreJournal(Journal):
    """Notes in a store.

    Args:
        store: The store.
        owner: Names this host, and nobody else ever: a host's name is no identity.
        lose: Called for a session whose lease is lost.
        seconds: How long a lease lasts.
    """

    def __init__(
        self,
        store: FleetStore,
        owner: str,
        lose: Callable[[str, str], Awaitable[None]],
        *,
        seconds: float = LEASE_SECONDS,
    ) -> None:
        self._store = store
        self._owner = owner
        self._lose = lose
        self._seconds = seconds
        self._generations: dict[str, int] = {}
        self._unnoted: list[tuple[str, Mapping[str, Any], tuple[str, ...]]] = []

    async def claim(self, key: str) -> Claim:
        """Take the lease of a session."""
        generation, row = await self._store.claim(key, self._owner, seconds=self._seconds)
        self._generations[key] = generation
        left = await self._store.prompts(key, state="dispatched")
        return Claim(row.resolved_session_id, tuple(prompt.uuid for prompt in left))

    async def opened(self, key: str, session_id: str) -> None:
        """Note what the agent calls a session."""
        await self._store.opened(key, self._generation(key), session_id)

    async def dispatch(self, key: str, uuid: str) -> None:
        """Note that a prompt is about to be handed to the agent."""
        await self._store.dispatch(key, uuid, self._generation(key))

    async def refused(self, key: str, uuid: str) -> None:
        """Note that the agent did not take a prompt."""
        await self._store.refused(key, uuid, self._generation(key))

    async def ended(self, key: str, result: Mapping[str, Any], uuids: tuple[str, ...]) -> None:
        """Note the result of prompts; where the store is away, it is noted once it is back."""
        try:
            await self._store.end(key, uuids, result, generation=self._generation(key))
        except FleetStoreError:
            self._unnoted.append((key, result, uuids))
            raise

    async def release(self, key: str) -> None:
        """Give the lease of a session back."""
        if (generation := self._generations.pop(key, None)) is not None:
            await self._store.release(key, generation)

    async def renew(self) -> None:
        """Renew the leases, give up the sessions whose lease another host has, and note what could not be before.

        Raises:
            FleetStoreError: The store is away.
        """
        if not self._generations:
            return
        known = dict(self._generations)  # What is claimed meanwhile may not be among those that are renewed.
        held = await self._store.renew(self._owner, seconds=self._seconds)
        for key, generation in known.items():
            if (key, generation) not in held and self._generations.get(key) == generation:
                self._generations.pop(key, None)
                await self._lose(key, "another host has its lease")
        while self._unnoted:
            key, result, uuids = self._unnoted[0]
            if key in self._generations:
                await self._store.end(key, uuids, result, generation=self._generations[key])
            self._unnoted.pop(0)

    def _generation(self, key: str) -> int:
        try:
            return self._generations[key]
        except KeyError:
            raise SessionClosedError(f"This host has no lease of session {key}.", code="lease_lost") from None
