"""The one task that owns a backend's task group, so that start, close and callbacks may come from any task.

A task group must be left by the task that entered it. Applications start a backend in one task and close it in another
(notebook cells, web lifespans), so the group lives in a task of its own: an asyncio task, or a trio system task.
"""

from __future__ import annotations

import contextlib
import logging
import sys
from collections.abc import Awaitable, Callable, Coroutine
from contextvars import Context, ContextVar, copy_context
from functools import partial
from typing import Any, Final, TypeVar, TypeVarTuple

import anyio
from anyio.abc import TaskGroup
from anyio.lowlevel import current_token

from agent_sdk_core.errors import AgentError, InvalidRequestError, SessionClosedError
from agent_sdk_core.runtime.beginning import start_in

_log = logging.getLogger(__name__)
_Args = TypeVarTuple("_Args")
T = TypeVar("T")
_JOIN_SECONDS: Final = 2.0
"""How long a close waits for cancelled tasks; a callback that shields itself does not hold it up for longer."""

_current_host: ContextVar[Host | None] = ContextVar("agent_sdk_current_host", default=None)

_beside: set[Any] = set()


def on_trio() -> bool:
    """Tell whether the event loop that runs is trio's."""
    return type(current_token().native_token).__module__.partition(".")[0] == "trio"


def start_beside(run: Callable[[*_Args], Coroutine[Any, Any, None]], *args: *_Args, name: str) -> None:
    """Start a task that belongs to no task group, in a copy of the caller's context; it must not raise.

    It is an asyncio task, or a trio system task.
    """
    if on_trio():
        import trio

        trio.lowlevel.spawn_system_task(run, *args, name=name, context=copy_context())
    else:
        loop: Any = current_token().native_token
        task = loop.create_task(run(*args), name=name)
        _beside.add(task)  # The loop itself holds tasks weakly.
        task.add_done_callback(_beside.discard)


def beside_later(run: Callable[[], Coroutine[Any, Any, None]], *, name: str) -> Callable[[], object]:
    """Return what starts such a task in the event loop that runs now, from whichever thread it is called."""
    loop: Any = current_token().native_token
    start = partial(start_beside, run, name=name)
    if on_trio():
        return lambda: loop.run_sync_soon(start)
    return lambda: loop.call_soon_threadsafe(start, context=_knowing_asyncio(copy_context()))


def _knowing_asyncio(context: Context) -> Context:
    """Return a context in whose callbacks AnyIO knows the event loop.

    Where sniffio is installed, AnyIO asks it, and it looks for a task, which a callback of asyncio's is not.
    """
    if (sniffio := sys.modules.get("sniffio")) is not None:
        context.run(sniffio.current_async_library_cvar.set, "asyncio")
    return context


class Host:
    """Owner of a task group.

    Args:
        name: For logs and task names.
        on_stop: Runs in the host's task when it is told to stop, while the group still works; must be bounded.
        on_abort: Synchronous; told why when the host ends without having been told to, as with its event loop.
        backend: Name of the backend whose host it is, for telemetry.

    Attributes:
        backend: Name of the backend whose host it is, where it is one's.
    """

    def __init__(
        self,
        name: str,
        *,
        on_stop: Callable[[], Awaitable[None]],
        on_abort: Callable[[AgentError], None],
        backend: str | None = None,
    ) -> None:
        self.backend = backend
        self._name = name
        self._on_stop = on_stop
        self._on_abort = on_abort
        self._tasks: TaskGroup | None = None
        self._native: Any = None
        self._context = Context()
        self._started = anyio.Event()
        self._stop = anyio.Event()
        self._closed = anyio.Event()
        self._done = anyio.Event()

    @property
    def running(self) -> bool:
        """Whether tasks can be started."""
        return self._tasks is not None and not self._closed.is_set()

    @property
    def ended(self) -> bool:
        """Whether it was stopped, or lost; it does not start again."""
        return self._closed.is_set()

    def require_here(self) -> None:
        """Check that the caller runs in the host's event loop, or in none; before the start every loop will do.

        Raises:
            InvalidRequestError: It runs in another one, where nothing of this host's can be awaited.
        """
        if self._native is None or (loop := _running_loop(self._native)) is None or loop is self._native:
            return
        if getattr(self._native, "is_closed", bool)():  # Without its tasks having been cancelled.
            self._lose("its event loop was closed")
        other = "which has ended: create a new one" if self.ended else "and this is another one: use it there"
        raise InvalidRequestError(
            f"{self._name.capitalize()} belongs to the event loop in which it was started, {other}."
        )

    async def start(self) -> None:
        """Start the host task in the running event loop; does nothing when that was done, by a cancelled call too."""
        if self._native is None:
            self._native = current_token().native_token
            self._context = copy_context() if on_trio() else _knowing_asyncio(copy_context())
            start_beside(self._run, name=self._name)
        with anyio.CancelScope(shield=True):
            await self._started.wait()

    def start_soon(
        self,
        run: Callable[[*_Args], Awaitable[object]],
        *args: *_Args,
        context: Context | None = None,
    ) -> None:
        """Start a task in the group; what it raises is logged and goes no further.

        Args:
            run: The async function.
            args: Its arguments.
            context: Context to run it in; absent: the caller's.

        Raises:
            SessionClosedError: The host has stopped.
            InvalidRequestError: The caller runs in another event loop.
        """
        self.require_here()
        if self._tasks is None or not self.running:
            raise SessionClosedError("The backend is closed; create a new one.")
        (context or copy_context()).run(start_in, self._tasks, self._contain, run, args)

    async def call(
        self,
        run: Callable[[], Awaitable[T]],
        *,
        abandoned: Callable[[T], Awaitable[object]] | None = None,
        context: Context | None = None,
    ) -> T:
        """Run something to its end in the group, whatever becomes of the caller, and return its result.

        Args:
            run: The async function.
            abandoned: Takes the result back when the caller was cancelled and will never see it; absent: nothing hangs
                on it.
            context: Context to run it in; absent: the caller's.

        Raises:
            BaseException: What `run` raised.
        """
        outcome: list[T | Exception] = []
        finished = anyio.Event()
        waiting = True

        async def body() -> None:
            try:
                outcome.append(await run())
            except Exception as error:
                outcome.append(error)
            finally:
                finished.set()
            if not waiting and abandoned is not None and not isinstance(outcome[0], Exception):
                await abandoned(outcome[0])

        self.start_soon(body, context=context)
        try:
            await finished.wait()
        except BaseException:
            waiting = False
            if outcome and abandoned is not None and not isinstance(outcome[0], Exception):
                with contextlib.suppress(SessionClosedError):  # The close of the host takes everything back itself.
                    self.start_soon(abandoned, outcome[0])
            raise
        if not outcome:
            raise SessionClosedError("The backend was closed meanwhile.")
        if isinstance(outcome[0], Exception):
            raise outcome[0]
        return outcome[0]

    def call_soon_threadsafe(self, run: Callable[[*_Args], object], *args: *_Args) -> None:
        """Run something synchronous in the event loop, from any thread; silently not, when the loop is gone."""
        with contextlib.suppress(RuntimeError):
            if hasattr(self._native, "run_sync_soon"):
                self._native.run_sync_soon(run, *args)
            else:
                # Not in the context of the thread, in which AnyIO knows no event loop.
                self._native.call_soon_threadsafe(run, *args, context=self._context)

    async def aclose(self) -> None:
        """Run `on_stop`, cancel what is left and wait for it. May be called from any task, its own tasks included.

        No shield stops asyncio's own `Task.cancel`: it ends the wait at once, and the close goes on without it.

        Raises:
            InvalidRequestError: It runs in another event loop.
        """
        try:
            self.require_here()
        except InvalidRequestError:
            if self.ended:
                return
            raise
        self._stop.set()
        if self._native is None:
            return
        with anyio.CancelScope(shield=True):
            await self._closed.wait()
            if _current_host.get() is not self:
                with anyio.move_on_after(_JOIN_SECONDS):
                    await self._done.wait()

    async def _run(self) -> None:
        why = "its event loop ended, or its task was cancelled"
        try:
            async with anyio.create_task_group() as self._tasks:
                self._started.set()
                await self._stop.wait()
                with anyio.CancelScope(shield=True):
                    try:
                        await self._on_stop()
                    except Exception:
                        _log.exception("closing %s failed", self._name)
                self._closed.set()
                self._tasks.cancel_scope.cancel()
        except Exception as error:
            _log.exception("%s failed", self._name)
            why = f"it failed: {error!r}"
        finally:
            self._lose(why)
            self._done.set()

    def _lose(self, why: str) -> None:
        """Tell the owner that the host has ended, unless it was stopped."""
        self._tasks = None
        if self._closed.is_set():
            return
        with contextlib.suppress(RuntimeError):  # Nobody waits any more in a loop that is closed.
            self._closed.set()
        try:
            self._on_abort(SessionClosedError(f"{self._name.capitalize()} has ended, for {why}; create a new one."))
        except Exception:
            _log.exception("taking down %s failed", self._name)

    async def _contain(self, run: Callable[..., Awaitable[object]], args: tuple[object, ...]) -> None:
        _current_host.set(self)
        try:
            await run(*args)
        except Exception:
            _log.exception("a task of %s failed", self._name)
        except BaseException as error:
            # Whatever comes out of one task must not take the group with it; the host's own cancellation passes.
            if self._tasks is None or self._tasks.cancel_scope.cancel_called or isinstance(error, GeneratorExit):
                raise
            cancelled = isinstance(error, anyio.get_cancelled_exc_class())
            _log.log(logging.DEBUG if cancelled else logging.ERROR, "a task of %s failed", self._name, exc_info=True)


def _running_loop(native: object) -> object:
    """Return the event loop that runs in this thread, of the kind of the given one first; None if none does."""
    asyncio, trio = sys.modules.get("asyncio"), sys.modules.get("trio")
    running: list[Callable[[], object]] = [] if asyncio is None else [asyncio.get_running_loop]
    if trio is not None:  # As a guest, it runs inside of a loop of asyncio's.
        running.insert(0 if _is_trio(native) else 1, trio.lowlevel.current_trio_token)
    for current in running:
        with contextlib.suppress(RuntimeError):
            return current()
    return None


def _is_trio(native: object) -> bool:
    return type(native).__module__.partition(".")[0] == "trio"
