"""`Router`: what an agent sends, to the session that it names; what comes before its session is kept for it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator, Mapping
from contextlib import contextmanager
from contextvars import Context
from typing import Final, Protocol, cast

from acp_sdk.asking.requests import session_of
from acp_sdk.protocol import methods
from agent_sdk_core.errors import AgentError
from agent_sdk_core.interfaces.events import BackendEventKind
from agent_sdk_core.rpc.receiver import ProtocolIssue, Receiver, RequestId, ServerRequest
from agent_sdk_core.runtime.asking.broker import Asked, RequestBroker
from agent_sdk_core.runtime.host import Host
from agent_sdk_core.wire.reading import Json

_EARLY: Final = 1_000
"""Updates that are kept for sessions which are not known yet."""


class Emit(Protocol):
    """Publishes an event of the backend."""

    def __call__(self, kind: BackendEventKind, message: str, details: Mapping[str, object] | None = None, /) -> None:
        """Publish it."""


class Owner(Asked, Protocol):
    """A session, as far as its agent tells and asks.

    Attributes:
        context: What answers its requests runs in copies of it.
    """

    context: Context

    def feed(self, params: Json, /) -> None:
        """Take an update; its messages go out with the next `flush`."""

    def pass_on(self, method: str, params: Json, /) -> None:
        """Take a notification that is no update, and that nobody here knows."""

    def announce(self, request: ServerRequest, /) -> None:
        """Tell of the call that a permission is asked for."""

    def flush(self) -> None:
        """Hand on what the last chunk brought."""


class Router(Receiver):
    """The sessions of one agent.

    Args:
        host: Runs what answers requests.
        emit: Publishes an event of the backend.
        log: Takes a line that is no message.
        lost: Told how the agent ended, and the error that says so.
        broker: Answers requests.
        complain: Answers a request with an error: its id, why, and the error's code.
        name: What the agent is called.
        unknown: How often each request or notification came that nobody here knows.
    """

    def __init__(
        self,
        host: Host,
        emit: Emit,
        log: Callable[[str], None],
        lost: Callable[[object | None, AgentError], None],
        broker: RequestBroker,
        complain: Callable[[RequestId, str, int], Awaitable[None]],
        name: str,
        unknown: dict[str, int],
    ) -> None:
        self._unknown = unknown
        self._host = host
        self._emit = emit
        self._log = log
        self._lost = lost
        self._broker = broker
        self._complain = complain
        self._name = name
        self._owners: dict[str, Owner] = {}
        self._readers: dict[str, Callable[[Json], None]] = {}
        self._early: list[tuple[str, Json]] = []
        self._opening = 0
        self._touched: dict[Owner, None] = {}

    def is_open(self, session_id: str) -> bool:
        """Whether a session of this id is open."""
        return session_id in self._owners

    def attach(self, session_id: str, session: Owner) -> None:
        """Give a session what the agent tells of it, first what came before it was known."""
        self._owners[session_id] = session
        early = [params for owner, params in self._early if owner == session_id]
        self._early = [entry for entry in self._early if entry[0] != session_id]
        for params in early:
            self._feed(session, params)
        self.on_batch_end()

    def detach(self, session_id: str, session: Owner) -> None:
        """Forget a session; what comes of it later is nobody's."""
        if self._owners.get(session_id) is session:
            del self._owners[session_id]

    def read(self, session_id: str, take: Callable[[Json], None]) -> None:
        """Have the updates of a session read that is not open here, such as one that is replayed; `unread` ends it."""
        self._readers[session_id] = take

    def unread(self, session_id: str) -> None:
        """Read no updates any more."""
        self._readers.pop(session_id, None)

    @contextmanager
    def opening(self) -> Generator[None]:
        """Keep what the agent tells of sessions that nobody here knows yet, until they have been attached."""
        self._opening += 1
        try:
            yield
        finally:
            self._opening -= 1
            if not self._opening:
                self._early.clear()

    def on_message(self, name: str, body: Json, raw: Json, /) -> None:
        """Take a notification."""
        if name == methods.UPDATE:
            session_id = session_of(body) or ""
            if (reader := self._readers.get(session_id)) is not None:
                reader(body)
            elif (owner := self._owners.get(session_id)) is not None:
                self._feed(owner, body)
            elif self._opening and len(self._early) < _EARLY:  # Else it tells of one that is closed.
                self._early.append((session_id, body))
            return
        if name == methods.CANCEL_REQUEST:
            self._withdraw(body.get("requestId"))
            return
        if name != methods.COMPLETE_ELICITATION:
            self._note_unknown(name, body)
        owner = self._owners.get(session_of(body) or "")
        if owner is not None:
            owner.pass_on(name, body)
            self._touched[owner] = None

    def on_request(self, request: ServerRequest, /) -> None:
        """Take a request, and have it answered in a task of its own."""
        owner = self._owners.get(session_of(request.params) or "")
        if request.method not in (methods.REQUEST_PERMISSION, methods.CREATE_ELICITATION):
            self._note_unknown(request.method, request.params)
        if owner is not None:
            owner.announce(request)
            owner.flush()
        if self._host.running:
            context: Context | None = None if owner is None else owner.context
            self._host.start_soon(self._broker.handle, request, owner, context=context)

    def on_withdrawn(self, request_id: RequestId, /) -> None:
        """Note that a request wants no answer any more."""
        self._withdraw(request_id)

    def on_issue(self, issue: ProtocolIssue, /) -> None:
        """Take what was no valid message; an agent that waits for an answer to it is told."""
        self._emit("protocol_error", issue.detail, {"kind": issue.kind, "raw": issue.raw})
        request_id = issue.unanswered
        if request_id is not None and self._host.running:
            self._host.start_soon(self._complain, request_id, issue.detail, methods.INVALID_REQUEST)

    def on_log_line(self, line: str, /) -> None:
        """Take a line of the log."""
        self._log(line)

    def on_batch_end(self) -> None:
        """Hand on what one chunk brought."""
        touched, self._touched = list(self._touched), {}
        for session in touched:
            session.flush()

    def on_exit(self, ended: object | None, error: AgentError, /) -> None:
        """Hand on what came last, and tell that the agent is gone."""
        self.on_batch_end()
        self._lost(ended, error)

    def _feed(self, owner: Owner, params: Json) -> None:
        owner.feed(params)
        self._touched[owner] = None

    def _withdraw(self, request_id: object) -> None:
        """Ask nobody any more what an agent has given up, and answer it, as the protocol wants of each request."""
        if type(request_id) not in (int, str):  # Not `isinstance`, for True would be the request 1.
            return
        known = cast("RequestId", request_id)
        if not self._broker.withdraw(known):
            return
        for session in list(self._owners.values()):
            session.requests.withdraw(native_id=str(known))
        if self._host.running:
            self._host.start_soon(self._complain, known, "The request was cancelled.", methods.REQUEST_CANCELLED)

    def _note_unknown(self, method: str, params: Json) -> None:
        seen = self._unknown.get(method, 0)
        self._unknown[method] = seen + 1
        if not seen:
            self._emit("warning", f"The {self._name} agent sent {method}, which is not known here.", {"params": params})
