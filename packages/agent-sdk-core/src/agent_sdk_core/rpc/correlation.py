"""Which answer belongs to which request, both ways, whatever the envelope: what every agent's protocol needs.

It knows no method's meaning, reads nothing and has no tasks. A peer gives it an envelope: how a request is written, and
what a received message is.
"""

from __future__ import annotations

import contextlib
import copy
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, Final, Literal, TypeAlias

import anyio

from agent_sdk_core.errors import (
    AgentError,
    ConnectionLostError,
    FrameTooLargeError,
    SessionClosedError,
)
from agent_sdk_core.redaction import redact
from agent_sdk_core.rpc.receiver import IssueKind, JsonObject, ProtocolIssue, Receiver, RequestId, Run
from agent_sdk_core.transport.framing import DEFAULT_MAX_LINE, OversizedLine
from agent_sdk_core.wire.json_lines import encode_line

Tap: TypeAlias = Callable[[Literal["in", "out"], JsonObject], None]
"""Sees each message in both directions, as the wire has it; for a wire log."""

MAX_IN_FLIGHT: Final = 64
"""Bursts of 160 had no failure, of 200 had; 4,000 left 2,311 requests without any answer (codex 0.163)."""


class _Waiter:
    """A request that waits for its answer."""

    __slots__ = ("answered", "failure", "response")

    def __init__(self) -> None:
        self.answered = anyio.Event()
        self.response: JsonObject = {}
        self.failure: AgentError | None = None


class Correlation(ABC):
    """Requests of ours that wait for an answer, and requests of the other side that wait for ours.

    Args:
        write: Sends one encoded line; concurrent calls must not mix.
        receiver: Is told what the other side sends.
        name: Name of the other side, for errors.
        max_line: Bytes that one line of ours may have.
        max_in_flight: Requests that may wait for an answer at once; more wait to be sent.
        tap: Sees each message in both directions.

    Attributes:
        receiver: Who is told what the other side sends.
        name: Name of the other side.
        late_responses: Answers to requests that nobody waits for any more.
        protocol_issues: What was reported to the receiver.
    """

    def __init__(
        self,
        write: Callable[[bytes], Awaitable[None]],
        receiver: Receiver,
        *,
        name: str = "The agent",
        max_line: int = DEFAULT_MAX_LINE,
        max_in_flight: int = MAX_IN_FLIGHT,
        tap: Tap | None = None,
    ) -> None:
        self.receiver = receiver
        self.name = name
        self._write = write
        self._max_line = max_line
        self._slots = anyio.Semaphore(max_in_flight, fast_acquire=True)
        self._tap = tap
        self._next_id = 1
        self._waiters: dict[int, _Waiter] = {}
        self._open_requests: set[RequestId] = set()
        self._failure: AgentError | None = None
        self.late_responses = 0
        self.protocol_issues = 0

    @property
    def in_flight(self) -> int:
        """Requests of ours that wait for an answer."""
        return len(self._waiters)

    @property
    def failed(self) -> bool:
        """Whether `fail` has been called."""
        return self._failure is not None

    def require_open(self) -> None:
        """Check that the conversation goes on.

        Raises:
            AgentError: A copy of what was given to `fail`.
        """
        if self._failure is not None:
            raise copy.copy(self._failure)

    @abstractmethod
    def receive(self, values: Iterable[object]) -> None:
        """Take what was received, in order; never raises."""

    def receive_run(self, run: Run) -> None:
        """Take messages on end that differ in one text; never raises."""
        if self._tap is None:
            try:
                if self.receiver.on_run(run):
                    return
            except Exception as error:
                detail = f"{len(run.lines)} messages could not be handled: {error!r}"
                self.report("callback_failed", detail, run.messages(), error)
                return
        self.receive(run.messages())

    def awaits(self, request_id: RequestId) -> bool:
        """Tell whether the other side waits for an answer to this request of its own."""
        return request_id in self._open_requests

    def withdraw(self, request_id: RequestId) -> bool:
        """Forget a request of the other side, which no longer wants an answer; False if it is not open."""
        if request_id not in self._open_requests:
            return False
        self._open_requests.remove(request_id)
        return True

    def fail(self, error: AgentError) -> None:
        """End the conversation: everything that waits, and every later call, raises a copy of `error`."""
        if self._failure is not None:
            return
        self._failure = error
        self._open_requests.clear()
        waiters = list(self._waiters.values())
        self._waiters.clear()
        for waiter in waiters:
            waiter.failure = copy.copy(error)
            waiter.answered.set()

    def report(self, kind: IssueKind, detail: str, raw: object = None, error: Exception | None = None) -> None:
        """Count something that went wrong, and tell the receiver."""
        self.protocol_issues += 1
        with contextlib.suppress(Exception):
            self.receiver.on_issue(ProtocolIssue(kind, detail, raw, error))

    def drop(self, line: OversizedLine) -> None:
        """Take note of a line that was too long to be kept: the request of ours that it answers fails at once."""
        detail = f"A line of {line.size} bytes exceeds the limit and was dropped."
        self.report("oversized_line", detail, redact(line.head.decode("utf-8", "replace")))
        answered = self._answered_by(line.head)
        waiter = None if answered is None else self._waiters.pop(answered, None)
        if waiter is not None:
            waiter.failure = FrameTooLargeError(
                f"{self.name} answered with {line.size} bytes, more than one message may have.",
                details={"size": line.size},
            )
            waiter.answered.set()

    def _answered_by(self, head: bytes) -> int | None:
        """Return the id of the request that a line answers which begins so; None where it does not say."""
        del head
        return None

    async def _exchange(self, message: Callable[[int], JsonObject], *, counted: bool) -> JsonObject:
        """Send one request of ours, and return the message that answers it.

        Args:
            message: Writes the request with its id.
            counted: Whether it takes one of the places in flight.
        """
        self.require_open()
        waiter = _Waiter()
        async with self._slots if counted else contextlib.nullcontext():
            self.require_open()
            request_id = self._next_id
            self._next_id += 1
            self._waiters[request_id] = waiter
            try:
                await self._send(message(request_id))
                await waiter.answered.wait()
            finally:
                self._waiters.pop(request_id, None)
        if waiter.failure is not None:
            raise waiter.failure
        return waiter.response

    def _settle(self, request_id: int, message: JsonObject) -> bool:
        """Take the answer to a request of ours; False when no request ever had this id."""
        waiter = self._waiters.pop(request_id, None)
        if waiter is not None:
            waiter.response = message
            waiter.answered.set()
        elif 0 < request_id < self._next_id:
            self.late_responses += 1
        else:
            return False
        return True

    def _take_request(self, request_id: RequestId, message: JsonObject) -> bool:
        """Note a request of the other side; False when one with this id is open."""
        if request_id in self._open_requests:
            self.report("duplicate_request", f"A request with id {request_id!r} waits for its answer already.", message)
            return False
        if self._failure is None:
            self._open_requests.add(request_id)
        return True

    async def _answer(self, request_id: RequestId, message: JsonObject) -> bool:
        if request_id not in self._open_requests:
            return False
        line = self._encode(message)
        self._open_requests.remove(request_id)
        try:
            await self._send(message, line)
        except (ConnectionLostError, SessionClosedError):
            return False
        return True

    async def _send(self, message: JsonObject, line: bytes | None = None) -> None:
        line = line or self._encode(message)
        if self._tap is not None:
            self._tap_safely("out", message)
        await self._write(line)

    def _encode(self, message: JsonObject) -> bytes:
        line = encode_line(message)
        if len(line) > self._max_line:
            what = message.get("method") or message.get("type") or "answer"
            raise FrameTooLargeError(
                f"{what} has {len(line)} bytes, more than the {self._max_line} that one message may have.",
                details={"size": len(line), "limit": self._max_line},
            )
        return line

    def _call(self, what: str, message: JsonObject, callback: Callable[[], Any]) -> None:
        try:
            callback()
        except Exception as error:
            self.report("callback_failed", f"{what} could not be handled: {error!r}", message, error)

    def _tap_safely(self, direction: Literal["in", "out"], message: JsonObject) -> None:
        if self._tap is not None:
            with contextlib.suppress(Exception):
                self._tap(direction, message)
