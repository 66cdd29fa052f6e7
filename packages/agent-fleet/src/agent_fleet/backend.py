"""`FleetBackend`: an agent on many hosts, which an application uses like one that is here."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from importlib.util import find_spec
from os import PathLike
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias
from uuid import uuid4

import anyio

from agent_fleet import merging
from agent_fleet.driver import CALL_SECONDS, FleetDriver, Redeliver
from agent_fleet.errors import FleetError, FleetFullError, HostGoneError, HostLostError, ray_missing
from agent_fleet.line import FleetHost, HostLine, HostSpec, Plane
from agent_fleet.placing import Limits, place, wanted
from agent_fleet.session import FleetSession
from agent_fleet.store.fleet_store import LEASE_SECONDS, FleetStore
from agent_fleet.store.records import FleetSessionRow, Load, Waiter
from agent_fleet.workspaces import GIT_SECONDS, WorkspaceProvider, provider_to_wire
from agent_sdk_core.errors import (
    InvalidRequestError,
    SessionBusyError,
    SessionNotFoundError,
    UnsupportedError,
)
from agent_sdk_core.factory.registry import load_backend
from agent_sdk_core.hosting.forms import plain
from agent_sdk_core.hosting.host import ABANDONED_SECONDS, CLIENT_SECONDS
from agent_sdk_core.hosting.options_form import CALLBACKS, options_to_wire
from agent_sdk_core.interfaces.account import Account
from agent_sdk_core.interfaces.capabilities import BackendCapabilities
from agent_sdk_core.interfaces.diagnosis import DEFAULT_SECONDS, Diagnosis, located
from agent_sdk_core.interfaces.opening import SessionOpening
from agent_sdk_core.interfaces.pages import HistoryPage, SessionPage, StoredSession, require_sessions
from agent_sdk_core.models import ChatModel
from agent_sdk_core.names import DEFAULT_BACKEND, backend_names, parse_backend_type
from agent_sdk_core.options import SessionOptions
from agent_sdk_core.paths import absolute_path, own_folder
from agent_sdk_core.runtime.backend import BaseBackend
from agent_sdk_core.runtime.host import on_trio

Json = dict[str, Any]
Hosts: TypeAlias = Collection[str]

_KEPT_HERE: Final = (*CALLBACKS, "request_timeout", "include_partial_messages", "cwd")
"""Options that the client's side of a session is held to; its host is held to the others."""

_PAUSE: Final = 0.2


@dataclass(frozen=True, slots=True)
class _Plan:
    options: Json
    row: FleetSessionRow | None


class FleetBackend(BaseBackend[FleetSession]):
    """Sessions of one agent on the hosts of a fleet. Runs on asyncio only.

    Args:
        backend: The agent, such as "codex"; absent: the only one that is installed, else codex.
        address: The cluster: "auto" is the one of this machine, else "HOST:PORT" of its head.
        store: URL of the fleet's store, "postgresql://…"; a file of SQLite where all hosts are on one machine; absent:
            `agent-sdk/fleet.db` in the platform's folder for data.
        hosts: Names of the hosts to use; absent: all.
        labels: What the hosts to use are labelled with.
        tenant: Whose sessions these are: each tenant has an agent of its own on every host.
        shared: Whether workspaces and the agent's own log are on a volume that every host has, so that sessions of a
            lost host go on elsewhere.
        workspaces: Makes the folder of each session on its host, `GitClone` or `GitWorktree`, or one of your own;
            `SessionOptions.cwd` is then relative to it. Absent: sessions work in a folder that the host has.
        redeliver: Whether a prompt is sent again whose agent died: "never", or "if_absent", when the agent's own
            history does not show it.
        recovery_seconds: How long a host may be gone before its sessions are lost, or go on elsewhere.
        queue_seconds: How long opening a session waits where every host is full; tenants that wait take turns.
        sessions_per_host: How many sessions a host takes; None: any number.
        sessions_per_tenant: How many this tenant may have; None: any number.
        lease_seconds: How long a host may be silent before another one may have its sessions.
        abandoned_seconds: How long a host keeps a session whose program is gone, and in which nothing runs and nothing
            is asked; then it closes it, which frees its place. It can be resumed as ever.
        plane: The engine; absent: Ray.
        arguments: What the agent's backend is made with on each host, such as `executable`, `env` and `prewarm`.

    Raises:
        InvalidRequestError: No such backend is registered, or an argument makes no sense.
    """

    type = "fleet"
    capabilities = BackendCapabilities()

    def __init__(
        self,
        backend: str | None = None,
        *,
        address: str = "auto",
        store: str | PathLike[str] | None = None,
        hosts: Hosts | None = None,
        labels: Mapping[str, str] | None = None,
        tenant: str = "default",
        shared: bool = False,
        workspaces: WorkspaceProvider | None = None,
        redeliver: Redeliver = "never",
        recovery_seconds: float = 60.0,
        queue_seconds: float = 0.0,
        sessions_per_host: int | None = None,
        sessions_per_tenant: int | None = None,
        lease_seconds: float = LEASE_SECONDS,
        abandoned_seconds: float = ABANDONED_SECONDS,
        plane: Plane | None = None,
        **arguments: Any,
    ) -> None:
        super().__init__()
        self.agent = parse_backend_type(backend if backend is not None else _default_agent())
        if self.agent == self.type:
            raise InvalidRequestError("A fleet runs an agent, such as backend='codex', and not another fleet.")
        if redeliver not in ("never", "if_absent"):
            raise InvalidRequestError(f"redeliver is 'never' or 'if_absent', not {redeliver!r}.")
        if isinstance(hosts, str):
            raise InvalidRequestError(f"hosts takes names, such as [{hosts!r}], not one text.")
        self.capabilities = capabilities_behind(load_backend(self.agent).capabilities)
        self.store = FleetStore(os.fspath(store) if store is not None else default_store())
        self._names = tuple(hosts or ())
        self._labels = dict(labels or {})
        self._tenant = tenant
        self._shared = shared
        self._workspace = None if workspaces is None else provider_to_wire(workspaces)
        self._redeliver: Literal["never", "if_absent"] = redeliver
        self._recovery_seconds = recovery_seconds
        self._queue_seconds = queue_seconds
        self._limits = Limits(sessions_per_host, sessions_per_tenant)
        self._plane = plane or _ray(address)
        self._lines: dict[str, HostLine] = {}
        self._lining = anyio.Lock()
        self._heard: dict[str, int] = {}
        self._client = uuid4().hex
        given = {name: plain(value) for name, value in arguments.items() if value is not None}
        self._spec = HostSpec(self.agent, tenant, self.store.url, given, lease_seconds, abandoned_seconds)

    async def diagnose(self, *, timeout: float = DEFAULT_SECONDS) -> Diagnosis:
        """Tell whether Ray is installed; what the agents of the hosts lack, their own machines tell."""
        del timeout
        return located(self.type, None, None if find_spec("ray") else ray_missing())

    async def start(self) -> None:
        """Reach the cluster and the store; hosts start their agents with their first sessions.

        Raises:
            UnsupportedError: The event loop is not asyncio's.
            FleetError: The cluster cannot be reached.
            FleetStoreError: The store cannot be reached.
        """
        if on_trio():
            raise UnsupportedError("A fleet runs on asyncio only, and this event loop is trio's.", backend=self.type)
        await super().start()

    async def hosts(self) -> Sequence[FleetHost]:
        """Return the hosts that this backend may use."""
        await self.start()
        return wanted(await self._plane.hosts(), self._names, self._labels)

    async def list_models(self) -> list[ChatModel]:
        """Return the models that the agent offers on one of the hosts."""
        told = await self._ask("list_models", {})
        return [ChatModel.from_wire(model) for model in told["models"]]

    async def list_sessions(
        self, *, cwd: str | PathLike[str] | None = None, limit: int = 50, cursor: str | None = None
    ) -> SessionPage:
        """Return sessions that the agent has stored on the hosts, newest first; one that several have, once."""
        folder = None if cwd is None else os.fspath(cwd)
        return await self._paged("list_sessions", {"cwd": folder}, limit, cursor)

    async def search_sessions(self, text: str, *, limit: int = 50, cursor: str | None = None) -> SessionPage:
        """Return sessions on the hosts in which a text was said, newest first; one that several have, once."""
        return await self._paged("search_sessions", {"text": text}, limit, cursor)

    async def _paged(self, method: str, wanted: Json, limit: int, cursor: str | None) -> SessionPage:
        require_sessions(limit, backend=self.type)
        hosts = await self.hosts()
        places = merging.places(cursor, [host.name for host in hosts])
        pages: dict[str, SessionPage] = {}
        for name, (at, skip) in places.items():
            asked = {**wanted, "limit": limit + skip, "cursor": at}
            pages[name] = SessionPage.from_wire(await self._ask(method, asked, host=name))
        return merging.merged(pages, places, limit)

    async def read_history(
        self, session_id: str, *, limit: int | None = None, cursor: str | None = None
    ) -> HistoryPage:
        """Return the messages of a stored session, from the host that has it."""
        asked = {"limit": limit, "cursor": cursor}
        return HistoryPage.from_wire(await self._ask_holder("read_history", session_id, asked))

    async def session_info(self, session_id: str) -> StoredSession:
        """Return what is known of a stored session."""
        return StoredSession.from_wire(await self._ask_holder("session_info", session_id, {}))

    async def rename_session(self, session_id: str, title: str) -> None:
        """Give a stored session a name."""
        await self._ask_holder("edit", session_id, {"do": "rename", "title": title})

    async def tag_session(self, session_id: str, tag: str | None) -> None:
        """Put a word on a stored session."""
        await self._ask_holder("edit", session_id, {"do": "tag", "tag": tag})

    async def archive_session(self, session_id: str) -> None:
        """Take a stored session out of the list."""
        await self._ask_holder("edit", session_id, {"do": "archive"})

    async def unarchive_session(self, session_id: str) -> None:
        """Put an archived session back into the list."""
        await self._ask_holder("edit", session_id, {"do": "unarchive"})

    async def delete_session(self, session_id: str) -> None:
        """Delete a stored session for good."""
        await self._ask_holder("edit", session_id, {"do": "delete"})

    async def fork_of(self, session: FleetSession, at: str | None, options: SessionOptions) -> FleetSession:
        """Open a copy of a session, on the same host; for `FleetSession.fork`."""
        options = options.model_copy(update={"resume": None, "fork": False, "fork_at": None})
        forked = SessionOpening(lambda: self._forked(session, at, options))
        return await forked

    # The runtime's

    async def _connect(self) -> None:
        await self._plane.start()
        await self.store.open()
        hosts = wanted(await self._plane.hosts(), self._names, self._labels)
        if self.store.local and len({host.address for host in hosts}) > 1:
            raise FleetError(
                "The hosts of this fleet are on several machines, which cannot share a file of SQLite: give it a store "
                "on PostgreSQL, store='postgresql://user@host/database'."
            )
        self.emit("started", f"The fleet is ready for {self.agent}: {', '.join(host.name for host in hosts)}.")

    async def _plan(self, options: SessionOptions) -> _Plan:
        if options.output_schema is not None:
            from agent_sdk_core.structured.schema import OutputSchema

            OutputSchema(options.output_schema)  # What is none, is told before anything starts.
        row = None
        if options.resume is not None:
            await self.store.open()
            row = await self.store.find(options.resume)
        wire = options_to_wire(options)
        if self._workspace is not None:
            if options.cwd is not None and (Path(options.cwd).is_absolute() or ".." in Path(options.cwd).parts):
                raise InvalidRequestError(
                    f"SessionOptions.cwd {os.fspath(options.cwd)!r} leads out of the workspace that this fleet makes: "
                    "name a folder in it, or none.",
                    backend=self.type,
                )
        elif options.cwd is not None or options.resume is None:
            wire["cwd"] = str(absolute_path("SessionOptions.cwd:", options.cwd or ".", backend=self.type))
        if row is not None and row.resolved_session_id is not None:
            wire["resume"] = row.resolved_session_id
        return _Plan(wire, row)

    async def _open(self, options: SessionOptions, plan: _Plan) -> FleetSession:
        row = plan.row
        if row is not None and not options.fork:
            if any(session.key == row.id and session.state != "closed" for session in self._sessions):
                raise SessionBusyError(
                    f"Session {options.resume} is open in this backend already.",
                    code="session_in_use",
                    backend=self.type,
                )
            line = await self._line(row.host)
            return await self._hosted(line, row.id, options, plan.options, resumed=True)
        if row is not None:
            return await self._new(row.host, options, plan.options, {})
        key, host = await self._placed(plan.options)
        return await self._opened_first(key, host, options, plan.options, {})

    async def _forked(self, session: FleetSession, at: str | None, options: SessionOptions) -> FleetSession:
        plan = await self._plan(options)
        extra = {"fork_of": session.key, "fork_at": at}

        async def fork() -> FleetSession:
            made = await self._new(session.host, options, plan.options, extra)
            made.backend = self
            self._sessions.append(made)
            made.when_closed.append(lambda: self._sessions.remove(made))
            return made

        return await self._host.call(fork, abandoned=lambda made: made.aclose())

    async def _new(self, host: str, options: SessionOptions, wire: Json, extra: Json) -> FleetSession:
        key = await self.store.create(host=host, **self._described(wire))
        return await self._opened_first(key, host, options, wire, extra)

    async def _opened_first(
        self, key: str, host: str, options: SessionOptions, wire: Json, extra: Json
    ) -> FleetSession:
        try:
            line = await self._line(host)
            return await self._hosted(line, key, options, wire, resumed=False, extra=extra)
        except BaseException:
            with anyio.move_on_after(CALL_SECONDS, shield=True):
                await self.store.forget(key)
            raise

    def _described(self, wire: Json) -> Json:
        return {"backend": self.agent, "tenant": self._tenant, "workspace": wire.get("cwd"), "options": wire}

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

        async def elsewhere(reason: str) -> HostLine:
            return await self._elsewhere(key, driver.line.host, reason)

        driver = FleetDriver(
            line,
            key,
            self.store,
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
        session.backend = self
        driver.begin()
        if resumed:
            session.go_on(await self.store.prompts(key, state="accepted"))
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
                    error.backend = self.type
                    raise
                await anyio.sleep(_PAUSE)

    async def _elsewhere(self, key: str, host: str, reason: str) -> HostLine:
        """Return the way to another host that may have a session, whose own is gone.

        Raises:
            HostLostError: None may.
        """
        if not self._shared:
            why = "its workspace and the agent's own log are on that host alone"
            raise HostLostError(
                f"Host {host} is gone ({reason}), and session {key} cannot go on elsewhere: {why}. Where every host "
                "has both on a shared volume, FleetBackend(shared=True) goes on.",
                reason=why,
                backend=self.type,
                details={"host": host, "session": key},
            )
        try:
            found = wanted(await self._plane.hosts(), self._names, self._labels)
            other = place(found, await self.store.loads(), tenant=self._tenant, limits=Limits(), besides=host)
        except (FleetError, FleetFullError) as error:
            raise HostLostError(
                f"Host {host} is gone ({reason}), and no other host takes session {key}: {error.message}",
                resumable=True,
                reason="no other host takes it",
                backend=self.type,
            ) from error
        line = await self._line(other.name)
        await self.store.move(key, other.name)
        return line

    async def _placed(self, wire: Json) -> tuple[str, str]:
        """Add a session on a host that has room, and return its id and the host; waits where all are full."""
        waiter = uuid4().hex
        deadline = anyio.current_time() + self._queue_seconds
        try:
            while True:
                hosts = wanted(await self._plane.hosts(), self._names, self._labels)
                choose = partial(self._choose, hosts, waiter)
                try:
                    names = [host.name for host in hosts]
                    return await self.store.place(choose, waiter, names, **self._described(wire))
                except FleetFullError as error:
                    if anyio.current_time() >= deadline:
                        error.backend = self.type
                        raise
                await anyio.sleep(_PAUSE)
        except BaseException:
            with anyio.move_on_after(CALL_SECONDS, shield=True):
                await self.store.give_up(waiter)
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

    def _tell(self, name: str, notices: Json) -> None:
        """Emit what a host tells of its agent, once, whichever sessions hear of it."""
        heard = self._heard.get(notices["host"], 0)
        self._heard[notices["host"]] = max(heard, notices["last"])
        for event in notices["events"]:
            if event["seq"] > heard:
                self.emit(event["kind"], f"Host {name}: {event['message']}", {**event["details"], "host": name})

    async def _line(self, host: str) -> HostLine:
        async with self._lining:
            if host not in self._lines:
                self._lines[host] = await self._plane.line(host, self._spec)
            return self._lines[host]

    async def _ask(self, method: str, params: Mapping[str, Any], *, host: str | None = None) -> Any:
        hosts = await self.hosts()
        line = await self._line(host or hosts[0].name)
        return await line.request(method, params, timeout=CALL_SECONDS)

    async def _ask_holder(self, method: str, session_id: str, params: Mapping[str, Any]) -> Any:
        """Ask the host that has a stored session; one that the fleet does not know, each host in turn."""
        hosts = await self.hosts()
        row = await self.store.find(session_id)
        asked = {**params, "session_id": session_id}
        if row is not None:
            asked["session_id"] = row.resolved_session_id or session_id
            return await self._ask(method, asked, host=row.host)
        for host in hosts[:-1]:
            try:
                return await self._ask(method, asked, host=host.name)
            except SessionNotFoundError:
                continue
        return await self._ask(method, asked, host=hosts[-1].name)

    async def _read_account(self) -> Account:
        return Account.from_wire(await self._ask("account", {}))

    async def _stop(self) -> None:
        await super()._stop()
        async with anyio.create_task_group() as tasks:
            for line in self._lines.values():
                tasks.start_soon(line.retire)
        await self.store.aclose()


def capabilities_behind(agent: BackendCapabilities) -> BackendCapabilities:
    """Return what an agent can do behind a fleet: all but what needs the person's own machine."""
    return replace(agent, login_methods=(), shared_process=True)


def _default_agent() -> str:
    names = backend_names()
    return names[0] if len(names) == 1 else DEFAULT_BACKEND


def default_store() -> str:
    """Return the path of the store of a fleet on this machine."""
    from platformdirs import user_data_path

    return str(own_folder(user_data_path) / "fleet.db")


def _ray(address: str) -> Plane:
    from agent_fleet.plane.ray_plane import RayPlane

    return RayPlane(address)
