"""Opener of sessions: how the claude of one is started, greeted and started again, and what reads it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from functools import partial
from uuid import uuid4

import anyio

from agent_sdk_core.errors import ProtocolError, SessionClosedError, SessionNotFoundError
from agent_sdk_core.options import SessionOptions
from agent_sdk_core.paths import off_the_loop
from agent_sdk_core.records import dataclass
from agent_sdk_core.runtime.backend import BaseBackend
from agent_sdk_core.runtime.host import Host
from agent_sdk_core.wire.reading import Json
from claude_sdk.asking.hooks import hooks_of, require_hooks, unseen
from claude_sdk.driver import ClaudeDriver
from claude_sdk.mirroring import FRAME
from claude_sdk.normalizer.closer import Closer
from claude_sdk.normalizer.session_facts import SessionFacts
from claude_sdk.process.claude_process import ClaudeProcess
from claude_sdk.process.claudes import Claudes
from claude_sdk.process.errors import translate
from claude_sdk.process.launching import Launch, launch_plan
from claude_sdk.process.link import ClaudeLink
from claude_sdk.process.locks import SessionLock
from claude_sdk.receiver import SessionReceiver
from claude_sdk.session import ClaudeSession
from claude_sdk.store.session_store import SessionMirror
from claude_sdk.store.stored_sessions import StoredSessions
from claude_sdk.tools import initialize_fields


@dataclass(slots=True)
class Plan:
    """How to start the process of a session, the name that it has, why it is not stored, and the link that does it."""

    launch: Launch
    title: str | None = None
    unstored: str | None = None
    link: ClaudeLink | None = None


class SessionOpener:
    """Opens the sessions of one backend.

    Args:
        backend: Publishes what is to be known of all its processes.
        host: The backend's host.
        claudes: Starts their processes.
        store: Where claude keeps its sessions.
        env: The environment of the backend.
        unknown: Counts the frames that this package does not know, by kind.
        mirror: Keeps the sessions elsewhere too; None: nothing does.
    """

    def __init__(
        self,
        backend: BaseBackend[ClaudeSession],
        host: Host,
        claudes: Claudes,
        store: StoredSessions,
        env: Mapping[str, str],
        *,
        unknown: Counter[str],
        mirror: SessionMirror | None,
    ) -> None:
        self._backend = backend
        self._host = host
        self._claudes = claudes
        self._store = store
        self._env = env
        self._unknown = unknown
        self._mirror = mirror

    async def plan(self, options: SessionOptions) -> Plan:
        """Return how to start the process of a session, which works where a stored one did if nothing else is said.

        Raises:
            AgentError: There is no such session to go on with, or one that is in the way.
        """
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
        announced = {**initialize_fields(options.registries), **hooks_of(options)}
        launch = await off_the_loop(partial(plan, announced=announced, mirrored=self._mirror is not None))
        lost = None if launch.ephemeral else await off_the_loop(self._store.unwritable)
        return Plan(launch, title, lost)

    async def open(self, options: SessionOptions, plan: Plan) -> tuple[ClaudeSession, ClaudeProcess]:
        """Open a session, and return it with its claude, which may have waited for it.

        Raises:
            AgentError: It cannot be started, and nothing is left of it.
        """
        if plan.unstored is not None:
            self._backend.warn_once([f"Claude goes on without storing what is said: {plan.unstored}."])
        known = options.resume is not None or options.session_id is not None
        alike = self._claudes.prewarmed and not known and not options.registries
        warm = self._claudes.take(plan.launch) if alike else None
        if warm is None:
            self._claudes.require_room(None)
            launch, link = plan.launch, self._claudes.make(plan.launch)
        else:
            launch, link, _ = warm
        plan.link = link
        session = self._session(options, plan, launch, link)
        receiver = self._receiver(session, link)
        if warm is not None:
            warm[2].give(receiver)
        try:
            process = await link.connect()
            if warm is not None:
                await self._greet(session, process)
        except BaseException:
            with anyio.CancelScope(shield=True):
                await link.close()
            session.lost(SessionClosedError("The session was not opened.", backend="claude"))
            raise
        if process.warning is not None:
            self._backend.emit("warning", process.warning)
        if alike:
            self._claudes.want(plan.launch)
        return session, process

    def _session(self, options: SessionOptions, plan: Plan, launch: Launch, link: ClaudeLink) -> ClaudeSession:
        """Return a session that is not connected yet."""
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
        link.greeted = partial(self._greet, session)
        link.relaunch = partial(self._relaunch, session, launch)
        session.when_closed.append(lambda: self._claudes.forget(link))
        return session

    def _receiver(self, session: ClaudeSession, link: ClaudeLink) -> SessionReceiver:
        """Have a session told what its claude sends."""
        return SessionReceiver(
            session, link, self._host, backend=self._backend, unknown=self._unknown, mirror=self._mirrored
        )

    def _mirrored(self, frame: Json) -> bool:
        """Take a frame that tells of a session's lines; tell whether that was one."""
        if self._mirror is None or frame.get("type") != FRAME:
            return False
        self._mirror.take(frame)
        if self._host.running:
            self._host.start_soon(self._mirror.drain)
        return True

    async def _greet(self, session: ClaudeSession, process: ClaudeProcess) -> None:
        """Have a session take up a claude that has greeted."""
        require_hooks(session.options, process.version)
        self._backend.warn_once(unseen(session.options, process.version))
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
        self._claudes.require_room(session.driver.link)
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
        return (await self.plan(now.model_copy(update=own))).launch
