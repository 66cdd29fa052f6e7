"""A goal as an application sees it: what the agent pursues by itself, turn after turn, and these turns as one."""

from __future__ import annotations

from abc import ABC, abstractmethod
from types import TracebackType
from typing import Self

from agent_sdk_core.arguments import checked_class
from agent_sdk_core.messages.parse import SDKMessage
from agent_sdk_core.messages.result import ResultMessage
from agent_sdk_core.records import dataclass
from agent_sdk_core.wire.forms import WireForm

ACTIVE = "active"
"""The status of a goal that the agent pursues."""


@checked_class()
@dataclass(frozen=True, slots=True, repr=False)
class Goal(WireForm):
    """What the agent pursues by itself.

    Attributes:
        objective: What it is to reach.
        status: As on `GoalChanged`; "cleared" when it was taken away.
        token_budget: Tokens that it may take, None without a limit.
        tokens_used: Tokens that it took so far.
        seconds_used: Seconds that it took so far.
    """

    objective: str
    status: str = ACTIVE
    token_budget: int | None = None
    tokens_used: int = 0
    seconds_used: float = 0.0


class GoalRun(ABC):
    """A goal and the turns that pursue it, as one: an async iterator over their messages, each turn's result included.

    It ends when the goal is not active any more and the turn that ran has its result, or when the session closes.
    Leaving `async with` early takes the goal away and interrupts the turn that runs; a plain `break` leaves both.
    """

    @property
    @abstractmethod
    def goal(self) -> Goal:
        """The goal as it was told last."""

    @property
    @abstractmethod
    def result(self) -> ResultMessage | None:
        """The result of the last turn that has ended, None before the first."""

    @abstractmethod
    async def wait(self) -> Goal:
        """Read on to the end, and return the goal as it ended."""

    @abstractmethod
    def __aiter__(self) -> Self: ...

    @abstractmethod
    async def __anext__(self) -> SDKMessage: ...

    @abstractmethod
    async def __aenter__(self) -> Self: ...

    @abstractmethod
    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None: ...
