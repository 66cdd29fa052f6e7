"""Accepted prompts on their way to a result: the one that runs, those that wait, and who watches them."""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from dataclasses import dataclass, field

import anyio

from agent_sdk_core.errors import AgentError
from agent_sdk_core.messages.base import Source
from agent_sdk_core.messages.parse import SDKMessage
from agent_sdk_core.messages.result import ResultMessage
from agent_sdk_core.messages.system import InitMessage
from agent_sdk_core.prompts import Prompt
from agent_sdk_core.runtime.buffer import MessageBuffer


@dataclass(slots=True, eq=False)
class PromptRecord:
    """One prompt from its sending to its result.

    Attributes:
        uuid: Its identity.
        prompt: What it says.
        watcher: Buffer of the `Turn` that watches it, held weakly.
        settled: Set when the agent has accepted or refused it.
        refusal: Why it was refused, if it was.
        done: Set when its result has arrived, or it was refused.
        result: Its result.
        text: What the assistant said last while it ran.
        cancelled: Whether it is given up unless the agent has it already.
        steered: Whether it was meant for the running turn.
    """

    uuid: str
    prompt: Prompt
    watcher: weakref.ref[MessageBuffer] | None = None
    settled: anyio.Event = field(default_factory=anyio.Event)
    refusal: AgentError | None = None
    done: anyio.Event = field(default_factory=anyio.Event)
    result: ResultMessage | None = None
    text: str = ""
    cancelled: bool = False
    steered: bool = False

    def accept(self) -> None:
        """Note that the prompt will have a result."""
        self.settled.set()

    def refuse(self, error: AgentError) -> None:
        """Note that the agent did not take the prompt, which therefore has no result."""
        self.refusal = error
        self.settled.set()
        self.finish(None)

    def finish(self, result: ResultMessage | None) -> None:
        """Note the result and end the watcher's stream after what it holds."""
        self.result = result
        self.settled.set()
        self.done.set()
        if (buffer := self.buffer) is not None:
            buffer.close()

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
        ended_ids: Turns of the agent that ended while the answer to our start was on its way.
        started: Set when the agent has answered the start, either way.
        begun: Set when the agent's first message of it has come.
        ended: Set when the turn is over.
        preface: What the agent said of the turn before it began: it is shown after `init`; None once it has begun.
        interrupting: Set when somebody asked for its end; its deadline is when we end it ourselves.
        given_up: Whether the agent did not confirm its end.
        result: The last result that came while it ran.
        interrupted: Set when that has been done, its foreground command ended included.
    """

    records: list[PromptRecord] = field(default_factory=list[PromptRecord])
    native_id: str | None = None
    ended_ids: set[str] = field(default_factory=set[str])
    started: anyio.Event = field(default_factory=anyio.Event)
    begun: anyio.Event = field(default_factory=anyio.Event)
    ended: anyio.Event = field(default_factory=anyio.Event)
    preface: list[SDKMessage] | None = field(default_factory=list["SDKMessage"])
    interrupting: anyio.CancelScope | None = None
    given_up: bool = False
    result: ResultMessage | None = None
    interrupted: anyio.Event = field(default_factory=anyio.Event)

    @classmethod
    def awaited(cls, records: Sequence[PromptRecord]) -> RunningTurn:
        """Return the turn that the agent will begin by itself for prompts that it holds."""
        turn = cls(list(records))
        turn.started.set()
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


def synthetic_result(
    record: PromptRecord, *, session_id: str, backend: str, code: str | None, message: str, terminal_reason: str
) -> ResultMessage:
    """Return the result of a prompt that the agent itself did not end."""
    error_code = {} if code is None else {"error_code": code}
    return ResultMessage.synthesize(
        Source(backend, thread_id=session_id, synthetic=True),
        session_id=session_id,
        subtype="error_during_execution",
        is_error=True,
        num_turns=0,
        errors=[message],
        terminal_reason=terminal_reason,
        user_message_uuids=[record.uuid],
        **error_code,
    )
