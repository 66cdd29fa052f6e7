"""Records what sessions tell, waits for what they shall tell, and answers what they ask."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import anyio

from agent_sdk_core import (
    AgentSession,
    Allow,
    AssistantMessage,
    Deny,
    MessageStream,
    PermissionRequest,
    Prompt,
    ResultMessage,
    SDKMessage,
    StreamEvent,
    ToolResultBlock,
    ToolUseBlock,
    Turn,
    UserMessage,
)
from agent_sdk_testing.contract.rules import check_rules, check_turn

M = TypeVar("M", bound=SDKMessage)


class Recorder:
    """Holds an iterator over each session's messages from its creation; `check` reads them once all are closed."""

    def __init__(self) -> None:
        self._streams: list[tuple[AgentSession, MessageStream]] = []

    def record(self, session: AgentSession) -> None:
        """Read all that a session tells from now on."""
        self._streams.append((session, session.messages()))

    def forget(self, session: AgentSession) -> None:
        """Let go of the session's messages, for a case that wants no consumer at all."""
        self._streams = [(other, stream) for other, stream in self._streams if other is not session]

    async def check(self) -> None:
        """Check the rules on all that was told."""
        for session, stream in self._streams:
            check_rules([message async for message in stream], session.session_id)


@dataclass
class Ran:
    """One turn from its first message to its result."""

    messages: list[SDKMessage]
    result: ResultMessage
    uuid: str

    def all(self, kind: type[M]) -> list[M]:
        """Return the messages of one kind."""
        return [message for message in self.messages if isinstance(message, kind)]

    @property
    def text(self) -> list[str]:
        """The texts of the assistant's messages."""
        return [message.text for message in self.all(AssistantMessage) if message.text]

    @property
    def deltas(self) -> list[str]:
        """The pieces of text that streamed."""
        return [event.text for event in self.all(StreamEvent) if event.text]

    @property
    def uses(self) -> list[ToolUseBlock]:
        """The tools that the assistant used."""
        return [use for message in self.all(AssistantMessage) for use in message.tool_uses]

    @property
    def edits(self) -> list[ToolUseBlock]:
        """The tool uses that change files; an agent may have to read them first."""
        return [use for use in self.uses if use.kind in ("edit", "delete")]

    @property
    def results(self) -> list[ToolResultBlock]:
        """What the tools returned."""
        return [result for message in self.all(UserMessage) for result in message.tool_results]

    @property
    def outcomes(self) -> list[Any]:
        """The structured outcomes of the tools."""
        return [message.tool_use_result for message in self.all(UserMessage) if message.tool_results]

    def result_of(self, use: ToolUseBlock) -> ToolResultBlock:
        """Return what one tool use returned."""
        return next(result for result in self.results if result.tool_use_id == use.id)

    def outcome_of(self, use: ToolUseBlock) -> Any:
        """Return the structured outcome of one tool use."""
        return next(
            message.tool_use_result
            for message in self.all(UserMessage)
            for result in message.tool_results
            if result.tool_use_id == use.id
        )


async def run(session: AgentSession, prompt: Prompt) -> Ran:
    """Run a prompt to its end."""
    return await finish(session.query(prompt))


async def finish(turn: Turn) -> Ran:
    """Read a turn to its end, and check what every turn keeps."""
    messages = [message async for message in turn]
    check_turn(messages, turn.uuid)
    assert turn.result is not None
    assert turn.result is messages[-1]
    return Ran(messages, turn.result, turn.uuid)


async def until(stream: MessageStream | Turn, kind: type[M], accept: Callable[[M], object] = lambda message: True) -> M:
    """Read up to the first message of a kind that is accepted."""
    while True:
        message = await anext(stream)
        if isinstance(message, kind) and accept(message):
            return message


async def result_of(stream: MessageStream, uuid: str) -> ResultMessage:
    """Read up to the result that ends a prompt."""
    return await until(stream, ResultMessage, lambda result: uuid in result.user_message_uuids)


@dataclass
class Asker:
    """A `can_use_tool` that answers in order, the last answer for all that follow, and keeps what it was asked."""

    answers: Sequence[Allow | Deny] = (Allow(),)
    requests: list[PermissionRequest] = field(default_factory=list[PermissionRequest])

    async def __call__(self, request: PermissionRequest) -> Allow | Deny:
        """Give the next answer."""
        self.requests.append(request)
        return self.answers[min(len(self.requests), len(self.answers)) - 1]


@dataclass
class Waiter:
    """A `can_use_tool` that waits until the test lets it answer, and knows when it was cancelled."""

    asked: anyio.Event = field(default_factory=anyio.Event)
    go: anyio.Event = field(default_factory=anyio.Event)
    cancelled: anyio.Event = field(default_factory=anyio.Event)
    request: PermissionRequest | None = None

    async def __call__(self, request: PermissionRequest) -> Allow | Deny:
        """Allow, once it may."""
        self.request = request
        self.asked.set()
        try:
            await self.go.wait()
        except anyio.get_cancelled_exc_class():
            self.cancelled.set()
            raise
        return Allow()
