# pyright: reportPrivateUsage=false
from __future__ import annotations

import asyncio
import contextvars
import gc
import threading
import warnings
from collections.abc import Awaitable, Callable
from typing import Any

import anyio
import pytest
import trio

from agent_sdk_core.errors import AgentError, SessionClosedError
from agent_sdk_core.runtime import host as host_module
from agent_sdk_core.runtime.host import Host, beside_later

color: contextvars.ContextVar[str] = contextvars.ContextVar("color", default="none")


class Log:
    def __init__(self) -> None:
        self.events: list[str] = []

    async def stopping(self) -> None:
        self.events.append("stop")

    def aborted(self, error: object = None) -> None:
        self.events.append("abort")


@pytest.fixture
def log() -> Log:
    return Log()


@pytest.fixture
def make(log: Log) -> Callable[..., Host]:
    def make_host(
        on_stop: Callable[[], Awaitable[None]] | None = None, on_abort: Callable[[AgentError], None] | None = None
    ) -> Host:
        return Host("the test", on_stop=on_stop or log.stopping, on_abort=on_abort or log.aborted)

    return make_host


def raise_sync(error: object) -> None:
    raise OSError("broken")


async def raise_async() -> None:
    raise OSError("broken")


async def noop(*_: object) -> None:
    return


@pytest.mark.anyio
async def test_started_in_one_task_and_closed_in_another(make: Callable[..., Host], log: Log) -> None:
    host = make()
    assert not host.running
    with anyio.fail_after(30):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(host.start)
        assert host.running
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(host.aclose)
            tasks.start_soon(host.aclose)
        await host.aclose()
    assert not host.running
    assert log.events == ["stop"]


@pytest.mark.anyio
async def test_its_tasks_outlive_the_task_that_started_it(make: Callable[..., Host]) -> None:
    host = make()
    ran = anyio.Event()
    gate = anyio.Event()

    async def work() -> None:
        await gate.wait()
        ran.set()

    async def begin() -> None:
        await host.start()
        host.start_soon(work)

    with anyio.fail_after(30):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(begin)
        gate.set()
        await ran.wait()
        await host.aclose()


@pytest.mark.anyio
async def test_closing_before_the_start_does_nothing(make: Callable[..., Host], log: Log) -> None:
    with anyio.fail_after(30):
        await make().aclose()
    assert log.events == []


@pytest.mark.anyio
async def test_closing_while_it_starts_closes_it(make: Callable[..., Host], log: Log) -> None:
    host = make()
    with anyio.fail_after(30):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(host.start)
            await anyio.lowlevel.checkpoint()
            tasks.start_soon(host.aclose)
    assert not host.running


@pytest.mark.anyio
async def test_a_cancelled_start_has_started_or_not_but_closes(make: Callable[..., Host]) -> None:
    host = make()
    with anyio.fail_after(30):
        with anyio.CancelScope() as scope:
            scope.cancel()
            await host.start()
        assert host.running
        await host.aclose()


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
@pytest.mark.parametrize("steps", range(1, 6))
@pytest.mark.anyio
async def test_a_close_whose_task_is_cancelled_goes_on_without_it(
    make: Callable[..., Host], log: Log, steps: int
) -> None:
    host = make()
    with anyio.fail_after(30):
        await host.start()
        close = asyncio.ensure_future(host.aclose())
        for _ in range(steps):
            await anyio.lowlevel.checkpoint()
        close.cancel()
        await asyncio.wait([close])
        await host._done.wait()
    assert log.events == ["stop"]


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
@pytest.mark.anyio
async def test_a_start_whose_task_is_cancelled_starts_one_host_task(make: Callable[..., Host], log: Log) -> None:
    host = make()
    with anyio.fail_after(30):
        start = asyncio.ensure_future(host.start())
        await anyio.lowlevel.checkpoint()
        start.cancel()
        await asyncio.wait([start])
        await host.start()
        await host.aclose()
        await host.aclose()
    assert log.events == ["stop"]


@pytest.mark.anyio
async def test_nothing_starts_before_or_after(make: Callable[..., Host]) -> None:
    host = make()
    with pytest.raises(SessionClosedError):
        host.start_soon(noop)
    with anyio.fail_after(30):
        await host.start()
        await host.aclose()
        with pytest.raises(SessionClosedError):
            host.start_soon(noop)
        with pytest.raises(SessionClosedError):
            await host.call(noop, abandoned=noop)


@pytest.mark.anyio
async def test_what_a_task_raises_is_logged_and_goes_no_further(
    make: Callable[..., Host], caplog: pytest.LogCaptureFixture
) -> None:
    host = make()
    with anyio.fail_after(30):
        await host.start()
        host.start_soon(raise_async)
        await anyio.wait_all_tasks_blocked()
        assert host.running
        assert "broken" in caplog.text
        await host.aclose()


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
@pytest.mark.anyio
async def test_a_task_that_awaits_something_cancelled_takes_nobody_with_it(make: Callable[..., Host]) -> None:
    host = make()
    ran = anyio.Event()

    async def note() -> None:
        ran.set()

    async def await_cancelled() -> None:
        future = asyncio.get_running_loop().create_future()
        future.cancel()
        await future

    async def wait() -> None:
        await anyio.sleep_forever()

    with anyio.fail_after(30):
        await host.start()
        host.start_soon(wait)
        host.start_soon(await_cancelled)
        await anyio.wait_all_tasks_blocked()
        assert host.running
        host.start_soon(note)
        await ran.wait()
        await host.aclose()


@pytest.mark.anyio
async def test_an_on_stop_that_fails_is_logged_and_the_host_stops(
    make: Callable[..., Host], caplog: pytest.LogCaptureFixture
) -> None:
    host = make(on_stop=raise_async)
    with anyio.fail_after(30):
        await host.start()
        await host.aclose()
    assert "closing the test failed" in caplog.text


@pytest.mark.anyio
async def test_on_stop_may_still_start_tasks(make: Callable[..., Host]) -> None:
    ran: list[str] = []

    async def stop() -> None:
        done = anyio.Event()

        async def last() -> None:
            ran.append("last")
            done.set()

        host.start_soon(last)
        await done.wait()

    host = make(on_stop=stop)
    with anyio.fail_after(30):
        await host.start()
        await host.aclose()
    assert ran == ["last"]


@pytest.mark.anyio
async def test_closing_cancels_what_is_left_and_waits_for_it(make: Callable[..., Host]) -> None:
    host = make()
    ended: list[str] = []

    async def work() -> None:
        try:
            await anyio.sleep_forever()
        finally:
            with anyio.CancelScope(shield=True):
                await anyio.lowlevel.checkpoint()
            ended.append("work")

    with anyio.fail_after(30):
        await host.start()
        host.start_soon(work)
        await anyio.wait_all_tasks_blocked()
        with anyio.CancelScope() as scope:
            scope.cancel()
            await host.aclose()
    assert ended == ["work"]


@pytest.mark.anyio
async def test_a_task_that_shields_itself_does_not_hold_up_the_close(
    make: Callable[..., Host], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(host_module, "_JOIN_SECONDS", 0.05)
    host = make()
    release = anyio.Event()

    async def stubborn() -> None:
        with anyio.CancelScope(shield=True):
            await release.wait()

    with anyio.fail_after(30):
        await host.start()
        host.start_soon(stubborn)
        await anyio.wait_all_tasks_blocked()
        await host.aclose()
        release.set()
        await anyio.wait_all_tasks_blocked()


@pytest.mark.anyio
async def test_a_task_may_close_its_own_host(make: Callable[..., Host], log: Log) -> None:
    host = make()
    ended = anyio.Event()

    async def close() -> None:
        await host.aclose()
        ended.set()

    with anyio.fail_after(30):
        await host.start()
        host.start_soon(close)
        await ended.wait()
        await host.aclose()
    assert log.events == ["stop"]


@pytest.mark.anyio
async def test_call_returns_or_raises_what_the_function_did(make: Callable[..., Host]) -> None:
    host = make()

    async def five() -> int:
        return 5

    with anyio.fail_after(30):
        await host.start()
        assert await host.call(five, abandoned=noop) == 5
        with pytest.raises(OSError, match="broken"):
            await host.call(raise_async, abandoned=noop)
        await host.aclose()


@pytest.mark.anyio
async def test_call_runs_in_the_given_context_or_the_callers(make: Callable[..., Host]) -> None:
    host = make()

    async def look() -> str:
        await anyio.lowlevel.checkpoint()
        return color.get()

    with anyio.fail_after(30):
        await host.start()
        color.set("red")
        context = contextvars.copy_context()
        color.set("blue")
        assert await host.call(look, abandoned=noop, context=context) == "red"
        assert await host.call(look, abandoned=noop) == "blue"
        await host.aclose()


@pytest.mark.parametrize("nth", range(10))
@pytest.mark.anyio
async def test_a_result_that_nobody_takes_is_handed_back(make: Callable[..., Host], nth: int) -> None:
    host = make()
    made: list[str] = []
    taken: list[str] = []
    returned: list[str] = []

    async def produce() -> str:
        await anyio.lowlevel.checkpoint()
        await anyio.lowlevel.checkpoint()
        made.append("it")
        return "it"

    async def hand_back(value: str) -> None:
        returned.append(value)

    async def use() -> None:
        taken.append(await host.call(produce, abandoned=hand_back))

    with anyio.fail_after(30):
        await host.start()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(use)
            for _ in range(nth):
                await anyio.lowlevel.checkpoint()
            tasks.cancel_scope.cancel()
        await anyio.wait_all_tasks_blocked()
        await host.aclose()
    assert taken + returned == made


@pytest.mark.parametrize("nth", range(6))
@pytest.mark.anyio
async def test_a_result_that_nothing_hangs_on_is_let_go(
    make: Callable[..., Host], nth: int, caplog: pytest.LogCaptureFixture
) -> None:
    host = make()
    made: list[str] = []

    async def produce() -> str:
        await anyio.lowlevel.checkpoint()
        made.append("it")
        return "it"

    with anyio.fail_after(30):
        await host.start()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(host.call, produce)
            for _ in range(nth):
                await anyio.lowlevel.checkpoint()
            tasks.cancel_scope.cancel()
        await anyio.wait_all_tasks_blocked()
        await host.aclose()
    assert made in (["it"], [])
    assert caplog.messages == []


@pytest.mark.anyio
async def test_a_call_of_a_cancelled_caller_that_fails_hands_nothing_back(make: Callable[..., Host]) -> None:
    host = make()
    gate = anyio.Event()

    async def fail() -> None:
        await gate.wait()
        raise OSError("broken")

    with anyio.fail_after(30):
        await host.start()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(lambda: host.call(fail, abandoned=noop))
            await anyio.wait_all_tasks_blocked()
            tasks.cancel_scope.cancel()
        gate.set()
        await anyio.wait_all_tasks_blocked()
        await host.aclose()


@pytest.mark.anyio
async def test_a_call_during_the_close_raises_instead_of_hanging(make: Callable[..., Host]) -> None:
    host = make()
    raised: list[str] = []

    async def forever() -> None:
        await anyio.sleep_forever()

    async def use() -> None:
        try:
            await host.call(forever, abandoned=noop)
        except SessionClosedError as error:
            raised.append(error.message)

    with anyio.fail_after(30):
        await host.start()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(use)
            await anyio.wait_all_tasks_blocked()
            await host.aclose()
    assert raised == ["The backend was closed meanwhile."]


@pytest.mark.anyio
async def test_a_caller_cancelled_as_the_host_closes_stays_cancelled(make: Callable[..., Host]) -> None:
    host = make()
    gate = anyio.Event()

    async def produce() -> str:
        with anyio.CancelScope(shield=True):
            await gate.wait()
        return "it"

    with anyio.fail_after(30):
        await host.start()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(lambda: host.call(produce, abandoned=noop))
            await anyio.wait_all_tasks_blocked()
            tasks.start_soon(host.aclose)
            await anyio.wait_all_tasks_blocked()
            assert not host.running
            gate.set()
            tasks.cancel_scope.cancel()
        await host.aclose()


@pytest.mark.anyio
async def test_threads_can_call_in_while_the_loop_runs(make: Callable[..., Host]) -> None:
    host = make()
    called = anyio.Event()
    threads: list[int] = []

    def note(value: str) -> None:
        assert value == "x"
        threads.append(threading.get_ident())
        called.set()

    with anyio.fail_after(30):
        await host.start()
        thread = threading.Thread(target=host.call_soon_threadsafe, args=(note, "x"))
        thread.start()
        await called.wait()
        thread.join()
        await host.aclose()
    assert threads == [threading.get_ident()]


RUNNERS: dict[str, Callable[[Callable[[], Awaitable[Any]]], Any]] = {
    "asyncio": lambda main: asyncio.run(main()),  # type: ignore[arg-type]  # coroutines alone are given
    "trio": lambda main: trio.run(main),  # type: ignore[arg-type]  # coroutines alone are given
}


def test_a_task_that_the_end_of_the_loop_meets_before_its_first_step_leaves_no_coroutine_that_warns(
    make: Callable[..., Host],
) -> None:
    begun: list[str] = []

    async def never() -> None:
        begun.append("begun")

    async def main() -> None:
        host = make()
        await host.start()
        # It starts the task in the round in which the loop stops.
        asyncio.get_running_loop().call_soon(host.start_soon, never)

    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        asyncio.run(main())
        gc.collect()
    assert not begun
    assert not warned


@pytest.mark.parametrize("runner", RUNNERS.values(), ids=RUNNERS)
def test_a_loop_that_ends_without_a_close_calls_on_abort(
    make: Callable[..., Host], log: Log, runner: Callable[..., Any]
) -> None:
    host = make()
    ended: list[str] = []

    async def work() -> None:
        try:
            await anyio.sleep_forever()
        finally:
            ended.append("work")

    async def main() -> None:
        await host.start()
        host.start_soon(work)
        await anyio.wait_all_tasks_blocked()

    runner(main)
    assert log.events == ["abort"]
    assert ended == ["work"]
    assert not host.running
    with pytest.raises(SessionClosedError):
        host.start_soon(noop)
    host.call_soon_threadsafe(log.aborted)
    assert log.events == ["abort"]


@pytest.mark.parametrize("runner", RUNNERS.values(), ids=RUNNERS)
def test_what_is_called_in_from_outside_a_task_may_start_tasks_and_tell_the_time(
    make: Callable[..., Host], runner: Callable[..., Any]
) -> None:
    done: list[str] = []

    async def main() -> None:
        host, ended = make(), anyio.Event()

        async def work(name: str) -> None:
            done.append(name)
            if len(done) == 2:
                ended.set()

        def note() -> None:
            assert anyio.current_time() > 0
            host.start_soon(work, "in the group")

        with anyio.fail_after(30):
            await host.start()
            later = beside_later(lambda: work("beside"), name="beside")
            for call in (lambda: host.call_soon_threadsafe(note), later):
                thread = threading.Thread(target=call)
                thread.start()
                thread.join()
            await ended.wait()
            await host.aclose()

    runner(main)
    assert sorted(done) == ["beside", "in the group"]


@pytest.mark.parametrize("runner", RUNNERS.values(), ids=RUNNERS)
def test_an_on_abort_that_fails_is_logged(
    make: Callable[..., Host], runner: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    host = make(on_abort=raise_sync)
    runner(host.start)
    assert "taking down the test failed" in caplog.text
    assert host._done.is_set()


@pytest.mark.anyio
async def test_a_group_that_breaks_is_logged_and_aborted(
    make: Callable[..., Host], log: Log, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Broken:
        set = staticmethod(lambda: None)
        wait = staticmethod(raise_async)

    host = make()
    monkeypatch.setattr(host, "_stop", Broken())
    with anyio.fail_after(30):
        await host.start()
        await host.aclose()
    assert log.events == ["abort"]
    assert "the test failed" in caplog.text
