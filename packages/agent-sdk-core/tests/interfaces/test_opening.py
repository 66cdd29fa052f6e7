from __future__ import annotations

import asyncio
import gc
import sys
from typing import Any

import anyio
import anyio.lowlevel
import pytest

from agent_sdk_core.errors import InvalidRequestError
from agent_sdk_core.options import SessionOptions

pytestmark = pytest.mark.anyio


async def test_a_session_can_be_entered_where_it_is_created(backend: Any) -> None:
    async with backend.create_session() as session:
        assert backend.sessions == (session,)
        assert session.state == "idle"
    assert session.state == "closed"
    assert not backend.sessions


async def test_a_session_can_be_awaited_and_entered_later(backend: Any) -> None:
    async with await backend.create_session() as session:
        assert backend.sessions == (session,)
    assert not backend.sessions


async def test_nothing_happens_before_it_is_used_and_it_is_used_once(backend: Any) -> None:
    opening = backend.create_session()
    await anyio.lowlevel.checkpoint()
    assert (backend.opened, repr(opening)) == (0, "<SessionOpening of backend.create_session(), not begun>")
    session = await opening
    assert repr(opening) == "<SessionOpening of backend.create_session(), begun>"
    for again in (opening.__aenter__, lambda: anyio.to_thread.run_sync(opening.__await__)):
        with pytest.raises(InvalidRequestError, match="was used before"):
            await again()
    await opening.__aexit__(None, None, None)  # Closes what it was entered for alone.
    assert backend.sessions == (session,)


async def test_an_opening_that_is_not_used_warns_where_it_was_made(
    backend: Any, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.warns(RuntimeWarning, match=r"neither awaited nor entered: no session is open\. Write") as caught:
        backend.create_session()
    assert issubclass(caught[0].category, ResourceWarning)
    assert caught[0].filename == __file__
    assert "`async with backend.create_session() as session:`" in caplog.text


async def test_what_fails_to_open_leaves_nothing(backend: Any) -> None:
    async def fail() -> None:
        raise InvalidRequestError("no")

    backend.opening = fail
    with pytest.raises(InvalidRequestError, match="no"):
        async with backend.create_session():
            pytest.fail("It is not open.")
    assert not backend.sessions


async def test_a_cancelled_opening_leaves_nothing(backend: Any) -> None:
    began = anyio.Event()
    go = anyio.Event()

    async def wait() -> None:
        began.set()
        await go.wait()

    async def enter() -> None:
        async with backend.create_session():
            pytest.fail("It is not open.")

    backend.opening = wait
    with anyio.fail_after(30):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(enter)
            await began.wait()
            tasks.cancel_scope.cancel()
        go.set()
        await anyio.wait_all_tasks_blocked()
    assert not backend.sessions


async def test_tasks_can_be_made_of_it(backend: Any, anyio_backend_name: str) -> None:
    with anyio.fail_after(30):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(backend.create_session)
        if anyio_backend_name == "asyncio":
            task = asyncio.create_task(backend.create_session())
            await asyncio.gather(task, backend.create_session(), asyncio.wait_for(backend.create_session(), 30))
            cancelled = asyncio.create_task(backend.create_session())
            await asyncio.sleep(0)
            cancelled.cancel()
            await asyncio.wait([cancelled])
            await anyio.wait_all_tasks_blocked()
    assert len(backend.sessions) == (4 if anyio_backend_name == "asyncio" else 1)


async def test_an_opening_is_a_coroutine_that_can_be_given_up(backend: Any) -> None:
    opening = backend.create_session()
    opening.close()
    with pytest.raises(RuntimeError, match="cannot reuse"):
        opening.send(None)
    thrown = backend.create_session()
    with pytest.raises(ZeroDivisionError):
        thrown.throw(ZeroDivisionError())
    assert not backend.opened


async def test_a_stored_session_is_resumed_by_its_id(backend: Any) -> None:
    async with backend.resume("s-1") as session:
        assert session.options == SessionOptions(resume="s-1")
    session = await backend.resume("s-2", SessionOptions(model="m", resume="s-2"))
    assert session.options == SessionOptions(resume="s-2", model="m")
    for wrong, said in (("", "takes the id of a stored session"), (None, "must be text"), (5, "must be text")):
        with pytest.raises(InvalidRequestError, match=said):
            backend.resume(wrong)
    with pytest.raises(InvalidRequestError, match="name two sessions"):
        backend.resume("s-1", SessionOptions(resume="s-2"))


def test_no_warning_is_tried_when_the_interpreter_ends(monkeypatch: pytest.MonkeyPatch, make_backend: Any) -> None:
    monkeypatch.setattr(sys, "is_finalizing", lambda: True)
    make_backend().create_session()
    gc.collect()
