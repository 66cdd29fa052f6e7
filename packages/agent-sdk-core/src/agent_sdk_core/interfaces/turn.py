"""Turns and queued prompts as an application sees them."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Generator, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Generic, Literal, Self, TypeAlias

from typing_extensions import TypeVar

from agent_sdk_core.arguments import checked_class
from agent_sdk_core.interfaces.interface import Interface
from agent_sdk_core.interfaces.streams import Stream
from agent_sdk_core.messages.parse import SDKMessage
from agent_sdk_core.messages.result import ResultMessage
from agent_sdk_core.messages.system import MessagesDropped
from agent_sdk_core.messages.texts import TextPieces
from agent_sdk_core.prompts import Prompt
from agent_sdk_core.records import dataclass
from agent_sdk_core.wire.shown import described

if TYPE_CHECKING:
    from agent_sdk_core.turn_options import TurnOptions

R_co = TypeVar("R_co", bound=ResultMessage, default=ResultMessage, covariant=True)

Priority = Literal["queue", "steer"]


@checked_class()
@dataclass(frozen=True, slots=True)
class QueuedPrompt:
    """A prompt that waits for its turn, with the options of that turn."""

    uuid: str
    prompt: Prompt
    options: TurnOptions | None = None


class PromptQueue(Interface, Sequence[QueuedPrompt]):
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


MessageStream: TypeAlias = Stream[SDKMessage]
"""What `AgentSession.messages()` returns."""


class Turn(Interface, Generic[R_co]):
    """One prompt and what comes of it: an async iterator over its messages, the result last.

    Sends when it is entered, awaited or first iterated, and warns when it is dropped unsent. To await it is to `wait`.
    Leaving `async with` early interrupts the turn and waits for its result; a plain `break` leaves it running.
    `Turn[TypedResult[X]]` is one that was asked for an answer of a type.
    """

    @property
    @abstractmethod
    def uuid(self) -> str:
        """The prompt's uuid; the result lists it."""

    @property
    @abstractmethod
    def result(self) -> R_co | None:
        """The result, once it has arrived."""

    @property
    @abstractmethod
    def text(self) -> str:
        """Text of the answer: the result's, else what was said last: not what it said before its tools."""

    @abstractmethod
    async def wait(self) -> R_co:
        """Send if not yet sent, and return the result.

        Raises:
            AgentError: The agent did not accept the prompt.
        """

    def __await__(self) -> Generator[Any, Any, R_co]:
        return self.wait().__await__()

    def texts(self) -> Stream[str]:
        """Return an iterator over the text of the answer in pieces as they come, to be printed one after the other.

        A blank line divides blocks of text. Thoughts, what sub-agents say and messages that report an error are left
        out. Without partial messages a piece is a block. It reads the messages of the turn, so iterate over one of
        both; when it ends, `result` is there.
        """
        return _Texts(self)

    @abstractmethod
    async def interrupt(self) -> None:
        """End the turn early; its result arrives as for any other."""

    def __repr__(self) -> str:
        outcome = "open" if self.result is None else self.result.outcome
        return described(self, uuid=self.uuid, outcome=outcome, text=self.text)

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


class _Texts(Stream[str]):
    """The texts of one turn."""

    def __init__(self, turn: Turn[ResultMessage]) -> None:
        self._turn = turn
        self._pieces = TextPieces()

    async def __anext__(self) -> str:
        try:
            while True:
                message = await anext(self._turn)
                if isinstance(message, MessagesDropped):
                    self.dropped += message.dropped
                if piece := self._pieces.feed(message):
                    return piece
        except BaseException:  # Its traceback does not hold the turn, whose last reference may be here.
            del self
            raise
