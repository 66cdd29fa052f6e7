"""A scripted `claude` for the faults that the real one does not show: a real process a session, with pipes, signals.

Left alone it greets, takes every control request and says "Hello." to every prompt; a test takes over what it is about.
Its frames have the shape of claude 2.1.329's.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any
from uuid import uuid4

from agent_sdk_testing.fake_agent import FakeAgent, FakeProcess
from agent_sdk_testing.fake_claude_exchanges import FakeAsked, FakeControl, FakePrompt
from agent_sdk_testing.signals import DEFAULT_TIMEOUT

Json = dict[str, Any]
ControlHandler = Callable[[FakeControl], object]
PromptHandler = Callable[[FakePrompt], object]

_SESSION_FLAGS = ("--session-id=", "--resume=")


class FakeClaudeProcess(FakeProcess):
    """One process of a `FakeClaude`.

    Attributes:
        session_id: Id of its session.
        running: The prompt whose turn runs.
        asked: What it asked the SDK, by request id.
    """

    def __init__(self, claude: FakeClaude, connection: socket.socket, started: Json) -> None:
        super().__init__(connection, started)
        self.running: FakePrompt | None = None
        self.asked: dict[str, FakeAsked] = {}
        self._claude = claude
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
            "claude_code_version": self._claude.version, **fields,
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
        asked = FakeAsked(self._claude, self, request_id or str(uuid4()))
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
                    "claude_code_version": self._claude.version, "current_permission_mode": "default",
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


class FakeClaude(FakeAgent[FakeClaudeProcess]):
    """A claude executable whose processes do what the test says. Use it as a context manager.

    Args:
        version: What its greeting tells; None leaves it out.
        ignore_eof: Whether the end of their stdin leaves the processes running.
        ignore_sigterm: Whether SIGTERM does.

    Attributes:
        version: What its greeting tells.
        requests: Control requests of the SDK to any process, oldest first.
        prompts: Prompts to any process, oldest first.
    """

    def __init__(
        self, *, version: str | None = "2.1.329", ignore_eof: bool = False, ignore_sigterm: bool = False
    ) -> None:
        super().__init__("claude", ignore_eof=ignore_eof, ignore_sigterm=ignore_sigterm)
        self.version = version
        self.requests: list[FakeControl] = []
        self.prompts: list[FakePrompt] = []
        self._handlers: dict[str, ControlHandler] = {}
        self._on_prompt: PromptHandler = self.answer_prompt

    def on(self, subtype: str, handler: ControlHandler) -> None:
        """Call `handler` with each control request of this subtype, on the fake's own thread, instead of answering."""
        self._handlers[subtype] = handler

    def on_prompt(self, handler: PromptHandler) -> None:
        """Call `handler` with each prompt, on the fake's own thread, instead of answering it."""
        self._on_prompt = handler

    def hold(self, *subtypes: str) -> None:
        """Leave control requests of these subtypes unanswered; the test answers them itself, or never."""
        for subtype in subtypes:
            self.on(subtype, lambda request: None)

    def release(self, *subtypes: str) -> None:
        """Answer requests of these subtypes again as the fake does on its own; those that were held stay open."""
        for subtype in subtypes:
            self._handlers.pop(subtype, None)

    def answer_prompt(self, prompt: FakePrompt) -> None:
        """Run a whole turn that says "Hello."."""
        prompt.accept()
        prompt.say("Hello.")
        prompt.result()

    async def request(self, subtype: str, number: int = 1, *, timeout: float = DEFAULT_TIMEOUT) -> FakeControl:
        """Wait for the first, or the `number`th, control request of a subtype.

        Raises:
            TimeoutError: It did not come within `timeout` seconds.
        """

        def asked() -> list[FakeControl]:
            return [request for request in self.requests if request.subtype == subtype]

        await self.wait_until(lambda: len(asked()) >= number, f"{subtype} no. {number}", timeout)
        return asked()[number - 1]

    async def prompt(self, number: int = 1, *, timeout: float = DEFAULT_TIMEOUT) -> FakePrompt:
        """Wait for the first, or the `number`th, prompt.

        Raises:
            TimeoutError: It did not come within `timeout` seconds.
        """
        await self.wait_until(lambda: len(self.prompts) >= number, f"prompt no. {number}", timeout)
        return self.prompts[number - 1]

    def _process(self, connection: socket.socket, started: Json) -> FakeClaudeProcess:
        return FakeClaudeProcess(self, connection, started)

    def _note(self, process: FakeClaudeProcess, message: Json) -> Callable[[], object]:
        match message:
            case {
                "type": "control_request",
                "request_id": str(request_id),
                "request": {"subtype": str(subtype), **rest},
            }:
                request = FakeControl(request_id, subtype, rest, process)
                self.requests.append(request)
                return lambda: self._handle(request)
            case {"type": "user", "uuid": str()}:
                prompt = FakePrompt(process, message)
                self.prompts.append(prompt)
                return lambda: self._on_prompt(prompt)
            case {"type": "control_response", "response": {"request_id": str(request_id), **rest}}:
                if (asked := process.asked.get(request_id)) is not None:
                    asked.answers.append(rest)
            case _:
                pass
        return lambda: None

    def _handle(self, request: FakeControl) -> None:
        if (handler := self._handlers.get(request.subtype)) is not None:
            handler(request)
            return
        request.answer()
        process = request.process
        if request.subtype == "interrupt" and process.running is not None:
            process.running.aborted()
        elif request.subtype == "set_permission_mode":
            process.frame("system", subtype="status", status=None, permissionMode=request.fields.get("mode"))
        elif request.subtype == "end_session":
            process.exit()

    def _so_far(self) -> object:
        return [*(request.subtype for request in self.requests), *("prompt" for _ in self.prompts)]
