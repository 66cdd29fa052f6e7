"""A session from the start of its process to its end: what the process says finds its session, also before it is open.

MCP servers shake hands before claude answers `initialize`, so requests are served from the first moment on.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Final

import anyio.to_thread

from agent_sdk_core.errors import AgentError, SessionClosedError
from agent_sdk_core.options import SessionOptions
from agent_sdk_core.rpc.correlation import Tap
from agent_sdk_core.rpc.receiver import ProtocolIssue, Receiver, RequestId, ServerRequest
from agent_sdk_core.runtime.asking.broker import RequestBroker
from agent_sdk_core.runtime.backend import BaseBackend
from agent_sdk_core.runtime.host import Host
from agent_sdk_core.wire.reading import Json, record_of
from claude_sdk.driver import ClaudeDriver
from claude_sdk.normalizer.closer import Closer
from claude_sdk.normalizer.frame_kinds import KNOWN_FRAMES, frame_kind
from claude_sdk.normalizer.session_facts import SessionFacts
from claude_sdk.process.claude_process import ClaudeProcess
from claude_sdk.process.launching import Launch
from claude_sdk.process.locks import SessionLock
from claude_sdk.session import ClaudeSession
from claude_sdk.store.stored_sessions import StoredSessions

_UNGREETED: Final = "The session was not opened."


class Opening(Receiver):
    """One session and its process.

    Args:
        options: The session's options.
        launch: How to start the process.
        host: Runs its tasks.
        backend: Publishes what is to be known of all its processes.
        unknown: Counts the frames that this package does not know, by kind.
        tap: Sees each frame in both directions.
        on_closed: Told when the session is closed.
    """

    def __init__(
        self,
        options: SessionOptions,
        launch: Launch,
        host: Host,
        *,
        backend: BaseBackend[ClaudeSession],
        unknown: Counter[str],
        tap: Tap | None,
        on_closed: Callable[[Opening], None],
    ) -> None:
        self._options = options
        self._launch = launch
        self._host = host
        self._backend = backend
        self._unknown = unknown
        self._tap = tap
        self._on_closed = on_closed
        self._process: ClaudeProcess | None = None
        self._broker: RequestBroker | None = None
        self._session: ClaudeSession | None = None
        self._lock: SessionLock | None = None
        self._greeted = False
        self._aborted = False

    @property
    def session(self) -> ClaudeSession:
        """The session, once it is open."""
        if self._session is None:
            raise RuntimeError(_UNGREETED)
        return self._session

    @property
    def is_over(self) -> bool:
        """Whether its process has ended."""
        return self._process is not None and self._process.child.exit is not None

    async def start(self, executable: Path, store: StoredSessions, *, timeout: float) -> ClaudeProcess:
        """Start the process and shake hands.

        Args:
            executable: The claude executable.
            store: Where claude keeps its sessions.
            timeout: Seconds for the handshake.

        Raises:
            SessionBusyError: Another live session has this id.
            SessionClosedError: It was aborted meanwhile.
            AgentError: The process did not start; `abort` cleans up.
        """
        launch, options = self._launch, self._options
        self._lock = await anyio.to_thread.run_sync(SessionLock, store.folder, launch.session_id)
        self._require_wanted()
        facts = SessionFacts(
            cwd=str(launch.cwd), model=options.model, effort=options.reasoning_effort, mode=options.permission_mode
        )
        closer = Closer(launch.session_id, facts)
        process = self._process = await ClaudeProcess.spawn(
            executable, launch, host=self._host, receiver=self, tap=self._tap
        )
        self._require_wanted()
        copied_from = options.resume if options.fork else None
        driver = ClaudeDriver(
            process,
            self._host,
            closer,
            facts,
            store,
            stored=launch.stored,
            ephemeral=launch.ephemeral,
            copied_from=copied_from,
        )
        driver.answers = launch.answers
        self._session = ClaudeSession(launch.session_id, options, self._host, driver, closer, facts)
        self._session.when_closed.append(self.release)
        self._broker = RequestBroker(process.peer, process.peer.respond_error)
        try:
            await process.greet(executable, launch, timeout=timeout)
        except AgentError:
            self._require_wanted()
            raise
        self._require_wanted()
        facts.take_initialize(process.greeting)
        facts.require_effort(options.reasoning_effort)
        self._greeted = True
        return process

    async def abort(self) -> None:
        """End the process of a session that nobody will see, or keep it from starting; bounded, never raises."""
        self._aborted = True
        if self._process is not None:
            await self._process.stop(grace=0)
        self.release()

    def kill_now(self) -> None:
        """Kill the process without an event loop."""
        if self._process is not None:
            self._process.child.kill_now()
        self._unlock()

    def release(self) -> None:
        """Let others open the session; idempotent."""
        self._unlock()
        self._on_closed(self)

    def _unlock(self) -> None:
        if self._lock is not None:
            self._lock.release()

    def _require_wanted(self) -> None:
        if self._aborted:
            raise SessionClosedError("The session was given up while it was opened.", backend="claude")

    # What the process sends.

    def on_message(self, name: str, body: Json, raw: Json, /) -> None:
        """Take a frame: what concerns the backend is told there first, then the session reads it."""
        kind = frame_kind(body)
        if kind not in KNOWN_FRAMES:
            self._note_unknown(kind)
        elif kind == "rate_limit_event":
            limits = record_of(body.get("rate_limit_info"))
            self._backend.emit("rate_limits", "The account's rate limits changed.", limits)
        if self._session is not None:
            self._session.feed(body)

    def on_request(self, request: ServerRequest, /) -> None:
        """Take a request, and have it answered in a task of its own."""
        if self._session is not None and self._broker is not None and self._host.running:
            self._host.start_soon(self._broker.handle, request, self._session, context=self._session.context)

    def on_withdrawn(self, request_id: RequestId, /) -> None:
        """Note that a request wants no answer any more."""
        if self._session is not None:
            self._session.requests.withdraw(native_id=str(request_id))

    def on_issue(self, issue: ProtocolIssue, /) -> None:
        """Take what was no valid frame."""
        self._backend.emit("protocol_error", issue.detail, {"kind": issue.kind, "raw": issue.raw})

    def on_log_line(self, line: str, /) -> None:
        """Take a line of the log."""
        self._backend.take_log_line(line)

    def on_batch_end(self) -> None:
        """Hand on what one chunk brought."""
        if self._session is not None:
            self._session.flush()

    def on_exit(self, ended: object | None, error: AgentError, /) -> None:
        """Settle the session whose process has ended by itself."""
        error.backend = "claude"
        session, process = self._session, self._process
        closing = session is None or session.state == "closed"
        if session is None or (closing and process is not None and process.dismissed):
            return
        session.disconnected(error)  # Also one that waits for the end of its turn, to be closed.
        if ended is not None and self._lock is not None:
            self._lock.release()  # Nobody writes to the conversation any more, so it may be resumed at once.
        if process is not None and self._host.running:
            # Its commands have sessions of their own, and live on when it was killed.
            self._host.start_soon(process.stop)
        if self._greeted and not closing:
            details = {"exit": str(ended) if ended else None, "session_id": session.session_id}
            self._backend.emit("exited", error.message, details)

    def _note_unknown(self, kind: str) -> None:
        """Count what passes through without being understood, and tell it once a kind."""
        self._unknown[kind] += 1
        if self._unknown[kind] == 1:
            self._backend.emit("warning", f"claude sent a frame that this SDK does not know: {kind}.")
