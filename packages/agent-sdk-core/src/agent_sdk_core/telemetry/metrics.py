"""`Metrics`: counts, levels and latencies of this process, which are always kept and read as one snapshot."""

from __future__ import annotations

import logging
import threading
from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from typing import Any, Final, Literal, TypeAlias

from agent_sdk_core.arguments import checked, checked_class
from agent_sdk_core.records import dataclass
from agent_sdk_core.wire.forms import WireForm

_log = logging.getLogger(__name__)

MetricKind = Literal["counter", "level", "histogram"]
Attributes: TypeAlias = Mapping[str, str]

_SECONDS: Final = (
    *(0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92),
    *(327.68, 1310.72),
)
"""Upper bounds of the buckets of a latency, in seconds."""

_MOST_SERIES: Final = 500
"""Series that an instrument keeps; whatever comes with other attributes is counted as one more, `overflow`."""

_OVERFLOW: Final = (("overflow", "true"),)


@checked_class()
@dataclass(frozen=True, slots=True, repr=False)
class MetricSeries(WireForm):
    """What one instrument counted for one set of attributes.

    Attributes:
        attributes: What it was counted for, as backend, outcome or model.
        value: The count, the level of now, or the sum of what was measured.
        count: How often it was measured; 0 for a counter or a level.
        buckets: How many of these were at most the bound of the same place in `Metric.bounds`, and above the one
            before; the last one has no bound.
    """

    attributes: Mapping[str, str]
    value: float
    count: int = 0
    buckets: tuple[int, ...] = ()


@checked_class()
@dataclass(frozen=True, slots=True, repr=False)
class Metric(WireForm):
    """What this process counted or measured of one thing.

    Attributes:
        name: Its name, as "agent_sdk.turns".
        kind: "counter": it only grows. "level": it goes up and down. "histogram": how often which value was measured.
        unit: "s" for seconds, "USD" for US dollars, else what is counted, in braces.
        description: What it is.
        series: One for each set of attributes that there was, in no order.
        bounds: Upper bounds of the buckets of a histogram.
    """

    name: str
    kind: MetricKind
    unit: str
    description: str
    series: tuple[MetricSeries, ...] = ()
    bounds: tuple[float, ...] = ()


@dataclass(slots=True)
class _Held:
    value: float = 0.0
    count: int = 0
    buckets: list[int] = field(default_factory=list[int])


class Instrument:
    """One thing that is counted or measured; may be used from any thread.

    Args:
        name: See `Metric`.
        kind: See `Metric`.
        unit: See `Metric`.
        description: See `Metric`.
    """

    def __init__(self, name: str, kind: MetricKind, unit: str, description: str) -> None:
        self.name = name
        self.kind: MetricKind = kind
        self.unit = unit
        self.description = description
        self._held: dict[tuple[tuple[str, str], ...], _Held] = {}
        self._lock = threading.Lock()

    def add(self, amount: float, /, **attributes: str | None) -> None:
        """Count, or measure, one more; an attribute that is None is left out."""
        key = tuple(sorted((name, value) for name, value in attributes.items() if value is not None))
        with self._lock:
            if key not in self._held and len(self._held) >= _MOST_SERIES:
                key = _OVERFLOW
            held = self._held.setdefault(key, _Held())
            held.value += amount
            if self.kind == "histogram":
                held.count += 1
                held.buckets = held.buckets or [0] * (len(_SECONDS) + 1)
                held.buckets[bisect_left(_SECONDS, amount)] += 1
        for listener in _listeners:
            try:
                listener(self, amount, dict(key))
            except BaseException:  # Code of the application, whose SystemExit would end what it is told of.
                _log.exception("a listener of metrics failed")

    def read(self) -> Metric:
        """Return what was counted so far."""
        with self._lock:
            series = tuple(
                MetricSeries(dict(key), held.value, held.count, tuple(held.buckets)) for key, held in self._held.items()
            )
        bounds = _SECONDS if self.kind == "histogram" else ()
        return Metric(self.name, self.kind, self.unit, self.description, series, bounds)

    def value(self, **attributes: str) -> float:
        """Return the sum of the series that have these attributes."""
        return sum(each.value for each in self.read().series if attributes.items() <= each.attributes.items())


Listener: TypeAlias = Callable[[Instrument, float, Mapping[str, str]], Any]

_listeners: tuple[Listener, ...] = ()


def listen(listener: Listener) -> Callable[[], None]:
    """Have a function told of all that is counted from now on, in whichever thread; return what ends that.

    It must not wait; what it raises is logged.
    """
    global _listeners  # of the process, as the counts are
    _listeners = (*_listeners, listener)

    def leave() -> None:
        global _listeners
        _listeners = tuple(each for each in _listeners if each is not listener)

    return leave


TURNS: Final = Instrument("agent_sdk.turns", "counter", "{turn}", "Turns that ended, by outcome")
TURN_SECONDS: Final = Instrument("agent_sdk.turn.duration", "histogram", "s", "From a prompt sent to its result")
FIRST_TOKEN: Final = Instrument(
    "agent_sdk.turn.first_token", "histogram", "s", "From a prompt sent to the first that the model says"
)
TOKENS: Final = Instrument("agent_sdk.tokens", "counter", "{token}", "Tokens, each counted once")
COST: Final = Instrument("agent_sdk.cost", "counter", "USD", "Cost, where the agent or a price table tells it")
TOOL_CALLS: Final = Instrument("agent_sdk.tool.calls", "counter", "{call}", "Tool uses that ended, of sub-agents too")
TOOL_SECONDS: Final = Instrument("agent_sdk.tool.duration", "histogram", "s", "From a tool use to its result")
APPROVALS: Final = Instrument("agent_sdk.approvals", "counter", "{request}", "Requests of agents that were settled")
APPROVALS_WAITING: Final = Instrument(
    "agent_sdk.approvals.waiting", "level", "{request}", "Requests of agents that wait for an answer"
)
APPROVAL_SECONDS: Final = Instrument("agent_sdk.approval.duration", "histogram", "s", "From a request to its answer")
QUEUE_DEPTH: Final = Instrument("agent_sdk.queue.depth", "level", "{prompt}", "Prompts that wait for their turn")
SESSIONS: Final = Instrument("agent_sdk.sessions.open", "level", "{session}", "Sessions that are open")
STARTS: Final = Instrument("agent_sdk.agent.starts", "counter", "{start}", "Processes of agents that came up")
START_SECONDS: Final = Instrument("agent_sdk.agent.start.duration", "histogram", "s", "From a start to its greeting")
RESTARTS: Final = Instrument("agent_sdk.agent.restarts", "counter", "{start}", "Starts in the place of a lost agent")
EXITS: Final = Instrument("agent_sdk.agent.exits", "counter", "{exit}", "Agents that ended although nobody closed them")
RETRIES: Final = Instrument("agent_sdk.model.retries", "counter", "{call}", "Calls of the model that were tried again")
ERRORS: Final = Instrument("agent_sdk.errors", "counter", "{error}", "Errors, by class and code")

INSTRUMENTS: Final = (
    *(TURNS, TURN_SECONDS, FIRST_TOKEN, TOKENS, COST, TOOL_CALLS, TOOL_SECONDS),
    *(APPROVALS, APPROVALS_WAITING, APPROVAL_SECONDS, QUEUE_DEPTH, SESSIONS),
    *(STARTS, START_SECONDS, RESTARTS, EXITS, RETRIES, ERRORS),
)


@checked
def metrics() -> Sequence[Metric]:
    """Return all that this process counted and measured so far, what was never counted included."""
    return tuple(each.read() for each in INSTRUMENTS)
