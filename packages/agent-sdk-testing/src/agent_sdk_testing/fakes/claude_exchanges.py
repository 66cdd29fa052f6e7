"""A process of a `FakeClaude`, and what passes between it and the SDK: control requests of either side, and prompts."""

from __future__ import annotations

import socket
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from agent_sdk_core.wire.reading import Json
from agent_sdk_testing.fakes.agent import FakeProcess, WaitUntil
from agent_sdk_testing.signals import DEFAULT_TIMEOUT

_SESSION_FLAGS = ("--session-id=", "--resume=")


class FakeClaudeProcess(FakeProcess):
    """One process of a `FakeClaude`.

    Args:
        connection: Control socket of the process.
        started: What it said of itself.
        version: What its greeting tells.
        wait_until: How a test waits for what it gets.

    Attributes:
        session_id: Id of its session.
        running: The prompt whose turn runs.
        asked: What it asked the SDK, by request id.
    """

    def __init__(self, connection: socket.socket, started: Json, version: str | None, wait_until: WaitUntil) -> None:
        super().__init__(connection, started)
        self.running: FakePrompt | None = None
        self.asked: dict[str, FakeAsked] = {}
        self._version = version
        self._wait_until = wait_until
        named = (self.flag(name) for name in _SESSION_FLAGS)
        self.session_id = next((value for value in named if value is not None), str(uuid4()))

    def flag(self, name: str) -> str | None:
        """Return the value of an argument such as ``--model=``; None if it is not there."""
        return next((each.removeprefix(name) for each in self.arguments if each.startswith(name)), None)

    def frame(self, kind: str, **fields: object) -> None:
        """Send a frame of a type."""
        self.write({"type": kind, "uuid": str(uuid4()), "session_id": self.session_id, **fields})

    def init(self, **fields: object) -> None:
        """Send `system/init`."""
        told: Json = {
            "cwd": self.cwd, "tools": ["Bash"], "mcp_servers": [], "model": self.flag("--model=") or "fake-model",
            "permissionMode": self.flag("--permission-mode=") or "default", "slash_commands": [],
            "claude_code_version": self._version, **fields,
        }  # fmt: skip
        self.frame("system", subtype="init", **told)

    def assistant(self, *content: Json) -> None:
        """Send a message of the model."""
        message = {"id": f"msg_{uuid4().hex}", "role": "assistant", "model": "fake-model", "content": list(content)}
        self.frame("assistant", message=message, parent_tool_use_id=None)

    def result(self, text: str | None = None, subtype: str = "success", **fields: object) -> None:
        """Send a result."""
        told: Json = {
            "is_error": subtype != "success", "duration_ms": 1, "num_turns": 1, "total_cost_usd": 0,
            "usage": {"input_tokens": 1, "output_tokens": 1}, "modelUsage": {}, "permission_denials": [],
            **({} if text is None else {"result": text}), **fields,
        }  # fmt: skip
        self.frame("result", subtype=subtype, **told)

    def ask(self, subtype: str, *, request_id: str | None = None, **fields: object) -> FakeAsked:
        """Send a control request; one whose id is in use shares its answers with the one before."""
        asked = FakeAsked(self._wait_until, self, request_id or str(uuid4()))
        asked = self.asked.setdefault(asked.id, asked)
        body = {"subtype": subtype, **fields}
        self.write({"type": "control_request", "request_id": asked.id, "request": body})
        return asked

    def usual_payload(self, request: FakeControl) -> Json:
        """Return what the fake answers on its own."""
        fields = request.fields
        match request.subtype:
            case "initialize":
                return {
                    "commands": [], "agents": [], "models": self.models(), "account": {}, "pid": self.pid,
                    "claude_code_version": self._version, "current_permission_mode": "default",
                    "session_state": "idle",
                }  # fmt: skip
            case "list_models":
                return {"models": self.models()}
            case "interrupt":
                return {"still_queued": []}
            case "set_model":
                return {"model": fields.get("model") or "fake-model"}
            case "set_permission_mode":
                return {"mode": fields.get("mode")}
            case "cancel_async_message":
                return {"cancelled": False, "message_uuid": fields.get("message_uuid")}
            case _:
                return {}

    def models(self) -> list[Json]:
        """Return the models that it lists."""
        efforts = ["low", "high"]
        return [
            {
                "value": "default",
                "displayName": "Default",
                "description": "The usual",
                "supportedEffortLevels": efforts,
            },
            {"value": "fake-model"},
        ]


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

    def __init__(self, wait_until: WaitUntil, process: FakeClaudeProcess, request_id: str) -> None:
        self.id = request_id
        self.answers: list[Json] = []
        self._wait_until = wait_until
        self._process = process

    async def answered(self, timeout: float = DEFAULT_TIMEOUT) -> Json:
        """Wait for the first answer, and return its `response`: subtype, and payload or error.

        Raises:
            TimeoutError: There was none within `timeout` seconds.
        """
        await self._wait_until(lambda: bool(self.answers), f"an answer to {self.id!r}", timeout)
        return self.answers[0]

    def withdraw(self) -> None:
        """Take it back."""
        self._process.write({"type": "control_cancel_request", "request_id": self.id})
