"""Receiver of what the app-server sends: the router for sessions, the broker for requests, streams for the rest.

Everything here is synchronous and in the wire's order, and waits for nobody.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping, Sequence
from contextvars import Context
from functools import partial
from typing import Final, Generic, Protocol, TypeVar, cast

from agent_sdk_core.errors import AgentError, SessionBusyError
from agent_sdk_core.interfaces.events import BackendEventKind
from agent_sdk_core.records import dataclass
from agent_sdk_core.rpc.receiver import Holes, ProtocolIssue, Receiver, Run, ServerRequest
from agent_sdk_core.runtime.asking.pending import PendingRequests
from agent_sdk_core.runtime.host import Host
from agent_sdk_core.runtime.streams import Broadcast
from agent_sdk_core.wire.reading import Json
from codex_sdk.normalizer.speech.speech import STREAMED
from codex_sdk.routing.early_notifications import EarlyNotifications
from codex_sdk.routing.novelty_counter import Unknowns
from codex_sdk.routing.router import Owner, Router

_DELTA: Final = Holes(("params", "delta"))

_WARNINGS: Final = frozenset({"configWarning", "deprecationNotice", "warning", "windows/worldWritableWarning"})


@dataclass(frozen=True, slots=True)
class Notification:
    """A notification of the app-server, whatever thread it belongs to."""

    method: str
    params: Mapping[str, object]


class Session(Owner, Protocol):
    """An owner that is asked, and hands on what it took at the end of a chunk."""

    context: Context
    requests: PendingRequests
    when_closed: list[Callable[[], object]]

    @property
    def thread_id(self) -> str:
        """Its thread, which it has from the start."""
        ...

    def feed_run(self, method: str, params: Json, texts: Sequence[str], lines: Sequence[bytes], /) -> bool:
        """Take deltas on end of an item that streams; False, with nothing done: each is to be fed.

        Args:
            method: Their method.
            params: Their params, but for the delta.
            texts: What each adds.
            lines: They as they were received.
        """
        ...

    def flush(self) -> None:
        """Hand on what it took since the last call."""
        ...


S = TypeVar("S", bound=Session)
Asked = TypeVar("Asked", contravariant=True)


class Broker(Protocol[Asked]):
    """What answers the requests of the app-server."""

    async def handle(self, request: ServerRequest, session: Asked | None, /) -> None:
        """Answer one, of a session or of none."""

    def withdraw(self, request_id: int | str, /) -> object:
        """Note that one needs no answer any more."""


class Emit(Protocol):
    """Publishes an event of the backend."""

    def __call__(self, kind: BackendEventKind, message: str, details: Mapping[str, object] | None = None, /) -> None:
        """Publish it."""


class Dispatcher(Receiver, Generic[S]):
    """The sessions of one backend, and the streams of what belongs to none.

    Args:
        host: Runs what answers requests.
        emit: Publishes an event of the backend.
        log: Takes a line that is no message.
        lost: Told how the app-server ended, and the error that says so.
        broker: Answers requests.
        unowned: Requests that concern no session, also where they name a thread.

    Attributes:
        unknowns: What came that this package does not know.
        notifications: Every notification.
        requests: Every request of the app-server, to observe.
        login_completed: Takes the params of `account/login/completed`.
    """

    def __init__(
        self,
        host: Host,
        emit: Emit,
        log: Callable[[str], None],
        lost: Callable[[object | None, AgentError], None],
        broker: Broker[S],
        unowned: Container[str] = (),
    ) -> None:
        self.unknowns = Unknowns(partial(emit, "warning"))
        self.notifications: Broadcast[Notification] = Broadcast(guard=host.require_here)
        self.requests: Broadcast[ServerRequest] = Broadcast(1_000, guard=host.require_here)
        self.login_completed: Callable[[Json], object] | None = None
        self._emit = emit
        self._log = log
        self._lost = lost
        self._host = host
        self._broker = broker
        self._unowned = unowned
        self._router: Router[S] = Router(EarlyNotifications())
        self._route = self._router.route
        self._touched: list[S] = []
        self._rate_limits: Mapping[str, object] = {}
        self._plain = self.unknowns.plain

    @property
    def sessions(self) -> Sequence[S]:
        """The open sessions."""
        return self._router.owners

    def is_open(self, thread_id: str) -> bool:
        """Whether a session of this thread is open."""
        return self._router.is_open(thread_id)

    def touched(self, session: S) -> None:
        """Note that messages wait in a session for the end of the batch."""
        self._touched.append(session)

    def attach(self, session: S) -> None:
        """Give a session what its thread sends, first what came before it was known.

        Raises:
            SessionBusyError: Its thread has a session already.
        """
        if self.is_open(session.thread_id):
            raise SessionBusyError(f"Session {session.thread_id} is open in this backend already.", backend="codex")
        session.when_closed.append(partial(self.detach, session))
        self._router.open(session.thread_id, session)
        self.on_batch_end()

    def moved(self, session: S, former: str) -> None:
        """Give a session what its thread sends, where another one took the place of its former one."""
        self._router.close(former, session)
        self._router.open(session.thread_id, session)
        self.on_batch_end()

    def detach(self, session: S) -> None:
        """Forget a session and the threads of its sub-agents."""
        self._router.close(session.thread_id, session)

    def close(self) -> None:
        """Tell what is new and not yet told, and end every stream."""
        self.unknowns.tell_gathered()
        self.notifications.close()
        self.requests.close()

    def on_message(self, method: str, params: Json, raw: Json, /) -> None:
        """Take a notification."""
        if self.notifications.watched:
            self.notifications.publish(Notification(method, params))
        fields = self._plain.get(method)
        if fields is None or not fields.issuperset(params):
            self.unknowns.notification(method, params)
        if method == "serverRequest/resolved":
            self._withdraw(params)
        if not self._route(method, params, raw):
            self._take_global(method, params, raw)

    def holes_of(self, raw: Json, /) -> Holes | None:
        """Return where the deltas of what the model says differ."""
        method, params = raw.get("method"), raw.get("params")
        if type(method) is str and method in STREAMED and "id" not in raw and type(params) is dict:
            texts = (cast("Json", params).get(name) for name in ("threadId", "itemId", "delta"))
            return _DELTA if all(type(text) is str for text in texts) else None
        return None

    def on_run(self, run: Run, /) -> bool:
        """Take deltas of one item, where nobody wants to see each and its session streams it already."""
        if self.notifications.watched:
            return False
        params = cast("Json", run.like["params"])
        owner = self._router.owner(params["threadId"])
        return owner is not None and owner.feed_run(cast("str", run.like["method"]), params, run.texts, run.lines)

    def on_request(self, request: ServerRequest, /) -> None:
        """Take a request, and have it answered in a task of its own."""
        if self.requests.watched:
            self.requests.publish(request)
        self.unknowns.request(request.method, request.params)
        if self._host.running:
            thread_id = request.params.get("threadId") if request.method not in self._unowned else None
            owner = self._router.owner(thread_id) if isinstance(thread_id, str) else None
            context = None if owner is None else owner.context
            self._host.start_soon(self._broker.handle, request, owner, context=context)

    def on_issue(self, issue: ProtocolIssue, /) -> None:
        """Take what was no valid message."""
        self._emit("protocol_error", issue.detail, {"kind": issue.kind, "raw": issue.raw})

    def on_log_line(self, line: str, /) -> None:
        """Take a line of the log."""
        self._log(line)

    def on_exit(self, ended: object | None, error: AgentError, /) -> None:
        """Hand on what came last, and tell that the app-server is gone."""
        self.on_batch_end()
        self._lost(ended, error)

    def on_batch_end(self) -> None:
        """Hand on what one chunk brought."""
        touched, self._touched[:] = self._touched[:], []
        for session in touched:
            session.flush()

    def _take_global(self, method: str, params: Json, raw: Json) -> None:
        if method in _WARNINGS:
            self._emit("warning", str(params.get("summary") or params.get("message") or method), params)
        elif method == "account/login/completed" and self.login_completed is not None:
            self.login_completed(params)
        elif method == "account/rateLimits/updated":
            if params != self._rate_limits:
                self._rate_limits = params
                self._emit("rate_limits", "The account's rate limits changed.", params)
            self._router.spread(method, params, raw)  # Each whose turn runs tells them, once.

    def _withdraw(self, params: Json) -> None:
        request_id, thread_id = params.get("requestId"), params.get("threadId")
        if isinstance(request_id, int | str):
            self._broker.withdraw(request_id)  # The task that handles it may not have begun.
        owner = self._router.owner(thread_id) if isinstance(thread_id, str) else None
        if owner is not None:
            owner.requests.withdraw(native_id=str(request_id))
