from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping

import pytest

from agent_sdk_core.telemetry import spans
from agent_sdk_core.telemetry.spans import Span


class Observer:
    """Keeps what it is told; breaks where it is told to."""

    content = False

    def __init__(self, *, breaks: bool = False) -> None:
        self.told: list[tuple[str, str]] = []
        self.breaks = breaks

    def begin(self, span: Span) -> None:
        self._take("begin", span)

    def end(self, span: Span) -> None:
        self._take("end", span)

    def carrier(self, span: Span) -> Mapping[str, str]:
        self._take("carrier", span)
        return {"TRACEPARENT": span.name}

    def _take(self, what: str, span: Span) -> None:
        if self.breaks:
            raise SystemExit("the observer is down")
        self.told.append((what, span.name))


@pytest.fixture
def observe() -> Iterator[Callable[[Observer], Callable[[], None]]]:
    leaving: list[Callable[[], None]] = []

    def observe(observer: Observer) -> Callable[[], None]:
        leaving.append(spans.observe(observer))
        return leaving[-1]

    yield observe
    for leave in leaving:
        leave()


def test_nobody_observes_and_nothing_is_made() -> None:
    assert spans.begin("turn", "a", {}) is None
    spans.end(None)
    spans.enter(None)
    assert (spans.caller(), spans.wants_content(), dict(spans.carrier())) == (None, False, {})


def test_a_span_ends_once_with_what_is_known_of_it(observe: Callable[[Observer], Callable[[], None]]) -> None:
    observer = Observer()
    leave = observe(observer)
    span = spans.begin("turn", "a", {"one": 1, "none": None})
    assert span is not None
    spans.end(span, {"two": 2, "none": None}, error=ValueError())
    spans.end(span, {"three": 3})
    assert (span.attributes, type(span.error)) == ({"one": 1, "two": 2}, ValueError)
    assert span.ended is not None
    assert span.ended >= span.began
    leave()
    assert spans.begin("turn", "b", {}) is None
    assert observer.told == [("begin", "a"), ("end", "a")]


def test_a_process_is_told_its_span_and_an_observer_that_fails_harms_nobody(
    observe: Callable[[Observer], Callable[[], None]], caplog: pytest.LogCaptureFixture
) -> None:
    observe(Observer(breaks=True))
    observe(Observer())
    context = spans.caller()
    assert context is not None

    def start() -> Mapping[str, str]:
        span = spans.begin("session", "s", {})
        spans.enter(span)
        return spans.carrier()

    with caplog.at_level(logging.ERROR):
        assert context.run(start) == {"TRACEPARENT": "s"}
    assert [record.message for record in caplog.records] == ["an observer of spans failed"] * 2
    assert dict(spans.carrier()) == {}
