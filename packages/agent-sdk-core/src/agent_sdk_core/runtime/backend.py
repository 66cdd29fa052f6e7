"""The life of a backend: started once, closed once, and settled whatever way it ends; an agent says what differs.

An agent's backend writes `_open` for a session, and `_connect` if its sessions share something. What it starts belongs
to its links, which are closed, or killed where an event loop was left without a close.
"""

from __future__ import annotations

import copy
import logging
from abc import abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from contextvars import copy_context
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

import anyio

from agent_sdk_core.errors import (
    AgentError,
    InvalidRequestError,
    PolicyDeniedError,
    SessionBusyError,
    SessionClosedError,
)
from agent_sdk_core.interfaces.account import Account, LoginMethod
from agent_sdk_core.interfaces.backend import AgentBackend
from agent_sdk_core.interfaces.events import BackendEvent, BackendEventKind
from agent_sdk_core.interfaces.opening import SessionOpening
from agent_sdk_core.interfaces.streams import Stream
from agent_sdk_core.option_values import require_positive
from agent_sdk_core.options import SessionOptions
from agent_sdk_core.runtime.beginning import start_in
from agent_sdk_core.runtime.host import Host
from agent_sdk_core.runtime.login import LOGIN_SECONDS, Login, LoginFlow, chosen_method
from agent_sdk_core.runtime.stays import Stay, Stays
from agent_sdk_core.runtime.streams import Broadcast
from agent_sdk_core.secret import Secret
from agent_sdk_core.telemetry import spans
from agent_sdk_core.wire.json_lines import mend
from agent_sdk_core.wire.shown import described

if TYPE_CHECKING:
    from agent_sdk_core.runtime.link import Link
    from agent_sdk_core.runtime.session import BaseSession

_log = logging.getLogger(__name__)
S = TypeVar("S", bound="BaseSession")

_REMEMBERED = 1_000
"""Events or log lines that an iterator may lag behind."""


class BaseBackend(AgentBackend, Generic[S]):
    """A backend over what one agent does differently."""

    def __init__(self) -> None:
        self._host = Host(f"the {self.type} backend", on_stop=self._stop, on_abort=self._abort, backend=self.type)
        self._sessions: list[S] = []
        self._stays = Stays()
        self._links: list[Link[Any]] = []
        self._logins: list[Login] = []
        self._events: Broadcast[BackendEvent] = Broadcast(_REMEMBERED, guard=self._host.require_here, keep=True)
        self._disk_told = False
        self._logs: Broadcast[str] = Broadcast(_REMEMBERED, guard=self._host.require_here)
        self._connecting = anyio.Lock()
        self._connected = False
        self._closed = False
        self._warned: set[str] = set()
        self._failure: AgentError | None = None
        self._span: spans.Span | None = None

    @classmethod
    def locate(cls) -> Path | None:
        """Return None: there is no executable."""
        return None

    def __repr__(self) -> str:
        usable = "started" if self._connected else "not started"
        state = "closed" if self._closed else usable if self._failure is None else "ended"
        return described(self, state=state, sessions=len(self._sessions), reason=self._failure)

    @property
    def sessions(self) -> Sequence[S]:
        """The open sessions."""
        return tuple(self._sessions)

    async def start(self) -> None:
        """Start the agent; does nothing when it is started."""
        self._require_usable()
        if self._connected:
            return
        await self._host.start()
        scope = anyio.CancelScope()
        try:
            await self._host.call(lambda: self._connect_once(scope))
        except anyio.get_cancelled_exc_class():
            scope.cancel()
            raise

    async def aclose(self) -> None:
        """Close every session and end every process. Bounded, shielded from cancellation, never raises.

        A task that asyncio itself cancels stops waiting, and the close goes on without it.
        """
        before, self._closed = self._closed, True
        try:
            await self._host.aclose()
        except InvalidRequestError:  # In another event loop than the backend's, which goes on.
            self._closed = before
            raise
        self._end_streams()

    def create_session(self, options: SessionOptions | None = None) -> SessionOpening[S]:
        """Open a session, new, resumed or forked, when this is awaited or entered with ``async with``."""
        return SessionOpening(partial(self._create_session, options))

    def resume(self, session_id: str, options: SessionOptions | None = None) -> SessionOpening[S]:
        """Open a stored session and go on with it."""
        return cast("SessionOpening[S]", super().resume(session_id, options))

    async def _create_session(self, options: SessionOptions | None) -> S:
        options = self.configured(options)
        options.require_supported(self.type, self.capabilities.unsupported_options)
        options.require_enforceable(self.type, self.capabilities.policy_scope)
        if options.hooks is not None:
            options.hooks.require(self.type, self.capabilities.hooks)
        self._require_usable()
        self.warn_once(options.warnings())
        await self._stays.left(options)
        return await self._open_planned(options, await self._plan(options))

    async def account(self) -> Account:
        """Return the account that the agent works with, as it is now."""
        await self.start()
        return await self._host.call(self._read_account)

    async def login(
        self, method: LoginMethod | None = None, *, api_key: Secret | None = None, timeout: float = LOGIN_SECONDS
    ) -> Login:
        """Begin a login at the agent, and return what to show the user."""
        require_positive("AgentBackend.login", "timeout", timeout)
        chosen = chosen_method(method, api_key, self.capabilities.login_methods, backend=self.type)
        await self.start()
        return await self._host.call(
            lambda: self._begin_login(chosen, api_key, timeout), abandoned=lambda login: login.cancel()
        )

    async def logout(self) -> None:
        """Have the agent forget the login that it stores; a key in its environment stays."""
        if not self.capabilities.login_methods:
            raise self._unsupported("log out")
        await self.start()
        await self._host.call(self._log_out)

    def events(self) -> Stream[BackendEvent]:
        """Return an iterator over what happens to the backend; the first one begins with what happened before it."""
        return self._events.subscribe()

    def logs(self) -> Stream[str]:
        """Return an iterator over lines of the agent's stderr, and stray ones of its stdout, from now on."""
        return self._logs.subscribe()

    def take_log_line(self, line: str) -> None:
        """Publish a line of the agent's log; a full disk is told once, for agents answer on and store nothing."""
        from agent_sdk_core.transport.process.stderr import tells_of_full_disk

        self._logs.publish(line)
        if tells_of_full_disk(line):
            self.tell_full_disk({"line": line})

    def tell_full_disk(self, details: Mapping[str, object]) -> None:
        """Tell, once, that the agent answers on and stores nothing."""
        if not self._disk_told:
            self._disk_told = True
            self.emit("warning", f"{self.type} cannot store what is said: the disk is full.", details)

    def emit(self, kind: BackendEventKind, message: str, details: Mapping[str, object] | None = None) -> None:
        """Publish an event of the backend."""
        self._events.publish(BackendEvent(kind, mend(message), details or {}))

    # What an agent does differently. What is awaited runs in the host, but for `_plan`.

    async def _connect(self) -> None:
        """Start what all sessions share, and emit "started"; one that fails, or is cancelled, leaves nothing."""
        self.emit("started", f"The {self.type} agent is ready.")

    async def _plan(self, options: SessionOptions) -> Any:
        """Check options before anything is started for them, and return what `_open` needs beside them."""
        del options
        return None

    def _tell_gathered(self) -> None:
        """Emit what was kept to be told together; after "dead" nothing is."""

    @abstractmethod
    async def _open(self, options: SessionOptions, plan: Any) -> S:
        """Open a session, whether its caller still waits or not; one that fails leaves nothing."""

    async def _finish(self) -> None:
        """Do what is left when the sessions and what they ran on have ended; bounded. Events are still told then."""

    def _given_up(self, plan: Any) -> None:
        """Note that nobody waits for a session any more; one that opens all the same is closed."""
        del plan

    async def _read_account(self) -> Account:
        """Ask the agent for its account."""
        raise self._unsupported("tell which account it has")

    async def _start_login(self, method: LoginMethod, api_key: Secret | None) -> LoginFlow:
        """Begin a login by one of `capabilities.login_methods`; one that fails leaves nothing.

        Raises:
            AuthenticationError: The agent refused.
        """
        raise self._unsupported("log in")

    async def _forget_login(self) -> None:
        """Have the agent forget its login."""
        raise self._unsupported("log out")

    # For an agent's backend.

    def _require_usable(self) -> None:
        """Check that the backend can be used, here.

        Raises:
            SessionClosedError: It was closed.
            InvalidRequestError: It was started in another event loop.
            AgentError: It has ended; the error says how.
        """
        if self._closed:
            raise SessionClosedError("The backend is closed; create a new one.", backend=self.type)
        self._host.require_here()
        if self._failure is not None:
            raise copy.copy(self._failure)

    def _require_closed(self, session_id: str) -> None:
        """Refuse to take away what a session of this backend is stored in while that is open.

        Raises:
            SessionBusyError: It is open.
            InvalidRequestError: The backend was started in another event loop.
        """
        self._host.require_here()
        if any(session.resolved_session_id == session_id for session in self._sessions):
            raise SessionBusyError(f"Session {session_id} is open in this backend; close it first.", backend=self.type)

    def _cut_off(self, ended: object | None, error: AgentError) -> None:
        """Settle what ran, because what all sessions share has ended and comes back; see `Link.when_lost`."""
        self._tell_exited(ended, error)
        for session in self.sessions:
            session.cut_off(error)
        for login in list(self._logins):
            login.lost(error)

    def _tell_exited(
        self, ended: object | None, error: AgentError, kind: BackendEventKind = "exited", **at: str
    ) -> None:
        """Emit that an agent has ended, unless it was closed, after what was kept to be told together."""
        error.backend = error.backend or self.type
        if not self._closed:
            self._tell_gathered()
            self.emit(kind, error.message, {"exit": str(ended) if ended else None, **at})

    def _lost(self, ended: object | None, error: AgentError) -> None:
        """Settle everything, because what all sessions share has ended for good; see `Link.when_dead`."""
        error.backend = error.backend or self.type
        self._failure = self._failure or error
        for session in self.sessions:
            session.disconnected(error)
        for login in list(self._logins):
            login.lost(error)
        self._tell_exited(ended, error, "dead")

    def warn_once(self, sentences: Iterable[str]) -> None:
        """Log and emit what is hardly meant, each sentence once."""
        for sentence in sentences:
            if sentence not in self._warned:
                self._warned.add(sentence)
                _log.warning("%s", sentence)
                self.emit("warning", sentence)

    async def _open_planned(self, options: SessionOptions, plan: Any) -> S:
        await self.start()
        stay = self._stays.begin(options)
        try:
            return await self._host.call(
                lambda: self._open_and_stay(options, plan, stay),
                abandoned=lambda session: session.aclose(),
                context=copy_context(),
            )
        except anyio.get_cancelled_exc_class():
            stay.given_up = True
            self._given_up(plan)
            raise

    # The host's side.

    async def _connect_once(self, scope: anyio.CancelScope) -> None:
        with scope:
            async with self._connecting:
                self._require_usable()
                if not self._connected:
                    if self._span is None:
                        attributes = {"gen_ai.agent.name": self.type}
                        self._span = spans.begin("backend", f"backend {self.type}", attributes)
                    spans.enter(self._span)
                    try:
                        await self._connect()
                    except AgentError as error:
                        error.backend = error.backend or self.type
                        raise
                    self._connected = True

    async def _open_and_stay(self, options: SessionOptions, plan: Any, stay: Stay) -> S:
        try:
            return await self._open_and_keep(options, plan, stay)
        except BaseException:
            self._stays.end(stay)
            raise

    async def _open_and_keep(self, options: SessionOptions, plan: Any, stay: Stay) -> S:
        span = spans.begin(
            "session",
            f"session {self.type}",
            {"gen_ai.agent.name": self.type},
            parent=self._span,
            caller=spans.caller(),
        )
        spans.enter(span)
        try:
            session = await self._open(options, plan)
        except BaseException as error:
            spans.end(span, error=error)
            raise
        session.backend = self
        session.recorder.span = span
        self._sessions.append(session)
        session.recorder.open()
        session.use()
        session.when_closed += (lambda: self._sessions.remove(session), lambda: self._stays.end(stay))
        stay.session = session
        if (reason := await session.hooks.start(options, cwd=session.info.cwd)) is not None:
            await session.aclose()
            raise PolicyDeniedError(reason, backend=self.type, details={"hook": "session_start"})
        if self._closed:  # Too late for `_stop` to see it.
            await session.aclose()
        return session

    async def _begin_login(self, method: LoginMethod, api_key: Secret | None, timeout: float) -> Login:
        flow = await self._start_login(method, api_key)
        login = Login(method, flow, backend=self.type, host=self._host, timeout=timeout, account=self._read_account)
        self._logins.append(login)
        self._host.start_soon(self._log_in, login)
        return login

    async def _log_in(self, login: Login) -> None:
        try:
            account = await login.run()
        finally:
            self._logins.remove(login)
        if account is not None:
            self.emit("account", "Somebody logged in.", account.to_wire())

    async def _log_out(self) -> None:
        await self._forget_login()
        self.emit("account", "The agent has forgotten its login.")

    async def _stop(self) -> None:
        try:
            async with anyio.create_task_group() as tasks:
                for login in list(self._logins):
                    start_in(tasks, login.cancel)
                for session in self.sessions:
                    start_in(tasks, session.aclose)
            async with anyio.create_task_group() as tasks:
                for link in self._links:
                    start_in(tasks, link.close)
            await self._finish()
        finally:
            self._end_streams()

    def _abort(self, error: AgentError) -> None:
        """Settle everything, because the host has ended: no task is left that could."""
        error.backend = self.type
        if self._failure is None:
            self._failure = error
            self._tell_gathered()
            self.emit("dead", error.message)
        settling = [link.kill_now for link in self._links]
        settling += [lambda session=session: session.lost(error) for session in self.sessions]
        settling += [lambda login=login: login.lost(error) for login in self._logins]
        for settle in settling:
            try:
                settle()
            except Exception:
                _log.exception("settling what the %s backend left failed", self.type)
        self._end_streams()

    def _end_streams(self) -> None:
        spans.end(self._span, error=self._failure)
        self._events.close()
        self._logs.close()
