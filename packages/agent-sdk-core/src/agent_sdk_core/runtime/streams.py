"""Bounded streams from one producer that never waits to consumers that may lag, vanish or never come.

Subscribers are held weakly: an iterator that nobody holds takes nothing. One that is waited in is held until it is
woken: asyncio holds its tasks weakly, too, and who waits must not be taken for rubbish together with what he waits in.
A consumer that lags loses the oldest items beyond its bound, and is told how many.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from typing import Final, Generic, TypeVar
from weakref import ref

import anyio
from anyio.lowlevel import checkpoint

from agent_sdk_core.interfaces.streams import Stream

T = TypeVar("T")

_FAIRNESS: Final = 512
"""Items handed out without yielding to the event loop: what one read may bring, so that a consumer keeps up with it."""


class BoundedStream(Stream[T]):
    """An async iterator over what is published after it was made.

    Args:
        limit: Items that it holds.
        guard: Called before a wait; raises where nothing can be waited for.
        awaited: The streams of its source that somebody waits in; absent: nobody holds it.

    Attributes:
        dropped: How many items this consumer lost because it lagged.
    """

    def __init__(
        self,
        limit: int = 10_000,
        *,
        guard: Callable[[], None] = lambda: None,
        awaited: set[BoundedStream[T]] | None = None,
    ) -> None:
        self.dropped = 0
        self._guard = guard
        self._awaited = awaited
        self._items: deque[T] = deque()
        self._limit = limit
        self._closed = False
        self._waiter: anyio.Event | None = None
        self._streak = 0

    def publish(self, items: Iterable[T]) -> None:
        """Add items and wake the consumer; never waits. What comes after the end is ignored."""
        if self._closed:
            return
        self._items.extend(items)
        self._trim()
        self._wake()

    def close(self) -> None:
        """End the stream after the items it holds."""
        self._closed = True
        self._wake()

    def _trim(self) -> None:
        while len(self._items) > self._limit:
            self._drop()

    def _drop(self) -> None:
        self._items.popleft()
        self.dropped += 1

    def _wake(self) -> None:
        if self._waiter is not None:
            self._waiter.set()
            self._waiter = None
            if self._awaited is not None:
                self._awaited.discard(self)

    def _pop(self) -> T:
        return self._items.popleft()

    async def __anext__(self) -> T:
        self._streak += 1
        if self._streak >= _FAIRNESS:
            self._streak = 0
            await checkpoint()
        while not self._items:
            if self._closed:
                raise StopAsyncIteration
            self._streak = 0
            self._guard()
            waiter = self._waiter
            if waiter is None:
                waiter = self._waiter = anyio.Event()
                if self._awaited is not None:
                    self._awaited.add(self)
            await waiter.wait()
        return self._pop()


class Broadcast(Generic[T]):
    """Publishes items to every live subscriber; the arguments are those of each `BoundedStream`.

    Args:
        limit: Items that a stream holds.
        guard: Called before a wait; raises where nothing can be waited for.
        keep: Whether the first subscriber gets what was published before it came.
    """

    def __init__(self, limit: int = 10_000, *, guard: Callable[[], None] = lambda: None, keep: bool = False) -> None:
        self._limit = limit
        self._guard = guard
        self._streams: list[ref[BoundedStream[T]]] = []  # Weak: who drops a stream has no use for more.
        self._awaited: set[BoundedStream[T]] = set()
        self._closed = False
        self._kept: BoundedStream[T] | None = None
        self._kept = self.subscribe() if keep else None

    def subscribe(self) -> BoundedStream[T]:
        """Return a stream of what is published from now on, or of what was kept for the first."""
        if self._kept is not None:
            stream, self._kept = self._kept, None
            return stream
        stream = BoundedStream[T](self._limit, guard=self._guard, awaited=self._awaited)
        if self._closed:
            stream.close()
        self._streams.append(ref(stream, self._streams.remove))
        return stream

    @property
    def watched(self) -> bool:
        """Whether anybody listens."""
        return bool(self._streams)

    def publish(self, *items: T) -> None:
        """Hand items to every subscriber; never waits."""
        for stream in self._live():
            stream.publish(items)

    def close(self) -> None:
        """End every stream."""
        self._closed = True
        for stream in self._live():
            stream.close()

    def _live(self) -> list[BoundedStream[T]]:
        return [stream for known in list(self._streams) if (stream := known()) is not None]
