"""The Claude backend: a `claude` process for each session, started with it and ended with it."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast
from uuid import uuid4

import anyio

from agent_sdk_core.arguments import checked_class
from agent_sdk_core.client_names import require_client
from agent_sdk_core.config.secret import Secret
from agent_sdk_core.errors import SessionBusyError, SessionClosedError, SessionNotFoundError
from agent_sdk_core.interfaces.account import Account, LoginMethod
from agent_sdk_core.interfaces.capabilities import BackendCapabilities
from agent_sdk_core.interfaces.diagnosis import DEFAULT_SECONDS, Diagnosis
from agent_sdk_core.interfaces.pages import HistoryPage, SessionPage, StoredSession
from agent_sdk_core.messages.parse import SDKMessage
from agent_sdk_core.models import ChatModel
from agent_sdk_core.option_values import environment_of, require_positive
from agent_sdk_core.options import SessionOptions
from agent_sdk_core.paths import off_the_loop
from agent_sdk_core.redaction import learn_from
from agent_sdk_core.rpc.correlation import Tap
from agent_sdk_core.runtime.backend import BaseBackend
from agent_sdk_core.wire.reading import record_of, records_of
from claude_sdk.account import LOGIN_METHODS, ClaudeLogin, read_account
from claude_sdk.modes import MODES, UNSUPPORTED_OPTIONS
from claude_sdk.normalizer.models import chat_models
from claude_sdk.process.executable import find_executable
from claude_sdk.process.locks import SessionLock

if TYPE_CHECKING:
    from claude_sdk.process.launching import Launch
    from claude_sdk.process.link import ClaudeLink
    from claude_sdk.session import ClaudeSession
    from claude_sdk.store.stored_sessions import StoredSessions


@dataclass(slots=True)
class _Plan:
    """How to start the process of a session, the name that it has, and the link that does it."""

    launch: Launch
    title: str | None = None
    link: ClaudeLink | None = None


_CLIENT_APP: Final = "CLAUDE_AGENT_SDK_CLIENT_APP"
"""What claude reads the application's name from, for its `User-Agent` (2.1.329)."""

_BARE: Final = SessionOptions(
    setting_sources=("user",), model=None, reasoning_effort=None, permission_mode=None, sandbox=None
)
"""Options of a session that is opened to ask for the account's models alone, whatever is configured."""


@checked_class()
class ClaudeBackend(BaseBackend["ClaudeSession"]):
    """Claude Code: one process a session.

    Args:
        executable: The claude executable; absent: `AGENT_SDK_CLAUDE_PATH`, the bundled one, or an installed one.
        env: The whole environment of the processes; absent: this process's. `SessionOptions.env` is added to it.
        startup_timeout: Seconds that a process has to start and answer, its MCP servers included.
        max_processes: Sessions that may be open at once; each takes some 200 MB. Absent: any number.
        client_name: Name of your application, for the provider of the model; absent: none is told.
        client_version: Its version.
        wire_log: Called with "in" or "out" and each frame on the wire; what it raises is ignored.

    Attributes:
        version: Version of the claude that ran last, or None before the first session.
        unknown_frames: How often each kind of frame came that this package does not know.
    """

    type = "claude"
    capabilities = BackendCapabilities(
        resume=True,
        fork=True,
        steer=True,
        compact=True,
        images=True,
        documents=True,
        skills=True,
        mentions=True,
        list_sessions=True,
        edit_sessions=True,
        background_tasks=True,
        permission_modes=tuple(MODES),
        login_methods=LOGIN_METHODS,
        policy_scope="every_call",
        turn_options=frozenset({"model", "reasoning_effort", "permission_mode"}),
        unsupported_options=frozenset(UNSUPPORTED_OPTIONS),
    )

    def __init__(
        self,
        *,
        executable: str | os.PathLike[str] | None = None,
        env: Mapping[str, str] | None = None,
        startup_timeout: float = 60.0,
        max_processes: int | None = None,
        client_name: str | None = None,
        client_version: str | None = None,
        wire_log: Tap | None = None,
    ) -> None:
        super().__init__()
        require_positive("ClaudeBackend", "startup_timeout", startup_timeout)
        require_positive("ClaudeBackend", "max_processes", max_processes)
        self.version: str | None = None
        self.unknown_frames: Counter[str] = Counter()
        self._named = executable
        self._executable: Path | None = None
        self._env = dict(os.environ) if env is None else environment_of("ClaudeBackend", env)
        learn_from(self._env)
        require_client(self.type, client_name=client_name, client_version=client_version)
        if client_name is not None:
            self._env[_CLIENT_APP] = client_name if client_version is None else f"{client_name}/{client_version}"
        self._startup_timeout = startup_timeout
        self._max_processes = max_processes
        self._tap = wire_log
        self._models: list[ChatModel] = []

    @classmethod
    def locate(cls) -> Path:
        """Return the claude executable that a new backend would start."""
        return find_executable(None, os.environ)

    @classmethod
    def replay(cls, path: Path) -> Iterator[SDKMessage]:
        """Return the messages that a recorded wire log becomes, without claude."""
        from agent_sdk_core.wire_log import read_wire_log
        from claude_sdk.playback.player import replay

        return replay(read_wire_log(path))

    async def diagnose(self, *, timeout: float = DEFAULT_SECONDS) -> Diagnosis:
        """Look at the claude that this backend would start, in a process of its own."""
        from claude_sdk.diagnosis import diagnose

        return await diagnose(self._named, self._env, timeout=timeout)

    async def list_models(self) -> list[ChatModel]:
        """Return the models that the account offers; starts a process for it when no session is open."""
        for session in self.sessions:
            if session.state in ("closed", "disconnected"):
                continue
            answer = await session.control("list_models")
            self._models = chat_models(records_of(answer.get("models")))
            return list(self._models)
        session = await self.create_session(_BARE)
        try:
            return list(self._models)
        finally:
            await session.aclose()

    async def list_sessions(
        self, *, cwd: str | os.PathLike[str] | None = None, limit: int = 50, cursor: str | None = None
    ) -> SessionPage:
        """Return stored sessions, newest first."""
        return await self._stored.list(cwd=cwd, limit=limit, cursor=cursor)

    async def read_history(
        self, session_id: str, *, limit: int | None = None, cursor: str | None = None
    ) -> HistoryPage:
        """Return the messages of a stored session, oldest first, without opening it."""
        return await self._stored.read_history(session_id, limit=limit, cursor=cursor)

    async def session_info(self, session_id: str) -> StoredSession:
        """Return what is known of a stored session, an archived one too."""
        return await self._stored.read(session_id)

    async def rename_session(self, session_id: str, title: str) -> None:
        """Give a stored session a name."""
        stored = self._stored
        for session in self.sessions:
            if session.resolved_session_id == session_id:
                await session.rename(title)
                return
        await stored.rename(session_id, title)

    async def archive_session(self, session_id: str) -> None:
        """Take a stored session out of the list; it can still be read."""
        await self._stored.archive(session_id)

    async def unarchive_session(self, session_id: str) -> None:
        """Put an archived session back into the list; does nothing for one that is in it."""
        await self._stored.unarchive(session_id)

    async def delete_session(self, session_id: str) -> None:
        """Delete a stored session for good.

        Raises:
            SessionBusyError: It is open.
        """
        await self._stored.delete(session_id, partial(SessionLock, self._store.folder))

    # What differs from other backends. The modules that a session needs are loaded when one is opened.

    @cached_property
    def _store(self) -> StoredSessions:
        from claude_sdk.store.stored_sessions import StoredSessions

        return StoredSessions(self._env)

    @property
    def _stored(self) -> StoredSessions:
        """The stored sessions, for a caller of the backend."""
        self._require_usable()
        return self._store

    async def _connect(self) -> None:
        await off_the_loop(_load)
        self._executable = await off_the_loop(find_executable, self._named, self._env)
        self.emit("started", f"claude is ready to start: {self._executable}")

    async def _plan(self, options: SessionOptions) -> _Plan:
        """Return how to start the process of a session, which works where a stored one did if nothing else is said."""
        from claude_sdk.asking.hooks import hooks_of
        from claude_sdk.process.launching import launch_plan
        from claude_sdk.tools import initialize_fields

        session_id, cwd, resume_at, title = options.session_id or str(uuid4()), None, None, None
        if options.resume is not None:
            cwd = await self._store.folder_of(options.resume)
            title = await self._store.title_of(options.resume)
            if options.fork_at is not None:
                resume_at = await self._store.end_of_turn(options.resume, options.fork_at)
        elif options.session_id is not None:
            await self._require_new(options.session_id)
        plan = partial(launch_plan, options, env=self._env, session_id=session_id, cwd=cwd, resume_at=resume_at)
        announced = {**initialize_fields(options.registries), **hooks_of(options)}
        launch = await off_the_loop(partial(plan, announced=announced))
        return _Plan(launch, title)

    async def _require_new(self, session_id: str) -> None:
        try:
            await self._store.find(session_id)
        except SessionNotFoundError:
            return
        raise SessionBusyError(
            f"Claude has a stored session {session_id}; resume it, or choose another id.", backend=self.type
        )

    async def _open(self, options: SessionOptions, plan: _Plan) -> ClaudeSession:
        running = sum(not link.is_over for link in self._links)
        if self._max_processes is not None and running >= self._max_processes:
            raise SessionBusyError(
                f"{running} sessions are open, as many as max_processes allows; close one first.",
                backend=self.type,
                retryable=True,
            )
        from claude_sdk.process.typed_options import flag_settings

        session = self._session(options, plan)
        link = session.driver.link
        try:
            process = await link.connect()
            session.greeted(process.greeting)
            if (settings := flag_settings(options)) is not None:
                await session.driver.control("apply_flag_settings", settings=settings)
        except BaseException:
            with anyio.CancelScope(shield=True):
                await link.close()
            session.lost(SessionClosedError("The session was not opened.", backend=self.type))
            raise
        self.version = process.version
        self._models = chat_models(records_of(process.greeting.get("models"))) or self._models
        if process.warning is not None:
            self.emit("warning", process.warning)
        return session

    def _session(self, options: SessionOptions, plan: _Plan) -> ClaudeSession:
        """Return a session that is not connected yet."""
        from claude_sdk.driver import ClaudeDriver
        from claude_sdk.normalizer.closer import Closer
        from claude_sdk.normalizer.session_facts import SessionFacts
        from claude_sdk.process.link import ClaudeLink
        from claude_sdk.receiver import SessionReceiver
        from claude_sdk.session import ClaudeSession

        launch = plan.launch
        link = plan.link = ClaudeLink(
            self._host,
            cast("Path", self._executable),
            launch,
            seconds=self._startup_timeout,
            locks=self._store.folder,
            tap=self._tap,
        )
        facts = SessionFacts(
            cwd=str(launch.cwd),
            model=options.model,
            effort=options.reasoning_effort,
            mode=options.permission_mode,
            title=plan.title,
        )
        closer = Closer(launch.session_id, facts)
        driver = ClaudeDriver(
            link,
            self._host,
            closer,
            facts,
            self._store,
            stored=launch.stored,
            ephemeral=launch.ephemeral,
            copied_from=options.resume if options.fork else None,
        )
        driver.answers = launch.answers
        session = ClaudeSession(launch.session_id, options, self._host, driver, closer, facts)
        SessionReceiver(session, link, self._host, backend=self, unknown=self.unknown_frames)
        self._links.append(link)
        session.when_closed.append(lambda: self._links.remove(link))
        return session

    def _given_up(self, plan: _Plan) -> None:
        if plan.link is not None and self._host.running:  # Its close ends it by itself.
            self._host.start_soon(plan.link.close)

    async def _lone_claude(self) -> ClaudeLink:
        """Return the way to a claude without a session, which ends with the backend at the latest."""
        from claude_sdk.process.alone import plan_alone
        from claude_sdk.process.link import ClaudeLink

        launch, executable = await plan_alone(self._env), cast("Path", self._executable)
        link = ClaudeLink(self._host, executable, launch, seconds=self._startup_timeout, tap=self._tap)
        self._links.append(link)
        return link

    async def _let_go(self, link: ClaudeLink) -> None:
        await link.close(grace=0)
        self._links.remove(link)

    async def _read_account(self) -> Account:
        link = await self._lone_claude()
        try:
            return read_account(record_of((await link.connect()).greeting.get("account")))
        finally:
            await self._let_go(link)

    async def _start_login(self, method: LoginMethod, api_key: Secret | None) -> ClaudeLogin:
        del api_key
        link = await self._lone_claude()
        login = ClaudeLogin(link, self._let_go)
        try:
            await login.begin(method)
        except BaseException:
            await self._let_go(link)
            raise
        return login

    async def _forget_login(self) -> None:
        from claude_sdk.process.alone import run_command

        said = await run_command(cast("Path", self._executable), self._env, "auth", "logout")
        if "success" not in said.lower():  # Such as that the vendor did not confirm it.
            self.emit("warning", f"claude auth logout: {' '.join(said.split())}")


def _load() -> None:
    """Load the modules that sessions need; an import asks the disk."""
    from claude_sdk import receiver

    del receiver
