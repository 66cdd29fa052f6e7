"""Whatever way a backend ends, what it opened is settled, and nobody waits for what cannot come."""

# pyright: reportPrivateUsage=false
from __future__ import annotations

import asyncio
import copy
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any

import anyio
import anyio.to_thread
import pytest

from agent_sdk_core import DEFER, Allow, InvalidRequestError, SessionClosedError, SessionOptions

LOOPS = ("asyncio", "trio")

CALLS: Mapping[str, Callable[[Any], Awaitable[object]]] = {
    "query": lambda session: session.query("again").wait(),
    "iterate": lambda session: anext(session.query("again")),
    "enter": lambda session: session.query("again").__aenter__(),
    "send": lambda session: session.send("again"),
    "steer": lambda session: session.send("again", priority="steer"),
    "interrupt": lambda session: session.interrupt(),
    "compact": lambda session: session.compact(),
    "answer": lambda session: session.answer("r1", Allow()),
    "history": lambda session: session.history(),
    "usage": lambda session: session.usage(),
    "model": lambda session: session.set_model("m"),
    "create": lambda session: session.backend.create_session(),
    "start": lambda session: session.backend.start(),
}
"""What an application may call, and what another event loop is refused."""


class Opened:
    """A session in mid-turn with a question open, and those who wait for it."""

    def __init__(self, backend: Any) -> None:
        self.backend = backend

    async def open(self) -> Opened:
        self.session = await self.backend.create_session(SessionOptions(can_use_tool=DEFER))
        self.watch, self.events = self.session.messages(), self.backend.events()
        self.turn = self.session.query("one")
        await self.turn.__aenter__()
        self.backend.host.start_soon(self.session.driver.ask, DEFER)
        await anyio.wait_all_tasks_blocked()
        assert self.session.state == "requires_action"
        return self

    async def check(self) -> None:
        """Check that everything is settled; what it awaits is there already."""
        assert self.session.state == "disconnected"
        assert not self.session.pending
        assert not self.backend.sessions
        assert self.turn.result.outcome == "failed"
        with anyio.fail_after(30):
            assert (await self.turn.wait()).is_error
            await self.session.wait_idle()
            assert [message.type async for message in self.watch][-1] == "result"
            events = [event async for event in self.events]
        assert events[-1].kind == "dead"
        assert "has ended" in events[-1].message


async def refused(session: Any, name: str, match: str) -> None:
    with anyio.fail_after(30), pytest.raises(InvalidRequestError, match=match):
        await CALLS[name](session)


@pytest.mark.parametrize("loop", LOOPS)
def test_a_loop_that_ends_settles_its_sessions_and_the_next_loop_is_refused(make_backend: Any, loop: str) -> None:
    made: list[Opened] = []

    async def first() -> None:
        made.append(await Opened(make_backend()).open())

    async def second() -> None:
        opened = made[0]
        await opened.check()
        for name in CALLS:
            await refused(opened.session, name, "belongs to the event loop .* has ended")
            assert not opened.session.queue
        await opened.session.wait_idle()
        with anyio.fail_after(30):
            await opened.session.aclose()
            await opened.backend.aclose()
        assert opened.session.state == "closed"

    anyio.run(first, backend=loop)
    assert made[0].session.state == "disconnected"
    anyio.run(second, backend=loop)


class ClosedLoop:
    """An event loop that was closed with its tasks in it, which no task of it could tell."""

    def is_closed(self) -> bool:
        return True


@pytest.mark.anyio
async def test_a_loop_that_was_closed_with_its_tasks_is_noticed_by_the_next(make_backend: Any) -> None:
    opened = await Opened(make_backend()).open()
    opened.backend.host._native = ClosedLoop()
    await refused(opened.session, "query", "has ended")
    await opened.check()
    await opened.backend.aclose()
    opened.backend.host._stop.set()


@pytest.mark.anyio
async def test_a_loop_that_was_closed_is_noticed_by_a_close(make_backend: Any) -> None:
    opened = await Opened(make_backend()).open()
    opened.backend.host._native = ClosedLoop()
    await opened.backend.aclose()
    await opened.check()
    opened.backend.host._stop.set()


@pytest.mark.anyio
@pytest.mark.parametrize("loop", LOOPS)
async def test_another_threads_loop_is_refused_at_once_and_nothing_is_taken(backend: Any, loop: str) -> None:
    session = await backend.create_session()
    events, watch = backend.events(), session.messages()
    assert (await anext(events)).kind == "started"
    turn = session.query("one")
    await turn.__aenter__()

    async def elsewhere() -> None:
        waits = {
            "wait": turn.wait,
            "idle": session.wait_idle,
            "next": turn.__anext__,
            "watch": watch.__anext__,
            "events": events.__anext__,
            "close": session.aclose,
            "kill": session.kill,
            "close all": backend.aclose,
        }
        for name in CALLS:
            await refused(session, name, "this is another one")
        for wait in waits.values():
            with anyio.fail_after(30), pytest.raises(InvalidRequestError, match="this is another one"):
                await wait()

    await anyio.to_thread.run_sync(lambda: anyio.run(elsewhere, backend=loop))
    session.driver.finish()
    with anyio.fail_after(30):
        assert (await turn.wait()).outcome == "completed"
        await session.wait_idle()
        async with session.query("two"):
            session.driver.finish()
        await session.aclose()


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_a_backend_whose_task_is_cancelled_settles_all_who_wait(make_backend: Any) -> None:
    opened = await Opened(make_backend()).open()
    results: list[Any] = []
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(opened.session.wait_idle)
        tasks.start_soon(lambda: wait_for(opened.turn, results))
        await anyio.wait_all_tasks_blocked()
        [task] = [task for task in asyncio.all_tasks() if task.get_name() == "the memory backend"]
        task.cancel()
    assert results[0].outcome == "failed"
    await opened.check()
    for use in (opened.backend.start, opened.session.compact):
        with pytest.raises(SessionClosedError, match="its event loop ended, or its task was cancelled"):
            await use()
    await opened.backend.aclose()


async def wait_for(turn: Any, results: list[Any]) -> None:
    results.append(await turn.wait())


@pytest.mark.anyio
async def test_a_backend_whose_task_group_fails_settles_everything(
    make_backend: Any, caplog: pytest.LogCaptureFixture
) -> None:
    opened = await Opened(make_backend()).open()

    async def fail() -> None:
        raise OSError("broken")

    opened.backend.host._tasks.start_soon(fail)
    with anyio.fail_after(30):
        assert (await opened.turn.wait()).outcome == "failed"
    await anyio.wait_all_tasks_blocked()
    await opened.check()
    assert "broken" in caplog.text
    with pytest.raises(SessionClosedError, match="it failed"):
        await opened.backend.create_session()
    await opened.backend.aclose()


@pytest.mark.anyio
async def test_a_session_that_cannot_be_settled_holds_up_no_other(
    make_backend: Any, caplog: pytest.LogCaptureFixture
) -> None:
    opened = await Opened(make_backend()).open()
    broken = await opened.backend.create_session()
    broken.when_closed.insert(0, None)
    opened.backend._sessions.reverse()
    opened.backend._abort(SessionClosedError("The backend has ended."))
    assert "settling what the memory backend left failed" in caplog.text
    opened.backend._sessions.clear()
    await opened.check()
    opened.backend._closed = True
    await opened.backend.aclose()


@pytest.mark.anyio
async def test_a_session_that_opens_as_the_backend_closes_is_closed_with_it(make_backend: Any) -> None:
    backend = make_backend()
    gate = anyio.Event()

    async def wait() -> None:
        with anyio.CancelScope(shield=True):
            await gate.wait()

    backend.opening = wait
    sessions: list[Any] = []
    backend.prepare = sessions.append

    async def create() -> None:
        with suppress(SessionClosedError):
            await backend.create_session()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(create)
        await anyio.wait_all_tasks_blocked()
        tasks.start_soon(backend.aclose)
        await anyio.wait_all_tasks_blocked()
        gate.set()
    assert [session.state for session in sessions] == ["closed"]
    assert not backend.sessions


@pytest.mark.anyio
async def test_the_agents_end_is_told_once_and_refuses_what_comes_after(backend: Any) -> None:
    session = await backend.create_session()
    events = backend.events()
    backend._lost("1", SessionClosedError("It went."))
    backend._abort(SessionClosedError("The loop went as well."))
    told = [(event.kind, event.message, event.details) async for event in events]
    assert told == [("started", "The memory agent is ready.", {}), ("dead", "It went.", {"exit": "1"})]
    assert session.state == "disconnected"
    with pytest.raises(SessionClosedError, match="It went") as raised:
        await backend.start()
    assert raised.value.backend == "memory"
    assert copy.copy(raised.value).message == "It went."
