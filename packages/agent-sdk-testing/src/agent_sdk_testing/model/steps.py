"""The values that a script is made of: the steps of a reply, and the reply that holds them.

They name no protocol: the same script can be sent as an OpenAI Responses stream or, by another encoder, as any other
model API.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypeAlias, cast, get_args

from agent_sdk_core.errors import InvalidRequestError
from agent_sdk_testing.signals import Gate

if TYPE_CHECKING:
    from agent_sdk_testing.model.requests import ModelRequest

JsonValue: TypeAlias = "str | int | float | bool | Mapping[str, JsonValue] | Sequence[JsonValue] | None"
Phase: TypeAlias = Literal["commentary", "final_answer"]


@dataclass(frozen=True, slots=True)
class Delay:
    """A pause of `seconds` in the stream; see `delay`."""

    seconds: float


Pause: TypeAlias = Gate | Delay
Chunk: TypeAlias = str | Pause

UNNAMED_ERROR = "scripted_error"
"""The kind of an HTTP error that the script gives none; where a protocol has one for its status, that one is sent."""


@dataclass(frozen=True, slots=True)
class Text:
    """Text that the model says; see `text`."""

    chunks: Sequence[Chunk]
    phase: Phase | None = None

    def __post_init__(self) -> None:
        _check_chunks(self.chunks)


@dataclass(frozen=True, slots=True)
class Reasoning:
    """A part of the model's reasoning; see `reasoning`."""

    summary: Sequence[Chunk]
    raw: Sequence[Chunk] = ()

    def __post_init__(self) -> None:
        _check_chunks(self.summary)
        _check_chunks(self.raw)


@dataclass(frozen=True, slots=True)
class Call:
    """A call of a tool with JSON arguments; see `call`."""

    name: str
    arguments: str
    call_id: str | None = None
    namespace: str | None = None


@dataclass(frozen=True, slots=True)
class Custom:
    """A call of a tool that takes free text; see `custom`."""

    name: str
    input: str
    call_id: str | None = None


@dataclass(frozen=True, slots=True)
class Item:
    """An output item in the words of the protocol; see `item`."""

    fields: Mapping[str, JsonValue]


@dataclass(frozen=True, slots=True)
class Event:
    """A stream event in the words of the protocol; see `event`."""

    fields: Mapping[str, JsonValue]


@dataclass(frozen=True, slots=True)
class Malformed:
    """Bytes that are put on the stream as they are, None for an event of the protocol; see `malformed`."""

    data: bytes | None = None


@dataclass(frozen=True, slots=True)
class Disconnect:
    """The end of the stream without its last event; see `disconnect`."""

    clean: bool = False


@dataclass(frozen=True, slots=True)
class Stall:
    """Silence until the client goes away or the server is closed; see `stall`."""


@dataclass(frozen=True, slots=True)
class Failed:
    """A response that the model's side gives up; see `failed`."""

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Incomplete:
    """A response that was cut off; see `incomplete`."""

    reason: str


@dataclass(frozen=True, slots=True)
class HttpError:
    """An HTTP error instead of a stream; see `http_error`."""

    status: int
    message: str
    kind: str
    fields: Mapping[str, JsonValue] = field(default_factory=dict[str, "JsonValue"])
    body: str | None = None


Step: TypeAlias = (
    Text
    | Reasoning
    | Call
    | Custom
    | Item
    | Event
    | Malformed
    | Gate
    | Delay
    | Disconnect
    | Stall
    | Failed
    | Incomplete
    | HttpError
)
StepSource: TypeAlias = "Callable[[ModelRequest], Step | Sequence[Step]]"
"""A function that decides what to say when the request is there."""

_STEPS = get_args(Step)
_SHOWN = 60
"""Characters of a wrong value that an error shows."""

_ENDINGS = (Disconnect, Stall, Failed, Incomplete)


@dataclass(frozen=True, slots=True)
class Tokens:
    """The token counts that a response reports.

    `input` includes `cached`, read from the cache, and `cache_write`, written to it; `output` includes `reasoning`.
    """

    input: int = 10
    output: int = 5
    cached: int = 0
    cache_write: int = 0
    reasoning: int = 0


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer to one request: its steps, the counts it reports and what its head says.

    `model` is the name that the response claims, the requested one when absent. `headers` are added to the response.

    Raises:
        InvalidRequestError: something is no step.
        ValueError: a step follows one that ends the stream, or an HTTP error is not alone.
    """

    steps: tuple[Step | StepSource, ...]
    usage: Tokens = Tokens()
    model: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict[str, str])

    def __post_init__(self) -> None:
        _check_kinds(self.steps)
        _check_order(self.steps)

    def resolve(self, request: ModelRequest) -> tuple[Step, ...]:
        """Return the steps for this request, with every function among them called."""
        steps: list[Step] = []
        for step in self.steps:
            if not callable(step):
                steps.append(step)
                continue
            made = step(request)
            if isinstance(made, Sequence) and type(made) is not str:
                steps.extend(made)
            else:
                steps.append(cast("Step", made))
        _check_kinds(steps)
        _check_order(steps)
        return tuple(steps)


def _check_chunks(chunks: Sequence[object]) -> None:
    for chunk in chunks:
        if not isinstance(chunk, str | Gate | Delay):
            raise InvalidRequestError(f"A chunk is a string, a Gate or a delay, not {_shown(chunk)}.")


def _check_kinds(steps: Sequence[object]) -> None:
    for step in steps:
        if isinstance(step, _STEPS) or callable(step):
            continue
        advice = f"say text({_shown(step)})" if isinstance(step, str) else "make it with text(), call() and the like"
        raise InvalidRequestError(f"{_shown(step)} is no step of a reply: {advice}.")


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def _check_order(steps: Sequence[Step | StepSource]) -> None:
    if len(steps) > 1 and any(isinstance(step, HttpError) for step in steps):
        raise ValueError("http_error() must be the only step of its reply: nothing was streamed when it is sent")
    for step in steps[:-1]:
        if type(step) in _ENDINGS:
            raise ValueError(
                f"{type(step).__name__.lower()}() ends the stream, so it must be the last step of its reply"
            )
