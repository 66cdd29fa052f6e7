"""The Codex backend: one `codex app-server` for all sessions, started on first use and ended with the backend."""

from __future__ import annotations

import copy
import os
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from contextvars import copy_context
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, cast

import anyio

from agent_sdk_core.backend import AgentBackend, BackendCapabilities, BackendEvent, SessionPage
from agent_sdk_core.errors import AgentError, ProtocolError, SessionBusyError, SessionClosedError
from agent_sdk_core.models import ChatModel
from agent_sdk_core.options import SessionOptions
from agent_sdk_core.rpc.messages import ProtocolIssue, ServerRequest
from agent_sdk_core.rpc.peer import Tap
from agent_sdk_core.runtime.host import Host
from agent_sdk_core.runtime.streams import BoundedStream, Broadcast
from agent_sdk_core.session import HistoryPage
from agent_sdk_core.transport.process import ProcessExit
from codex_sdk.broker import RequestBroker
from codex_sdk.driver import CodexDriver
from codex_sdk.errors import translate
from codex_sdk.executable import find_executable
from codex_sdk.history import read_history
from codex_sdk.listings import list_models, list_threads
from codex_sdk.normalizer import ThreadFacts, ThreadNormalizer
from codex_sdk.params import thread_params
from codex_sdk.protocol.methods import SERVER_NOTIFICATIONS
from codex_sdk.router import Router
from codex_sdk.server import AppServer, ServerCallbacks
from codex_sdk.session import CodexSession

Json = dict[str, Any]

_OPEN_SECONDS: Final = 120.0
"""A thread starts its MCP servers first, which may take their time."""

_WARNINGS: Final = frozenset({"configWarning", "deprecationNotice", "warning", "windows/worldWritableWarning"})


@dataclass(frozen=True, slots=True)
class Notification:
    """A notification of the app-server, whatever thread it belongs to."""

    method: str
    params: Mapping[str, object]


class CodexBackend(AgentBackend):
    """Codex: one app-server process, many sessions.

    Args:
        executable: The codex executable; absent: `AGENT_SDK_CODEX_PATH`, the bundled one, or the one on `PATH`.
        env: The whole environment of the app-server; absent: this process's. `SessionOptions.env` is for the tools.
        startup_timeout: Seconds that the app-server has to start and answer.
        wire_log: Called with "in" or "out" and each message on the wire; what it raises is ignored.

    Attributes:
        version: Version of the running app-server, or None before the start.
        unknown_methods: How often each notification came that this package does not know.
    """

    type = "codex"
    capabilities = BackendCapabilities(
        resume=True,
        steer=True,
        shared_process=True,
        images=True,
        audio=True,
        skills=True,
        mentions=True,
        list_sessions=True,
        edit_sessions=True,
        policy_scope="asked_only",
    )

    def __init__(
        self,
        *,
        executable: str | os.PathLike[str] | None = None,
        env: Mapping[str, str] | None = None,
        startup_timeout: float = 30.0,
        wire_log: Tap | None = None,
    ) -> None:
        self.version: str | None = None
        self.unknown_methods: Counter[str] = Counter()
        self._executable = executable
        self._env = dict(os.environ if env is None else env)
        self._startup_timeout = startup_timeout
        self._tap = wire_log
        self._host = Host("the codex backend", on_stop=self._stop, on_abort=self._abort)
        self._server: AppServer | None = None
        self._broker: RequestBroker | None = None
        self._failure: AgentError | None = None
        self._closed = False
        self._starting = anyio.Lock()
        self._router = Router()
        self._sessions: dict[str, CodexSession] = {}
        self._touched: list[CodexSession] = []
        self._events: Broadcast[BackendEvent] = Broadcast(1_000)
        self._notifications: Broadcast[Notification] = Broadcast()
        self._requests: Broadcast[ServerRequest] = Broadcast(1_000)
        self._logs: Broadcast[str] = Broadcast(1_000)
        self._rate_limits: Mapping[str, object] = {}

    @classmethod
    def locate(cls) -> Path:
        """Return the codex executable that a new backend would start."""
        return find_executable(None, os.environ)

    @property
    def sessions(self) -> Sequence[CodexSession]:
        """The open sessions."""
        return tuple(self._sessions.values())

    @property
    def pid(self) -> int | None:
        """Process id of the app-server, while it runs."""
        return self._server.process.pid if self._server is not None and self._failure is None else None

    async def start(self) -> None:
        """Start the app-server and shake hands; does nothing when that is done."""
        async with self._starting:
            self._require_usable()
            if self._server is not None:
                return
            if not self._host.running:
                await self._host.start()
            self._server = await self._host.call(self._launch, abandoned=self._discard)
            self._broker = RequestBroker(self._server.peer)
            self.version = self._server.version
            self._emit("started", f"codex app-server {self.version} is running.", {"pid": self._server.process.pid})
            if self._server.warning is not None:
                self._emit("warning", self._server.warning)

    async def aclose(self) -> None:
        """Close every session and end the app-server. Bounded, shielded from cancellation, never raises."""
        self._closed = True
        await self._host.aclose()
        for stream in (self._events, self._notifications, self._requests, self._logs):
            stream.close()

    async def create_session(self, options: SessionOptions | None = None) -> CodexSession:
        """Open a session, new or resumed; a cancelled call leaves nothing behind."""
        options = options or SessionOptions()
        params = thread_params(options)
        if options.resume is not None and options.resume in self._sessions:
            raise SessionBusyError(f"Session {options.resume} is open in this backend already.", backend=self.type)
        await self.start()
        context = copy_context()
        return await self._host.call(
            lambda: self._open(options, params), abandoned=lambda session: session.aclose(), context=context
        )

    def events(self) -> AsyncIterator[BackendEvent]:
        """Return an iterator over what happens to the backend from now on."""
        return self._events.subscribe()

    def notifications(self) -> BoundedStream[Notification]:
        """Return an iterator over every notification from now on, those of no session included; lag is counted."""
        return self._notifications.subscribe()

    def server_requests(self) -> BoundedStream[ServerRequest]:
        """Return an iterator over the requests of the app-server, to observe; the sessions answer them."""
        return self._requests.subscribe()

    def logs(self) -> BoundedStream[str]:
        """Return an iterator over the app-server's stderr lines and stray lines of its stdout."""
        return self._logs.subscribe()

    async def request(
        self, method: str, params: Mapping[str, object] | None = None, *, timeout: float = 30.0
    ) -> object:
        """Send any request of the protocol and return its result.

        Args:
            method: The wire's method.
            params: Its parameters, in the wire's spelling.
            timeout: Seconds to wait for the answer.

        Raises:
            AgentError: Codex refused it, or did not answer in time.
        """
        server = await self._running()
        try:
            return await server.peer.request(method, dict(params or {}), timeout=timeout)
        except ProtocolError as error:
            raise translate(error, session_id=cast("str | None", (params or {}).get("threadId"))) from error

    async def list_models(self) -> list[ChatModel]:
        """Return the models that Codex offers."""
        return await list_models((await self._running()).peer)

    async def list_sessions(
        self, *, cwd: str | os.PathLike[str] | None = None, limit: int = 50, cursor: str | None = None
    ) -> SessionPage:
        """Return stored sessions, newest first."""
        return await list_threads((await self._running()).peer, cwd=cwd, limit=limit, cursor=cursor)

    async def read_history(
        self, session_id: str, *, limit: int | None = None, cursor: str | None = None
    ) -> HistoryPage:
        """Return the messages of a stored session, oldest first, without opening it."""
        return await read_history((await self._running()).peer, session_id, limit=limit, cursor=cursor)

    async def rename_session(self, session_id: str, title: str) -> None:
        """Give a stored session a name."""
        await self.request("thread/name/set", {"threadId": session_id, "name": title})

    async def archive_session(self, session_id: str) -> None:
        """Take a stored session out of the list; it can still be read."""
        await self.request("thread/archive", {"threadId": session_id})

    async def delete_session(self, session_id: str) -> None:
        """Delete a stored session for good."""
        await self.request("thread/delete", {"threadId": session_id})

    # Starting and stopping.

    async def _launch(self) -> AppServer:
        executable = find_executable(self._executable, self._env)
        callbacks = ServerCallbacks(
            on_notification=self._on_notification,
            on_request=self._on_request,
            on_protocol_error=self._on_protocol_error,
            on_log_line=self._on_log_line,
            on_batch_end=self._on_batch_end,
            on_exit=self._on_exit,
        )
        return await AppServer.launch(
            executable,
            env=self._env,
            host=self._host,
            callbacks=callbacks,
            timeout=self._startup_timeout,
            tap=self._tap,
        )

    async def _discard(self, server: AppServer) -> None:
        await server.process.stop(grace=0.2)

    async def _stop(self) -> None:
        async with anyio.create_task_group() as tasks:
            for session in self.sessions:
                tasks.start_soon(session.aclose)
        if self._server is not None:
            await self._server.process.stop()

    def _abort(self) -> None:
        if self._server is not None:
            self._server.process.kill_now()

    async def _running(self) -> AppServer:
        await self.start()
        return cast("AppServer", self._server)

    def _require_usable(self) -> None:
        if self._closed:
            raise SessionClosedError("The backend is closed; create a new one.", backend=self.type)
        if self._failure is not None:
            raise copy.copy(self._failure)

    async def _open(self, options: SessionOptions, params: Json) -> CodexSession:
        server = cast("AppServer", self._server)
        method: Literal["thread/start", "thread/resume"] = "thread/start"
        if options.resume is not None:
            method, params = "thread/resume", {**params, "threadId": options.resume, "excludeTurns": True}
        try:
            response = await server.peer.request(method, params, timeout=_OPEN_SECONDS)
        except ProtocolError as error:
            raise translate(error, session_id=options.resume) from error
        facts = ThreadFacts.from_response(cast("Json", response))
        normalizer = ThreadNormalizer(facts, partial=options.include_partial_messages)
        driver = CodexDriver(server.peer, self._host, normalizer, options)
        session = CodexSession(
            options, self._host, driver, normalizer, touched=self._touched.append, closed=self._forget
        )
        self._sessions[session.thread_id] = session
        self._router.attach(session.thread_id, session.feed)
        self._on_batch_end()
        return session

    def _forget(self, session: CodexSession) -> None:
        self._sessions.pop(session.thread_id, None)
        self._router.detach(session.thread_id)

    # What the app-server sends, in the wire's order.

    def _on_notification(self, method: str, params: Json, raw: Json) -> None:
        if self._notifications.watched:
            self._notifications.publish(Notification(method, params))
        if method not in SERVER_NOTIFICATIONS:
            self.unknown_methods[method] += 1
            if self.unknown_methods[method] == 1:
                self._emit("warning", f"codex sent a notification that this SDK does not know: {method}.")
        thread_id = params.get("threadId")
        if type(thread_id) is str:
            if method == "serverRequest/resolved":
                self._withdraw(thread_id, params.get("requestId"))
            self._router.route(thread_id, method, params, raw)
        elif method in _WARNINGS:
            self._emit("warning", str(params.get("summary") or params.get("message") or method), params)
        elif method == "account/rateLimits/updated" and params != self._rate_limits:
            self._rate_limits = params
            self._emit("rate_limits", "The account's rate limits changed.", params)
            for session in self.sessions:
                session.feed(method, params, raw)

    def _withdraw(self, thread_id: str, request_id: object) -> None:
        session = self._sessions.get(thread_id)
        if session is not None:
            session.requests.withdraw(native_id=str(request_id))

    def _on_request(self, request: ServerRequest) -> None:
        if self._requests.watched:
            self._requests.publish(request)
        if self._broker is not None and self._host.running:
            thread_id = request.params.get("threadId")
            session = self._sessions.get(thread_id) if isinstance(thread_id, str) else None
            self._host.start_soon(self._broker.handle, request, session)

    def _on_protocol_error(self, issue: ProtocolIssue) -> None:
        self._emit("protocol_error", issue.detail, {"kind": issue.kind, "raw": issue.raw})

    def _on_log_line(self, line: str) -> None:
        self._logs.publish(line)

    def _on_batch_end(self) -> None:
        touched, self._touched[:] = self._touched[:], []
        for session in touched:
            session.flush()

    def _on_exit(self, ended: ProcessExit | None, error: AgentError) -> None:
        error.backend = self.type
        self._failure = error
        self._on_batch_end()
        for session in self.sessions:
            session.disconnected(error)
        if not self._closed:
            self._emit("dead", error.message, {"exit": str(ended) if ended else None})

    def _emit(self, kind: Any, message: str, details: Mapping[str, object] | None = None) -> None:
        self._events.publish(BackendEvent(kind, message, details or {}))
