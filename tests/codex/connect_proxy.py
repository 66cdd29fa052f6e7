"""An HTTP proxy on loopback that makes tunnels, and knows the names of hosts that nobody else knows."""

from __future__ import annotations

import re
import socket
import threading
from contextlib import suppress
from types import TracebackType
from typing import Final, Self

_ASKED: Final = re.compile(rb"CONNECT (\S+):(\d+) HTTP/1\.1\r\n")


class ConnectProxy:
    """A proxy; it runs as a context manager.

    Args:
        host: The name of the one host that it knows, which is this machine.
        answer: What it says to everybody instead of making a tunnel.

    Attributes:
        url: Its address, as HTTP_PROXY has it.
        asked: The heads of what it was asked.
    """

    def __init__(self, host: str, *, answer: bytes | None = None) -> None:
        self._host = host
        self._answer = answer
        self._open: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.asked: list[bytes] = []

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        for each in (self._listener, *self._open):
            _end(each)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        self._open.append(client)
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += client.recv(1)
        self.asked.append(head)
        asked = _ASKED.match(head)
        if self._answer is not None or asked is None:
            client.sendall(self._answer or b"HTTP/1.1 400 Bad Request\r\n\r\n")
            _end(client)
        elif asked[1].decode() != self._host:
            client.sendall(b"HTTP/1.1 502 Bad Gateway\r\n\r\n")
            _end(client)
        else:
            server = socket.create_connection(("127.0.0.1", int(asked[2])))
            self._open.append(server)
            client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            threading.Thread(target=_carry, args=(server, client), daemon=True).start()
            _carry(client, server)


def _carry(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65_536):
            target.sendall(data)
    _end(source)
    _end(target)


def _end(connected: socket.socket) -> None:
    with suppress(OSError):
        connected.shutdown(socket.SHUT_RDWR)
    connected.close()
