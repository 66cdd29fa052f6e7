"""Threads for plain functions of the application: each call has one of its own, so that the event loop goes on."""

from __future__ import annotations

import contextlib
import functools
import inspect
import threading
from collections.abc import Awaitable, Callable
from contextvars import copy_context
from functools import partial
from typing import Any, Generic, TypeVar, cast

import anyio
from anyio.lowlevel import current_token

T = TypeVar("T")


class _Call(Generic[T]):
    """One call of a plain function, in a thread that nobody waits for once the call is given up."""

    def __init__(self, run: Callable[[], T]) -> None:
        self._run = run
        self._context = copy_context()
        loop: Any = current_token().native_token
        self._soon = loop.run_sync_soon if hasattr(loop, "run_sync_soon") else loop.call_soon_threadsafe
        self._ended = anyio.Event()
        self._result: list[T] = []
        self._error: BaseException | None = None

    async def result(self) -> T:
        threading.Thread(target=self._work, name="agent-sdk callback", daemon=True).start()
        await self._ended.wait()
        if self._error is not None:
            raise self._error
        return self._result[0]

    def _work(self) -> None:
        try:
            self._result.append(self._context.run(self._run))
        except BaseException as error:  # To be told to whoever waits, whatever it is.
            self._error = error
        with contextlib.suppress(RuntimeError):  # The loop has ended, and nobody waits.
            self._soon(self._ended.set)


def in_thread(function: Callable[..., object]) -> Callable[..., Awaitable[object]]:
    """Return a plain function as an async one that runs it in a thread; when cancelled, it leaves the thread behind."""
    if isinstance(function, partial):
        bound = cast("partial[object]", function)
        return partial(in_thread(bound.func), *bound.args, **bound.keywords)

    @functools.wraps(function)
    async def call(*args: Any, **kwargs: Any) -> object:
        returned = await _Call(lambda: function(*args, **kwargs)).result()
        # A plain function may stand around an async one.
        return await cast("Awaitable[object]", returned) if inspect.isawaitable(returned) else returned

    if not hasattr(function, "__name__"):  # An object that can be called.
        call.__name__, call.__doc__ = type(function).__name__, inspect.getdoc(type(function))
    return call
