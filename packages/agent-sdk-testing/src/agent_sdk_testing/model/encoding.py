"""`ScriptEncoder`: the frame of a script's event stream, which every provider's API fills with events of its own."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, ClassVar, assert_never

from agent_sdk_testing.model.http_server import StreamPart
from agent_sdk_testing.model.steps import (
    Call,
    Custom,
    Delay,
    Disconnect,
    Event,
    Failed,
    HttpError,
    Incomplete,
    Item,
    Malformed,
    Reasoning,
    Stall,
    Step,
    Text,
    Tokens,
)
from agent_sdk_testing.signals import Gate

NO_STREAM = "an HTTP error is sent instead of a stream, not in it"

CHUNK = 64
"""Characters of a tool's input that one event carries."""


class ScriptEncoder(ABC):
    """Encodes one response.

    Args:
        number: Which request it answers.
        model: Which model is said to answer.
        usage: What it is said to have used.

    Attributes:
        malformed: Bytes that are no event.
        ends_incomplete: Whether an answer that is incomplete ends there; else it ends as others do, with its reason.
    """

    malformed: ClassVar[bytes]
    ends_incomplete: ClassVar[bool] = False

    def __init__(self, number: int, model: str, usage: Tokens) -> None:
        self._number = number
        self._model = model
        self._usage = usage

    def run(self, steps: Iterable[Step]) -> Iterator[StreamPart]:
        """Yield the response: bytes of whole events, and the pauses between them.

        Raises:
            ValueError: There is an HTTP error among the steps.
        """
        yield from self._begin()
        reason: str | None = None
        for step in steps:
            match step:
                case Disconnect() | Stall():
                    yield step
                    return
                case Failed():
                    yield self._failed(step)
                    return
                case Incomplete():
                    reason = step.reason
                    if self.ends_incomplete:
                        break
                case HttpError():
                    raise ValueError(NO_STREAM)
                case _:
                    yield from self._step(step)
        yield from self._end(reason)

    def _step(
        self, step: Gate | Delay | Malformed | Event | Text | Reasoning | Call | Custom | Item
    ) -> Iterator[StreamPart]:
        match step:
            case Gate() | Delay():
                yield step
            case Malformed():
                yield self.malformed if step.data is None else step.data
            case Event():
                yield self._event(step.fields)
            case Text():
                yield from self._text(step)
            case Reasoning():
                yield from self._reasoning(step)
            case Call():
                yield from self._call(step)
            case Custom():
                yield from self._custom(step)
            case Item():
                yield from self._item(step)
            case _:
                assert_never(step)

    def _begin(self) -> Iterator[bytes]:
        """Yield what begins a response."""
        yield from ()

    @abstractmethod
    def _end(self, reason: str | None) -> Iterator[StreamPart]:
        """Yield what ends a response; `reason` is why it is incomplete."""

    @abstractmethod
    def _failed(self, step: Failed) -> bytes:
        """Return what ends a response that failed."""

    @abstractmethod
    def _event(self, fields: Mapping[str, Any]) -> bytes:
        """Return an event of these fields."""

    @abstractmethod
    def _text(self, step: Text) -> Iterator[StreamPart]: ...

    @abstractmethod
    def _reasoning(self, step: Reasoning) -> Iterator[StreamPart]: ...

    @abstractmethod
    def _call(self, step: Call) -> Iterator[StreamPart]: ...

    def _custom(self, step: Custom) -> Iterator[StreamPart]:
        raise _without_form(step, "this API")

    def _item(self, step: Item) -> Iterator[StreamPart]:
        raise _without_form(step, "this API")


def require_form(steps: Iterable[Step], api: str) -> None:
    """Check that an API which only has text, reasoning and calls has a form for each step.

    Raises:
        ValueError: It has none for one of them; nothing was sent then.
    """
    for step in steps:
        if isinstance(step, Custom | Item):
            raise _without_form(step, api)
        if isinstance(step, HttpError):
            raise ValueError(NO_STREAM)  # noqa: TRY004  # the step is well made, not of this API


def pieces(text: str, size: int = CHUNK) -> Sequence[str]:
    """Return a text in pieces of a size."""
    return [text[at : at + size] for at in range(0, len(text), size)]


def _without_form(step: Custom | Item, api: str) -> ValueError:
    return ValueError(f"{type(step).__name__.lower()}() has no form in {api}")
