"""A scripted `codex app-server` for the faults that the real one does not show: a real process, with pipes, signals.

The process is a relay, and the script runs in the test: what codex would answer, and when, is ordinary Python code.
Left alone it greets, opens threads and says "Hello." to every prompt; a test takes over the methods it is about.
"""

from __future__ import annotations

import signal
import socket
from collections.abc import Callable, Sequence

from agent_sdk_core.wire.reading import Json
from agent_sdk_testing.fakes.agent import FakeAgent, FakeProcess
from agent_sdk_testing.fakes.codex_exchanges import FakeQuestion, FakeRequest, FakeTurn
from agent_sdk_testing.fakes.faults import Fault
from agent_sdk_testing.signals import DEFAULT_TIMEOUT

Handler = Callable[[FakeRequest], object]


class FakeCodex(FakeAgent[FakeProcess]):
    """A codex executable whose app-servers do what the test says. Use it as a context manager.

    What the fake sends by itself goes to the process that was started last; a request is answered where it came from.

    Args:
        version: What its user agent tells.
        ignore_eof: Whether the end of its stdin leaves it running.
        ignore_sigterm: Whether SIGTERM does.
        faults: What goes wrong with its processes, such as `Fault("die", frame=3)`.

    Attributes:
        version: What its user agent tells.
        received: Every message of the SDK to any process, oldest first.
        requests: Those that are requests.
    """

    def __init__(
        self,
        *,
        version: str = "0.163.0",
        ignore_eof: bool = False,
        ignore_sigterm: bool = False,
        faults: Sequence[Fault] = (),
    ) -> None:
        super().__init__("codex", ignore_eof=ignore_eof, ignore_sigterm=ignore_sigterm, faults=faults)
        self.received: list[Json] = []
        self.requests: list[FakeRequest] = []
        self.version = version
        self._handlers: dict[str, Handler] = {}
        self._questions: dict[int | str, FakeQuestion] = {}
        self._turns: dict[str, FakeTurn] = {}
        self._counts: dict[str, int] = {}

    @property
    def pids(self) -> list[int]:
        """Ids of the processes that were started from it."""
        return [process.pid for process in self.processes]

    # What the script says.

    def on(self, method: str, handler: Handler) -> None:
        """Call `handler` with each request of this method, on the fake's own thread, instead of answering it."""
        self._handlers[method] = handler

    def hold(self, *methods: str) -> None:
        """Leave requests of these methods unanswered; the test answers them itself, or never."""
        for method in methods:
            self.on(method, lambda request: None)

    def release(self, *methods: str) -> None:
        """Answer requests of these methods again as the fake does on its own; those that were held stay open."""
        for method in methods:
            self._handlers.pop(method, None)

    def notify(self, method: str, **params: object) -> None:
        """Send a notification."""
        self.write({"method": method, "params": params})

    def ask(self, method: str, *, request_id: int | str = 0, **params: object) -> FakeQuestion:
        """Send a request; codex counts its ids from 0."""
        question = self._questions[request_id] = FakeQuestion(self.wait_until, request_id)
        self.write({"id": request_id, "method": method, "params": params})
        return question

    def write(self, *values: object) -> None:
        """Write each value as one line: bytes as they are, anything else as JSON; all in one piece."""
        self.process.write(*values)

    def write_long_line(self, size: int) -> None:
        """Write one line of `size` bytes that is not JSON; it is made in the process, so it may be huge."""
        self.process.write_long_line(size)

    def log(self, text: str) -> None:
        """Write a line to stderr."""
        self.process.log(text)

    def close_stdout(self) -> None:
        """Close stdout and stay alive."""
        self.process.close_stdout()

    def exit(self, code: int = 0, *, log: str | None = None) -> None:
        """End the process with an exit code, after a last line on stderr."""
        self.process.exit(code, log=log)

    def kill(self, number: int = signal.SIGKILL) -> None:
        """End the process by a signal."""
        self.process.kill(number)

    def turn(self, request: FakeRequest) -> FakeTurn:
        """Return the turn that a turn/start request starts, the same one each time; sends nothing."""
        key = f"turn of {id(request.process)} {request.id}"  # Each process is asked with ids from 0.
        if key not in self._turns:
            thread_id = str(request.params.get("threadId"))
            self._turns[key] = FakeTurn(request.process, thread_id, self._next("turn"), ended=self._forget)
        return self._turns[key]

    def accept(self, request: FakeRequest) -> FakeTurn:
        """Answer a turn/start request, send turn/started and the prompt, and return the turn, which runs now."""
        turn = self.turn(request)
        request.answer({"turn": turn.as_json()})
        turn.started()
        texts = [block.get("text", "") for block in request.params.get("input", ())]
        turn.prompt(request.params.get("clientUserMessageId"), "".join(texts))
        self._turns[turn.thread_id] = turn
        return turn

    def end_turn(self, turn: FakeTurn, ended: Json) -> None:
        """Send turn/completed with any `turn` object."""
        self._forget(turn)
        self.notify("turn/completed", threadId=turn.thread_id, turn=ended)

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

    async def stdin_closed(self, timeout: float = DEFAULT_TIMEOUT) -> None:
        """Wait until the SDK has closed the process's stdin.

        Raises:
            TimeoutError: It did not within `timeout` seconds.
        """
        await self.wait_until(lambda: self.process.stdin_closed, "the end of stdin", timeout)

    # What it does on its own.

    def usual_result(self, request: FakeRequest) -> Json:
        """Return what the fake answers on its own, for the methods it knows; else an empty object."""
        params = request.params
        match request.method:
            case "initialize":
                agent = f"codex/{self.version} (fake)"
                return {"userAgent": agent, "codexHome": "/fake", "platformFamily": "unix", "platformOs": "linux"}
            case "config/read":
                return {"config": {"model": "fake-model"}, "origins": {}}
            case "thread/start":
                return self.thread(self._next("thread"), params)
            case "thread/resume" | "thread/fork":
                return self.thread(str(params.get("threadId")), params)
            case "thread/read":
                return {"thread": self.thread(str(params.get("threadId")), params)["thread"]}
            case "turn/start":
                return {"turn": self.turn(request).as_json()}
            case "turn/steer":
                return {"turnId": params.get("expectedTurnId")}
            case "model/list" | "thread/list" | "thread/turns/list":
                return {"data": [], "nextCursor": None}
            case _:
                return {}

    def thread(self, thread_id: str, params: Json) -> Json:
        """Return what thread/start answers for a thread of this id."""
        cwd = params.get("cwd", "/")
        thread: Json = {
            "id": thread_id, "sessionId": thread_id, "cliVersion": self.version, "createdAt": 0, "updatedAt": 0,
            "cwd": cwd, "ephemeral": False, "historyMode": "paginated", "modelProvider": "fake", "preview": "",
            "projectId": None, "source": "appServer", "status": {"type": "idle"}, "turns": [],
        }  # fmt: skip
        return {
            "thread": thread, "approvalPolicy": params.get("approvalPolicy", "on-request"),
            "approvalsReviewer": "user", "cwd": cwd, "model": params.get("model", "fake-model"),
            "modelProvider": "fake", "sandbox": {"type": "readOnly", "networkAccess": False},
        }  # fmt: skip

    def _handle(self, request: FakeRequest) -> None:
        if (handler := self._handlers.get(request.method)) is not None:
            handler(request)
        elif request.method == "turn/start":
            turn = self.accept(request)
            turn.say("Hello.")
            turn.completed()
        else:
            request.answer()
            turn = self._turns.get(str(request.params.get("threadId")))
            if request.method == "turn/interrupt" and turn is not None:
                turn.completed("interrupted")

    def _next(self, kind: str) -> str:
        self._counts[kind] = self._counts.get(kind, 0) + 1
        return f"{kind}-{self._counts[kind]}"

    def _forget(self, turn: FakeTurn) -> None:
        self._turns.pop(turn.thread_id, None)

    def _process(self, connection: socket.socket, started: Json) -> FakeProcess:
        return FakeProcess(connection, started)

    def _note(self, process: FakeProcess, message: Json) -> Callable[[], object]:
        self.received.append(message)
        match message:
            case {"method": str(method), "id": request_id, **rest}:
                request = FakeRequest(request_id, method, rest.get("params") or {}, process, self.usual_result)
                self.requests.append(request)
                return lambda: self._handle(request)
            case {"id": request_id} if "method" not in message and request_id in self._questions:
                self._questions[request_id].answers.append(message)
            case _:
                pass
        return lambda: None

    def _so_far(self) -> object:
        return [request.method for request in self.requests]
