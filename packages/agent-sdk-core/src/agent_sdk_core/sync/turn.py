"""Turns and waiting prompts as synchronous code sees them."""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType
from typing import Generic, Self, overload

from typing_extensions import TypeVar

from agent_sdk_core.interfaces import turn as async_face
from agent_sdk_core.interfaces.turn import QueuedPrompt
from agent_sdk_core.messages.parse import SDKMessage
from agent_sdk_core.messages.result import ResultMessage
from agent_sdk_core.sync.faces import Face, at_once
from agent_sdk_core.sync.streams import Stream, next_of

R = TypeVar("R", bound=ResultMessage, default=ResultMessage)


class Turn(Face[async_face.Turn[R]], Generic[R]):
    """One prompt and what comes of it: an iterator over its messages, the result last.

    Sends when it is entered, waited for or first iterated. Leaving `with` early interrupts the turn and waits for its
    result, and so does Ctrl-C while it is waited for; a plain `break` leaves it running.
    `Turn[TypedResult[X]]` is one that was asked for an answer of a type.
    """

    @property
    def uuid(self) -> str:
        """The prompt's uuid; the result lists it."""
        return self._inner.uuid

    @property
    def result(self) -> R | None:
        """The result, once it has arrived."""
        return self._inner.result

    @property
    def text(self) -> str:
        """Text of the answer: the result's, else what was said last: not what it said before its tools."""
        return self._inner.text

    def wait(self) -> R:
        """Send if not yet sent, and return the result.

        Raises:
            AgentError: The agent did not accept the prompt.
        """
        return self._portal.call(self._inner.wait, interrupted=self._inner.interrupt)

    def texts(self) -> Stream[str]:
        """Return an iterator over the text of the answer in pieces as they come, to be printed one after the other.

        A blank line divides blocks of text; it reads the messages of the turn, so iterate over one of both.
        """
        return Stream(self._inner.texts(), self._portal, self._inner.interrupt)

    def interrupt(self) -> None:
        """End the turn early; its result arrives as for any other."""
        self._portal.call(self._inner.interrupt)

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> SDKMessage:
        return next_of(self._inner, self._portal, self._inner.interrupt)

    def __enter__(self) -> Self:
        self._portal.call(self._inner.__aenter__, interrupted=self._inner.interrupt)
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        self._portal.leave(lambda: self._inner.__aexit__(exc_type, exc, tb))


class PromptQueue(Face[async_face.PromptQueue], Sequence[QueuedPrompt]):
    """The prompts of a session that wait for their turn, next first."""

    edit = at_once(async_face.PromptQueue.edit)
    remove = at_once(async_face.PromptQueue.remove)
    move = at_once(async_face.PromptQueue.move)

    @overload
    def __getitem__(self, index: int) -> QueuedPrompt: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[QueuedPrompt]: ...
    def __getitem__(self, index: int | slice) -> QueuedPrompt | Sequence[QueuedPrompt]:
        return self._inner[index]

    def __len__(self) -> int:
        return len(self._inner)
