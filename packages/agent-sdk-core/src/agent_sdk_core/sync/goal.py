"""A goal that is pursued, as synchronous code sees it."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from agent_sdk_core.interfaces import goal as async_face
from agent_sdk_core.interfaces.goal import Goal
from agent_sdk_core.messages.parse import SDKMessage
from agent_sdk_core.messages.result import ResultMessage
from agent_sdk_core.sync.faces import Face
from agent_sdk_core.sync.streams import next_of


class GoalRun(Face[async_face.GoalRun]):
    """A goal and the turns that pursue it, as one: an iterator over their messages, each turn's result included.

    Leaving `with` early takes the goal away and interrupts the turn that runs, and so does Ctrl-C while it is waited
    for; a plain `break` leaves both.
    """

    @property
    def goal(self) -> Goal:
        """The goal as it was told last."""
        return self._inner.goal

    @property
    def result(self) -> ResultMessage | None:
        """The result of the last turn that has ended, None before the first."""
        return self._inner.result

    def wait(self) -> Goal:
        """Read on to the end, and return the goal as it ended."""
        return self._portal.call(self._inner.wait, interrupted=self._give_up)

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> SDKMessage:
        return next_of(self._inner, self._portal, self._give_up)

    def __enter__(self) -> Self:
        self._portal.call(self._inner.__aenter__, interrupted=self._give_up)
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        self._portal.leave(lambda: self._inner.__aexit__(exc_type, exc, tb))

    async def _give_up(self) -> None:
        await self._inner.__aexit__(None, None, None)
