"""A WebSocket server on a thread, so that it serves whatever event loop the test has."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path

import pytest
from websockets.datastructures import Headers
from websockets.http11 import Request, Response
from websockets.sync.server import Server, ServerConnection, serve, unix_serve

from agent_sdk_core.transport.websocket.address import WebSocketAddress

Handler = Callable[[ServerConnection], object]


@dataclass
class Scripted:
    """What the server does.

    Attributes:
        handler: Serves a connection.
        ready: Status of its answer to /readyz.
        refuse: Status with which it refuses to switch, and what it says.
        asked: What it was asked for, with the headers.
    """

    handler: Handler
    ready: int = 200
    refuse: tuple[int, bytes] | None = None
    asked: list[tuple[str, Headers]] = field(default_factory=list[tuple[str, Headers]])

    def process(self, connection: ServerConnection, request: Request) -> Response | None:
        self.asked.append((request.path, request.headers))
        if request.path == "/readyz":
            return Response(self.ready, HTTPStatus(self.ready).phrase, Headers({"Content-Length": "0"}), b"")
        if self.refuse is not None:
            status, said = self.refuse
            return Response(status, "Refused", Headers({"Content-Length": str(len(said))}), said)
        return None


def echo(connection: ServerConnection) -> None:
    """Send back what comes."""
    for message in connection:
        connection.send(message)


@pytest.fixture
def scripted() -> Scripted:
    return Scripted(echo)


@pytest.fixture
def serve_at(scripted: Scripted, tmp_path: Path) -> Generator[Callable[..., WebSocketAddress]]:
    servers: list[tuple[Server, threading.Thread]] = []

    def start(*, unix: bool = False, context: ssl.SSLContext | None = None) -> WebSocketAddress:
        def handle(connection: ServerConnection) -> None:
            scripted.handler(connection)

        if unix:
            path = str(tmp_path / "s")
            server = unix_serve(handle, path, process_request=scripted.process, close_timeout=0.5)
            url = f"unix://{path}"
        else:
            server = serve(
                handle,
                "127.0.0.1",
                0,
                ssl=context,
                process_request=scripted.process,
                max_size=None,
                close_timeout=0.5,
            )
            port = server.socket.getsockname()[1]
            url = f"{'ws' if context is None else 'wss'}://{'127.0.0.1' if context is None else 'localhost'}:{port}"
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        servers.append((server, thread))
        return WebSocketAddress.parse(url, owner="Backend")

    yield start
    for server, thread in servers:
        server.shutdown()
        thread.join()


@pytest.fixture
def address(serve_at: Callable[..., WebSocketAddress]) -> WebSocketAddress:
    return serve_at()
