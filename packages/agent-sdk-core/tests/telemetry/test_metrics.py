from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from agent_sdk_core.telemetry import metrics as telemetry
from agent_sdk_core.telemetry.metrics import INSTRUMENTS, Instrument, Metric, MetricSeries, listen, metrics


def counter() -> Instrument:
    return Instrument("things", "counter", "{thing}", "Things")


def test_a_counter_counts_for_each_set_of_attributes() -> None:
    things = counter()
    things.add(1, backend="a", model=None)
    things.add(2, backend="a")
    things.add(5, backend="b", outcome="well")
    read = things.read()
    assert sorted((sorted(each.attributes.items()), each.value) for each in read.series) == [
        ([("backend", "a")], 3),
        ([("backend", "b"), ("outcome", "well")], 5),
    ]
    assert (things.value(), things.value(backend="a"), things.value(outcome="ill")) == (8, 3, 0)


def test_a_histogram_knows_how_often_and_how_long() -> None:
    waits = Instrument("waits", "histogram", "s", "Waits")
    for seconds in (0.005, 0.01, 0.03, 9_999):
        waits.add(seconds)
    [series] = waits.read().series
    assert (series.count, series.value) == (4, pytest.approx(9_999.045))
    assert len(series.buckets) == len(waits.read().bounds) + 1
    assert (series.buckets[0], series.buckets[2], series.buckets[-1]) == (2, 1, 1)


def test_attributes_without_end_do_not_grow_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(telemetry, "_MOST_SERIES", 3)
    things = counter()
    for number in range(10):
        things.add(1, name=str(number))
    assert things.value() == 10
    assert things.value(overflow="true") == 7


def test_threads_lose_no_count() -> None:
    things = counter()

    def count(_: int) -> None:
        for _ in range(1_000):
            things.add(1)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(count, range(4)))
    assert things.value() == 4_000


def test_a_listener_is_told_until_it_leaves() -> None:
    heard: list[tuple[str, float, dict[str, str]]] = []
    things = counter()
    leave = listen(lambda instrument, amount, attributes: heard.append((instrument.name, amount, dict(attributes))))
    things.add(2, backend="a", model=None)
    leave()
    things.add(3)
    assert heard == [("things", 2, {"backend": "a"})]


def test_a_listener_that_raises_harms_neither_the_others_nor_what_it_is_told_of(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def broken(*told: object) -> None:
        raise SystemExit(3)

    told: list[float] = []
    things = counter()
    leave = [listen(broken), listen(lambda instrument, amount, attributes: told.append(amount))]
    things.add(2)
    for each in leave:
        each()
    assert (told, things.value()) == ([2], 2)
    assert "a listener of metrics failed" in caplog.text


def test_a_metric_crosses_processes() -> None:
    waits = Instrument("waits", "histogram", "s", "Waits")
    waits.add(0.5, backend="a")
    read = waits.read()
    assert Metric.from_json(read.to_json()) == read
    assert json.loads(read.to_json())["series"][0]["attributes"] == {"backend": "a"}
    assert MetricSeries({}, 1) == MetricSeries.from_wire({"attributes": {}, "value": 1})


def test_every_instrument_is_listed_under_a_name_of_its_own() -> None:
    defined = [each for each in vars(telemetry).values() if isinstance(each, Instrument)]
    assert [each.name for each in metrics()] == [each.name for each in INSTRUMENTS]
    assert sorted(each.name for each in defined) == sorted({each.name for each in INSTRUMENTS})
