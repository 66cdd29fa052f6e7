"""The stream as an application reads it: one consumer's async iterator, which may lag and may be dropped."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Generic, Self, TypeVar

T_co = TypeVar("T_co", covariant=True)


class Stream(ABC, Generic[T_co]):
    """An async iterator over what happens from now on: messages, events, log lines, pieces of text.

    It holds no task and no cancel scope: leave its loop, cancel its `anext`, or drop it at any time. Two streams of one
    kind take nothing from each other.

    Attributes:
        dropped: How many items this consumer lost because it lagged too far behind.
    """

    dropped: int = 0

    def __aiter__(self) -> Self:
        return self

    @abstractmethod
    async def __anext__(self) -> T_co:
        """Return the next item; raises `StopAsyncIteration` when what is watched has ended."""
