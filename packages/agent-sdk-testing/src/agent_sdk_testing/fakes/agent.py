"""A scripted executable, whatever protocol its script speaks: real processes with pipes and signals, and their end.

Each process is a relay, and the script runs in the test: what an agent would answer, and when, is ordinary Python code.
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
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Generic, Protocol, Self, TypeVar

import anyio.to_thread

from agent_sdk_core.wire.reading import Json
from agent_sdk_testing.fakes.faults import Fault, FaultInjector
from agent_sdk_testing.signals import DEFAULT_TIMEOUT


class Wire(Protocol):
    """What takes the words of an agent."""

    def write(self, *values: object) -> None:
        """Write each value as one line: bytes as they are, anything else as JSON; all in one piece."""


class WaitUntil(Protocol):
    """How a test waits for what the fake gets; see `FakeAgent.wait_until`."""

    async def __call__(self, holds: Callable[[], bool], what: str, timeout: float = ..., /) -> None:
        """Wait until something holds."""


class FakeProcess:
    """One process of a fake executable.

    Args:
        connection: Control socket of the process.
        started: What it said of itself.

    Attributes:
        pid: Its id.
        arguments: What it was started with.
        cwd: Folder that it was started in.
        received: Every message that it got, oldest first.
        stdin_closed: Whether its stdin has ended.
        gone: Whether it has ended.
        injector: Writes its lines, with what shall go wrong; None: nothing shall.
    """

    def __init__(self, connection: socket.socket, started: Json) -> None:
        self.pid: int = started["pid"]
        self.arguments: list[str] = started["arguments"]
        self.cwd: str = started["cwd"]
        self.received: list[Json] = []
        self.stdin_closed = False
        self.gone = False
        self.injector: FaultInjector | None = None
        self._connection = connection
        self._writing = threading.Lock()

    def write(self, *values: object) -> None:
        """Write each value as one line: bytes as they are, anything else as JSON; all in one piece."""
        lines = [value if isinstance(value, bytes) else json.dumps(value).encode() for value in values]
        if self.injector is None:
            self.write_bytes(b"".join(line + b"\n" for line in lines))
            return
        for line in lines:
            self.injector.write(line)

    def write_bytes(self, data: bytes) -> None:
        """Write bytes to stdout."""
        self._do({"out": base64.b64encode(data).decode()})

    def write_long_line(self, size: int) -> None:
        """Write one line of `size` bytes that is not JSON; it is made in the process, so it may be huge."""
        self._do({"fill": size, "out": base64.b64encode(b"\n").decode()})

    def log(self, text: str) -> None:
        """Write a line to stderr."""
        self._do({"err": base64.b64encode(text.encode() + b"\n").decode()})

    def close_stdout(self) -> None:
        """Close stdout and stay alive."""
        self._do({"close": "out"})

    def close_stdin(self) -> None:
        """Close stdin and stay alive, so that nothing more can be sent to it."""
        self._do({"close": "in"})

    def leave_child(self, seconds: int = 600) -> None:
        """Start a process in a session of its own, which holds stdout and stderr open for so long."""
        self._do({"child": seconds})

    def exit(self, code: int = 0, *, log: str | None = None) -> None:
        """End the process with an exit code, after a last line on stderr."""
        if log is not None:
            self.log(log)
        self._do({"exit": code})

    def kill(self, number: int = signal.SIGKILL) -> None:
        """End the process by a signal."""
        self._do({"kill": int(number)})

    def _do(self, order: Json) -> None:
        with self._writing, contextlib.suppress(OSError):  # A process that has ended takes no more orders.
            self._connection.sendall(json.dumps(order).encode() + b"\n")


P = TypeVar("P", bound=FakeProcess)


class FakeAgent(ABC, Generic[P]):
    """An executable whose processes do what the test says. Use it as a context manager.

    Args:
        name: Name of the file.
        ignore_eof: Whether the end of their stdin leaves them running.
        ignore_sigterm: Whether SIGTERM does.
        faults: What goes wrong with the processes that are started.

    Attributes:
        executable: The file to start.
        processes: Every process that was started from it, oldest first.
    """

    def __init__(
        self, name: str, *, ignore_eof: bool = False, ignore_sigterm: bool = False, faults: Sequence[Fault] = ()
    ) -> None:
        self._faults = tuple(faults)
        self.processes: list[P] = []
        self._name = name
        self._flags = [
            *(["--ignore-eof"] if ignore_eof else []),
            *(["--ignore-sigterm"] if ignore_sigterm else []),
        ]
        self._changed = threading.Condition()
        self._connections: list[socket.socket] = []
        self._failures: list[Exception] = []

    def __enter__(self) -> Self:
        self._folder = Path(tempfile.mkdtemp(prefix="fake-"))  # short: a socket's address has some 100 bytes
        address = str(self._folder / "control")
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(address)
        self._listener.listen()
        child = Path(__file__).with_name("relay.py")
        command = [sys.executable, "-I", "-S", str(child), address, *self._flags]
        self.executable = self._folder / self._name
        self.executable.write_text(f'#!/bin/sh\nexec {shlex.join(command)} "$@"\n', encoding="utf-8")
        self.executable.chmod(0o700)
        threading.Thread(target=self._accept, name=f"fake {self._name}", daemon=True).start()
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
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

    @property
    def process(self) -> P:
        """The process that was started last."""
        return self.processes[-1]

    async def started(self, number: int = 1, *, timeout: float = DEFAULT_TIMEOUT) -> P:
        """Wait for the first, or the `number`th, process.

        Raises:
            TimeoutError: It was not started within `timeout` seconds.
        """
        await self.wait_until(lambda: len(self.processes) >= number, f"process no. {number}", timeout)
        return self.processes[number - 1]

    async def wait_until(self, holds: Callable[[], bool], what: str, timeout: float = DEFAULT_TIMEOUT) -> None:
        """Wait until something holds that only what the processes get, or their end, can change.

        Raises:
            TimeoutError: It does not within `timeout` seconds.
        """

        def wait() -> bool:
            with self._changed:
                return self._changed.wait_for(holds, timeout)

        if not await anyio.to_thread.run_sync(wait, abandon_on_cancel=True):
            raise TimeoutError(f"{what} did not come within {timeout:g} s; so far: {self._so_far()}")

    @abstractmethod
    def _process(self, connection: socket.socket, started: Json) -> P:
        """Return a process that has started."""

    @abstractmethod
    def _note(self, process: P, message: Json) -> Callable[[], object]:
        """Note a message that a process got, and return what acts on it."""

    @abstractmethod
    def _so_far(self) -> object:
        """Return what a wait in vain shows of what came."""

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                self._connections.append(connection)
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        unread, process = b"", None
        with contextlib.suppress(OSError), connection, connection.makefile("rb") as control:
            for line in control:
                event: Json = json.loads(line)
                if process is None:
                    process = self._process(connection, event["started"])
                    with self._changed:
                        number = len(self.processes) + 1
                        if due := [fault for fault in self._faults if fault.process == number]:
                            process.injector = FaultInjector(process, due)
                        self.processes.append(process)
                        self._changed.notify_all()
                elif "eof" in event:
                    self._tell(process, stdin_closed=True)
                else:
                    *lines, unread = (unread + base64.b64decode(event["in"])).split(b"\n")
                    for sent in lines:
                        self._receive(process, json.loads(sent))
        if process is not None:
            self._tell(process, stdin_closed=True, gone=True)

    def _tell(self, process: P, *, stdin_closed: bool, gone: bool = False) -> None:
        with self._changed:
            process.stdin_closed, process.gone = stdin_closed, gone
            self._changed.notify_all()

    def _receive(self, process: P, message: Json) -> None:
        with self._changed:
            process.received.append(message)
            act = self._note(process, message)
            self._changed.notify_all()
        try:
            act()
        except Exception as error:  # Told when the fake is closed, for nobody sees what a thread raises.
            self._failures.append(error)
