from __future__ import annotations

import random

import pytest

from agent_sdk_core.runtime.supervisor import Restarts


@pytest.fixture
def longest(monkeypatch: pytest.MonkeyPatch) -> None:
    def highest(low: float, high: float) -> float:
        del low
        return high

    monkeypatch.setattr(random, "uniform", highest)


@pytest.mark.usefixtures("longest")
def test_the_pauses_double_up_to_the_longest_and_then_there_is_none() -> None:
    restarts = Restarts(limit=8)
    assert [restarts.pause(0) for _ in range(9)] == [0.5, 1, 2, 4, 8, 16, 30, 30, None]


def test_a_pause_is_anything_up_to_all_of_it() -> None:
    pauses = [Restarts().pause(0) for _ in range(200)]
    assert all(pause is not None and 0 <= pause <= 0.5 for pause in pauses)
    assert len(set(pauses)) > 100


@pytest.mark.usefixtures("longest")
def test_the_count_begins_again_once_a_connection_has_lived_long_enough() -> None:
    restarts = Restarts(limit=2)
    assert restarts.pause(0) == 0.5
    restarts.connected(1)
    assert restarts.pause(5) == 1
    restarts.connected(6)
    assert restarts.pause(7) is None
    restarts.connected(10)
    assert restarts.pause(20) == 0.5
    assert restarts.pause(40) == 1, "A failed try is not stable, however long it took."
