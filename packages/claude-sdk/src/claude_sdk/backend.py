"""The Claude backend: a `claude` process for each session, started with it and ended with it."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar, cast
from uuid import uuid4

import anyio

from agent_sdk_core.arguments import checked_class
from agent_sdk_core.client_names import require_client
from agent_sdk_core.errors import AgentError, ProtocolError, SessionBusyError, SessionClosedError, SessionNotFoundError
from agent_sdk_core.hooks.names import HOOK_NAMES
from agent_sdk_core.interfaces.account import Account, LoginMethod
from agent_sdk_core.interfaces.capabilities import BackendCapabilities
from agent_sdk_core.interfaces.diagnosis import DEFAULT_SECONDS, Diagnosis
from agent_sdk_core.interfaces.pages import HistoryPage, SessionPage, StoredSession, require_title
from agent_sdk_core.models import ChatModel
from agent_sdk_core.option_values import environment_of, require_count, require_positive
from agent_sdk_core.options import SessionOptions
from agent_sdk_core.paths import off_the_loop
from agent_sdk_core.records import dataclass
from agent_sdk_core.redaction import learn_from
from agent_sdk_core.rpc.correlation import Tap
from agent_sdk_core.runtime.backend import BaseBackend
from agent_sdk_core.secret import Secret
from agent_sdk_core.wire.reading import Json, record_of, records_of
from claude_sdk.account import LOGIN_METHODS, ClaudeLogin, read_account
from claude_sdk.mirroring import FRAME, SessionStore
from claude_sdk.modes import MODES, UNSUPPORTED_OPTIONS
from claude_sdk.normalizer.models import chat_models
from claude_sdk.process.locks import SessionLock

if TYPE_CHECKING:
    from agent_sdk_core.messages.parse import SDKMessage
    from claude_sdk.process.claude_process import ClaudeProcess
    from claude_sdk.process.launching import Launch
    from claude_sdk.process.link import ClaudeLink
    from claude_sdk.process.warm_pool import Handover, WarmPool
    from claude_sdk.session import ClaudeSession
    from claude_sdk.store.session_store import SessionMirror
    from claude_sdk.store.stored_sessions import StoredSessions


@dataclass(slots=True)
class _Plan:
    """How to start the process of a session, the name that it has, why it is not stored, and the link that does it."""

    launch: Launch
    title: str | None = None
    unstored: str | None = None
    link: ClaudeLink | None = None


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
        self._executable: Path | None = None
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
        return self._warm.pids

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
        await stored.archive(session_id)

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

    async def _connect(self) -> None:
        await off_the_loop(_load)
        self._executable = await off_the_loop(_find, self._named, self._env)
        self.emit("started", f"claude is ready to start: {self._executable}")
        if self._prewarm:
            self._warm.want((await self._plan(self.configured(None))).launch)

    async def _plan(self, options: SessionOptions) -> _Plan:
        """Return how to start the process of a session, which works where a stored one did if nothing else is said."""
        from claude_sdk.asking.hooks import hooks_of
        from claude_sdk.process.launching import launch_plan
        from claude_sdk.tools import initialize_fields

        session_id, cwd, resume_at, title = options.session_id or str(uuid4()), None, None, None
        if options.resume is not None:
            if self._mirror is not None:
                await self._mirror.bring(options.resume, options.cwd)
            cwd = await self._store.folder_of(options.resume)
            title = await self._store.title_of(options.resume)
            if options.fork_at is not None:
                resume_at = await self._store.end_of_turn(options.resume, options.fork_at)
        if options.session_id is not None:
            await self._store.require_new(options.session_id, partial(SessionLock, self._store.folder))
        plan = partial(launch_plan, options, env=self._env, session_id=session_id, cwd=cwd, resume_at=resume_at)
        plan = partial(plan, mirrored=self._mirror is not None)
        announced = {**initialize_fields(options.registries), **hooks_of(options)}
        launch = await off_the_loop(partial(plan, announced=announced))
        lost = None if launch.ephemeral else await off_the_loop(self._store.unwritable)
        return _Plan(launch, title, lost)

    async def _open(self, options: SessionOptions, plan: _Plan) -> ClaudeSession:
        if plan.unstored is not None:
            self.warn_once([f"Claude goes on without storing what is said: {plan.unstored}."])
        warm = self._warm.take(plan.launch) if self._may_be_warm(options) else None
        if warm is None:
            self._require_room(None)
        session = self._session(options, plan, warm)
        link = session.driver.link
        try:
            process = await link.connect()
            if warm is not None:
                await self._greet(session, process)
        except BaseException:
            with anyio.CancelScope(shield=True):
                await link.close()
            session.lost(SessionClosedError("The session was not opened.", backend=self.type))
            raise
        self.version = process.version
        self._models = chat_models(records_of(process.greeting.get("models"))) or self._models
        if process.warning is not None:
            self.emit("warning", process.warning)
        if self._may_be_warm(options):
            self._warm.want(plan.launch)
        return session

    @cached_property
    def _warm(self) -> WarmPool:
        from claude_sdk.process.warm_pool import WarmPool

        return WarmPool(self._prewarm, self._host, self._make_warm, self._forget_link)

    def _may_be_warm(self, options: SessionOptions) -> bool:
        """Tell whether a process for these options can be started before their session is there to be asked."""
        known = options.resume is not None or options.session_id is not None
        return self._prewarm > 0 and not known and not options.registries

    def _make_warm(self, launch: Launch) -> ClaudeLink:
        if self._max_processes is not None and self._running() >= self._max_processes:
            raise SessionBusyError("There is no room for a process that nobody needs yet.", backend=self.type)
        link = self._make_link(launch)
        self._links.append(link)
        return link

    def _forget_link(self, link: ClaudeLink) -> None:
        if link in self._links:
            self._links.remove(link)

    def _running(self, but: ClaudeLink | None = None) -> int:
        return sum(not other.is_over for other in self._links if other is not but)

    def _require_room(self, link: ClaudeLink | None) -> None:
        running = self._running(link)
        if self._prewarm and self._max_processes is not None and running >= self._max_processes:
            running -= self._warm.drop_one()
        if self._max_processes is not None and running >= self._max_processes:
            raise SessionBusyError(
                f"{running} sessions are open, as many as max_processes allows; close one first.",
                backend=self.type,
                retryable=True,
            )

    async def _greet(self, session: ClaudeSession, process: ClaudeProcess) -> None:
        """Have a session take up a claude that has greeted."""
        from claude_sdk.asking.hooks import require_hooks, unseen
        from claude_sdk.process.errors import translate

        require_hooks(session.options, process.version)
        self.warn_once(unseen(session.options, process.version))
        session.greeted(process.greeting)
        session.use()
        session.driver.restored = session.updates.rules  # Of a claude before this one, which took them with answers.
        if (settings := session.driver.flags(session.options_now)) is not None:
            try:
                await process.peer.request("apply_flag_settings", {"settings": settings})
            except ProtocolError as error:
                raise translate(error) from error

    async def _relaunch(self, session: ClaudeSession, first: Launch) -> Launch:
        """Return how to start a session's claude again: with its settings of today, in its conversation."""
        self._require_room(session.driver.link)
        now = session.options_now
        own: dict[str, object] = {"cwd": first.cwd, "add_dirs": (*now.add_dirs, *session.updates.directories)}
        if session.driver.turn_schema is not None:
            own["output_schema"] = session.driver.turn_schema
        session_id, anew = session.resolved_session_id, {"fork": False, "fork_at": None}
        try:
            await self._store.find(session_id)
        except SessionNotFoundError:
            if session_id != first.session_id:  # The conversation was cleared, and nothing said since.
                own |= {"resume": None, **anew, "session_id": session_id}
            else:
                own["session_id"] = first.session_id if session.options.resume is None or session.options.fork else None
        else:
            own |= {"resume": session_id, **anew, "session_id": None}
        return (await self._plan(now.model_copy(update=own))).launch

    def _make_link(self, launch: Launch) -> ClaudeLink:
        from claude_sdk.process.link import ClaudeLink

        return ClaudeLink(
            self._host,
            cast("Path", self._executable),
            launch,
            seconds=self._startup_timeout,
            locks=self._store.folder,
            tap=self._tap,
            revival="on_demand",
        )

    def _session(
        self, options: SessionOptions, plan: _Plan, warm: tuple[Launch, ClaudeLink, Handover] | None
    ) -> ClaudeSession:
        """Return a session that is not connected yet."""
        from claude_sdk.driver import ClaudeDriver
        from claude_sdk.normalizer.closer import Closer
        from claude_sdk.normalizer.session_facts import SessionFacts
        from claude_sdk.receiver import SessionReceiver
        from claude_sdk.session import ClaudeSession

        launch, link = (plan.launch, self._make_link(plan.launch)) if warm is None else warm[:2]
        plan.link = link
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
            ephemeral=launch.ephemeral or (plan.unstored is not None and not launch.stored),
            copied_from=options.resume if options.fork else None,
        )
        driver.answers = launch.answers
        session = ClaudeSession(launch.session_id, options, self._host, driver, closer, facts, env=self._env)
        receiver = SessionReceiver(
            session, link, self._host, backend=self, unknown=self.unknown_frames, mirror=self._mirrored
        )
        link.greeted = partial(self._greet, session)
        link.relaunch = partial(self._relaunch, session, launch)
        if warm is None:
            self._links.append(link)
        else:
            warm[2].give(receiver)
        session.when_closed.append(lambda: self._forget_link(link))
        return session

    def _mirrored(self, frame: Json) -> bool:
        """Take a frame that tells of a session's lines; tell whether that was one."""
        if self._mirror is None or frame.get("type") != FRAME:
            return False
        self._mirror.take(frame)
        if self._host.running:
            self._host.start_soon(self._mirror.drain)
        return True

    def _mirror_of(self, store: SessionStore) -> SessionMirror:
        from claude_sdk.store.session_store import SessionMirror

        return SessionMirror(store, self._env, self._tell_mirror)

    def _tell_mirror(self, sentence: str) -> None:
        self.emit("warning", sentence)

    async def _finish(self) -> None:
        if self._mirror is not None:
            await self._mirror.close(self._host.start_soon)

    def _abort(self, error: AgentError) -> None:
        if self._mirror is not None:
            self._mirror.give_up("for the backend has ended without a close")
        super()._abort(error)

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


def _find(named: str | os.PathLike[str] | None, env: Mapping[str, str]) -> Path:
    from claude_sdk.process.executable import find_executable

    return find_executable(named, env)


def _load() -> None:
    """Load the modules that sessions need; an import asks the disk."""
    from agent_sdk_core.policy import command_rules
    from claude_sdk import receiver

    del command_rules, receiver
