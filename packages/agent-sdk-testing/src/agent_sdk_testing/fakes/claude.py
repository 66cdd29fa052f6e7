"""A scripted `claude` for the faults that the real one does not show: a real process a session, with pipes, signals.

Left alone it greets, takes every control request and says "Hello." to every prompt; a test takes over what it is about.
Its frames have the shape of those of the pinned claude.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence

from agent_sdk_core.wire.reading import Json
from agent_sdk_testing.fakes.agent import FakeAgent
from agent_sdk_testing.fakes.claude_exchanges import FakeClaudeProcess, FakeControl, FakePrompt
from agent_sdk_testing.fakes.faults import Fault
from agent_sdk_testing.signals import DEFAULT_TIMEOUT

ControlHandler = Callable[[FakeControl], object]
PromptHandler = Callable[[FakePrompt], object]


class FakeClaude(FakeAgent[FakeClaudeProcess]):
    """A claude executable whose processes do what the test says. Use it as a context manager.

    Args:
        version: What its greeting tells; None leaves it out.
        ignore_eof: Whether the end of their stdin leaves the processes running.
        ignore_sigterm: Whether SIGTERM does.
        faults: What goes wrong with its processes, such as `Fault("die", frame=3)`.

    Attributes:
        version: What its greeting tells.
        requests: Control requests of the SDK to any process, oldest first.
        prompts: Prompts to any process, oldest first.
    """

    def __init__(
        self,
        *,
        version: str | None = "2.1.332",
        ignore_eof: bool = False,
        ignore_sigterm: bool = False,
        faults: Sequence[Fault] = (),
    ) -> None:
        super().__init__("claude", ignore_eof=ignore_eof, ignore_sigterm=ignore_sigterm, faults=faults)
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
        return FakeClaudeProcess(connection, started, self.version, self.wait_until)

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
