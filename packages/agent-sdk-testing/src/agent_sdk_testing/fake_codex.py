"""A scripted `codex app-server` for the faults that the real one does not show: a real process, with pipes, signals.

The process is a relay, and the script runs in the test: what codex would answer, and when, is ordinary Python code.
Left alone it greets, opens threads and says "Hello." to every prompt; a test takes over the methods it is about.
"""

from __future__ import annotations

import base64
import contextlib
import json
import shlex
import shutil
import signal
import socket
import sys
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import anyio.to_thread

from agent_sdk_testing.fake_codex_exchanges import FakeQuestion, FakeRequest, FakeTurn
from agent_sdk_testing.signals import DEFAULT_TIMEOUT

Json = dict[str, Any]
Handler = Callable[[FakeRequest], object]


class FakeCodex:
    """A codex executable whose app-server does what the test says. Use it as a context manager.

    Args:
        version: What its user agent tells.
        ignore_eof: Whether the end of its stdin leaves it running.
        ignore_sigterm: Whether SIGTERM does.

    Attributes:
        executable: The file to start as codex.
        pids: Ids of the processes that were started from it.
        received: Every message of the SDK, oldest first.
        requests: Those that are requests.
    """

    def __init__(self, *, version: str = "0.163.0", ignore_eof: bool = False, ignore_sigterm: bool = False) -> None:
        self.pids: list[int] = []
        self.received: list[Json] = []
        self.requests: list[FakeRequest] = []
        self._version = version
        self._flags = [
            *(["--ignore-eof"] if ignore_eof else []),
            *(["--ignore-sigterm"] if ignore_sigterm else []),
        ]
        self._handlers: dict[str, Handler] = {}
        self._questions: dict[int | str, FakeQuestion] = {}
        self._turns: dict[str, FakeTurn] = {}
        self._counts: dict[str, int] = {}
        self._changed = threading.Condition()
        self._writing = threading.Lock()
        self._connections: list[socket.socket] = []
        self._failures: list[Exception] = []
        self._closed = False
        self._eof = False

    def __enter__(self) -> Self:
        self._folder = Path(tempfile.mkdtemp(prefix="fake-"))  # short: a socket's address has some 100 bytes
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(self._folder / "control"))
        self._listener.listen()
        child = Path(__file__).with_name("fake_codex_child.py")
        command = [sys.executable, "-I", "-S", str(child), str(self._folder / "control"), *self._flags]
        self.executable = self._folder / "codex"
        self.executable.write_text(f'#!/bin/sh\nexec {shlex.join(command)} "$@"\n', encoding="utf-8")
        self.executable.chmod(0o700)
        threading.Thread(target=self._accept, name="fake codex", daemon=True).start()
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        self._closed = True
        # Closing alone does not wake a thread that waits in accept.
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in self._connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        shutil.rmtree(self._folder, ignore_errors=True)
        if exc is None and self._failures:
            raise self._failures[0]

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
        question = self._questions[request_id] = FakeQuestion(self, request_id)
        self.write({"id": request_id, "method": method, "params": params})
        return question

    def write(self, *values: object) -> None:
        """Write each value as one line: bytes as they are, anything else as JSON; all in one piece."""
        lines = [value if isinstance(value, bytes) else json.dumps(value).encode() for value in values]
        self._do({"out": base64.b64encode(b"".join(line + b"\n" for line in lines)).decode()})

    def write_long_line(self, size: int) -> None:
        """Write one line of `size` bytes that is not JSON; it is made in the process, so it may be huge."""
        self._do({"fill": size, "out": base64.b64encode(b"\n").decode()})

    def log(self, text: str) -> None:
        """Write a line to stderr."""
        self._do({"err": base64.b64encode(text.encode() + b"\n").decode()})

    def close_stdout(self) -> None:
        """Close stdout and stay alive."""
        self._do({"close": "out"})

    def exit(self, code: int = 0, *, log: str | None = None) -> None:
        """End the process with an exit code, after a last line on stderr."""
        if log is not None:
            self.log(log)
        self._do({"exit": code})

    def kill(self, number: int = signal.SIGKILL) -> None:
        """End the process by a signal."""
        self._do({"kill": int(number)})

    def turn(self, request: FakeRequest) -> FakeTurn:
        """Return the turn that a turn/start request starts, the same one each time; sends nothing."""
        key = f"turn of {request.id}"
        if key not in self._turns:
            thread_id = str(request.params.get("threadId"))
            self._turns[key] = FakeTurn(self, thread_id, self._next("turn"))
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
        self._turns.pop(turn.thread_id, None)
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
        await self.wait_until(lambda: self._eof, "the end of stdin", timeout)

    async def wait_until(self, holds: Callable[[], bool], what: str, timeout: float = DEFAULT_TIMEOUT) -> None:
        """Wait until something holds that only what is received can change.

        Raises:
            TimeoutError: It does not within `timeout` seconds.
        """

        def wait() -> bool:
            with self._changed:
                return self._changed.wait_for(holds, timeout)

        if not await anyio.to_thread.run_sync(wait, abandon_on_cancel=True):
            raise TimeoutError(f"{what} did not come within {timeout:g} s; so far: {[r.method for r in self.requests]}")

    # What it does on its own.

    def usual_result(self, request: FakeRequest) -> Json:
        """Return what the fake answers on its own, for the methods it knows; else an empty object."""
        params = request.params
        match request.method:
            case "initialize":
                agent = f"codex/{self._version} (fake)"
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
            "id": thread_id, "sessionId": thread_id, "cliVersion": self._version, "createdAt": 0, "updatedAt": 0,
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

    # The control socket.

    def _do(self, command: Json) -> None:
        with self._writing, contextlib.suppress(OSError):  # A process that has ended takes no more orders.
            self._connections[-1].sendall(json.dumps(command).encode() + b"\n")

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                self._connections.append(connection)
                threading.Thread(target=self._serve, args=(connection,), name="fake codex", daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        unread = b""
        with contextlib.suppress(OSError), connection, connection.makefile("rb") as control:
            for line in control:
                event: Json = json.loads(line)
                if "started" in event:
                    with self._changed:
                        self.pids.append(event["started"]["pid"])
                        self._changed.notify_all()
                elif "eof" in event:
                    with self._changed:
                        self._eof = True
                        self._changed.notify_all()
                else:
                    *lines, unread = (unread + base64.b64decode(event["in"])).split(b"\n")
                    for sent in lines:
                        self._receive(json.loads(sent))

    def _receive(self, message: Json) -> None:
        request: FakeRequest | None = None
        if "method" in message and "id" in message:
            request = FakeRequest(message["id"], message["method"], message.get("params") or {}, self)
        with self._changed:
            self.received.append(message)
            if request is not None:
                self.requests.append(request)
            elif "method" not in message and message.get("id") in self._questions:
                self._questions[message["id"]].answers.append(message)
            self._changed.notify_all()
        if request is None:
            return
        try:
            self._handle(request)
        except Exception as error:  # Told when the fake is closed, for nobody sees what a thread raises.
            self._failures.append(error)
