"""Loopback for Ray: a node at 127.0.0.1 listens there and nowhere else, which Ray by itself undoes.

Ray replaces a loopback address by the machine's own, and then listens on every interface (2.60). Run as a program, this
is Ray's own command line without that.
"""

from __future__ import annotations

import ipaddress
import sys
from importlib import import_module
from typing import Any, Final

from agent_fleet.errors import FleetError

_REPLACES: Final = "resolve_ip_for_localhost"
_STARTS: Final = "start_ray_process"
_LISTENS: Final = "--dashboard-agent-listen-port="


def is_loopback(address: str) -> bool:
    """Tell whether an address is one that only this machine reaches."""
    try:
        return address == "localhost" or ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


def keep_loopback() -> None:
    """Have Ray take loopback addresses as they are, in this process.

    Raises:
        FleetError: This version of Ray does not do it where it is known to.
    """
    services: Any = import_module("ray._private.services")
    if not hasattr(services, _REPLACES):
        raise FleetError("This version of Ray cannot be kept on loopback; install the one that agent-sdk-fleet pins.")
    setattr(services, _REPLACES, _as_it_is)


def tell_raylet() -> None:
    """Have Ray tell its raylet, too, where its agent listens, as it was told: else it ends when that needs over 15 s.

    Several nodes that start at once on a small machine do (2.60).
    """
    services: Any = import_module("ray._private.services")
    start: Any = getattr(services, _STARTS, None)
    told = [word.removeprefix(_LISTENS) for word in sys.argv if word.startswith(_LISTENS)]

    def started(command: list[str], process_type: str, *arguments: Any, **named: Any) -> Any:
        if process_type == "raylet":
            command = [*command, f"--dashboard_agent_listen_port={told[0]}"]
        return start(command, process_type, *arguments, **named)

    if told and start is not None:
        setattr(services, _STARTS, started)


def _as_it_is(host: str) -> str:
    return "127.0.0.1" if host == "localhost" else host


if __name__ == "__main__":
    keep_loopback()
    tell_raylet()
    scripts: Any = import_module("ray.scripts.scripts")
    sys.exit(scripts.main())
