"""`ErrorReporter`: the errors of this process by class, with how often and when, and sinks that take them elsewhere."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final, TypeAlias

from agent_sdk_core.arguments import checked, checked_class
from agent_sdk_core.errors import AgentError
from agent_sdk_core.records import dataclass
from agent_sdk_core.redaction import redact
from agent_sdk_core.telemetry.correlation import correlation
from agent_sdk_core.telemetry.metrics import ERRORS
from agent_sdk_core.wire.forms import WireForm

_log = logging.getLogger(__name__)

_MOST_RECORDS: Final = 500
"""Kinds of errors that are kept apart; of more, the one that came longest ago gives way."""

_LONGEST: Final = 500
"""Characters of a message that are kept."""

clock = time.time


@checked_class()
@dataclass(frozen=True, slots=True, repr=False)
class ErrorRecord(WireForm):
    """Errors of one kind: the same class, code, backend and place.

    Attributes:
        error: Name of the class, as "RateLimitError".
        families: Names of the classes it belongs to, the nearest first; "AgentError" is the last, and missing where it
            is none of ours.
        code: Its stable identifier; "internal_error" for what is none of ours.
        where: What failed: "turn", "prompt", "start", "agent" (it was lost), "request", "callback", "internal".
        backend: Whose it was; None: nobody's.
        count: How often it came.
        first_at: Unix time in seconds of the first.
        last_at: Unix time in seconds of the last.
        last_message: What the last one said, without secrets, 500 characters of it.
        last_context: What the last one belonged to: session, turn, request, where they are known.
        retryable: Whether the same call may succeed later, as the last one said.
    """

    error: str
    families: tuple[str, ...]
    code: str
    where: str
    backend: str | None
    count: int
    first_at: float
    last_at: float
    last_message: str
    last_context: Mapping[str, str]
    retryable: bool = False


ErrorSink: TypeAlias = Callable[[ErrorRecord, BaseException], Any]
"""Takes an error, as it stands in the records, and itself; what it raises is logged."""


class ErrorReporter:
    """The errors that were reported, by kind; may be used from any thread.

    The SDK reports to `error_reporter()`, the one of the process: failed turns, refused prompts, agents that did not
    start or were lost, callbacks that raised. An application may report its own there.
    """

    def __init__(self) -> None:
        self._records: dict[tuple[str, str, str, str | None], ErrorRecord] = {}
        self._sinks: tuple[ErrorSink, ...] = ()
        self._lock = threading.Lock()

    def report(
        self, error: BaseException, *, where: str, backend: str | None = None, context: Mapping[str, str] | None = None
    ) -> None:
        """Count an error, and hand it to every sink; never raises.

        Args:
            error: What was raised.
            where: What failed, see `ErrorRecord`.
            backend: Whose it was; absent: as the error says, or what runs here belongs to.
            context: What it belonged to; absent: what runs here belongs to.
        """
        around = correlation() if context is None else context
        backend = backend or getattr(error, "backend", None) or around.get("backend")
        code = error.code if isinstance(error, AgentError) else "internal_error"
        name, now = type(error).__name__, clock()
        key = (name, code, where, backend)
        with self._lock:
            before = self._records.pop(key, None)
            record = ErrorRecord(
                error=name,
                families=tuple(each.__name__ for each in type(error).__mro__[1:] if issubclass(each, AgentError)),
                code=code,
                where=where,
                backend=backend,
                count=1 if before is None else before.count + 1,
                first_at=now if before is None else before.first_at,
                last_at=now,
                last_message=_text(error),
                last_context=MappingProxyType({**around}),
                retryable=isinstance(error, AgentError) and error.retryable,
            )
            self._records[key] = record
            if len(self._records) > _MOST_RECORDS:
                del self._records[next(iter(self._records))]
        ERRORS.add(1, backend=backend, error=name, code=code, where=where)
        for sink in self._sinks:
            try:
                sink(record, error)
            except BaseException:  # Code of the application, whose SystemExit would end what it is told of.
                _log.exception("a sink of errors failed")

    def records(self) -> Sequence[ErrorRecord]:
        """Return what was reported, by kind, what came last first."""
        with self._lock:
            return tuple(reversed(self._records.values()))

    def add_sink(self, sink: ErrorSink) -> Callable[[], None]:
        """Have every error from now on handed to a function, in the thread that reports it; return what ends that.

        It must not wait: a service that is asked over a network takes it from a queue.
        """
        with self._lock:
            self._sinks = (*self._sinks, sink)

        def leave() -> None:
            with self._lock:
                self._sinks = tuple(each for each in self._sinks if each is not sink)

        return leave

    def clear(self) -> None:
        """Forget what was reported; the sinks stay."""
        with self._lock:
            self._records.clear()


def _text(error: BaseException) -> str:
    """Return what an error says, whatever it raises when it is asked."""
    try:
        return redact(str(error))[:_LONGEST]
    except BaseException:
        return f"{type(error).__name__}, which cannot be shown"


_REPORTER: Final = ErrorReporter()


@checked
def error_reporter() -> ErrorReporter:
    """Return the reporter of this process."""
    return _REPORTER
