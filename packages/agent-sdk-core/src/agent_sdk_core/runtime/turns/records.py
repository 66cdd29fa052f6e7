"""Records of prompts on their way to a result and of the turn that runs, with who watches and who waits for them."""

from __future__ import annotations

import weakref
from collections.abc import Mapping, Sequence
from contextvars import Context
from dataclasses import field
from typing import TYPE_CHECKING, NamedTuple

import anyio

from agent_sdk_core.errors import AgentError
from agent_sdk_core.messages.base import Source
from agent_sdk_core.messages.parse import SDKMessage
from agent_sdk_core.messages.result import ResultMessage
from agent_sdk_core.messages.system import InitMessage
from agent_sdk_core.prompts import Prompt
from agent_sdk_core.records import dataclass
from agent_sdk_core.runtime.buffer import MessageBuffer

if TYPE_CHECKING:
    from agent_sdk_core.structured.answers import AnswerForm
    from agent_sdk_core.structured.output_type import OutputType
    from agent_sdk_core.turn_options import TurnOptions


class Ending(NamedTuple):
    """Why a prompt or turn ends on our side: code of the error (empty: none), a sentence, and the terminal reason.

    `fields` are those of its result beside them, `limit` is the limit that was reached.
    """

    code: str
    message: str
    terminal_reason: str
    fields: Mapping[str, object] = {}
    limit: str = ""

    def of_result(self) -> dict[str, object]:
        """Return the fields of the result that tells it."""
        return {
            "subtype": "error_during_execution",
            "is_error": True,
            "errors": [self.message],
            "terminal_reason": self.terminal_reason,
            **({"error_code": self.code} if self.code else {}),
            **self.fields,
        }


def lost_ending(error: AgentError, said: str, *, goes_on: bool) -> Ending:
    """Return why a turn ends whose agent is gone; `goes_on` says whether its session can go on."""
    details = {"session_goes_on": goes_on}
    return Ending(error.code, said, "agent_exited", {"retryable": goes_on, "error_details": details})


@dataclass(slots=True, eq=False)
class Milestone:
    """Something that is reached once: first it is decided, then who waits is told.

    Attributes:
        reached: Whether it has been.
        event: Set after that.
    """

    reached: bool = False
    event: anyio.Event = field(default_factory=anyio.Event)

    def is_set(self) -> bool:
        """Tell whether it has been reached."""
        return self.reached

    async def wait(self) -> None:
        """Wait until it has been reached."""
        if not self.reached:
            await self.event.wait()


@dataclass(slots=True, eq=False)
class PromptRecord:
    """One prompt from its sending to its result.

    Attributes:
        uuid: Its identity.
        prompt: What it says.
        options: What is otherwise in its turn.
        output_type: The type that its answer shall be of.
        answers: What its answer has to be, once its turn starts, where it asked for something.
        watcher: Buffer of the `Turn` that watches it, held weakly.
        settled: Set when the agent has accepted or refused it.
        refusal: Why it was refused, if it was.
        done: Set when its result has arrived, or it was refused.
        result: Its result.
        text: What the assistant said last while it ran.
        cancelled: Whether it is given up unless it joins the running turn, or has.
        steered: Whether it was meant for the running turn.
        checked: What is sent, once hooks have seen it.
        caller: The context of the call that sent it, where spans are observed.
    """

    uuid: str
    prompt: Prompt
    options: TurnOptions | None = None
    output_type: OutputType | None = None
    answers: AnswerForm | None = None
    watcher: weakref.ref[MessageBuffer] | None = None
    settled: Milestone = field(default_factory=Milestone)
    refusal: AgentError | None = None
    done: Milestone = field(default_factory=Milestone)
    result: ResultMessage | None = None
    text: str = ""
    cancelled: bool = False
    steered: bool = False
    checked: Prompt | None = None
    caller: Context | None = None

    def finish(self, result: ResultMessage | None, refusal: AgentError | None = None) -> None:
        """Note the result or the refusal, and end the watcher's stream after what it holds."""
        self.result, self.refusal = result, refusal
        self.settled.event.set()
        self.done.event.set()
        if (buffer := self.buffer) is not None:
            buffer.close()

    @property
    def given_up(self) -> bool:
        """Whether it was cancelled before a model was shown it, or will be."""
        return self.cancelled and not self.done.is_set() if self.result is None else self.result.outcome == "cancelled"

    @property
    def buffer(self) -> MessageBuffer | None:
        """The watcher's buffer, while somebody holds it."""
        return self.watcher() if self.watcher is not None else None


@dataclass(slots=True, eq=False)
class RunningTurn:
    """The turn that runs, and the prompts it will end.

    Attributes:
        records: Prompts that started or joined it; empty for a turn that nobody prompted.
        native_id: The agent's id, once known.
        sent: Whether the agent was told of it, or may have been.
        ended_ids: Turns of the agent that ended while the answer to our start was on its way.
        started: Set when the agent has answered the start, either way.
        begun: Set when the agent's first message of it has come.
        ended: Set when the turn is over.
        preface: What the agent said of the turn before it began: it is shown after `init`; None once it has begun.
        interrupting: Set when somebody asked for its end; its deadline is when we end it ourselves.
        stopping: Set when the agent was asked to end it.
        given_up: Whether the agent did not confirm its end.
        result: The last result that came while it ran.
        counted: Whether it was counted as a turn.
        watched: Whether its times are watched.
        limit: The limit that it has reached, if it is interrupted for that.
        interrupted: Set when that has been done, its foreground command ended included.
        uuid: What it is called in logs: the uuid of its first prompt; None where nobody prompted it.
    """

    records: list[PromptRecord] = field(default_factory=list[PromptRecord])
    native_id: str | None = None
    sent: bool = False
    ended_ids: set[str] = field(default_factory=set[str])
    started: Milestone = field(default_factory=Milestone)
    begun: Milestone = field(default_factory=Milestone)
    ended: Milestone = field(default_factory=Milestone)
    preface: list[SDKMessage] | None = field(default_factory=list["SDKMessage"])
    interrupting: anyio.CancelScope | None = None
    stopping: anyio.Event = field(default_factory=anyio.Event)
    given_up: bool = False
    result: ResultMessage | None = None
    counted: bool = False
    watched: bool = False
    limit: Ending | None = None
    interrupted: anyio.Event = field(default_factory=anyio.Event)
    uuid: str | None = None

    def __post_init__(self) -> None:
        if self.records:
            self.uuid = self.records[0].uuid

    @classmethod
    def awaited(cls, records: Sequence[PromptRecord]) -> RunningTurn:
        """Return the turn that the agent will begin by itself for prompts that it holds."""
        turn = cls(list(records), sent=True)
        turn.started.reached = True
        return turn

    @property
    def waits(self) -> bool:
        """Whether the agent was given the turn, and has not begun it."""
        return self.started.is_set() and not self.begun.is_set()

    def in_order(self, messages: list[SDKMessage], *, ending: bool) -> list[SDKMessage]:
        """Return what of the turn's messages is shown now: `init` comes first, what preceded it right after it.

        Args:
            messages: What arrived.
            ending: Whether the result follows, so that no `init` comes any more.
        """
        if self.preface is None:
            return messages
        at = next((at for at, message in enumerate(messages) if isinstance(message, InitMessage)), None)
        if at is None and not ending:
            self.preface.extend(messages)
            return []
        held, self.preface = self.preface, None
        if at is None:
            return [*held, *messages]
        return [messages[at], *held, *messages[:at], *messages[at + 1 :]]


def synthetic_result(uuid: str, ending: Ending, *, session_id: str, backend: str) -> ResultMessage:
    """Return the result of a prompt that the agent itself did not end."""
    return ResultMessage.synthesize(
        Source(backend, thread_id=session_id, synthetic=True),
        session_id=session_id,
        num_turns=0,
        user_message_uuids=[uuid],
        **ending.of_result(),
    )
