"""The server: the application on a socket of this machine, until a signal ends it."""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import asynccontextmanager, contextmanager

import uvicorn
from starlette.types import ASGIApp

from agent_chat.exits import ENDING_SIGNALS, ExitCode
from agent_sdk_core.errors import AgentError

MAX_MESSAGE = 16 * 2**20
"""Bytes of a WebSocket message that a client sends: a prompt with images, of which one may have 8 MB."""


GRACE_SECONDS = 2
"""What requests that run have to end, before their connections are cut."""


class _Server(uvicorn.Server):
    """A server whose signals are heard by whoever runs it, and that says when it answers."""

    def __init__(self, config: uvicorn.Config, started: Callable[[], None]) -> None:
        super().__init__(config)
        self._tell = started

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._tell()

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        yield


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that is bound and listens; port 0: any free one.

    Raises:
        AgentError: The port is taken, or the address is not one of this machine.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        bound = socket.socket(family, kind, protocol)
    except OSError as error:
        raise AgentError(f"{host} is no address to listen on: {error}.", code="cannot_listen") from None
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(address)
        bound.listen(128)
    except OSError as error:
        bound.close()
        raise AgentError(
            f"Port {port} of {host} cannot be listened on: {error.strerror}. Choose another, or --port 0 for any.",
            code="cannot_listen",
        ) from None
    bound.setblocking(False)
    return bound


@asynccontextmanager
async def running(app: ASGIApp, bound: socket.socket) -> AsyncGenerator[None]:
    """Serve on a socket that listens, inside the block; then it is closed, and connections that stay are cut.

    Raises:
        AgentError: The server could not start.
    """
    config = uvicorn.Config(
        app,
        log_level="warning",
        access_log=False,
        lifespan="off",
        ws="websockets-sansio",
        ws_max_size=MAX_MESSAGE,
        server_header=False,
        timeout_graceful_shutdown=GRACE_SECONDS,
        timeout_keep_alive=30,
        h11_max_incomplete_event_size=64 * 2**10,
    )
    started = asyncio.Event()
    server = _Server(config, started.set)
    serving = asyncio.create_task(server.serve(sockets=[bound]))
    waiting = asyncio.create_task(started.wait())
    try:
        await asyncio.wait([serving, waiting], return_when=asyncio.FIRST_COMPLETED)
        if not started.is_set():
            raise AgentError("The web server could not start.", code="cannot_listen")
        yield
    finally:
        waiting.cancel()
        server.should_exit = True
        await asyncio.wait([serving])
        bound.close()


async def until_signal() -> int:
    """Wait for SIGINT, SIGTERM or SIGHUP, and return what to exit with; what comes after the first is passed over."""
    received: asyncio.Future[signal.Signals] = asyncio.get_running_loop().create_future()

    def note(number: signal.Signals) -> None:
        if not received.done():
            received.set_result(number)

    for each in (signal.SIGINT, *ENDING_SIGNALS):
        asyncio.get_running_loop().add_signal_handler(each, note, each)
    return ENDING_SIGNALS.get(await received, ExitCode.OK)
