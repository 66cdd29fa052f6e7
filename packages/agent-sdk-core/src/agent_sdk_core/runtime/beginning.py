"""The beginning of a task in a task group, before which an event loop may end."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Generator
from typing import Any, TypeVarTuple

from anyio.abc import TaskGroup

_Args = TypeVarTuple("_Args")


def start_in(tasks: TaskGroup, run: Callable[[*_Args], Coroutine[Any, Any, None]], *args: *_Args) -> None:
    """Start a task in a group; where it is cancelled before its first step, as when the loop ends, nothing warns.

    AnyIO awaits what it is given in a coroutine of its own, which asyncio may cancel before it begins, and Python warns
    of a coroutine that was made and never awaited.
    """
    tasks.start_soon(_Unbegun, lambda: run(*args), name=getattr(run, "__qualname__", None))


class _Unbegun(Coroutine[Any, Any, None]):
    """A coroutine that is made when it is first driven."""

    def __init__(self, make: Callable[[], Coroutine[Any, Any, None]]) -> None:
        self._make = make
        self._made: Coroutine[Any, Any, None] | None = None

    def _begun(self) -> Coroutine[Any, Any, None]:
        if self._made is None:
            self._made = self._make()
        return self._made

    def __await__(self) -> Generator[Any, Any, None]:
        return self._begun().__await__()

    def send(self, value: Any) -> Any:
        return self._begun().send(value)

    def throw(self, *error: Any) -> Any:
        return self._begun().throw(*error)

    def close(self) -> None:
        if self._made is not None:
            self._made.close()
