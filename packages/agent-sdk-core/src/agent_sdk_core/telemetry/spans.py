"""Spans: what began and ended in this process (backends, sessions, turns, tool uses, requests), told to observers.

Without an observer no span is made. Attributes are spelled as OpenTelemetry's conventions for generative AI have them.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from contextvars import Context, ContextVar, copy_context
from dataclasses import field
from typing import Final, Literal, Protocol, TypeAlias

from agent_sdk_core.records import dataclass

SpanKind = Literal["backend", "session", "turn", "tool", "approval"]
Value: TypeAlias = str | int | float | bool

PROVIDERS: Final[Mapping[str, str]] = {"claude": "anthropic", "codex": "openai"}
"""Who makes an agent's model, as the conventions name them; others go by the backend's name."""

_log = logging.getLogger(__name__)


@dataclass(slots=True, eq=False)
class Span:
    """One thing from its beginning to its end.

    Attributes:
        kind: What it is.
        name: What it is called.
        attributes: What is known of it; more may come until it ends.
        parent: What it is a part of.
        caller: The context of the application's call that occasioned it.
        began: Unix time in nanoseconds.
        ended: Likewise, once it has.
        error: Why it failed, if it did.
        natives: What observers keep for it, each under its own id.
    """

    kind: SpanKind
    name: str
    attributes: dict[str, Value]
    parent: Span | None = None
    caller: Context | None = None
    began: int = field(default_factory=time.time_ns)
    ended: int | None = None
    error: BaseException | None = None
    natives: dict[int, object] = field(default_factory=dict[int, object])


class SpanObserver(Protocol):
    """Is told of spans, synchronously, where they begin and end; must not wait. What it raises is logged."""

    @property
    def content(self) -> bool:
        """Whether it wants prompts, answers and the arguments and results of tools."""
        ...

    def begin(self, span: Span, /) -> None:
        """Note that a span begins."""
        ...

    def end(self, span: Span, /) -> None:
        """Note that it has ended."""
        ...

    def carrier(self, span: Span, /) -> Mapping[str, str]:
        """Return the variables that tell a process which span it was started in."""
        ...


_observers: tuple[SpanObserver, ...] = ()
_active: ContextVar[Span | None] = ContextVar("agent_sdk_span", default=None)


def observe(observer: SpanObserver) -> Callable[[], None]:
    """Have an observer told of every span from now on; return what ends that."""
    global _observers  # of the process
    _observers = (*_observers, observer)

    def leave() -> None:
        global _observers
        _observers = tuple(each for each in _observers if each is not observer)

    return leave


def caller() -> Context | None:
    """Return the context of the application's call, where anybody wants to know it."""
    return copy_context() if _observers else None


def wants_content() -> bool:
    """Tell whether any observer wants what is said."""
    return any(each.content for each in _observers)


def begin(
    kind: SpanKind,
    name: str,
    attributes: Mapping[str, Value | None],
    *,
    parent: Span | None = None,
    caller: Context | None = None,
) -> Span | None:
    """Begin a span; None where nobody observes."""
    if not _observers:
        return None
    span = Span(kind, name, _known(attributes), parent, caller)
    for each in _observers:
        _tell(each.begin, span)
    return span


def end(
    span: Span | None, attributes: Mapping[str, Value | None] | None = None, *, error: BaseException | None = None
) -> None:
    """End a span, once."""
    if span is None or span.ended is not None:
        return
    span.attributes.update(_known(attributes or {}))
    span.error, span.ended = error, time.time_ns()
    for each in _observers:
        _tell(each.end, span)


def enter(span: Span | None) -> None:
    """Let what this task starts from now on, and its processes, belong to a span."""
    if span is not None:
        _active.set(span)


def carrier() -> Mapping[str, str]:
    """Return the variables that tell a process that is started here which span it belongs to."""
    found: dict[str, str] = {}
    if (span := _active.get()) is not None:
        for each in _observers:
            try:
                found |= each.carrier(span)
            except BaseException:  # As in `_tell`.
                _log.exception("an observer of spans failed")
    return found


def _known(attributes: Mapping[str, Value | None]) -> dict[str, Value]:
    return {name: value for name, value in attributes.items() if value is not None}


def _tell(told: Callable[[Span], None], span: Span) -> None:
    try:
        told(span)
    except BaseException:  # Code of the application, whose SystemExit would end what it only watches.
        _log.exception("an observer of spans failed")
