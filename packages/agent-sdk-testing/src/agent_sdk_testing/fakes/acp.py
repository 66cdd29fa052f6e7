"""A scripted agent that speaks the Agent Client Protocol, for the faults that real ones do not show: a real process.

The process is a relay, and the script runs in the test. Left alone it greets, opens sessions, says "Hello." to every
prompt and ends the turn; a cancelled prompt that a test holds is answered as cancelled.
"""

from __future__ import annotations

import signal
import socket
from collections.abc import Callable, Mapping, Sequence

from agent_sdk_core.wire.reading import Json
from agent_sdk_testing.fakes.agent import FakeAgent, FakeProcess
from agent_sdk_testing.fakes.codex_exchanges import FakeQuestion, FakeRequest
from agent_sdk_testing.fakes.faults import Fault
from agent_sdk_testing.signals import DEFAULT_TIMEOUT

Handler = Callable[[FakeRequest], object]


class FakeAcp(FakeAgent[FakeProcess]):
    """An agent whose processes do what the test says. Use it as a context manager.

    Args:
        version: The version of the protocol that it answers with.
        greeting: What its answer to `initialize` has beside the version and its name.
        opening: What its answers have that open a session, beside the id.
        ignore_eof: Whether the end of its stdin leaves it running.
        ignore_sigterm: Whether SIGTERM does.
        faults: What goes wrong with its processes.

    Attributes:
        received: Every message of the client to any process, oldest first.
        requests: Those that are requests.
    """

    def __init__(
        self,
        *,
        version: int = 1,
        greeting: Mapping[str, object] | None = None,
        opening: Mapping[str, object] | None = None,
        ignore_eof: bool = False,
        ignore_sigterm: bool = False,
        faults: Sequence[Fault] = (),
    ) -> None:
        super().__init__("acp-agent", ignore_eof=ignore_eof, ignore_sigterm=ignore_sigterm, faults=faults)
        self.received: list[Json] = []
        self.requests: list[FakeRequest] = []
        self.version = version
        self.greeting: Mapping[str, object] = dict(greeting or {})
        self.opening: Mapping[str, object] = dict(opening or {})
        self._handlers: dict[str, Handler] = {}
        self._questions: dict[int | str, FakeQuestion] = {}
        self._running: dict[str, FakeRequest] = {}
        self._sessions = 0

    @property
    def command(self) -> list[str]:
        """What starts it."""
        return [str(self.executable), "acp"]

    # What the script says.

    def on(self, method: str, handler: Handler) -> None:
        """Call `handler` with each request of this method, on the fake's own thread, instead of answering it."""
        self._handlers[method] = handler

    def hold(self, *methods: str) -> None:
        """Leave requests of these methods unanswered; the test answers them itself, or never."""
        for method in methods:
            self.on(method, lambda request: None)

    def update(self, session_id: str, kind: str, /, **fields: object) -> None:
        """Send an update of a session."""
        self.notify("session/update", sessionId=session_id, update={"sessionUpdate": kind, **fields})

    def say(self, session_id: str, text: str, **fields: object) -> None:
        """Send a piece of an answer."""
        self.update(session_id, "agent_message_chunk", content={"type": "text", "text": text}, **fields)

    def notify(self, method: str, **params: object) -> None:
        """Send a notification."""
        self.write({"jsonrpc": "2.0", "method": method, "params": params})

    def ask(self, method: str, *, request_id: int | str = 0, **params: object) -> FakeQuestion:
        """Send a request."""
        question = self._questions[request_id] = FakeQuestion(self.wait_until, request_id)
        self.write({"jsonrpc": "2.0", "id": request_id, "method": method, "params": params})
        return question

    def write(self, *values: object) -> None:
        """Write each value as one line: bytes as they are, anything else as JSON; all in one piece."""
        self.process.write(*values)

    def exit(self, code: int = 0, *, log: str | None = None) -> None:
        """End the process with an exit code, after a last line on stderr."""
        self.process.exit(code, log=log)

    def kill(self, number: int = signal.SIGKILL) -> None:
        """End the process by a signal."""
        self.process.kill(number)

    # What the test waits for.

    async def request(self, method: str, number: int = 1, *, timeout: float = DEFAULT_TIMEOUT) -> FakeRequest:
        """Wait for the first, or the `number`th, request of a method.

        Raises:
            TimeoutError: It did not come within `timeout` seconds.
        """

        def asked() -> list[FakeRequest]:
            return [request for request in self.requests if request.method == method]

        await self.wait_until(lambda: len(asked()) >= number, f"{method} no. {number}", timeout)
        return asked()[number - 1]

    async def told(self, method: str, number: int = 1, *, timeout: float = DEFAULT_TIMEOUT) -> Json:
        """Wait for the first, or the `number`th, notification of a method; raises what `request` raises."""

        def came() -> list[Json]:
            return [message for message in self.received if message.get("method") == method and "id" not in message]

        await self.wait_until(lambda: len(came()) >= number, f"{method} no. {number}", timeout)
        return came()[number - 1]

    # What it does on its own.

    def usual_result(self, request: FakeRequest) -> Json:
        """Return what the fake answers on its own."""
        match request.method:
            case "initialize":
                name = "agentInfo" if self.version == 1 else "info"
                return {"protocolVersion": self.version, name: {"name": "fake", "version": "1.0"}, **self.greeting}
            case "session/new" | "session/fork":
                self._sessions += 1
                return {"sessionId": f"session-{self._sessions}", **self.opening}
            case "session/load" | "session/resume":
                return dict(self.opening)
            case "session/prompt":
                return {"stopReason": "end_turn"} if self.version == 1 else {"messageId": "prompt"}
            case _:
                return {}

    def _handle(self, request: FakeRequest) -> None:
        session_id = str(request.params.get("sessionId"))
        if request.method == "session/prompt":
            self._running[session_id] = request
        if (handler := self._handlers.get(request.method)) is not None:
            handler(request)
            return
        if request.method == "session/prompt":
            del self._running[session_id]
            if self.version > 1:
                request.answer()
                self.update(session_id, "state_update", state="running")
            self.say(session_id, "Hello.", messageId=f"m{request.id}")
            if self.version > 1:
                self.update(session_id, "state_update", state="idle", stopReason="end_turn")
                return
        request.answer()

    def _cancel(self, params: Json) -> None:
        request = self._running.pop(str(params.get("sessionId")), None)
        if request is not None and "session/cancel" not in self._handlers:
            request.answer({"stopReason": "cancelled"})

    def _process(self, connection: socket.socket, started: Json) -> FakeProcess:
        return FakeProcess(connection, started)

    def _note(self, process: FakeProcess, message: Json) -> Callable[[], object]:
        self.received.append(message)
        match message:
            case {"method": str(method), "id": request_id, **rest}:
                request = FakeRequest(request_id, method, rest.get("params") or {}, process, self.usual_result)
                self.requests.append(request)
                return lambda: self._handle(request)
            case {"method": "session/cancel", "params": params}:
                return lambda: self._cancel(params)
            case {"id": request_id} if "method" not in message and request_id in self._questions:
                self._questions[request_id].answers.append(message)
            case _:
                pass
        return lambda: None

    def _so_far(self) -> object:
        return [request.method for request in self.requests]
