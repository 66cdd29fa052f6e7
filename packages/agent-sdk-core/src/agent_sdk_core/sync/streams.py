"""The stream as synchronous code reads it: a plain iterator that waits for the next item."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final, Generic, Self, TypeVar

from agent_sdk_core.interfaces import streams as async_face
from agent_sdk_core.sync.portal import Portal

T_co = TypeVar("T_co", covariant=True)
T = TypeVar("T")

_END: Final = object()


class Stream(Generic[T_co]):
    """An iterator over what happens from now on; its loop may be left, and the stream dropped, at any time."""

    def __init__(
        self,
        inner: async_face.Stream[T_co],
        portal: Portal,
        interrupted: Callable[[], Awaitable[object]] | None = None,
    ) -> None:
        self._inner = inner
        self._portal = portal
        self._interrupted = interrupted

    @property
    def dropped(self) -> int:
        """How many items this consumer lost because it lagged too far behind."""
        return self._inner.dropped

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> T_co:
        """Wait for the next item; raises `StopIteration` when what is watched has ended."""
        return next_of(self._inner, self._portal, self._interrupted)

    def __repr__(self) -> str:
        return f"<sync {self._inner!r}>"


def next_of(inner: Any, portal: Portal, interrupted: Callable[[], Awaitable[object]] | None = None) -> Any:
    """Wait for the next item of an async iterator, and return it.

    Args:
        inner: The iterator.
        portal: Where it lives.
        interrupted: As for `Portal.call`.

    Raises:
        StopIteration: There is none.
    """

    async def item() -> object:
        try:
            return await inner.__anext__()
        except StopAsyncIteration:
            return _END

    found = portal.call(item, interrupted=interrupted)
    if found is _END:
        raise StopIteration
    return found
