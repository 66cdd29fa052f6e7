"""`FleetBackend`: an agent on many hosts, which an application uses like one that is here."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec
from os import PathLike
from pathlib import Path
from typing import Any, TypeAlias

from agent_fleet import merging
from agent_fleet.driving.driver import Redeliver
from agent_fleet.errors import FleetError, ray_missing
from agent_fleet.hosts import FleetHosts
from agent_fleet.line import FleetHost, HostSpec, Plane
from agent_fleet.opener import FleetOpener
from agent_fleet.placer import Placer
from agent_fleet.placing import Limits
from agent_fleet.session import FleetSession
from agent_fleet.store.fleet_store import LEASE_SECONDS, FleetStore
from agent_fleet.store.records import FleetSessionRow
from agent_fleet.workspaces import WorkspaceProvider, provider_to_wire
from agent_sdk_core.arguments import checked_class
from agent_sdk_core.errors import (
    InvalidRequestError,
    SessionBusyError,
    UnsupportedError,
)
from agent_sdk_core.factory.registry import load_backend
from agent_sdk_core.hosting.forms import plain
from agent_sdk_core.hosting.options_form import options_to_wire
from agent_sdk_core.hosting.remote import ABANDONED_SECONDS
from agent_sdk_core.interfaces.account import Account
from agent_sdk_core.interfaces.capabilities import BackendCapabilities
from agent_sdk_core.interfaces.diagnosis import DEFAULT_SECONDS, Diagnosis, located
from agent_sdk_core.interfaces.opening import SessionOpening
from agent_sdk_core.interfaces.pages import HistoryPage, SessionPage, StoredSession, require_sessions
from agent_sdk_core.models import ChatModel
from agent_sdk_core.names import DEFAULT_BACKEND, backend_names, parse_backend_type
from agent_sdk_core.option_values import require_count, require_positive, require_text
from agent_sdk_core.options import SessionOptions
from agent_sdk_core.paths import absolute_path, own_folder
from agent_sdk_core.runtime.backend import BaseBackend
from agent_sdk_core.runtime.host import on_trio

Json = dict[str, Any]
Hosts: TypeAlias = Collection[str]


@dataclass(frozen=True, slots=True)
class _Plan:
    options: Json
    row: FleetSessionRow | None


@checked_class("hosts", "plane")
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
        recovery_seconds: How long a host may be gone before its sessions are lost, or go on elsewhere. One whose
            machine is there, and whose sessions cannot go on elsewhere, has three minutes for its worker to be back.
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
        require_text("tenant", tenant, "leave it out for the default one", backend=self.type)
        counts = {"sessions_per_host": sessions_per_host, "sessions_per_tenant": sessions_per_tenant}
        for name, value in {"lease_seconds": lease_seconds, "abandoned_seconds": abandoned_seconds, **counts}.items():
            require_positive("FleetBackend", name, value)
        for name, value in {"recovery_seconds": recovery_seconds, "queue_seconds": queue_seconds}.items():
            require_count("FleetBackend", name, value)
        self.capabilities = capabilities_behind(load_backend(self.agent).capabilities)
        self.store = FleetStore(os.fspath(store) if store is not None else default_store())
        self._workspace = None if workspaces is None else provider_to_wire(workspaces)
        self._heard: dict[str, int] = {}
        given = {name: plain(value) for name, value in arguments.items() if value is not None}
        spec = HostSpec(self.agent, tenant, self.store.url, given, lease_seconds, abandoned_seconds)
        self._hosts = FleetHosts(plane or _ray(address), spec, tuple(hosts or ()), dict(labels or {}))
        limits = Limits(sessions_per_host, sessions_per_tenant)
        placer = Placer(self._hosts, self.store, tenant, limits, queue_seconds=queue_seconds, shared=shared)
        self._opener = FleetOpener(
            self._hosts,
            self.store,
            placer,
            spec,
            self._host,
            own=self._own,
            tell=self._tell,
            workspace=self._workspace,
            redeliver=redeliver,
            recovery_seconds=recovery_seconds,
        )

    async def diagnose(self, *, timeout: float = DEFAULT_SECONDS) -> Diagnosis:
        """Tell whether Ray is installed; what the agents of the hosts lack, their own machines tell."""
        require_positive("AgentBackend.diagnose", "timeout", timeout)
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
        return await self._hosts.found()

    async def list_models(self) -> list[ChatModel]:
        """Return the models that the agent offers on one of the hosts."""
        told = await self._ask("list_models", {})
        return [ChatModel.from_wire(model) for model in told["models"]]

    async def list_sessions(
        self, *, cwd: str | PathLike[str] | None = None, limit: int = 50, cursor: str | None = None
    ) -> SessionPage:
        """Return sessions that the agent has stored on the hosts, newest first; one that several have, once."""
        folder = None if cwd is None else os.fspath(cwd)
        if folder is not None:  # What else can be wrong with it, its host tells.
            require_text("cwd", folder, "leave it out for the sessions of all folders", backend=self.type)
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
        await self._hosts.start()
        await self.store.open()
        hosts = await self._hosts.found()
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
            return await self._opener.resumed(row, options, plan.options)
        if row is not None:
            return await self._opener.new(row.host, options, plan.options, {})
        return await self._opener.placed(options, plan.options)

    async def _forked(self, session: FleetSession, at: str | None, options: SessionOptions) -> FleetSession:
        plan = await self._plan(options)
        extra = {"fork_of": session.key, "fork_at": at}

        async def fork() -> FleetSession:
            made = await self._opener.new(session.host, options, plan.options, extra)
            self._sessions.append(made)
            made.when_closed.append(lambda: self._sessions.remove(made))
            return made

        return await self._host.call(fork, abandoned=lambda made: made.aclose())

    def _own(self, session: FleetSession) -> None:
        session.backend = self

    def _tell(self, name: str, notices: Json) -> None:
        """Emit what a host tells of its agent, once, whichever sessions hear of it."""
        heard = self._heard.get(notices["host"], 0)
        self._heard[notices["host"]] = max(heard, notices["last"])
        for event in notices["events"]:
            if event["seq"] > heard:
                self.emit(event["kind"], f"Host {name}: {event['message']}", {**event["details"], "host": name})

    async def _ask(self, method: str, params: Mapping[str, Any], *, host: str | None = None) -> Any:
        await self.start()
        return await self._hosts.ask(method, params, host=host)

    async def _ask_holder(self, method: str, session_id: str, params: Mapping[str, Any]) -> Any:
        await self.start()
        return await self._hosts.ask_holder(method, session_id, await self.store.find(session_id), params)

    async def _read_account(self) -> Account:
        return Account.from_wire(await self._ask("account", {}))

    async def _stop(self) -> None:
        await super()._stop()
        await self._hosts.retire()
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
