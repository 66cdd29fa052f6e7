from __future__ import annotations

import threading

import anyio
import pytest

from agent_sdk_testing import Gate, Signal


def test_a_signal_that_is_set_ends_every_wait_at_once() -> None:
    signal = Signal()
    signal.set()
    signal.set()
    signal.wait_sync(0)
    assert signal.is_set()


def test_a_blocked_thread_is_woken_when_the_signal_is_set() -> None:
    signal = Signal()
    with signal.waker():
        thread = threading.Thread(target=signal.wait_sync)
        thread.start()
        signal.set()
        thread.join(30)
    assert not thread.is_alive()


def test_a_wait_that_is_in_vain_times_out() -> None:
    with pytest.raises(TimeoutError, match=r"within 0\.01 s"):
        Signal().wait_sync(0.01)


@pytest.mark.anyio
async def test_an_event_loop_is_woken_from_another_thread() -> None:
    signal = Signal()
    with anyio.fail_after(30):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(signal.wait)
            tasks.start_soon(signal.wait)
            await anyio.lowlevel.checkpoint()
            await anyio.to_thread.run_sync(signal.set)


@pytest.mark.anyio
async def test_an_async_wait_that_is_in_vain_times_out() -> None:
    with pytest.raises(TimeoutError):
        await Signal().wait(0.01)


@pytest.mark.anyio
async def test_a_gate_reports_the_arrival_of_the_server_and_stays_open() -> None:
    gate = Gate()
    opened = gate.arrive()
    await gate.reached()
    gate.reached_sync()
    assert not opened.is_set()
    gate.open()
    assert gate.arrive().is_set()
