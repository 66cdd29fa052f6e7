"""Connected socket as an event loop waits for it, in the clear or over TLS: bytes in, bytes out, closed at any time.

It is none of an event loop's own objects, so that it can be closed where no event loop is left, and no cancellation
tears what is sent.
"""

from __future__ import annotations

import contextlib
import os
import socket
import ssl
from typing import Final

import anyio
from anyio import BusyResourceError, ClosedResourceError, to_thread

from agent_sdk_core.transport.process.descriptors import close_descriptor
from agent_sdk_core.transport.websocket.address import WebSocketAddress
from agent_sdk_core.transport.websocket.proxy import Proxy
from agent_sdk_core.transport.websocket.tls import Tls

_READ: Final = 256 * 1024


class SocketStream:
    """A connected socket; made by `connect`.

    Args:
        connected: The socket, which does not block; it is this object's from now on.
    """

    def __init__(self, connected: socket.socket) -> None:
        self._descriptor = connected.detach()
        self._tls: Tls | None = None
        self._unsent = bytearray()

    @classmethod
    async def connect(cls, address: WebSocketAddress, proxy: Proxy | None = None) -> SocketStream:
        """Connect to a server, through a proxy if there is one; cancelled, it leaves nothing.

        Raises:
            OSError: It cannot be reached, or its certificate is not to be trusted.
            StartError: The proxy refused.
        """
        stream = cls(await (_connected(address) if proxy is None else _reached(proxy.host, proxy.port)))
        try:
            if proxy is not None:
                await stream._tunnel(proxy, address)
            if address.tls:
                await stream._encrypt(address.host)
        except BaseException:
            stream.close()
            raise
        return stream

    @property
    def closed(self) -> bool:
        """Whether it has been closed on this side."""
        return self._descriptor < 0

    async def receive(self) -> bytes:
        """Return the next bytes; empty at their end, and when it is closed meanwhile.

        Raises:
            OSError: The connection broke.
        """
        while data := await self._read():
            if self._tls is None:
                return data
            said = self._tls.decrypt(data)
            self._unsent += self._tls.unsent()
            if said or self._tls.ended:
                return said
        return b""

    def add(self, data: bytes) -> None:
        """Add bytes to those that the next `send` or `try_to_send` sends."""
        self._unsent += data if self._tls is None else self._tls.encrypt(data)

    def try_to_send(self) -> bool:
        """Send of what was added as much as the system takes at once; True: that was all.

        Raises:
            OSError: The connection broke, or it is closed.
        """
        with contextlib.suppress(BlockingIOError):
            while self._unsent:
                with memoryview(self._unsent) as unsent:
                    sent = os.write(self._descriptor, unsent[:_READ])
                del self._unsent[:sent]
        return not self._unsent

    async def send(self) -> None:
        """Send all that was added; cancelled, the rest waits for the next `send`.

        Raises:
            OSError: The connection broke, or it is closed.
        """
        while not self.try_to_send():
            with contextlib.suppress(ClosedResourceError):
                await anyio.wait_writable(self._descriptor)

    def close(self) -> None:
        """Close it, and wake who waits for it; idempotent."""
        descriptor, self._descriptor = self._descriptor, -1
        close_descriptor(descriptor)

    async def _read(self) -> bytes:
        while True:
            try:
                await anyio.wait_readable(self._descriptor)
                return os.read(self._descriptor, _READ)
            except BlockingIOError:
                continue
            except (ClosedResourceError, BusyResourceError, ValueError):
                return b""
            except OSError:
                if self.closed:
                    return b""
                raise

    async def _tunnel(self, proxy: Proxy, address: WebSocketAddress) -> None:
        self.add(proxy.request(address))
        await self.send()
        answer = b""
        while not proxy.is_answered(answer) and (data := await self.receive()):
            answer += data
        proxy.require_tunnel(answer, address)

    async def _encrypt(self, host: str) -> None:
        tls = Tls(await to_thread.run_sync(ssl.create_default_context), host)
        data = b""
        while not tls.shake_hands(data):
            self._unsent += tls.unsent()
            await self.send()
            if not (data := await self._read()):
                raise ConnectionResetError("it ended the connection during the TLS handshake")
        self._unsent += tls.unsent()
        self._tls = tls


async def _connected(address: WebSocketAddress) -> socket.socket:
    """Return a connected socket: to the path, or to the first of the host's addresses that takes it."""
    if address.socket is not None:
        return await _connect(socket.AF_UNIX, address.socket)
    return await _reached(address.host, address.port)


async def _reached(host: str, port: int) -> socket.socket:
    failure: OSError | None = None
    for family, _, _, _, place in await anyio.getaddrinfo(host, port, type=socket.SOCK_STREAM):
        try:
            connected = await _connect(family, place)
        except OSError as error:
            failure = failure or error
            continue
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connected
    raise failure or ConnectionRefusedError(f"{host} has no address")


async def _connect(family: int, place: object) -> socket.socket:
    made = socket.socket(family, socket.SOCK_STREAM)
    try:
        made.setblocking(False)
        try:
            made.connect(place)  # pyright: ignore[reportArgumentType]  # as its family has it
        except BlockingIOError:
            await anyio.wait_writable(made)
            if code := made.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
                raise OSError(code, os.strerror(code)) from None
    except BaseException:
        made.close()
        raise
    return made
