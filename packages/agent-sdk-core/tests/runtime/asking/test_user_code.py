# pyright: reportPrivateUsage=false
from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any, NoReturn

import anyio
import pytest

from agent_sdk_core.runtime.asking import user_code
from agent_sdk_core.runtime.asking.user_code import UserCodeError, call_user_code

pytestmark = pytest.mark.anyio


class Outcome(BaseException):
    """What test frameworks raise."""


class Unspeakable(Exception):
    def __str__(self) -> str:
        raise Outcome


def raising(error: Callable[[], BaseException]) -> Callable[[], Any]:
    async def code() -> NoReturn:
        await anyio.lowlevel.checkpoint()
        raise error()

    return code


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (lambda: ZeroDivisionError("by zero"), "ZeroDivisionError: by zero"),
        (lambda: Outcome("failed"), "Outcome: failed"),
        (lambda: SystemExit(2), "SystemExit: 2"),
        (KeyboardInterrupt, "KeyboardInterrupt: "),
        (GeneratorExit, "GeneratorExit: "),
        (lambda: BaseExceptionGroup("both", [SystemExit(3), ValueError("x")]), "SystemExit: 3; ValueError: x"),
        (Unspeakable, "Unspeakable"),
    ],
)
async def test_whatever_it_raises_stays_where_it_was_raised(error: Callable[[], BaseException], told: str) -> None:
    with anyio.fail_after(30):
        with pytest.raises(UserCodeError) as caught:
            await call_user_code(raising(error), "a tool")
        assert str(caught.value) == told
        assert await call_user_code(anyio.lowlevel.checkpoint, "a tool") is None


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_a_cancellation_of_its_own_is_what_it_raised(anyio_backend: str) -> None:
    async def cancels_itself() -> None:
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        await asyncio.sleep(1)

    async def awaits_a_cancelled_task() -> None:
        async with asyncio.timeout(30):
            task = asyncio.create_task(asyncio.sleep(1))
            task.cancel()
            await task

    with anyio.fail_after(30):
        for code in (raising(asyncio.CancelledError), cancels_itself, awaits_a_cancelled_task):
            with pytest.raises(UserCodeError, match="CancelledError"):
                await call_user_code(code, "a tool")


async def test_it_runs_in_the_context_of_its_caller() -> None:
    variable: ContextVar[str] = ContextVar("variable")
    variable.set("the caller's")

    async def code() -> str:
        return variable.get()

    with anyio.fail_after(30):
        assert await call_user_code(code, "a tool") == "the caller's"


async def test_it_is_cut_off_when_it_is_no_longer_wanted() -> None:
    until, cancelled = anyio.Event(), anyio.Event()

    async def code() -> None:
        try:
            until.set()
            await anyio.sleep_forever()
        finally:
            cancelled.set()

    with anyio.fail_after(30):
        assert await call_user_code(code, "a tool", until=until) is None
        await cancelled.wait()


async def test_it_does_not_begin_when_it_is_not_wanted_any_more() -> None:
    begun: list[str] = []

    async def code() -> None:
        begun.append("begun")

    with anyio.fail_after(30):
        with anyio.CancelScope() as scope:
            scope.cancel()
            await call_user_code(code, "a tool")
        await anyio.wait_all_tasks_blocked()
    assert not begun


async def test_code_that_shields_itself_is_cancelled_when_it_no_longer_does(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(user_code, "_PATIENCE", 0.01)
    monkeypatch.setattr(user_code, "_RETRY_SECONDS", 0.02)
    begun, release, ended = anyio.Event(), anyio.Event(), anyio.Event()
    done: list[str] = []

    async def code() -> None:
        try:
            with anyio.CancelScope(shield=True):
                begun.set()
                await release.wait()
                done.append("the shielded part")
            await anyio.sleep_forever()
        finally:
            ended.set()

    with anyio.fail_after(30):
        await call_user_code(code, "the tool", until=begun)
        while "the tool goes on although it was cancelled" not in caplog.text:
            await anyio.lowlevel.checkpoint()
        assert not ended.is_set()
        release.set()
        await ended.wait()
    assert done == ["the shielded part"]


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_code_that_goes_on_is_cancelled_once_and_costs_nothing(anyio_backend: str) -> None:
    cancellations = 0
    begun, release, ended = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def code() -> None:
        nonlocal cancellations
        while not release.is_set():
            try:
                begun.set()
                await release.wait()
            except asyncio.CancelledError:
                cancellations += 1
        ended.set()

    async with asyncio.timeout(30):
        calling = asyncio.create_task(call_user_code(code, "the tool"))
        await begun.wait()
        calling.cancel()
        with pytest.raises(asyncio.CancelledError):
            await calling
        for _ in range(100):
            await asyncio.sleep(0)
        assert cancellations == 1
        release.set()
        await ended.wait()
