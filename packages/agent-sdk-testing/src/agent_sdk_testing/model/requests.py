"""What an agent asked the model: the recorded HTTP request, and its content in words that no protocol owns."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal, TypeAlias, cast

from agent_sdk_testing.signals import DEFAULT_TIMEOUT, Signal

Outcome: TypeAlias = Literal["running", "completed", "dropped", "client_gone"]
"""How a response ended: `dropped` is the server's doing (disconnect, stall, close), `client_gone` the client's."""

_SECRET_HEADERS = frozenset({"authorization", "proxy-authorization", "x-api-key", "cookie", "chatgpt-account-id"})


@dataclass(frozen=True, slots=True)
class InputMessage:
    """A message of the conversation that a request carries."""

    role: str
    text: str


@dataclass(frozen=True, slots=True)
class ToolOutput:
    """What a tool returned to the model. `raw` is the whole entry in the words of the protocol."""

    call_id: str
    text: str
    raw: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Conversation:
    """The content of a request, as an encoder's parser finds it."""

    model: str = ""
    instructions: str = ""
    messages: tuple[InputMessage, ...] = ()
    tool_outputs: tuple[ToolOutput, ...] = ()
    tools: Mapping[str, Mapping[str, Any]] = field(default_factory=dict[str, Mapping[str, Any]])


class ModelRequest:
    """One request that reached the server.

    Attributes:
        number: its place among the requests to the model, from 1; 0 for a request to another path.
        method: the HTTP method.
        path: the path without the query.
        headers: the headers by lower-case name, with credentials replaced by ``[redacted]``.
        body: the bytes as they came.
    """

    def __init__(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str],
        body: bytes,
        *,
        number: int = 0,
        parse: Callable[[Mapping[str, Any]], Conversation] | None = None,
    ) -> None:
        self.number = number
        self.method = method
        self.path = path
        self.headers = {
            name.lower(): "[redacted]" if name.lower() in _SECRET_HEADERS else value for name, value in headers.items()
        }
        self.body = body
        self._parse = parse
        self._outcome: Outcome = "running"
        self._finished = Signal()

    def __repr__(self) -> str:
        return f"<ModelRequest {self.number}: {self.method} {self.path}, {len(self.body)} bytes, {self._outcome}>"

    @cached_property
    def json(self) -> Mapping[str, Any]:
        """The body as a JSON object.

        Raises:
            ValueError: the body is not a JSON object.
        """
        value: object = json.loads(self.body)
        if not isinstance(value, dict):
            raise ValueError(f"the body of {self.method} {self.path} is not a JSON object")  # noqa: TRY004  # as of bad JSON
        return cast("dict[str, Any]", value)

    @cached_property
    def conversation(self) -> Conversation:
        """The content of the request; empty for one that was not sent to a model."""
        return Conversation() if self._parse is None else self._parse(self.json)

    @property
    def model(self) -> str:
        """The model that was asked for."""
        return self.conversation.model

    @property
    def instructions(self) -> str:
        """The system prompt."""
        return self.conversation.instructions

    @property
    def messages(self) -> tuple[InputMessage, ...]:
        """The messages of the conversation, oldest first.

        One that the agent writes in the user's name, such as its description of the machine, has the role ``context``.
        """
        return self.conversation.messages

    @property
    def text(self) -> str:
        """All text of the conversation: messages and tool outputs, but not the system prompt."""
        texts = [message.text for message in self.messages]
        return "\n".join(texts + [output.text for output in self.tool_outputs])

    @property
    def last_user_text(self) -> str:
        """The newest message of the user, empty if there is none."""
        return next((message.text for message in reversed(self.messages) if message.role == "user"), "")

    @property
    def tool_outputs(self) -> tuple[ToolOutput, ...]:
        """What tools returned, oldest first."""
        return self.conversation.tool_outputs

    @property
    def tools(self) -> Mapping[str, Mapping[str, Any]]:
        """The tools that the model may call, by name; one in a namespace is called ``namespace.name``."""
        return self.conversation.tools

    def tool(self, name: str) -> Mapping[str, Any]:
        """Return the definition of a tool that the model was offered.

        Raises:
            KeyError: it was not offered; the message lists those that were.
        """
        if name not in self.tools:
            raise KeyError(f"{name!r} was not offered; these were: {', '.join(self.tools) or 'none'}")
        return self.tools[name]

    @property
    def outcome(self) -> Outcome:
        """How the response ended."""
        return self._outcome

    async def finished(self, timeout: float = DEFAULT_TIMEOUT) -> Outcome:
        """Wait until the response has ended, and return how.

        Raises:
            TimeoutError: it did not end within `timeout` seconds.
        """
        await self._finished.wait(timeout)
        return self._outcome

    def finished_sync(self, timeout: float = DEFAULT_TIMEOUT) -> Outcome:
        """Block until the response has ended; see `finished`."""
        self._finished.wait_sync(timeout)
        return self._outcome

    def finish(self, outcome: Outcome) -> None:
        """Record how the response ended; the server calls it."""
        self._outcome = outcome
        self._finished.set()


@dataclass(frozen=True, slots=True)
class UnexpectedRequest:
    """A request that no script answers, with the reason."""

    request: ModelRequest
    reason: str

    def __str__(self) -> str:
        return f"{self.request.method} {self.request.path}: {self.reason}"
