"""Receiver of what one claude sends: its session for frames and requests, its backend for the rest.

MCP servers shake hands before claude answers `initialize`, so requests are served from the first moment on.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from agent_sdk_core.errors import AgentError
from agent_sdk_core.rpc.receiver import Holes, ProtocolIssue, Receiver, RequestId, Run, ServerRequest
from agent_sdk_core.runtime.asking.broker import RequestBroker
from agent_sdk_core.runtime.backend import BaseBackend
from agent_sdk_core.runtime.host import Host
from agent_sdk_core.wire.reading import Json, record_of, texts_of
from claude_sdk.asking.grants import never_asked
from claude_sdk.normalizer.frame_kinds import KNOWN_FRAMES, frame_kind
from claude_sdk.normalizer.plain_deltas import holes_of
from claude_sdk.process.link import ClaudeLink
from claude_sdk.process.typed_options import passed_over
from claude_sdk.session import ClaudeSession


class SessionReceiver(Receiver):
    """What one claude sends.

    Args:
        session: Takes its frames, and is asked its requests.
        link: The way to it.
        host: Runs what answers requests.
        backend: Publishes what is to be known of all its processes.
        unknown: Counts the frames that this package does not know, by kind.
        mirror: Takes what tells of the session's file, and tells whether it did.
    """

    def __init__(
        self,
        session: ClaudeSession,
        link: ClaudeLink,
        host: Host,
        *,
        backend: BaseBackend[ClaudeSession],
        unknown: Counter[str],
        mirror: Callable[[Json], bool] | None = None,
    ) -> None:
        self._session = session
        self._link = link
        self._host = host
        self._backend = backend
        self._unknown = unknown
        self._mirror = mirror
        self._seen_init = False
        self._broker = RequestBroker(lambda: link.today.peer)
        link.receiver = self
        link.when_lost.append(self.lost)

    def on_message(self, name: str, body: Json, raw: Json, /) -> None:
        """Take a frame: what concerns the backend is told there first, then the session reads it."""
        if self._mirror is not None and self._mirror(body):
            return
        kind = frame_kind(body)
        if kind not in KNOWN_FRAMES:
            self._note_unknown(kind)
        elif kind == "system/session_writes_lost":
            self._backend.tell_full_disk(body)
        elif kind == "system/init" and not self._seen_init:
            self._seen_init = True
            self._backend.warn_once(never_asked(self._session.options, texts_of(body.get("tools"))))
            for sentence in passed_over(self._session.options, body):
                self._backend.emit("warning", sentence)
        elif kind == "rate_limit_event":
            limits = record_of(body.get("rate_limit_info"))
            self._backend.emit("rate_limits", "The account's rate limits changed.", limits)
        self._session.feed(body)

    def holes_of(self, raw: Json, /) -> Holes | None:
        """Return where the deltas of what the model says differ."""
        return holes_of(raw)

    def on_run(self, run: Run, /) -> bool:
        """Take deltas of one block, where its turn has begun."""
        return self._session.feed_run(run)

    def on_request(self, request: ServerRequest, /) -> None:
        """Take a request, and have it answered in a task of its own."""
        if self._host.running:
            self._host.start_soon(self._broker.handle, request, self._session, context=self._session.context)

    def on_withdrawn(self, request_id: RequestId, /) -> None:
        """Note that a request wants no answer any more."""
        self._session.requests.withdraw(native_id=str(request_id))

    def on_issue(self, issue: ProtocolIssue, /) -> None:
        """Take what was no valid frame."""
        self._backend.emit("protocol_error", issue.detail, {"kind": issue.kind, "raw": issue.raw})

    def on_log_line(self, line: str, /) -> None:
        """Take a line of the log."""
        self._backend.take_log_line(line)

    def on_batch_end(self) -> None:
        """Hand on what one chunk brought."""
        self._session.flush()

    def on_exit(self, ended: object | None, error: AgentError, /) -> None:
        """Tell that claude has ended by itself."""
        self._link.lose(ended, error)

    def lost(self, ended: object | None, error: AgentError) -> None:
        """Settle the session, also one that waits for the end of its turn to be closed."""
        error.backend = "claude"
        closing = self._session.state == "closed"
        self._session.cut_off(error)
        if not closing:
            details = {"exit": str(ended) if ended else None, "session_id": self._session.session_id}
            self._backend.emit("exited", error.message, details)

    def _note_unknown(self, kind: str) -> None:
        """Count what passes through without being understood, and tell it once a kind."""
        self._unknown[kind] += 1
        if self._unknown[kind] == 1:
            self._backend.emit("warning", f"claude sent a frame that this SDK does not know: {kind}.")
