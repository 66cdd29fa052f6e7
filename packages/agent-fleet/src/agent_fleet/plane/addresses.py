"""Addresses of heads: told apart from all else that Ray takes for one, and tried before Ray does, for minutes."""

from __future__ import annotations

import os
import socket
from typing import Final

from agent_fleet.errors import FleetError

_SECONDS: Final = 10.0
_PORTS: Final = 65_536

_HELLO: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0\4\0\0\0\0\0"
"""How a connection of gRPC begins, which is what a head speaks: RFC 9113, 3.4, with no settings of ours."""

_HEADER: Final = 9
_SETTINGS: Final = 4
"""The first thing that the other side says is a frame of this type, below a header of this length."""


def is_address(text: str) -> bool:
    """Tell whether something is HOST:PORT."""
    host, _, port = text.rpartition(":")
    return bool(host) and "/" not in host and port.isascii() and port.isdigit() and 0 < int(port) < _PORTS


def is_same(one: str, other: str) -> bool:
    """Tell whether two addresses, HOST:PORT, lead to the same place."""
    return _resolved(one) == _resolved(other)


def route_to(address: str) -> str:
    """Return this machine's address on the way to a head, HOST:PORT; no token is sent.

    Raises:
        FleetError: Nobody listens there, or something else.
    """
    host, _, port = address.rpartition(":")
    try:
        with socket.create_connection((host.strip("[]"), int(port)), _SECONDS) as way:
            # Where Ray has been told to use TLS, it is what finds out.
            if os.environ.get("RAY_USE_TLS", "0").lower() in ("0", "false", "") and not _speaks(way):
                raise FleetError(
                    f"What listens at {address} is no fleet: it does not answer as one. `agent-sdk fleet status` tells "
                    "the address of this machine's.",
                    details={"address": address},
                )
            return str(way.getsockname()[0])
    except OSError as error:
        raise FleetError(
            f"The fleet at {address} cannot be reached: {error.strerror or error}. `agent-sdk fleet up` starts one on "
            "this machine.",
            details={"address": address},
        ) from None


def _speaks(way: socket.socket) -> bool:
    """Tell whether a listener speaks gRPC; Ray asks one that does not again and again, for minutes."""
    said = b""
    try:
        way.sendall(_HELLO)
        while len(said) < _HEADER and (more := way.recv(_HEADER - len(said))):
            said += more
    except OSError:  # Closed, or silent.
        return False
    return len(said) == _HEADER and said[3] == _SETTINGS


def _resolved(address: str) -> tuple[str, str]:
    host, _, port = address.rpartition(":")
    try:
        return socket.gethostbyname(host), port
    except OSError:
        return host, port
