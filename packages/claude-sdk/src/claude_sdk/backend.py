"""The Claude backend: a `claude` process for each session, started with it and ended with it."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

from agent_sdk_core.arguments import checked_class
from agent_sdk_core.client_names import require_client
from agent_sdk_core.errors import AgentError, SessionNotFoundError
from agent_sdk_core.hooks.names import HOOK_NAMES
from agent_sdk_core.interfaces.account import Account, LoginMethod
from agent_sdk_core.interfaces.capabilities import BackendCapabilities
from agent_sdk_core.interfaces.diagnosis import DEFAULT_SECONDS, Diagnosis
from agent_sdk_core.interfaces.pages import HistoryPage, SessionPage, StoredSession, require_title
from agent_sdk_core.models import ChatModel
from agent_sdk_core.option_values import environment_of, require_count, require_positive
from agent_sdk_core.options import SessionOptions
from agent_sdk_core.paths import off_the_loop
from agent_sdk_core.redaction import learn_from
from agent_sdk_core.rpc.correlation import Tap
from agent_sdk_core.runtime.backend import BaseBackend
from agent_sdk_core.secret import Secret
from agent_sdk_core.wire.reading import record_of, records_of
from claude_sdk.account import LOGIN_METHODS, ClaudeLogin, read_account
from claude_sdk.mirroring import SessionStore
from claude_sdk.modes import MODES, UNSUPPORTED_OPTIONS
from claude_sdk.normalizer.models import chat_models
from claude_sdk.process.locks import SessionLock

if TYPE_CHECKING:
    from agent_sdk_core.messages.parse import SDKMessage
    from claude_sdk.opener import Plan, SessionOpener
    from claude_sdk.process.claudes import Claudes
    from claude_sdk.session import ClaudeSession
    from claude_sdk.store.session_store import SessionMirror
    from claude_sdk.store.stored_sessions import StoredSessions


T = TypeVar("T")

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
        env: The whole environment of the processes, values may be `Secret`; absent: this process's.
            `SessionOptions.env` is added to it.
        startup_timeout: Seconds that a process has to start and answer, its MCP servers included.
        max_processes: Sessions that may be open at once; each takes some 200 MB. Absent: any number.
        prewarm: Processes that are started ahead, for new sessions with the same options as the one before, which are
            then there at once; at first for sessions without options. They give way where `max_processes` is reached.
        client_name: Name of your application, for the provider of the model; absent: none is told.
        client_version: Its version.
        session_store: Keeps the sessions beside claude's own files, as a session store of claude-agent-sdk does (its
            adapters work as they are): each line is appended while a session runs, and a session that is resumed or
            read where its file is not, is loaded. Absent: nothing does.
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
        tag_sessions=True,
        background_tasks=True,
        mcp_status=True,
        mcp_switching=True,
        mcp_login=True,
        permission_modes=tuple(MODES),
        login_methods=LOGIN_METHODS,
        policy_scope="every_call",
        hooks=frozenset(HOOK_NAMES),
        turn_options=frozenset({"model", "output_schema", "reasoning_effort", "permission_mode", "origin"}),
        unsupported_options=frozenset(UNSUPPORTED_OPTIONS),
    )

    def __init__(
        self,
        *,
        executable: str | os.PathLike[str] | None = None,
        env: Mapping[str, str | Secret] | None = None,
        startup_timeout: float = 60.0,
        max_processes: int | None = None,
        prewarm: int = 0,
        client_name: str | None = None,
        client_version: str | None = None,
        session_store: SessionStore | None = None,
        wire_log: Tap | None = None,
    ) -> None:
        super().__init__()
        require_positive("ClaudeBackend", "startup_timeout", startup_timeout)
        require_positive("ClaudeBackend", "max_processes", max_processes)
        require_count("ClaudeBackend", "prewarm", prewarm)
        self._prewarm = prewarm
        self.version: str | None = None
        self.unknown_frames: Counter[str] = Counter()
        self._named = executable
        self._env = dict(os.environ) if env is None else environment_of("ClaudeBackend", env)
        learn_from(self._env)
        require_client(self.type, client_name=client_name, client_version=client_version)
        if client_name is not None:
            self._env[_CLIENT_APP] = client_name if client_version is None else f"{client_name}/{client_version}"
        self._startup_timeout = startup_timeout
        self._max_processes = max_processes
        self._tap = wire_log
        self._mirror = None if session_store is None else self._mirror_of(session_store)
        self._models: list[ChatModel] = []

    @classmethod
    def locate(cls) -> Path:
        """Return the claude executable that a new backend would start."""
        return _find(None, os.environ)

    @classmethod
    def replay(cls, path: Path) -> Iterator[SDKMessage]:
        """Return the messages that a recorded wire log becomes, without claude."""
        from agent_sdk_core.wire_log import read_wire_log
        from claude_sdk.playback.player import replay

        return replay(read_wire_log(path))

    async def diagnose(self, *, timeout: float = DEFAULT_SECONDS) -> Diagnosis:
        """Look at the claude that this backend would start, in a process of its own."""
        from claude_sdk.diagnosis import diagnose

        require_positive("AgentBackend.diagnose", "timeout", timeout)
        return await diagnose(self._named, self._env, timeout=timeout)

    @property
    def warm(self) -> tuple[int, ...]:
        """Process ids of the claudes that wait for a session, see `prewarm`."""
        return self._claudes.warm

    async def list_models(self) -> list[ChatModel]:
        """Return the models that the account offers; starts a process for it when no session is open."""
        for session in self.sessions:
            if session.state not in ("idle", "running", "requires_action"):
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
        """Return the messages of a stored session, oldest first, without opening it.

        What this host has not is read from the `session_store`, as a session of the folder that sessions work in here.
        """
        try:
            return await self._stored.read_history(session_id, limit=limit, cursor=cursor)
        except SessionNotFoundError:
            from claude_sdk.store.history import read_history

            page = await self._from_store(session_id, partial(read_history, limit=limit, cursor=cursor))
            if page is None:
                raise
            return page

    async def session_info(self, session_id: str) -> StoredSession:
        """Return what is known of a stored session, an archived one too; see `read_history` for a `session_store`."""
        try:
            return await self._stored.read(session_id)
        except SessionNotFoundError:
            from claude_sdk.store.listing import read_stored

            stored = await self._from_store(session_id, read_stored)
            if stored is None:
                raise
            return stored

    async def rename_session(self, session_id: str, title: str) -> None:
        """Give a stored session a name."""
        require_title(title, backend=self.type)
        stored = self._stored
        for session in self.sessions:
            if session.resolved_session_id == session_id:
                await session.rename(title)
                return
        await stored.rename(session_id, title)

    async def tag_session(self, session_id: str, tag: str | None) -> None:
        """Put a word on a stored session, in place of the one it has; None takes that away."""
        await self._stored.tag(session_id, tag)

    async def archive_session(self, session_id: str) -> None:
        """Take a stored session out of the list; it can still be read.

        Raises:
            SessionBusyError: It is open.
        """
        stored = self._stored
        self._require_closed(session_id)
        await stored.archive(session_id, partial(SessionLock, stored.folder))

    async def unarchive_session(self, session_id: str) -> None:
        """Put an archived session back into the list; does nothing for one that is in it."""
        await self._stored.unarchive(session_id)

    async def delete_session(self, session_id: str) -> None:
        """Delete a stored session for good.

        Raises:
            SessionBusyError: It is open.
        """
        stored = self._stored
        self._require_closed(session_id)
        await stored.delete(session_id, partial(SessionLock, stored.folder))

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

    async def _from_store(self, session_id: str, reading: Callable[[Path], T]) -> T | None:
        """Read a session that only the session store has; None without one, and where it has not got it."""
        if self._mirror is None:
            return None
        return await self._mirror.read(session_id, self.configured(None).cwd, reading)

    @cached_property
    def _claudes(self) -> Claudes:
        from claude_sdk.process.claudes import Claudes

        return Claudes(
            self._host,
            self._links,
            self._env,
            locks=self._store.folder,
            seconds=self._startup_timeout,
            most=self._max_processes,
            prewarm=self._prewarm,
            tap=self._tap,
        )

    @cached_property
    def _opener(self) -> SessionOpener:
        from claude_sdk.opener import SessionOpener

        unknown, mirror = self.unknown_frames, self._mirror
        return SessionOpener(self, self._host, self._claudes, self._store, self._env, unknown=unknown, mirror=mirror)

    async def _connect(self) -> None:
        await off_the_loop(_load)
        self._claudes.executable = await off_the_loop(_find, self._named, self._env)
        self.emit("started", f"claude is ready to start: {self._claudes.executable}")
        if self._prewarm:
            self._claudes.want((await self._plan(self.configured(None))).launch)

    async def _plan(self, options: SessionOptions) -> Plan:
        await off_the_loop(_load)  # Nobody may have started the backend so far.
        return await self._opener.plan(options)

    async def _open(self, options: SessionOptions, plan: Plan) -> ClaudeSession:
        session, process = await self._opener.open(options, plan)
        self.version = process.version
        self._models = chat_models(records_of(process.greeting.get("models"))) or self._models
        return session

    def _mirror_of(self, store: SessionStore) -> SessionMirror:
        from claude_sdk.store.session_store import SessionMirror

        return SessionMirror(store, self._env, partial(self.emit, "warning"))

    async def _finish(self) -> None:
        if self._mirror is not None:
            await self._mirror.close(self._host.start_soon)

    def _abort(self, error: AgentError) -> None:
        if self._mirror is not None:
            self._mirror.give_up("for the backend has ended without a close")
        super()._abort(error)

    def _given_up(self, plan: Plan) -> None:
        if plan.link is not None and self._host.running:  # Its close ends it by itself.
            self._host.start_soon(plan.link.close)

    async def _read_account(self) -> Account:
        link = await self._claudes.alone()
        try:
            return read_account(record_of((await link.connect()).greeting.get("account")))
        finally:
            await self._claudes.let_go(link)

    async def _start_login(self, method: LoginMethod, api_key: Secret | None) -> ClaudeLogin:
        del api_key
        link = await self._claudes.alone()
        login = ClaudeLogin(link, self._claudes.let_go)
        try:
            await login.begin(method)
        except BaseException:
            await self._claudes.let_go(link)
            raise
        return login

    async def _forget_login(self) -> None:
        from claude_sdk.process.alone import run_command

        said = await run_command(self._claudes.executable, self._env, "auth", "logout")
        if "success" not in said.lower():  # Such as that the vendor did not confirm it.
            self.emit("warning", f"claude auth logout: {' '.join(said.split())}")


def _find(named: str | os.PathLike[str] | None, env: Mapping[str, str]) -> Path:
    from claude_sdk.process.executable import find_executable

    return find_executable(named, env)


def _load() -> None:
    """Load the modules that sessions need; an import asks the disk."""
    from agent_sdk_core.policy import command_rules
    from claude_sdk import opener

    del command_rules, opener
