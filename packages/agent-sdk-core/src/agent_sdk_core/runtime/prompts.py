"""Accepted prompts on their way to a result: the one that runs, those that wait, and who watches them."""

from __future__ import annotations

import weakref
from dataclasses import dataclass, field

import anyio

from agent_sdk_core.errors import AgentError
from agent_sdk_core.messages.base import Source
from agent_sdk_core.messages.result import ResultMessage
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
    """

    uuid: str
    prompt: Prompt
    watcher: weakref.ref[MessageBuffer] | None = None
    settled: anyio.Event = field(default_factory=anyio.Event)
    refusal: AgentError | None = None
    done: anyio.Event = field(default_factory=anyio.Event)
    result: ResultMessage | None = None
    text: str = ""

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
        started: Set when the agent has answered the start, either way.
        ended: Set when the turn is over.
        interrupting: Whether somebody asked for its end.
        interrupted: Set when that has been done, its foreground command ended included.
    """

    records: list[PromptRecord] = field(default_factory=list[PromptRecord])
    native_id: str | None = None
    started: anyio.Event = field(default_factory=anyio.Event)
    ended: anyio.Event = field(default_factory=anyio.Event)
    interrupting: bool = False
    interrupted: anyio.Event = field(default_factory=anyio.Event)


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
