"""One turn of the mini agent as messages: pure, so that every end of it closes what is open in the same way."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
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
    Usage,
    UsageMessage,
    UserMessage,
)

Json = dict[str, Any]


class MiniTurn:
    """A turn from its prompt to its result.

    Attributes:
        id: The agent's id of it.
        scope: Cancelled to interrupt it.
        ended: Set when it has ended.
        input: What the model is told: the conversation before it, and what it adds.
        usage: Tokens so far.
    """

    def __init__(self, session_id: str, uuid: str, conversation: list[Json], *, partial: bool) -> None:
        self.id = str(uuid4())
        self.scope = anyio.CancelScope()
        self.ended = anyio.Event()
        self.input = list(conversation)
        self.usage = Usage(cache_read_input_tokens=0)
        self._uuid = uuid
        self._partial = partial
        self._shared: Json = {"source": Source("mini", thread_id=session_id, turn_id=self.id), "session_id": session_id}
        self._text: str | None = None
        self._message_id = ""
        self._answer = ""
        self._asked = 0
        self._calls: list[Json] = []
        self._open: list[str] = []
        self._denials: list[dict[str, object]] = []

    def begin(self, prompt: str, *, cwd: str, model: str) -> list[SDKMessage]:
        """Return what a turn begins with."""
        self.input.append({"type": "message", "role": "user", "content": [{"type": "input_text", "text": prompt}]})
        blocks = [{"type": "text", "text": prompt}]
        message = {"role": "user", "content": blocks}
        return [
            InitMessage.synthesize(**self._shared, cwd=cwd, model=model, tools=["Bash"]),
            UserMessage.synthesize(**self._shared, uuid=self._uuid, message=message, is_replay=True),
        ]

    def feed(self, event: Mapping[str, Any]) -> list[SDKMessage]:
        """Take an event of the model's stream, and return the messages that it becomes; after the end, none."""
        if self.ended.is_set():
            return []
        match event["type"]:
            case "response.output_text.delta":
                return self._delta(event["delta"])
            case "response.output_item.done" if event["item"]["type"] == "message":
                self.input.append(event["item"])
                return self._close_text()
            case "response.output_item.done" if event["item"]["type"] == "function_call":
                self.input.append(event["item"])
                self._calls.append(event["item"])
                return []
            case "response.completed":
                return self._count(event["response"]["usage"])
            case _:
                return []

    def take_calls(self) -> list[Json]:
        """Return the tools that the model called, which nobody has run yet."""
        calls, self._calls = self._calls, []
        return calls

    def use(self, call: Json) -> AssistantMessage:
        """Return the message that tells of a tool's use."""
        self._open.append(call["call_id"])
        name = "Bash" if call["name"] == "run" else call["name"]
        block = {"type": "tool_use", "id": call["call_id"], "name": name, "input": json.loads(call["arguments"])}
        return AssistantMessage.synthesize(**self._shared, message={"id": call["id"], "content": [block]})

    def tool_result(self, call: Json, text: str, *, is_error: bool, outcome: object = None) -> UserMessage:
        """Return the message that tells what a tool returned, and let the model know."""
        self.input.append({"type": "function_call_output", "call_id": call["call_id"], "output": text})
        return self._result(call["call_id"], text, is_error=is_error, outcome=outcome)

    def denied(self, call: Json) -> None:
        """Note that a tool was not allowed."""
        self._denials.append({"tool_name": "Bash", "tool_use_id": call["call_id"]})

    @property
    def in_tools(self) -> bool:
        """Whether it waits for a tool."""
        return bool(self._open)

    def end(self, error: AgentError | None = None, *, terminal_reason: str = "completed") -> list[SDKMessage]:
        """Return what ends the turn: open cards closed, then its result. Nothing, if it has ended."""
        if self.ended.is_set():
            return []
        self.ended.set()
        failed = error is not None or terminal_reason != "completed"
        cut: Json = {"is_error": True, "outcome": {"interrupted": True}}
        closed: list[SDKMessage] = [
            *self._close_text(aborted=True),
            *(self.tool_result({"call_id": call_id}, "The turn has ended.", **cut) for call_id in self._open.copy()),
        ]
        fields: Json = {}
        if error is not None:
            fields = {"errors": [error.message], "error_code": error.code, "retryable": error.retryable}
        result = ResultMessage.synthesize(
            **self._shared,
            subtype="error_during_execution" if failed else "success",
            is_error=failed,
            num_turns=self._asked,
            result=None if failed else self._answer,
            usage=self.usage,
            permission_denials=self._denials,
            terminal_reason=terminal_reason,
            user_message_uuids=[self._uuid],
            **fields,
        )
        return [*closed, result]

    def _delta(self, text: str) -> list[SDKMessage]:
        told: list[SDKMessage] = []
        if self._text is None:
            self._text, self._message_id = "", str(uuid4())
            told += self._event("message_start", message={})
            told += self._event("content_block_start", index=0, content_block={"type": "text", "text": ""})
        self._text += text
        return [*told, *self._event("content_block_delta", index=0, delta={"type": "text_delta", "text": text})]

    def _close_text(self, *, aborted: bool = False) -> list[SDKMessage]:
        if self._text is None:
            return []
        self._answer, self._text = self._text, None
        message = {"id": self._message_id, "content": [{"type": "text", "text": self._answer}]}
        whole = AssistantMessage.synthesize(**self._shared, message=message, aborted=aborted or None)
        return [whole, *self._event("content_block_stop", index=0), *self._event("message_stop")]

    def _event(self, kind: str, **fields: object) -> list[SDKMessage]:
        if not self._partial:
            return []
        event = {"type": kind, **fields}
        return [StreamEvent.synthesize(**self._shared, event=event, api_message_id=self._message_id)]

    def _count(self, told: Json) -> list[SDKMessage]:
        cached = told["input_tokens_details"]["cached_tokens"]
        usage = Usage(
            input_tokens=told["input_tokens"] - cached,
            cache_read_input_tokens=cached,
            output_tokens=told["output_tokens"],
        )
        self._asked += 1
        self.usage = add(self.usage, usage)
        return [UsageMessage.synthesize(**self._shared, usage=usage)]

    def _result(self, call_id: str, text: str, *, is_error: bool, outcome: object = None) -> UserMessage:
        self._open.remove(call_id)
        block = {"type": "tool_result", "tool_use_id": call_id, "content": text, "is_error": is_error}
        message = {"role": "user", "content": [block]}
        return UserMessage.synthesize(**self._shared, message=message, tool_use_result=outcome)


def add(one: Usage, other: Usage) -> Usage:
    """Return the tokens of both."""
    return Usage(
        input_tokens=one.input_tokens + other.input_tokens,
        cache_read_input_tokens=(one.cache_read_input_tokens or 0) + (other.cache_read_input_tokens or 0),
        output_tokens=one.output_tokens + other.output_tokens,
    )
