"""A small HTTP server on the loopback interface that controls every byte it streams.

It owns the sockets and the threads: one thread accepts, one serves each connection, and `close` ends them all at once.
What to answer is decided by the `respond` function; what a response's parts mean to the protocol is not known here.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import TypeAlias, assert_never

from agent_sdk_testing.model.requests import Outcome
from agent_sdk_testing.model.steps import Delay, Disconnect, Stall
from agent_sdk_testing.signals import Gate, Signal, readable

StreamPart: TypeAlias = bytes | Gate | Delay | Stall | Disconnect

_FLUSH_BYTES = 32 * 1024
"""Parts are joined up to this size, for a write costs more than encoding a delta."""

_JOIN_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """A request whose body was read in full. `problem` says what is wrong with one that could not be read."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    problem: str = ""


def _ignore(outcome: Outcome) -> None:
    del outcome


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """A response: a `body` of known length, or a `stream` of parts; `finished` is told how it ended."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    body: bytes = b""
    stream: Iterable[StreamPart] | None = None
    finished: Callable[[Outcome], None] = _ignore


class HttpServer:
    """Serves HTTP/1.1 on 127.0.0.1 from background threads until it is closed.

    Args:
        respond: gives the response to a request; called in the thread of the connection.
    """

    def __init__(self, respond: Callable[[HttpRequest], HttpResponse]) -> None:
        self.respond = respond
        self._lock = threading.Lock()
        self._connections: dict[socket.socket, threading.Thread] = {}
        self._stop = Signal()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._accept, name="agent-sdk-testing-accept", daemon=True)
        self._thread.start()

    @property
    def closing(self) -> bool:
        """Whether `close` was called."""
        return self._stop.is_set()

    def close(self) -> None:
        """Stop accepting, cut every connection, and wait for the threads. Closing again does nothing.

        Raises:
            RuntimeError: a connection's thread did not end, because a function of the script does not return.
        """
        self._stop.set()
        self._thread.join()
        self._listener.close()
        with self._lock:
            connections = dict(self._connections)
            for connection in connections:
                _shut(connection)
        # A function of the script may close the server it is called by.
        threads = [thread for thread in connections.values() if thread is not threading.current_thread()]
        for thread in threads:
            thread.join(_JOIN_SECONDS)
        if any(thread.is_alive() for thread in threads):
            raise RuntimeError(
                "a connection of the scripted model did not end: a function of its script is still running"
            )

    def _accept(self) -> None:
        with self._stop.waker() as waker:
            while True:
                if waker in readable(self._listener, waker):
                    return
                connection, _ = self._listener.accept()
                thread = threading.Thread(
                    target=self._serve, args=(connection,), name="agent-sdk-testing-connection", daemon=True
                )
                with self._lock:
                    self._connections[connection] = thread
                thread.start()

    def _serve(self, connection: socket.socket) -> None:
        try:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            _Connection(connection, self)
        except OSError:
            pass  # The client went away, or close() cut the connection: either way there is nobody to tell.
        finally:
            with self._lock:
                self._connections.pop(connection, None)
                _shut(connection)
                connection.close()


def _shut(connection: socket.socket) -> None:
    # The other side may have closed it already.
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)


class _Connection(BaseHTTPRequestHandler):
    """Reads the requests of one connection and writes their responses; everything happens in its constructor."""

    protocol_version = "HTTP/1.1"
    server_version = "agent-sdk-testing"
    sys_version = ""

    def __init__(self, connection: socket.socket, owner: HttpServer) -> None:
        self._owner = owner
        # The base class only stores the server argument, for logging that is switched off below.
        super().__init__(connection, ("127.0.0.1", 0), None)  # pyright: ignore[reportArgumentType]  # stored, never used

    def _answer(self) -> None:
        length = self.headers.get("content-length", "0")
        if not length.isdigit() or "transfer-encoding" in self.headers:
            self.send_error(411, "A body needs a Content-Length")
            return
        body = self.rfile.read(int(length))
        if len(body) < int(length):
            self.close_connection = True  # The client went away in mid-request: it asked nothing.
            return
        self._respond(HttpRequest(self.command, self.path, dict(self.headers.items()), body))

    def __getattr__(self, name: str) -> Callable[[], None]:
        # The base class looks for a method called do_GET, do_POST, …; which ones are served is for `respond` to say.
        if name.startswith("do_"):
            return self._answer
        raise AttributeError(name)

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Answer a request that is not HTTP as we speak it, and let the owner see it."""
        self.close_connection = True
        # Until a request is understood the base class takes it for HTTP/0.9, whose responses have no head.
        self.request_version = "HTTP/1.1"
        method: str = getattr(self, "command", None) or "?"
        path: str = getattr(self, "path", None) or "?"
        self._respond(HttpRequest(method, path, {}, b"", problem=f"{code} {message or explain or ''}".strip()))

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: what matters is recorded by the owner."""

    def _respond(self, request: HttpRequest) -> None:
        response = self._owner.respond(request)
        outcome: Outcome | None = None
        try:
            if response.stream is None:
                self._send_head(response, ("Content-Length", str(len(response.body))))
                self.connection.sendall(b"" if request.method == "HEAD" else response.body)
                outcome = "completed"
            else:
                self._send_head(response, ("Transfer-Encoding", "chunked"))
                outcome = self._stream(response.stream)
        finally:
            if outcome != "completed":
                self.close_connection = True
            response.finished(outcome or self._cut_by())

    def _send_head(self, response: HttpResponse, framing: tuple[str, str]) -> None:
        self.send_response(response.status)
        for name, value in response.headers.items():
            self.send_header(name, value)
        self.send_header(*framing)
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()

    def _stream(self, parts: Iterable[StreamPart]) -> Outcome:
        pending: list[bytes] = []
        size = 0
        for part in parts:
            if isinstance(part, bytes):
                pending.append(part)
                size += len(part)
                if size >= _FLUSH_BYTES:
                    self._flush(pending)
                    size = 0
                continue
            self._flush(pending)
            size = 0
            match part:
                case Gate():
                    if not self._wait(part.arrive(), None):
                        return self._cut_by()
                case Delay():
                    if not self._wait(None, part.seconds):
                        return self._cut_by()
                case Stall():
                    self._wait(None, None)
                    return self._cut_by()
                case Disconnect():
                    if part.clean:
                        self.connection.sendall(b"0\r\n\r\n")
                    return "dropped"
                case _:
                    assert_never(part)
        self._flush(pending)
        self.connection.sendall(b"0\r\n\r\n")
        return "completed"

    def _cut_by(self) -> Outcome:
        return "dropped" if self._owner.closing else "client_gone"

    def _flush(self, pending: list[bytes]) -> None:
        if pending:
            data = b"".join(pending)
            pending.clear()
            self.connection.sendall(b"%x\r\n%b\r\n" % (len(data), data))

    def _wait(self, signal: Signal | None, seconds: float | None) -> bool:
        """Wait for the signal or the seconds; False when the client went away first."""
        with (signal or Signal()).waker() as waker:
            ready = readable(self.connection, waker, timeout=seconds)
        # Nothing is sent to us during a response, so what can be read is the end of the connection.
        return self.connection not in ready or waker in ready
