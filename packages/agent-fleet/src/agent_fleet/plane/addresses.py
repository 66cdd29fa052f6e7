"""Addresses of heads: told apart from all else that Ray takes for one, and tried before Ray does, for minutes."""

from __future__ import annotations

import socket
from typing import Final

from agent_fleet.errors import FleetError

_SECONDS: Final = 10.0
_PORTS: Final = 65_536


def is_address(text: str) -> bool:
    """Tell whether something is HOST:PORT."""
    host, _, port = text.rpartition(":")
    return bool(host) and "/" not in host and port.isascii() and port.isdigit() and 0 < int(port) < _PORTS


def is_same(one: str, other: str) -> bool:
    """Tell whether two addresses, HOST:PORT, lead to the same place."""
    return _resolved(one) == _resolved(other)


def route_to(address: str) -> str:
    """Return this machine's address on the way to a head, HOST:PORT; nothing is sent.

    Raises:
        FleetError: Nobody listens there.
    """
    host, _, port = address.rpartition(":")
    try:
        with socket.create_connection((host.strip("[]"), int(port)), _SECONDS) as way:
            return str(way.getsockname()[0])
    except OSError as error:
        raise FleetError(
            f"The fleet at {address} cannot be reached: {error.strerror or error}. `agent-sdk fleet up` starts one on "
            "this machine.",
            details={"address": address},
        ) from None


def _resolved(address: str) -> tuple[str, str]:
    host, _, port = address.rpartition(":")
    try:
        return socket.gethostbyname(host), port
    except OSError:
        return host, port
