from __future__ import annotations

import logging
from typing import Any

import pytest

from agent_sdk_core.errors import AccountError, AgentError, RateLimitError
from agent_sdk_core.redaction import learn
from agent_sdk_core.telemetry import reporting
from agent_sdk_core.telemetry.correlation import within
from agent_sdk_core.telemetry.metrics import ERRORS
from agent_sdk_core.telemetry.reporting import ErrorRecord, ErrorReporter, error_reporter
from agent_sdk_core.telemetry.snapshot import telemetry_snapshot


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    time = [100.0]
    monkeypatch.setattr(reporting, "clock", lambda: time[0])
    return time


def test_errors_are_counted_by_class_with_the_last_of_each(now: list[float]) -> None:
    reporter, before = ErrorReporter(), ERRORS.value(code="rate_limited", backend="x")
    reporter.report(RateLimitError("Slow down.", backend="x"), where="turn", context={"session": "s1"})
    now[0] = 250.0
    reporter.report(RateLimitError("Slower.", backend="x"), where="turn", context={"session": "s2"})
    reporter.report(ValueError("no"), where="callback", context={})
    foreign, limited = reporter.records()
    assert limited == ErrorRecord(
        error="RateLimitError",
        families=("AccountError", "AgentError"),
        code="rate_limited",
        where="turn",
        backend="x",
        count=2,
        first_at=100.0,
        last_at=250.0,
        last_message="Slower.",
        last_context={"session": "s2"},
        retryable=True,
    )
    assert (foreign.error, foreign.families, foreign.code) == ("ValueError", (), "internal_error")
    assert (foreign.backend, foreign.retryable) == (None, False)
    assert ERRORS.value(code="rate_limited", backend="x") == before + 2
    assert ErrorRecord.from_json(limited.to_json()) == limited


def test_what_the_code_belongs_to_is_told_where_nothing_else_is() -> None:
    reporter = ErrorReporter()
    around = within(None, backend="x", session="s", turn=None)
    around.run(lambda: reporter.report(AccountError("No."), where="turn"))
    [record] = reporter.records()
    assert (record.backend, dict(record.last_context)) == ("x", {"backend": "x", "session": "s"})


def test_a_message_holds_no_secret_and_is_bounded() -> None:
    learn("a-very-secret-value")
    reporter = ErrorReporter()
    reporter.report(ValueError("it is a-very-secret-value " + "x" * 1_000), where="callback")
    [record] = reporter.records()
    assert "secret-value" not in record.last_message
    assert len(record.last_message) == 500


def test_an_error_that_cannot_be_shown_is_reported_all_the_same() -> None:
    class Unspeakable(Exception):
        def __str__(self) -> str:
            raise KeyboardInterrupt

    reporter = ErrorReporter()
    reporter.report(Unspeakable(), where="callback")
    assert reporter.records()[0].last_message == "Unspeakable, which cannot be shown"


def test_sinks_take_each_error_and_one_that_fails_harms_nobody(caplog: pytest.LogCaptureFixture) -> None:
    reporter, taken = ErrorReporter(), list[tuple[int, BaseException]]()

    def broken(record: ErrorRecord, error: BaseException) -> None:
        raise SystemExit("the sink is down")

    reporter.add_sink(broken)
    leave = reporter.add_sink(lambda record, error: taken.append((record.count, error)))
    error: Any = AgentError("No.")
    with caplog.at_level(logging.ERROR):
        reporter.report(error, where="turn")
        reporter.report(error, where="turn")
    leave()
    reporter.report(error, where="turn")
    assert taken == [(1, error), (2, error)]
    assert "a sink of errors failed" in caplog.text
    assert reporter.records()[0].count == 3
    reporter.clear()
    assert reporter.records() == ()


def test_kinds_without_end_do_not_grow_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reporting, "_MOST_RECORDS", 2)
    reporter = ErrorReporter()
    for code in ("a", "b", "a", "c"):
        reporter.report(AgentError("No.", code=code), where="turn")
    assert [(record.code, record.count) for record in reporter.records()] == [("c", 1), ("a", 2)]


def test_the_snapshot_has_what_was_counted_and_reported() -> None:
    error_reporter().report(AgentError("No.", code="for_the_snapshot"), where="turn")
    told: Any = telemetry_snapshot()
    assert told["errors"][0]["code"] == "for_the_snapshot"
    [errors] = [metric for metric in told["metrics"] if metric["name"] == "agent_sdk.errors"]
    assert {"code": "for_the_snapshot", "error": "AgentError", "where": "turn"} in [
        series["attributes"] for series in errors["series"]
    ]
    assert all(metric["series"] for metric in told["metrics"])
