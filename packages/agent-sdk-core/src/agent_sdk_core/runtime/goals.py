"""`SessionGoalRun`: the turns of a goal as one, read from the messages of their session."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from types import TracebackType
from typing import Self

import anyio

from agent_sdk_core.interfaces.goal import ACTIVE, Goal, GoalRun
from agent_sdk_core.interfaces.streams import Stream
from agent_sdk_core.messages.parse import SDKMessage
from agent_sdk_core.messages.result import ResultMessage
from agent_sdk_core.messages.system import GoalChanged, InitMessage


def next_goal(before: Goal | None, message: GoalChanged) -> Goal | None:
    """Return the goal after a message; None when there is none any more."""
    if message.objective is None:
        return None
    return Goal(
        message.objective,
        message.status or (before.status if before is not None else ACTIVE),
        message.token_budget,
        message.tokens_used or 0,
        message.seconds_used or 0.0,
    )


class SessionGoalRun(GoalRun):
    """The run of a goal in a `BaseSession`.

    Args:
        stream: The session's messages from before the goal was set.
        goal: The goal.
        give_up: Takes the goal away and interrupts; for an `async with` that is left early.
    """

    def __init__(self, stream: Stream[SDKMessage], goal: Goal, give_up: Callable[[], Awaitable[None]]) -> None:
        self._stream = stream
        self._goal = goal
        self._give_up = give_up
        self._result: ResultMessage | None = None
        self._in_turn = False
        self._over = False

    @property
    def goal(self) -> Goal:
        """The goal as it was told last."""
        return self._goal

    @property
    def result(self) -> ResultMessage | None:
        """The result of the last turn that has ended."""
        return self._result

    async def wait(self) -> Goal:
        """Read on to the end, and return the goal as it ended."""
        async for _ in self:
            pass
        return self._goal

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> SDKMessage:
        if self._over:
            raise StopAsyncIteration
        try:
            message = await anext(self._stream)
        except StopAsyncIteration:
            self._over = True
            raise
        if message.parent_tool_use_id is None:
            self._note(message)
        return message

    def _note(self, message: SDKMessage) -> None:
        if isinstance(message, GoalChanged):
            self._goal = next_goal(self._goal, message) or replace(self._goal, status="cleared")
        elif isinstance(message, InitMessage):
            self._in_turn = True
        elif isinstance(message, ResultMessage):
            self._in_turn = False
            self._result = message
        else:
            return
        self._over = self._goal.status != ACTIVE and not self._in_turn

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        if not self._over:
            with anyio.CancelScope(shield=True):  # Each call in it is bounded.
                await self._give_up()
