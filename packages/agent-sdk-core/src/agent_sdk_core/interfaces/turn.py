"""Turns and queued prompts as an application sees them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Literal, Protocol, Self

from agent_sdk_core.messages.parse import SDKMessage
from agent_sdk_core.messages.result import ResultMessage
from agent_sdk_core.prompts import Prompt

if TYPE_CHECKING:
    pass


Priority = Literal["queue", "steer"]


@dataclass(frozen=True, slots=True)
class QueuedPrompt:
    """A prompt that waits for its turn."""

    uuid: str
    prompt: Prompt


class PromptQueue(Sequence[QueuedPrompt], ABC):
    """The prompts of a session that wait for their turn, next first."""

    @abstractmethod
    def edit(self, uuid: str, prompt: Prompt) -> None:
        """Say something else in a waiting prompt; its uuid stays.

        Raises:
            InvalidRequestError: It does not wait, or the new prompt is empty or malformed.
        """

    @abstractmethod
    def remove(self, uuid: str) -> None:
        """Cancel a waiting prompt; its result has terminal_reason "cancelled".

        Raises:
            InvalidRequestError: It does not wait.
        """

    @abstractmethod
    def move(self, uuid: str, index: int) -> None:
        """Put a waiting prompt at another place, 0 being the next.

        Raises:
            InvalidRequestError: It does not wait.
        """


class MessageStream(Protocol):
    """An async iterator over messages that holds no scope and may be dropped at any time."""

    def __aiter__(self) -> Self: ...

    async def __anext__(self) -> SDKMessage:
        """Return the next message; raises `StopAsyncIteration` when the session is closed."""
        ...


class Turn(ABC):
    """One prompt and what comes of it: an async iterator over its messages, the result last.

    Sends when it is entered or first iterated. Leaving `async with` early interrupts the turn and waits for its result;
    a plain `break` leaves it running.
    """

    @property
    @abstractmethod
    def uuid(self) -> str:
        """The prompt's uuid; the result lists it."""

    @property
    @abstractmethod
    def result(self) -> ResultMessage | None:
        """The result, once it has arrived."""

    @property
    @abstractmethod
    def text(self) -> str:
        """Text of the answer: the result's, else what was said last: not what it said before its tools."""

    @abstractmethod
    async def wait(self) -> ResultMessage:
        """Send if not yet sent, and return the result.

        Raises:
            AgentError: The agent did not accept the prompt.
        """

    @abstractmethod
    async def interrupt(self) -> None:
        """End the turn early; its result arrives as for any other."""

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
