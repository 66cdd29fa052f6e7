"""`FleetOpener`: opens the sessions of a backend on their hosts."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Any, Final
from uuid import uuid4

import anyio

from agent_fleet.driving.driver import FleetDriver, Redeliver
from agent_fleet.driving.way import BACKEND, CALL_SECONDS
from agent_fleet.errors import HostGoneError
from agent_fleet.hosts import FleetHosts
from agent_fleet.line import HostLine, HostSpec
from agent_fleet.placer import Placer
from agent_fleet.session import FleetSession
from agent_fleet.store.fleet_store import FleetStore
from agent_fleet.store.records import FleetSessionRow
from agent_fleet.workspaces import GIT_SECONDS
from agent_sdk_core.errors import SessionBusyError
from agent_sdk_core.hosting.options_form import CALLBACKS
from agent_sdk_core.hosting.remote import CLIENT_SECONDS
from agent_sdk_core.options import SessionOptions
from agent_sdk_core.runtime.host import Host

_log = logging.getLogger(__name__)

Json = dict[str, Any]

_KEPT_HERE: Final = (*CALLBACKS, "request_timeout", "include_partial_messages", "cwd")
"""Options that the client's side of a session is held to; its host is held to the others."""

_PAUSE: Final = 0.2
_LONGEST_PAUSE: Final = 3.0


class FleetOpener:
    """Opens sessions.

    Args:
        hosts: The hosts.
        store: Keeps what must last of them.
        placer: Finds the host of a session.
        spec: What runs on each host.
        host: Runs what nobody waits for.
        own: Makes a session the backend's.
        tell: Takes what a host tells of its agent, with the host's name.
        workspace: The provider of workspaces, as it crosses.
        redeliver: Whether a prompt is sent again whose agent died.
        recovery_seconds: How long a host may be gone.
    """

    def __init__(
        self,
        hosts: FleetHosts,
        store: FleetStore,
        placer: Placer,
        spec: HostSpec,
        host: Host,
        *,
        own: Callable[[FleetSession], None],
        tell: Callable[[str, Json], None],
        workspace: Json | None,
        redeliver: Redeliver,
        recovery_seconds: float,
    ) -> None:
        self._hosts = hosts
        self._store = store
        self._placer = placer
        self._spec = spec
        self._host = host
        self._own = own
        self._tell = tell
        self._workspace = workspace
        self._redeliver: Redeliver = redeliver
        self._recovery_seconds = recovery_seconds
        self._client = uuid4().hex

    async def placed(self, options: SessionOptions, wire: Json) -> FleetSession:
        """Open a new session on the host that has room for it; where that is gone, it is asked anew which one has."""

        async def once() -> FleetSession:
            key, host = await self._placer.new(self._described(wire))
            return await self._opened_first(key, host, options, wire, {})

        return await self._opened_at_last(once)

    async def resumed(self, row: FleetSessionRow, options: SessionOptions, wire: Json) -> FleetSession:
        """Open a session again, on the host that it is on."""
        line = await self._hosts.line(row.host)
        return await self._hosted(line, row.id, options, wire, resumed=True)

    async def new(self, host: str, options: SessionOptions, wire: Json, extra: Json) -> FleetSession:
        """Open a new session on a host.

        Args:
            host: The host.
            options: What it was asked with.
            wire: What of that crosses.
            extra: What `open` is called with beside it.
        """

        async def once() -> FleetSession:
            key = await self._store.create(host=host, **self._described(wire))
            return await self._opened_first(key, host, options, wire, extra)

        return await self._opened_at_last(once)

    async def _opened_at_last(self, once: Callable[[], Awaitable[FleetSession]]) -> FleetSession:
        """Open a new session, again for as long as its host may be gone: a worker that was killed is started anew."""
        deadline = anyio.current_time() + self._recovery_seconds
        pause = _PAUSE
        while True:
            try:
                return await once()
            except HostGoneError as error:
                if anyio.current_time() >= deadline:
                    error.backend = BACKEND
                    raise
                _log.warning("a new session is opened again: %s", error.message)
            await anyio.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)

    async def _opened_first(
        self, key: str, host: str, options: SessionOptions, wire: Json, extra: Json
    ) -> FleetSession:
        try:
            line = await self._hosts.line(host)
            return await self._hosted(line, key, options, wire, resumed=False, extra=extra)
        except BaseException:
            with anyio.move_on_after(CALL_SECONDS, shield=True):
                await self._store.forget(key)
            raise

    async def _hosted(
        self, line: HostLine, key: str, options: SessionOptions, wire: Json, *, resumed: bool, extra: Json | None = None
    ) -> FleetSession:
        opening: Json = {
            "key": key,
            "client": self._client,
            "options": wire,
            "redeliver": self._redeliver,
            "workspace": self._workspace,
            **(extra or {}),
        }
        opened = await self._opened(line, opening, patient=resumed)
        kept = {name: getattr(options, name) for name in _KEPT_HERE if name in options.model_fields_set}

        async def elsewhere(reason: str, gone: float) -> HostLine:
            return await self._placer.another(key, driver.line.host, reason, gone=gone)

        driver = FleetDriver(
            line,
            key,
            self._store,
            {name: value for name, value in opening.items() if not name.startswith("fork_")},
            opened,
            self._host,
            elsewhere=elsewhere,
            recovery_seconds=self._recovery_seconds,
            tell=self._tell,
        )
        if options.output_schema is not None:
            driver.answers = await driver.answer_form(options.output_schema)
        session = FleetSession(
            str(opened["session_id"]), SessionOptions.model_validate(kept), options, self._host, driver
        )
        self._own(session)
        driver.begin()
        if resumed:
            session.go_on(await self._store.prompts(key, state="accepted"))
        return session

    async def _opened(self, line: HostLine, opening: Json, *, patient: bool) -> Json:
        """Open a session at its host; one that is resumed may have to wait for the lease of a host that died."""
        begun = anyio.current_time()
        while True:
            try:
                seconds = CALL_SECONDS + (0.0 if self._workspace is None else GIT_SECONDS)
                return await line.request("open", opening, timeout=seconds)
            except (HostGoneError, SessionBusyError) as error:
                patience = self._recovery_seconds
                if error.code == "session_in_use":  # By a program that may have died just now.
                    patience = CLIENT_SECONDS + 1
                elif error.code == "lease_held":  # By a host that may have: who lives renews it.
                    patience = self._spec.lease_seconds + 1
                if not patient or anyio.current_time() >= begun + patience:
                    error.backend = BACKEND
                    raise
                await anyio.sleep(_PAUSE)

    def _described(self, wire: Json) -> Json:
        spec = self._spec
        return {"backend": spec.backend, "tenant": spec.tenant, "workspace": wire.get("cwd"), "options": wire}
