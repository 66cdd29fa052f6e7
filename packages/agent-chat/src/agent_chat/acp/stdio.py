"""Standard input and output as a channel to the client that started this program, and the service behind it.

Nothing else may write to standard output: it is moved to standard error for everybody but the channel.
"""

from __future__ import annotations

import asyncio
import os
import queue
import signal
import threading
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from agent_chat.acp.agent import AcpAgent, FindLogin
from agent_chat.exits import ENDING_SIGNALS, ExitCode
from agent_sdk_core.errors import AgentError, ConnectionLostError, SessionClosedError
from agent_sdk_core.rpc.connection import LineConnection
from agent_sdk_core.rpc.jsonrpc import Peer

if TYPE_CHECKING:
    from agent_chat.chats.service import ChatService

CHUNK: Final = 64 * 2**10
SETTLE_SECONDS: Final = 2.0
"""What requests that run have to end when the client says nothing more."""

_GONE: Final = "The client is gone."


class StdioChannel:
    """The pipes of this program. A thread reads and another writes, so that they may be pipes, sockets or files.

    Args:
        incoming: Descriptor to read from.
        outgoing: Descriptor to write to.

    Attributes:
        at_end: Awaited once when nothing more comes, before that is told.
    """

    def __init__(self, incoming: int, outgoing: int) -> None:
        self._incoming = incoming
        self._outgoing = outgoing
        self._loop = asyncio.get_running_loop()
        self._chunks: asyncio.Queue[bytes] = asyncio.Queue(maxsize=16)
        self._lines: queue.SimpleQueue[tuple[bytes, asyncio.Future[None]] | None] = queue.SimpleQueue()
        self._broken = False
        self._closed = False
        self._ended = False
        self.at_end: Callable[[], Awaitable[None]] | None = None
        self._threads = [
            threading.Thread(target=target, name=f"acp {target.__name__.strip('_')}", daemon=True)
            for target in (self._read, self._write)
        ]

    @property
    def name(self) -> str:
        """What errors call the other side."""
        return "the client"

    def start(self) -> None:
        """Begin to read and write."""
        for thread in self._threads:
            thread.start()

    async def read(self) -> bytes:
        """Return the next bytes, empty at their end."""
        chunk = b"" if self._ended else await self._chunks.get()
        if not chunk and not self._ended:
            self._ended = True
            if self.at_end is not None and not self._broken:
                await self.at_end()
        return chunk

    async def write(self, data: bytes, /) -> None:
        """Send bytes, in order.

        Raises:
            ConnectionLostError: The client takes no more.
            SessionClosedError: `close_input` has been called.
        """
        if self._broken:
            raise ConnectionLostError(_GONE)
        if self._closed:
            raise SessionClosedError(_GONE)
        written: asyncio.Future[None] = self._loop.create_future()
        self._lines.put((data, written))
        # The line is on its way, whoever waits for it.
        await asyncio.shield(written)

    def close_input(self) -> None:
        """Write nothing more."""
        if not self._closed:
            self._closed = True
            self._lines.put(None)

    async def wait(self) -> object:
        """Return how the other side ended, which is all that is known of it."""
        return "ended"

    def exit_error(self) -> AgentError:
        """Return what everything fails with that waits for the client."""
        return ConnectionLostError(_GONE)

    def _read(self) -> None:
        chunk = b"-"
        while chunk:
            try:
                chunk = os.read(self._incoming, CHUNK)
            except OSError:
                chunk = b""
            try:
                asyncio.run_coroutine_threadsafe(self._chunks.put(chunk), self._loop).result()
            except (RuntimeError, asyncio.CancelledError):  # The loop has ended.
                return

    def _write(self) -> None:
        while (line := self._lines.get()) is not None:
            data, written = memoryview(line[0]), line[1]
            try:
                while data and not self._broken:
                    data = data[os.write(self._outgoing, data) :]
            except OSError:
                self._broken = True
            with suppress(RuntimeError):  # The loop has ended.
                self._loop.call_soon_threadsafe(self._tell, written)

    def _tell(self, written: asyncio.Future[None]) -> None:
        if not self._broken:
            if not written.done():
                written.set_result(None)
            return
        if not written.done():
            written.set_exception(ConnectionLostError(_GONE))
            written.exception()
        with suppress(asyncio.QueueFull):
            self._chunks.put_nowait(b"")


def take_pipes() -> tuple[int, int]:
    """Return descriptors of standard input and output for the channel alone.

    What else is printed goes to standard error, and programs that are started get an empty input.

    Raises:
        OSError: Standard output cannot be written to.
    """
    os.write(1, b"")
    incoming, outgoing = os.dup(0), os.dup(1)
    os.dup2(2, 1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    return incoming, outgoing


async def serve_stdio(
    open_service: Callable[[], Awaitable[ChatService]],
    *,
    backend: str | None,
    pipes: tuple[int, int],
    find_login: FindLogin | None = None,
) -> int:
    """Serve the client at the other end of the pipes until it is gone or a signal comes; return what to exit with.

    Args:
        open_service: Returns the chats, opened; they are closed here.
        backend: The agent of new sessions; None: as configured.
        pipes: Descriptors to read from and to write to.
        find_login: As of `AcpAgent`.
    """
    services: list[ChatService] = []

    async def opened() -> ChatService:
        services.append(await open_service())
        return services[-1]

    channel = StdioChannel(*pipes)
    agent = AcpAgent(opened, backend=backend, find_login=find_login)
    agent.peer = Peer(channel.write, agent, name="The client", version="2.0", cancels=True)
    channel.at_end = lambda: agent.settle(SETTLE_SECONDS)
    ended: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    def stop(number: signal.Signals) -> None:
        if not ended.done():
            ended.set_result(ENDING_SIGNALS.get(number, ExitCode.INTERRUPTED))

    for each in (signal.SIGINT, *ENDING_SIGNALS):
        asyncio.get_running_loop().add_signal_handler(each, stop, each)
    channel.start()
    talking = asyncio.create_task(LineConnection(channel, agent.peer).run())
    try:
        await asyncio.wait([talking, ended], return_when=asyncio.FIRST_COMPLETED)
    finally:
        talking.cancel()
        await asyncio.wait([talking])
        await agent.aclose()
        for service in services:
            await service.aclose()
        channel.close_input()
    return ended.result() if ended.done() else ExitCode.OK
