"""The one writer of a store: a thread that commits what has arrived together, and acknowledges it after that."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import groupby
from queue import Empty, SimpleQueue
from threading import Event, Thread
from typing import Any, Final, Protocol, TypeVar

from sqlalchemy import Connection

from agent_chat.storage.database.connections import Database
from agent_chat.storage.database.failures import failure_of
from agent_chat.storage.errors import (
    StoreBusyError,
    StoreClosedError,
    StoreError,
    StoreFullError,
    StoreReadOnlyError,
    StoreUnavailableError,
)
from agent_sdk_core.errors import AgentError

T = TypeVar("T")

PATIENCE: Final = 60.0
"""Seconds after which a store that stays locked is given up, counted from the first attempt."""

_MOST: Final = 5000
"""Messages of one commit."""

_HOPELESS: Final = (StoreFullError, StoreReadOnlyError, StoreUnavailableError, StoreBusyError)
"""What one piece of work meets as all of them do."""

_log = logging.getLogger(__name__)


class Batched(Protocol):
    """Work that is done for many at once.

    Attributes:
        size: How much it is, in messages.
    """

    size: int

    @staticmethod
    def together(connection: Connection, works: Sequence[Any]) -> Sequence[object]:
        """Do it for all; return what each gets: its result, or the `AgentError` that it alone meets."""
        ...


Work = Callable[[Connection], T]


@dataclass(slots=True)
class _Job:
    work: Work[Any] | Batched
    future: asyncio.Future[Any]
    loop: asyncio.AbstractEventLoop

    @property
    def batched(self) -> type[Batched] | None:
        return None if callable(self.work) else type(self.work)


class Writer:
    """The thread, and the way to it. What `run` returns is committed."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._connection: Connection | None = None
        self._closing = Event()
        self._thread = Thread(target=self._loop, name="agent-chat-writer", daemon=True)
        self._thread.start()

    async def run(self, work: Work[T]) -> T:
        """Do a piece of work in a transaction, and return what it returns.

        When the caller is cancelled, work that has begun is done nevertheless.

        Raises:
            StoreError: It could not be written, or the store was closed.
            AgentError: What the work raised; nothing of it was written then.
        """
        return await self._put(work)

    async def batch(self, work: Batched) -> Any:
        """Do a piece of work together with others of its kind; see `run`."""
        return await self._put(work)

    async def _put(self, work: Work[Any] | Batched) -> Any:
        if self._closing.is_set():
            raise StoreClosedError("The store was closed.")
        loop = asyncio.get_running_loop()
        job = _Job(work, loop.create_future(), loop)
        self._jobs.put(job)
        return await job.future

    def close(self) -> None:
        """Write what is on its way, and end the thread; waits for it."""
        self._closing.set()
        self._jobs.put(None)
        self._thread.join()

    def _loop(self) -> None:
        ends = False
        while not ends:
            jobs, ends = self._arrived()
            wanted = [job for job in jobs if not job.future.cancelled()]
            outcomes: list[object]
            try:
                outcomes = self._written(wanted) if wanted else []
            except BaseException as error:  # Whatever it is, nobody waits for ever.
                _log.exception("the writer of the store %s failed", self._database.place.shown)
                self._drop_connection()
                outcomes = [StoreError(f"The store failed: {type(error).__name__}: {error}")] * len(wanted)
            _deliver(wanted, outcomes)
        self._drop_connection()
        _deliver(left := self._left(), [StoreClosedError("The store was closed.")] * len(left))

    def _arrived(self) -> tuple[list[_Job], bool]:
        """Wait for work, and return what there is by then, and whether it is the last."""
        jobs: list[_Job] = []
        size = 0
        job = self._jobs.get()
        while job is not None:
            jobs.append(job)
            size += 1 if callable(job.work) else job.work.size
            if size >= _MOST:
                return jobs, False
            try:
                job = self._jobs.get_nowait()
            except Empty:
                return jobs, False
        return jobs, True

    def _left(self) -> list[_Job]:
        left: list[_Job] = []
        with suppress(Empty):
            while True:
                if (job := self._jobs.get_nowait()) is not None:
                    left.append(job)
        return left

    def _written(self, jobs: list[_Job]) -> list[object]:
        """Write all of it in one transaction; where that fails for a reason of one job, each in its own."""
        until = time.monotonic() + PATIENCE
        delay = 0.05
        while True:
            try:
                return self._transaction(jobs)
            except Exception as error:  # drivers raise whatever they like
                self._drop_connection()
                failure = error if isinstance(error, AgentError) else failure_of(error, self._database.place)
                failure.__cause__ = error if failure is not error else error.__cause__
            if isinstance(failure, StoreBusyError) and time.monotonic() < until:
                # Not stamina: a writer that is closing waits no longer than it has to.
                self._closing.wait(random.uniform(0, delay))  # noqa: S311  # it spreads attempts, and hides nothing
                delay = min(2.0, 2 * delay)
                continue
            if len(jobs) == 1 or isinstance(failure, _HOPELESS):
                return [failure] * len(jobs)
            return [outcome for job in jobs for outcome in self._written([job])]

    def _transaction(self, jobs: list[_Job]) -> list[object]:
        if self._connection is None:
            self._connection = self._database.connect(writes=True)
        connection = self._connection
        outcomes: list[object] = []
        with connection.begin():
            for kind, group in groupby(jobs, key=lambda job: job.batched):
                works: list[Any] = [job.work for job in group]
                if kind is None:
                    outcomes += [_alone(connection, work) for work in works]
                else:
                    outcomes += kind.together(connection, works)
        return outcomes

    def _drop_connection(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(Exception):
                connection.invalidate()
            with suppress(Exception):
                connection.close()


def _alone(connection: Connection, work: Any) -> object:
    """Return what a piece of work gets; what it wrote before it raised is taken back."""
    try:
        with connection.begin_nested():
            return work(connection)
    except AgentError as error:
        return error


def _deliver(jobs: list[_Job], outcomes: Sequence[object]) -> None:
    """Tell each caller its outcome, in one call a loop."""
    for loop in {id(job.loop): job.loop for job in jobs}.values():
        pairs = [pair for pair in zip(jobs, outcomes, strict=True) if pair[0].loop is loop]
        with suppress(RuntimeError):  # The loop is closed, and nobody waits any more.
            loop.call_soon_threadsafe(_settle, pairs)


def _settle(pairs: list[tuple[_Job, object]]) -> None:
    for job, outcome in pairs:
        if job.future.done():
            continue
        if isinstance(outcome, BaseException):
            job.future.set_exception(outcome)
        else:
            job.future.set_result(outcome)
