"""The opening of a session as an application holds it: awaited, or entered with ``async with``."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Generator
from contextlib import AbstractAsyncContextManager
from types import TracebackType
from typing import Any, TypeVar

from agent_sdk_core.errors import InvalidRequestError
from agent_sdk_core.interfaces.unused import place_of_caller, warn_unused

S_co = TypeVar("S_co", bound=AbstractAsyncContextManager[Any], covariant=True)


class SessionOpening(Coroutine[Any, Any, S_co]):
    """A session that opens when this is awaited, or entered with ``async with``, which closes it in the end.

    Nothing happens before. Cancelled, it leaves nothing behind. It is a coroutine like any other, so that a task can be
    made of it, and it can be used once.

    Args:
        open_session: Opens the session.
        name: The call that made it, for its `repr` and warnings.
    """

    def __init__(
        self, open_session: Callable[[], Coroutine[Any, Any, S_co]], *, name: str = "backend.create_session()"
    ) -> None:
        self._open = open_session
        self._name = name
        self._place = place_of_caller()
        self.__name__ = self.__qualname__ = name  # Of the task that is made of it.
        self._running: Coroutine[Any, Any, S_co] | None = None
        self._session: S_co | None = None

    def send(self, value: Any, /) -> Any:
        """Go on, as every coroutine does."""
        return self._coroutine().send(value)

    def throw(self, *raised: Any) -> Any:
        """Raise something where it waits, as every coroutine does."""
        return self._coroutine().throw(*raised)

    def close(self) -> None:
        """Give it up, as every coroutine does."""
        self._coroutine().close()

    def __await__(self) -> Generator[Any, Any, S_co]:
        return self._begun().__await__()

    async def __aenter__(self) -> S_co:
        session = self._session = await self._begun()
        return await session.__aenter__()

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        session, self._session = self._session, None
        if session is not None:
            await session.__aexit__(exc_type, exc, tb)

    def __repr__(self) -> str:
        state = "not begun" if self._running is None else "begun"
        return f"<{type(self).__name__} of {self._name}, {state}>"

    def __del__(self) -> None:
        if getattr(self, "_running", self) is None:
            advice = f"Write `async with {self._name} as session:`, or `session = await {self._name}`."
            warn_unused(f"{self._name} was neither awaited nor entered: no session is open.", advice, self._place, self)

    def _coroutine(self) -> Coroutine[Any, Any, S_co]:
        if self._running is None:
            self._running = self._open()
        return self._running

    def _begun(self) -> Coroutine[Any, Any, S_co]:
        if self._running is not None:
            raise InvalidRequestError(f"{self._name} was used before: call it again for another session.")
        return self._coroutine()
