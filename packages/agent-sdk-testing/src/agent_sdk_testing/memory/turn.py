"""One turn of the agent in memory as messages: pure, so that every end of it closes what is open in the same way."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import uuid4

import anyio

from agent_sdk_core import (
    AgentError,
    AssistantMessage,
    InitMessage,
    ResultMessage,
    SDKMessage,
    Source,
    StreamEvent,
    ToolProgress,
    Usage,
    UsageMessage,
    UserMessage,
)
from agent_sdk_core.wire.json_lines import BadLine, decode_line

Json = dict[str, Any]
NAME: Final = "memory"
_DELTAS: Final[Mapping[str, str]] = {"text": "text_delta", "thinking": "thinking_delta"}


@dataclass
class Account:
    """What is open, denied and used in a turn, whoever speaks in it."""

    asked: int = 0
    usage: Usage = field(default_factory=lambda: Usage(cache_read_input_tokens=0))
    open: dict[str, Voice] = field(default_factory=dict[str, "Voice"])
    denials: list[Json] = field(default_factory=list[Json])


class Voice:
    """What one speaker says in a turn, as messages: the agent, or a sub-agent of it.

    Args:
        account: That of the turn.
        shared: What all its messages have.
        partial: Whether deltas are wanted.

    Attributes:
        answer: What the model said last.
    """

    def __init__(self, account: Account, shared: Json, *, partial: bool) -> None:
        self.answer = ""
        self._account = account
        self._shared = shared
        self._partial = partial
        self._kind: str | None = None
        self._said: list[str] = []
        self._message_id = ""

    def task(self, text: str) -> SDKMessage:
        """Return the message that tells a sub-agent what to do."""
        message = {"role": "user", "content": [{"type": "text", "text": text}]}
        return UserMessage.synthesize(**self._shared, message=message)

    def say(self, kind: str, piece: str) -> list[SDKMessage]:
        """Return what a piece of text, or of thinking, becomes; a block of another kind is closed before."""
        told = self.close_block() if self._kind not in (None, kind) else []
        if self._kind is None:
            self._kind, self._said, self._message_id = kind, [], str(uuid4())
            told += self._event("message_start", message={})
            told += self._event("content_block_start", index=0, content_block={"type": kind, kind: ""})
        self._said.append(piece)
        return [*told, *self._event("content_block_delta", index=0, delta={"type": _DELTAS[kind], kind: piece})]

    def close_block(self, *, aborted: bool = False) -> list[SDKMessage]:
        """Return what ends the block that is open, if one is."""
        kind, self._kind = self._kind, None
        if kind is None:
            return []
        said = "".join(self._said)
        if kind == "text":
            self.answer = said
        message = {"id": self._message_id, "role": "assistant", "content": [{"type": kind, kind: said}]}
        whole = AssistantMessage.synthesize(**self._shared, message=message, aborted=aborted or None)
        return [whole, *self._event("content_block_stop", index=0), *self._event("message_stop")]

    def use(self, call_id: str, name: str, given: Mapping[str, object]) -> SDKMessage:
        """Return the message that tells of a tool's use."""
        self._account.open[call_id] = self
        block = {"type": "tool_use", "id": call_id, "name": name, "input": dict(given)}
        message = {"id": str(uuid4()), "role": "assistant", "content": [block]}
        return AssistantMessage.synthesize(**self._shared, message=message)

    def progress(self, call_id: str, name: str, output: str, seconds: float) -> SDKMessage:
        """Return the message that tells what a tool printed."""
        told: Json = {"tool_use_id": call_id, "tool_name": name, "elapsed_time_seconds": seconds, "output": output}
        return ToolProgress.synthesize(**self._shared, **told)

    def result(self, call_id: str, text: str, *, is_error: bool = False, outcome: object = None) -> SDKMessage:
        """Return the message that tells what a tool returned."""
        del self._account.open[call_id]
        block = {"type": "tool_result", "tool_use_id": call_id, "content": text, "is_error": is_error}
        message = {"role": "user", "content": [block]}
        return UserMessage.synthesize(**self._shared, message=message, tool_use_result=outcome)

    def denied(self, call_id: str, name: str, given: Mapping[str, object]) -> None:
        """Note that a tool was not allowed."""
        self._account.denials.append({"tool_name": name, "tool_use_id": call_id, "tool_input": dict(given)})

    def count(self, usage: Usage) -> list[SDKMessage]:
        """Return the message that tells what a call of the model used."""
        account = self._account
        account.asked += 1
        account.usage = added(account.usage, usage)
        return [UsageMessage.synthesize(**self._shared, usage=usage)]

    def _event(self, kind: str, **fields: object) -> list[SDKMessage]:
        if not self._partial:
            return []
        event = {"type": kind, **fields}
        return [StreamEvent.synthesize(**self._shared, event=event, api_message_id=self._message_id)]


class MemoryTurn(Voice):
    """A turn from its prompt to its result.

    Attributes:
        id: Its id.
        uuids: The prompts that it ends.
        steered: Those that were steered into it, and that its model has not been shown.
        scope: Cancelled to interrupt it.
        ended: Set when it has ended.
        resumed: Whether a hook had it go on after its answer.
    """

    def __init__(self, session_id: str, uuid: str, *, partial: bool, structured: bool) -> None:
        self.id = str(uuid4())
        source = Source(NAME, thread_id=session_id, turn_id=self.id)
        super().__init__(Account(), {"source": source, "session_id": session_id}, partial=partial)
        self.uuids = [uuid]
        self.steered: OrderedDict[str, Sequence[Json]] = OrderedDict()
        self.scope = anyio.CancelScope()
        self.ended = anyio.Event()
        self.resumed = False
        self._structured = structured
        self._voices: list[Voice] = [self]

    @property
    def usage(self) -> Usage:
        """The tokens of all that its model was asked."""
        return self._account.usage

    @property
    def in_tools(self) -> bool:
        """Whether it waits for a tool."""
        return bool(self._account.open)

    def voice_of(self, tool_use_id: str) -> Voice:
        """Return the voice of the sub-agent that a tool use started; what it leaves open ends with the turn."""
        voice = Voice(self._account, {**self._shared, "parent_tool_use_id": tool_use_id}, partial=self._partial)
        self._voices.append(voice)
        return voice

    def begin(self, facts: Json) -> SDKMessage:
        """Return what a turn begins with."""
        return InitMessage.synthesize(**self._shared, **facts)

    def prompt(self, uuid: str, content: Sequence[Json]) -> SDKMessage:
        """Return the message that repeats a prompt."""
        message = {"role": "user", "content": list(content)}
        return UserMessage.synthesize(**self._shared, uuid=uuid, message=message, is_replay=True)

    def end(self, error: AgentError | None = None, *, terminal_reason: str = "completed") -> Sequence[SDKMessage]:
        """Return what ends the turn: open cards closed, then its result. Nothing, if it has ended."""
        if self.ended.is_set():
            return []
        self.ended.set()
        failed = error is not None or terminal_reason != "completed"
        closed = [message for voice in reversed(self._voices) for message in voice.close_block(aborted=True)]
        for call_id, voice in reversed(list(self._account.open.items())):
            cut = voice.result(call_id, "The turn has ended.", is_error=True, outcome={"interrupted": True})
            closed.append(cut)
        fields: Json = {}
        if error is not None:
            fields = {"errors": [error.message], "error_code": error.code, "retryable": error.retryable}
        elif self._structured and not failed and not isinstance(value := decode_line(self.answer.encode()), BadLine):
            fields = {"structured_output": value}
        result = ResultMessage.synthesize(
            **self._shared,
            subtype="error_during_execution" if failed else "success",
            is_error=failed,
            num_turns=self._account.asked,
            result=None if failed else self.answer,
            usage=self.usage,
            permission_denials=self._account.denials,
            terminal_reason=terminal_reason,
            user_message_uuids=self.uuids,
            **fields,
        )
        return [*closed, result]


def added(one: Usage, other: Usage) -> Usage:
    """Return the tokens of both."""
    return Usage(
        input_tokens=one.input_tokens + other.input_tokens,
        cache_read_input_tokens=(one.cache_read_input_tokens or 0) + (other.cache_read_input_tokens or 0),
        output_tokens=one.output_tokens + other.output_tokens,
    )
