"""What passes between a `FakeClaude` and the SDK: control requests of either side, and prompts with their turns."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from agent_sdk_testing.signals import DEFAULT_TIMEOUT

if TYPE_CHECKING:
    from agent_sdk_testing.fake_claude import FakeClaude, FakeClaudeProcess

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class FakeControl:
    """A control request of the SDK.

    Attributes:
        id: Its id.
        subtype: Its subtype.
        fields: Its other fields.
        process: The process that got it.
    """

    id: str
    subtype: str
    fields: Json
    process: FakeClaudeProcess = field(repr=False, compare=False)

    def answer(self, payload: object = None) -> None:
        """Answer it, by default as the fake does on its own; a second call sends a second answer."""
        payload = self.process.usual_payload(self) if payload is None else payload
        self._respond({"subtype": "success", "request_id": self.id, "response": payload})

    def refuse(self, message: str, *, code: str | None = None) -> None:
        """Answer it with an error."""
        told = {} if code is None else {"error_code": code}
        self._respond({"subtype": "error", "request_id": self.id, "error": message, **told})

    def _respond(self, response: Json) -> None:
        self.process.write({"type": "control_response", "response": response})


class FakePrompt:
    """A prompt that a process got. Nothing is sent but by its methods.

    Args:
        process: The process.
        frame: The user frame.

    Attributes:
        frame: The user frame.
        uuid: The prompt's uuid.
    """

    def __init__(self, process: FakeClaudeProcess, frame: Json) -> None:
        self.process = process
        self.frame = frame
        self.uuid: str = frame["uuid"]

    @property
    def content(self) -> Any:
        """What it says: a text, or content blocks."""
        return self.frame["message"]["content"]

    def lifecycle(self, state: str) -> None:
        """Tell where it stands."""
        self.process.frame("command_lifecycle", command_uuid=self.uuid, state=state)

    def accept(self) -> None:
        """Tell that it was queued and has started, and begin its turn."""
        self.process.running = self
        self.lifecycle("queued")
        self.lifecycle("started")
        self.process.init()

    def say(self, text: str) -> None:
        """Send a text of the model."""
        self.process.assistant({"type": "text", "text": text})

    def use(self, name: str, tool_use_id: str = "toolu_1", **arguments: object) -> None:
        """Send a tool use of the model."""
        self.process.assistant({"type": "tool_use", "id": tool_use_id, "name": name, "input": arguments})

    def result(self, text: str = "Hello.", **fields: object) -> None:
        """End the turn with a result, which lists this prompt unless `fields` say otherwise."""
        told: Json = {"user_message_uuid": self.uuid, "user_message_uuids": [self.uuid], **fields}
        self.process.running = None
        self.process.result(text, **told)
        self.lifecycle("completed")

    def aborted(self) -> None:
        """End the turn as an interrupt does."""
        self.process.running = None
        errors, listed = ["[ede_diagnostic] result_type=user"], [self.uuid]
        self.process.result(
            None,
            "error_during_execution",
            errors=errors,
            terminal_reason="aborted_streaming",
            user_message_uuids=listed,
        )
        self.lifecycle("cancelled")


class FakeAsked:
    """A control request of the fake, which the SDK has to answer.

    Attributes:
        id: Its id.
        answers: The `response` of every answer to it.
    """

    def __init__(self, claude: FakeClaude, process: FakeClaudeProcess, request_id: str) -> None:
        self.id = request_id
        self.answers: list[Json] = []
        self._claude = claude
        self._process = process

    async def answered(self, timeout: float = DEFAULT_TIMEOUT) -> Json:
        """Wait for the first answer, and return its `response`: subtype, and payload or error.

        Raises:
            TimeoutError: There was none within `timeout` seconds.
        """
        await self._claude.wait_until(lambda: bool(self.answers), f"an answer to {self.id!r}", timeout)
        return self.answers[0]

    def withdraw(self) -> None:
        """Take it back."""
        self._process.write({"type": "control_cancel_request", "request_id": self.id})
