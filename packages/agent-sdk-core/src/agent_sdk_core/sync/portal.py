"""The portal: a thread with an event loop in it, and the way to wait for what runs there."""

from __future__ import annotations

import atexit
import contextlib
import os
import threading
from collections import deque
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from contextvars import copy_context
from typing import Any, Final, Generic, TypeVar

import anyio
from anyio.abc import TaskGroup
from anyio.lowlevel import current_token

from agent_sdk_core.errors import InvalidRequestError, SessionClosedError

T = TypeVar("T")

_PATIENCE: Final = 15.0
"""Seconds that a call which was interrupted waits for what it gave up; more than an agent takes to be stopped."""

_LOOK: Final = 0.5
"""Seconds after which a waiting thread looks up: a signal that came just before it began to wait does not wake it."""

_open: set[Portal] = set()
"""What has to be ended with the interpreter."""


class _Call(Generic[T]):
    """One function that runs in the loop, and the thread that waits for its end.

    Attributes:
        ended: Set when it has ended, whatever way.
        error: What it raised.
    """

    def __init__(self, run: Callable[[], Awaitable[T]]) -> None:
        self.ended = threading.Event()
        self.error: BaseException | None = None
        self._run = run
        self._context = copy_context()
        self._results: list[T] = []
        self._scope: anyio.CancelScope | None = None
        self._begun = False
        self._given_up = False

    def begin(self, tasks: TaskGroup) -> None:
        """Start it in the context of the caller, unless it was given up; in the loop."""
        if not self._given_up:
            self._begun = True
            self._context.run(tasks.start_soon, self._work)

    def give_up(self, tasks: TaskGroup) -> None:
        """Cancel it, or see that it does not start; in the loop."""
        del tasks
        self._given_up = True
        if not self._begun:
            self.ended.set()
        elif self._scope is not None:
            self._scope.cancel()

    def result(self, closed: SessionClosedError) -> T:
        """Return what it returned, or raise what it raised; or that the loop has ended before it did."""
        if self.error is not None:
            raise self.error
        if not self._results:
            self.error = closed
            raise closed
        return self._results[0]

    async def _work(self) -> None:
        from agent_sdk_core.runtime.asking.user_code import stand_in

        stand_in()
        try:
            with anyio.CancelScope() as self._scope:
                if self._given_up:
                    self._scope.cancel()
                self._results.append(await self._run())
        except anyio.get_cancelled_exc_class():
            raise
        except BaseException as error:  # Whatever it is, it is for the thread that waits.
            self.error = error
        finally:
            self.ended.set()


class Portal:
    """A thread with an event loop, started by the first call; it can be used from every thread but its own.

    Args:
        name: Of the thread.
        last: What is done in the loop before it ends, when the interpreter ends first; bounded.
    """

    def __init__(self, name: str, last: Callable[[], Awaitable[object]]) -> None:
        self._name = name
        self._last = last
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._wake: Future[Callable[[], object]] = Future()
        self._todo: deque[Callable[[TaskGroup], object]] = deque()
        self._calls: set[_Call[Any]] = set()
        self._ending = False
        self._forsaken = False

    @property
    def busy(self) -> bool:
        """Whether a call is waited for."""
        return bool(self._calls)

    def call(self, run: Callable[[], Awaitable[T]], *, interrupted: Callable[[], Awaitable[object]] | None = None) -> T:
        """Run something in the loop, wait for its end, and return its result.

        Whatever else is raised in the thread that waits, such as the `KeyboardInterrupt` of Ctrl-C, cancels it.

        Args:
            run: The async function.
            interrupted: Runs after that, to end what the cancelled function left running.

        Raises:
            BaseException: What it raised.
            InvalidRequestError: The caller is in the loop itself, or in a process that was forked from the loop's.
            SessionClosedError: The portal is closed.
        """
        call = _Call(run)
        try:
            self._begin(call)
            while not call.ended.wait(_LOOK):
                continue
            return call.result(self._closed_error())
        except BaseException as error:
            if error is not call.error:  # It was not raised by what ran, but here.
                self._give_up(call, interrupted)
            raise
        finally:
            self._calls.discard(call)

    def leave(self, run: Callable[[], Awaitable[object]]) -> None:
        """Run what ends something in the loop; nothing where the loop has ended, or is another process's."""
        if not self._ending:
            with contextlib.suppress(SessionClosedError):  # It has ended meanwhile, and with it all that was in it.
                self.call(run)

    def forsake(self) -> None:
        """Know in a forked process that the thread and all that lives in it are the other one's."""
        self._lock = threading.Lock()  # Another thread may have held it.
        self._thread = None
        self._calls = set()
        self._ending = self._forsaken = True

    def end(self) -> None:
        """Do what is done last, and end the loop; does nothing when it has ended."""
        self.end_soon()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(_PATIENCE)

    def end_soon(self) -> None:
        """Begin to end, and do not wait; for `__del__` as well, which may run in any thread."""
        begun, self._ending = self._ending, True
        if self._thread is not None and not begun:
            with contextlib.suppress(RuntimeError):  # The loop has ended by itself.
                self._soon(lambda tasks: tasks.start_soon(self._leave, tasks))

    def _begin(self, call: _Call[T]) -> None:
        with self._lock:
            if self._forsaken:
                call.error = InvalidRequestError(
                    f"{self._name} belongs to the process in which it was opened, and this one was forked from it: "
                    "create a new one here."
                )
                raise call.error
            if self._ending:
                call.error = self._closed_error()
                raise call.error
            if self._thread is None:
                # A daemon, and so are the threads that it starts: none of them keeps the interpreter from its end.
                self._thread = threading.Thread(target=self._work, name=self._name, daemon=True)
                self._thread.start()
                _open.add(self)
        if threading.current_thread() is self._thread:
            call.error = InvalidRequestError(
                f"{self._name} would wait for itself: in an async function use the async face, or hand over a "
                "plain function, which runs in a thread."
            )
            raise call.error
        self._calls.add(call)
        try:
            self._soon(call.begin)
        except RuntimeError:
            call.error = self._closed_error()
            raise call.error from None

    def _give_up(self, call: _Call[T], interrupted: Callable[[], Awaitable[object]] | None) -> None:
        if self._thread is not None:
            with contextlib.suppress(RuntimeError):  # The loop has ended.
                self._soon(call.give_up)
            call.ended.wait(_PATIENCE)
        if interrupted is not None:
            with contextlib.suppress(Exception):
                self.call(interrupted)

    def _work(self) -> None:
        try:
            anyio.run(self._serve)
        finally:
            self._ending = True
            _open.discard(self)
            for call in list(self._calls):  # Some may not have begun.
                call.ended.set()

    def _soon(self, run: Callable[[TaskGroup], object]) -> None:
        """Have something done in the loop, without waiting for it; raises `RuntimeError` when the loop has ended."""
        wake = self._wake.result()
        self._todo.append(run)
        wake()

    async def _serve(self) -> None:
        loop: Any = current_token().native_token
        woken = anyio.Event()
        self._wake.set_result(lambda: loop.call_soon_threadsafe(lambda: woken.set()))
        async with anyio.create_task_group() as tasks:
            while not tasks.cancel_scope.cancel_called:
                await woken.wait()
                woken = anyio.Event()
                while self._todo:
                    self._todo.popleft()(tasks)

    async def _leave(self, tasks: TaskGroup) -> None:
        try:
            with contextlib.suppress(Exception):
                await self._last()
        finally:
            tasks.cancel_scope.cancel()

    def _closed_error(self) -> SessionClosedError:
        return SessionClosedError(f"{self._name} is closed; create a new one.")


@atexit.register
def _end_all() -> None:
    portals = list(_open)
    for portal in portals:
        portal.end_soon()
    for portal in portals:
        portal.end()


def _forsake_all() -> None:
    for portal in _open:
        portal.forsake()
    _open.clear()


if hasattr(os, "register_at_fork"):  # Not on Windows.
    os.register_at_fork(after_in_child=_forsake_all)
