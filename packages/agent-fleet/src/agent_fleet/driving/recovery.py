"""`Recovery`: follows the stream of a session, and has it go on where its host was gone: there, or on another one."""

from __future__ import annotations

import logging
import math
from collections.abc import Awaitable, Callable
from typing import Final

import anyio

from agent_fleet.driving.feed import HostFeed
from agent_fleet.driving.prompts import SentPrompts
from agent_fleet.driving.state import SessionState
from agent_fleet.driving.way import BACKEND, HostWay, Json
from agent_fleet.errors import FleetStoreError, HostGoneError, HostLostError
from agent_fleet.line import HostLine
from agent_fleet.store.fleet_store import FleetStore
from agent_sdk_core.errors import AgentError, SessionBusyError, SessionClosedError
from agent_sdk_core.runtime.driver import SessionSink
from agent_sdk_core.runtime.host import Host

_log = logging.getLogger(__name__)

POLL_SECONDS: Final = 5.0
GRACE_SECONDS: Final = 10.0
_FIRST_PAUSE: Final = 0.1
_LONGEST_PAUSE: Final = 1.0


class Recovery:
    """Reads a session for as long as it is open.

    Args:
        way: The way to the host.
        state: How the session stands.
        prompts: What was sent.
        feed: Takes what the host tells.
        store: Knows what became of prompts.
        opening: What `open` is called with.
        host: Runs what nobody waits for.
        sink: Returns what is told of losses.
        elsewhere: Returns the way to where the session may go on, by why its host is gone and for how many seconds, or
            raises `HostLostError`.
        seconds: How long a host may be gone before that is asked.
    """

    def __init__(
        self,
        way: HostWay,
        state: SessionState,
        prompts: SentPrompts,
        feed: HostFeed,
        store: FleetStore,
        opening: Json,
        host: Host,
        sink: Callable[[], SessionSink],
        *,
        elsewhere: Callable[[str, float], Awaitable[HostLine]],
        seconds: float,
    ) -> None:
        self._way = way
        self._state = state
        self._prompts = prompts
        self._feed = feed
        self._store = store
        self._opening = opening
        self._host = host
        self._sink = sink
        self._elsewhere = elsewhere
        self._seconds = seconds

    async def follow(self) -> None:
        """Read the stream batch by batch, for as long as the session is open."""
        while not self._way.closing and self._way.failure is None:
            try:
                asked = {"cursor": self._feed.cursor, "seconds": POLL_SECONDS, "client": self._opening["client"]}
                asked["notices"] = self._feed.notices
                batch = await self._way.call("poll", asked, timeout=POLL_SECONDS + GRACE_SECONDS)
            except HostGoneError as error:
                await self._recover(error)
            except SessionClosedError as error:
                if self._way.closing:
                    return
                await (self._recover(error) if error.code == "not_hosted" else self._give_up(error))
            except AgentError as error:
                await self._give_up(error)
            else:
                if self._feed.take(batch):
                    return

    async def _recover(self, error: AgentError) -> None:
        """Open the session again, on its host or on another one, and settle what ran."""
        self._way.lose(error)
        gone = anyio.current_time()
        deadline = gone + self._seconds
        pause = _FIRST_PAUSE
        while not self._way.closing:
            try:
                opened = await self._way.call("open", {**self._opening, "anew": not self._state.resumable})
                await self._restore(opened, error)
            except (HostGoneError, SessionBusyError, FleetStoreError) as again:
                if (now := anyio.current_time()) >= deadline:
                    before = self._way.line
                    waited = now - gone if isinstance(again, HostGoneError) else math.inf
                    try:
                        self._way.line = await self._elsewhere(str(again.message), waited)
                    except AgentError as lost:
                        await self._give_up(lost)
                        return
                    gone = gone if self._way.line.host == before.host else now
                    deadline = anyio.current_time() + self._seconds
            except AgentError as fatal:
                await self._give_up(self._lost(fatal))
                return
            else:
                return
            await anyio.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)

    def _lost(self, error: AgentError) -> HostLostError:
        key, host, reason = self._way.key, self._way.line.host, error.message
        return HostLostError(
            f"Session {key} does not go on: host {host} is back, and cannot open it again: {reason}",
            resumable=False,
            reason=reason,
            backend=BACKEND,
        )

    async def _restore(self, opened: Json, error: AgentError) -> None:
        """Go on with a session that was opened again."""
        cursor = str(opened["cursor"])
        if opened["attached"] and cursor.partition(".")[0] == self._feed.cursor.partition(".")[0]:
            self._way.find()  # Only the way to it was broken.
            return
        self._sink().withdraw()
        known = await self._store.prompts(self._way.key, uuids=self._prompts.uuids)
        rows = {row.uuid: row for row in known}
        again: list[str] = []
        for uuid in self._prompts.uuids:
            row = rows.get(uuid)
            if row is not None and row.state == "accepted":
                again.append(uuid)
            elif row is not None and row.result is not None:
                self._feed.settle(row.result)
        self._state.take(opened)
        self._feed.cursor = cursor
        if not again or opened["attached"]:
            self._sink().cut_off(error)
        self._way.find()
        for uuid in again:
            # Who is still about to send it does so by itself.
            waits = uuid in self._prompts and not self._prompts.is_being_sent(uuid)
            if waits and opened["ended"].get(uuid, "") is None:
                self._host.start_soon(self._redeliver, uuid)

    async def _redeliver(self, uuid: str) -> None:
        """Send a prompt again that the agent's own history does not show; it was asked for."""
        try:
            await self._prompts.send_again(uuid)
        except AgentError as error:
            _log.warning("session %s: prompt %s was not sent again: %s", self._way.key, uuid, error)
            self._sink().cut_off(error)

    async def _give_up(self, error: AgentError) -> None:
        self._way.give_up(error)
        if not self._way.closing:
            self._sink().disconnected(error)
