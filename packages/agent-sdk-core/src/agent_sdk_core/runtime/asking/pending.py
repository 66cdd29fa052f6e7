"""What the agent asked and nobody answered yet: each request is settled exactly once, and denied unless allowed.

A request is settled by the callback, by `session.answer()`, by its deadline, by the agent that withdraws it, or by the
close of its session. Whoever comes first wins; the callback runs as a task of its own and is cancelled when it lost.
"""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Awaitable, Callable
from contextvars import Context
from dataclasses import field, replace
from typing import Any, cast

import anyio

from agent_sdk_core.asking.permissions import Defer, Deny, PermissionRequest
from agent_sdk_core.asking.requests import (
    REFUSALS,
    AgentAnswer,
    AgentRequest,
    DecidedBy,
    RequestKind,
    identity_of,
    kind_of,
    origin_of,
    outcome_of,
    require_kind,
)
from agent_sdk_core.errors import AgentError, InvalidRequestError, PolicyDeniedError
from agent_sdk_core.messages.parse import SDKMessage
from agent_sdk_core.messages.system import RequestOpened, RequestResolved
from agent_sdk_core.records import dataclass
from agent_sdk_core.runtime.asking.grants import SessionGrants
from agent_sdk_core.runtime.asking.policing import Ruling
from agent_sdk_core.runtime.asking.user_code import call_user_code
from agent_sdk_core.runtime.host import Host
from agent_sdk_core.telemetry.correlation import within

_log = logging.getLogger(__name__)

Callback = Callable[[Any], Awaitable[AgentAnswer]]
Judge = Callable[[Any], Awaitable[Ruling]]
Review = Callable[[AgentAnswer], Awaitable[Ruling]]


@dataclass(slots=True, eq=False)
class _Pending:
    request: AgentRequest
    kind: RequestKind
    check: Callable[[AgentAnswer], object]
    ended: Callable[[_Pending], None]
    review: Review | None = None
    judged: anyio.Event = field(default_factory=anyio.Event)
    settled: anyio.Event = field(default_factory=anyio.Event)
    scope: anyio.CancelScope = field(default_factory=anyio.CancelScope)
    answer: AgentAnswer | None = None
    encoded: object = None
    by: DecidedBy = "agent"
    rule: str | None = None

    def settle(self, answer: AgentAnswer | None, by: DecidedBy, encoded: object = None) -> None:
        if self.settled.is_set():
            return
        self.answer, self.by, self.encoded = answer, by, encoded
        try:
            if encoded is None and answer is not None:
                self.encoded = self.check(answer)
        finally:
            self.settled.set()
            self.request.settled.set()
            self.judged.set()
            self.scope.cancel()
            self.ended(self)


@dataclass(frozen=True, slots=True)
class Resolution:
    """How a request ended.

    Attributes:
        answer: The answer, or None when the agent withdrew the request.
        encoded: The answer as the driver's `check` put it for the wire.
        by: Who decided.
    """

    answer: AgentAnswer | None
    encoded: object
    by: DecidedBy


class PendingRequests:
    """The open requests of one session.

    Args:
        host: Runs the callbacks.
        context: Context variables that callbacks see.
        emit: Publishes `RequestOpened` and `RequestResolved` on the session.
        turn: Returns what the running turn is called in logs.

    Attributes:
        grants: What was allowed for the session.
    """

    def __init__(
        self,
        host: Host,
        context: Context,
        emit: Callable[[SDKMessage], None],
        *,
        turn: Callable[[], str | None] = lambda: None,
    ) -> None:
        self._host = host
        self._context = context
        self._emit = emit
        self._turn = turn
        self.grants = SessionGrants()
        self._open: dict[str, _Pending] = {}
        self._refusing = False
        self._released = anyio.Event()

    def __iter__(self) -> Any:
        return iter([pending.request for pending in self._open.values()])

    def __len__(self) -> int:
        return len(self._open)

    async def resolve(
        self,
        request: AgentRequest,
        *,
        callback: Callback | Defer | None,
        check: Callable[[AgentAnswer], object],
        timeout: float | None,
        judge: Judge | None = None,
        review: Review | None = None,
    ) -> Resolution:
        """Put a request to whoever answers, and return how it ended; never raises for a bad answer.

        What the close of the session refused is returned when `release` is called.

        Args:
            request: The request; its `request_id` is ours.
            callback: Who is asked; None refuses at once, `DEFER` waits for `answer()`.
            check: Encodes an answer for the wire; raises `AgentError` for one that the agent cannot honour.
            timeout: Seconds until it is refused, or None; the deadline that the request tells counts from here.
            judge: Decides before anybody is asked, or leaves the decision to whoever is.
            review: Looks at what is answered, before it counts.
        """
        if timeout is not None:  # What came a while ago is told the time that it is given, not one that is over.
            request = replace(request, deadline=time.time() + timeout)
        pending = _Pending(request, kind_of(request), check, self._ended, review)
        self._open[request.request_id] = pending
        self._emit(self._opened(request))
        try:
            if self._refusing:
                pending.settle(REFUSALS[pending.kind], "close")
            elif judge is not None:
                self._host.start_soon(self._judge, pending, judge, callback, context=self._within(pending))
            else:
                pending.judged.set()
                self._put(pending, callback)
            with anyio.move_on_after(timeout):
                await pending.settled.wait()
            pending.settle(REFUSALS[pending.kind], "deadline")
        finally:
            pending.settle(None, "close")
        if pending.by == "close":
            await self._released.wait()
        return Resolution(pending.answer, pending.encoded, pending.by)

    async def answer(self, request_id: str, answer: AgentAnswer) -> None:
        """Settle a request from elsewhere, once the policy has left it to whoever answers.

        Raises:
            InvalidRequestError: It is not open, or the answer is of another kind.
            PolicyDeniedError: The policy refuses the input that the answer changes; the request stays open.
            AgentError: The agent cannot honour the answer; the request stays open.
        """
        pending, encoded = await self._looked_at(request_id, answer)
        pending.settle(answer, "answer", encoded)

    async def fits(self, request_id: str, answer: AgentAnswer) -> None:
        """Look at an answer, and settle nothing; raises what `answer` raises."""
        await self._looked_at(request_id, answer)

    async def _looked_at(self, request_id: str, answer: AgentAnswer) -> tuple[_Pending, object]:
        """Return an open request, and an answer that fits it as it is put for the wire."""
        pending = self._open.get(request_id)
        if pending is not None:
            require_kind(pending.kind, answer)
            await pending.judged.wait()
        encoded: object = None
        if pending is not None and not pending.settled.is_set():
            encoded = pending.check(answer)
            if pending.review is not None and (refused := (await pending.review(answer)).answer) is not None:
                raise PolicyDeniedError(cast("Deny", refused).message)
        if pending is None or pending.settled.is_set():
            raise InvalidRequestError(f"No request {request_id!r} is open; it was answered, withdrawn or never asked.")
        return pending, encoded

    def withdraw(self, *, native_id: str | None = None) -> None:
        """Settle what the agent no longer asks: one request by its native id, or all."""
        for pending in list(self._open.values()):
            source = pending.request.source
            if native_id is None or (source is not None and source.request_id == native_id):
                pending.settle(None, "agent")

    def refuse_all(self) -> None:
        """Settle everything with a refusal, also what is asked from now on, because the session closes.

        The agent hears of it after `release`: until it is stopped it would go on, as after any other refusal.
        """
        self._refusing = True
        for pending in list(self._open.values()):
            pending.settle(REFUSALS[pending.kind], "close")

    def release(self) -> None:
        """Let the agent have what `refuse_all` settled, as far as it still waits for it."""
        self._released.set()

    def _ended(self, pending: _Pending) -> None:
        """Tell how a request ended, at once: who closes the session right behind it ends what it is told on."""
        del self._open[pending.request.request_id]
        self._emit(self._resolved(pending))

    def _put(self, pending: _Pending, callback: Callback | Defer | None) -> None:
        if callback is None:
            pending.settle(REFUSALS[pending.kind], "no_callback")
        elif not isinstance(callback, Defer):
            self._host.start_soon(self._call, pending, callback, context=self._within(pending))

    def _within(self, pending: _Pending) -> Context:
        """Return the context for what is called for a request."""
        return within(self._context, turn=self._turn(), request=pending.request.request_id)

    async def _judge(self, pending: _Pending, judge: Judge, callback: Callback | Defer | None) -> None:
        """Let the policy decide; one that breaks refuses."""
        answer: AgentAnswer | None = REFUSALS[pending.kind]
        by: DecidedBy = "policy"
        try:
            with pending.scope:
                ruling = await call_user_code(
                    lambda: judge(pending.request), f"the policy for a {pending.kind} request"
                )
                if ruling is not None:
                    answer, pending.rule, by = ruling
        except Exception:
            _log.exception("the policy for a %s request failed, which counts as a denial", pending.kind)
        finally:
            if answer is not None:
                pending.settle(answer, by)
        if not pending.settled.is_set():
            if pending.rule is not None and isinstance(pending.request, PermissionRequest):
                pending.request = replace(pending.request, rule=pending.rule)
            pending.judged.set()
            pending.scope = anyio.CancelScope()
            self._put(pending, callback)

    async def _call(self, pending: _Pending, callback: Callback) -> None:
        refusal = REFUSALS[pending.kind]
        given: AgentAnswer | None = None
        if pending.settled.is_set():
            return
        try:
            with pending.scope:
                answer = await call_user_code(
                    lambda: callback(pending.request), f"the callback for a {pending.kind} request"
                )
                if not pending.settled.is_set():
                    require_kind(pending.kind, answer)
                    given = cast("AgentAnswer", answer)
                    encoded = pending.check(given)
                    ruling = Ruling(None) if pending.review is None else await pending.review(given)
                    if ruling.answer is None:
                        pending.settle(given, "callback", encoded)
                    elif not pending.settled.is_set():
                        pending.rule = ruling.rule
                        pending.settle(ruling.answer, ruling.by)
        except AgentError as error:
            _log.error("the answer to a %s request was refused and counts as a denial: %s", pending.kind, error)
            refusal = refusal if given is None else _refusal_because(pending, error)
        except Exception:
            _log.exception("the callback for a %s request failed, which counts as a denial", pending.kind)
        finally:
            pending.settle(refusal, "callback_error")

    def _opened(self, request: AgentRequest) -> SDKMessage:
        deadline = {} if request.deadline is None else {"deadline": request.deadline}
        return RequestOpened.synthesize(
            origin_of(request), request.raw, **identity_of(request), request=request.to_wire(), **deadline
        )

    def _resolved(self, pending: _Pending) -> SDKMessage:
        request = pending.request
        told = pending.rule or (request.rule if isinstance(request, PermissionRequest) else None)
        rule = {} if told is None else {"rule": told}
        return RequestResolved.synthesize(
            origin_of(request), **identity_of(request), outcome=outcome_of(pending.answer), by=pending.by, **rule
        )


def _refusal_because(pending: _Pending, error: AgentError) -> AgentAnswer:
    """Return the refusal that tells the agent why an answer could not be used, if it takes that one."""
    told = Deny(f"The answer to this request cannot be used: {error.message}")
    if pending.kind == "permission":
        with contextlib.suppress(Exception):
            pending.check(told)
            return told
    return REFUSALS[pending.kind]
