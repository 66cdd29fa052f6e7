"""Calls of the application's own code: tools, callbacks and hooks, which may raise anything and never end.

Each call is a task of its own beside every task group, so that nothing it raises reaches anybody but its caller, and a
cancellation that comes out of it is told apart from one that came in. Code that is no longer wanted is cancelled once,
and left behind when it goes on.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from typing import Final, Generic, Protocol, TypeVar

import anyio
from anyio.lowlevel import checkpoint_if_cancelled

from agent_sdk_core.errors import failure_text
from agent_sdk_core.runtime.asking.waiting_tasks import waits_for_this
from agent_sdk_core.runtime.beginning import start_in
from agent_sdk_core.runtime.host import on_trio, start_beside
from agent_sdk_core.telemetry.reporting import error_reporter

_log = logging.getLogger(__name__)
T = TypeVar("T")

_PATIENCE: Final = 5.0
"""Seconds after which the log tells of code that goes on although it was cancelled."""

_RETRY_SECONDS: Final = 0.1
"""How often code that shields itself is looked at again."""

_LOOK_SECONDS: Final = 0.25
"""How often a task that waits is looked at, which code of the application has started that has not ended."""

_awaited: ContextVar[tuple[anyio.Event, int] | None] = ContextVar("agent_sdk_user_code", default=None)
"""The end of the application's code that runs, and its task; tasks that it starts inherit this, and are others."""


class UserCodeError(Exception):
    """What the application's code raised, which is its cause; its text is fit for a model and for a log."""


async def call_user_code(work: Callable[[], Awaitable[T]], what: str, *, until: anyio.Event | None = None) -> T | None:
    """Call the application's code, and return what it returns; None when it was cut off.

    A caller that is cancelled does not wait for it: the code is cancelled as well, and goes its own way.

    Args:
        work: The code.
        what: What it is, for the log.
        until: When this is set, the code is cut off.

    Raises:
        UserCodeError: It raised something, be it `SystemExit` or a cancellation of its own.
    """
    await checkpoint_if_cancelled()
    code = _Call(work, what)
    start_beside(code.run, name=what)
    try:
        if until is None:
            await code.ended.wait()
        else:
            async with anyio.create_task_group() as tasks:
                start_in(tasks, _cut_off, tasks.cancel_scope, until)
                await code.ended.wait()
                tasks.cancel_scope.cancel()
    finally:
        code.leave()
    if isinstance(code.raised, UserCodeError):
        raise code.raised
    if code.raised is not None:
        error_reporter().report(code.raised, where="callback")
        raise UserCodeError(failure_text(code.raised)) from code.raised
    return code.returned


def awaited_here() -> bool:
    """Tell whether what runs is code of the application that is waited for.

    A task that it has started is, where the code waits for it in turn, and not where it only started it.
    """
    code = _awaited.get()
    return code is not None and not code[0].is_set() and waits_for_this(code[1])


class Awaited(Protocol):
    """What can be waited for."""

    def is_set(self) -> bool:
        """Tell whether it has come."""
        ...

    async def wait(self) -> object:
        """Return when it has."""


async def wait_outside(event: Awaited, require: Callable[[], None]) -> None:
    """Wait for an event, and look now and then whether the code of the application has come to wait for this task.

    It does, later, where it has started the task and awaits it: nobody tells the task so.

    Args:
        event: What is waited for.
        require: Raises where that would never come, see `awaited_here`.
    """
    while not event.is_set():
        code = _awaited.get()
        if code is None or code[0].is_set():
            await event.wait()
            return
        require()
        with anyio.move_on_after(_LOOK_SECONDS):
            await event.wait()


def stand_in() -> None:
    """Have this task count as the application's code, where that waits for it in a thread."""
    if (code := _awaited.get()) is not None:
        _awaited.set((code[0], anyio.get_current_task().id))


class _Call(Generic[T]):
    """One call, from its start to its end or to its being left behind."""

    def __init__(self, work: Callable[[], Awaitable[T]], what: str) -> None:
        self.ended = anyio.Event()
        self.returned: T | None = None
        self.raised: BaseException | None = None
        self._work = work
        self._what = what
        self._task: anyio.TaskInfo | None = None
        self._unwanted = False
        self._arrived = False
        self._scope = anyio.CancelScope()
        self._guard = anyio.CancelScope(shield=True)

    async def run(self) -> None:
        """Run the code; never raises."""
        try:
            if not self._unwanted:
                self._task = anyio.get_current_task()
                _awaited.set((self.ended, self._task.id))
                with self._scope, self._guard:
                    self.returned = await self._work()
        except BaseException as error:  # Out of a task, some of them would end the event loop.
            self.raised = error
        finally:
            self.ended.set()

    def leave(self) -> None:
        """Cancel what has not ended; its outcome concerns nobody any more."""
        if self.ended.is_set():
            return
        self._unwanted = True
        self._scope.cancel()
        if self._task is not None:
            self._cancel(self._task)
            start_beside(self._see_off, self._task, name=f"the end of {self._what}")

    def _cancel(self, task: anyio.TaskInfo) -> None:
        """Deliver the cancellation once, and note whether it arrived: it does not where the code shields itself.

        On asyncio AnyIO delivers a cancellation again in every cycle of the loop, also to code that catches it, so the
        guard opens for one delivery only. On trio it stays open, which costs nothing.
        """
        self._guard.shield = False
        if on_trio():
            self._arrived = True
        else:
            self._guard.shield = True
            self._arrived = task.has_pending_cancellation()

    async def _see_off(self, task: anyio.TaskInfo) -> None:
        """Cancel code that shields itself as soon as it does not, and tell of code that goes on for long."""
        with anyio.move_on_after(_PATIENCE):
            await self._gone(task)
            return
        _log.warning("%s goes on although it was cancelled, and is left behind", self._what)
        await self._gone(task)

    async def _gone(self, task: anyio.TaskInfo) -> None:
        while not self._arrived and not self.ended.is_set():
            with anyio.move_on_after(_RETRY_SECONDS):
                await self.ended.wait()
            self._cancel(task)
        await self.ended.wait()


async def _cut_off(scope: anyio.CancelScope, until: anyio.Event) -> None:
    await until.wait()
    scope.cancel()
