"""The `agent-sdk fleet` commands: a fleet on this machine is started, joined, looked at, drained and ended."""

from __future__ import annotations

import json
import os
import platform
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from agent_fleet.errors import FleetError
from agent_fleet.plane.folder import FOLDER_VARIABLE, TOKEN_VARIABLE, FleetFolder
from agent_sdk_core.errors import InvalidRequestError

Say = Callable[[str], None]
_LAPSED_SECONDS: Final = 120.0
_PAUSE: Final = 0.5


def up(*, name: str | None, host: str, port: int, as_json: bool, say: Say) -> int:
    """Start a fleet: a head on this machine, which is also its first host.

    Args:
        name: What the host is called; absent: as the machine.
        host: Address that other machines reach this one at.
        port: Of the head; 0: any free one.
        as_json: Print one JSON object.
        say: Prints a line.

    Raises:
        InvalidRequestError: A fleet of this machine runs already.
        FleetError: It cannot be started.
    """
    from agent_fleet.plane.nodes import start_node

    folder = FleetFolder()
    if running := _running(folder):
        raise InvalidRequestError(
            f"This machine is in a fleet already, at {folder.address} (host {running[0].name}). `agent-sdk fleet down` "
            "ends what runs here.",
            code="fleet_running",
        )
    folder.make_token(os.environ.get(TOKEN_VARIABLE) or None)
    node, address = start_node(folder, name=name or _own_name(), here=host, port=port)
    folder.note(address, [node])
    if as_json:
        say(json.dumps({"address": address, "host": node.name, "token_file": str(folder.token_path)}))
        return 0
    say(f"The fleet is up at {address}; this machine is its host {node.name!r}.")
    say(f"Its token is in {folder.token_path}. Another machine joins with that token in {TOKEN_VARIABLE}:")
    say(f"  agent-sdk fleet join {address}")
    return 0


def join(address: str, *, name: str | None, host: str | None, as_json: bool, say: Say) -> int:
    """Make this machine a host of a fleet.

    Args:
        address: The head, "HOST:PORT".
        name: What the host is called; absent: as the machine.
        host: Address that the others reach this machine at; absent: the one that the head is reached from.
        as_json: Print one JSON object.
        say: Prints a line.

    Raises:
        InvalidRequestError: The address is none, there is no token, or this machine is in another fleet.
        FleetError: The head is not reached, has another token, or there is a host of this name.
        UnsupportedVersionError: The fleet has other versions; this machine is not in it then.
    """
    from agent_fleet.plane.addresses import is_address, route_to
    from agent_fleet.plane.nodes import start_node, stop_node

    if not is_address(address):
        raise InvalidRequestError(f"{address!r} is no address of a head; write HOST:PORT, as `fleet up` printed it.")
    folder = FleetFolder()
    folder.make()
    given = os.environ.get(TOKEN_VARIABLE) or None
    if given is None and not folder.token_path.exists():
        raise InvalidRequestError(
            f"Joining needs the fleet's token: put it in {TOKEN_VARIABLE}, or in the file {folder.token_path}."
        )
    name = name or _own_name()
    others = _running(folder)
    if others and folder.address != address:
        raise InvalidRequestError(
            f"This machine is in a fleet already, at {folder.address} (host {others[0].name}). `agent-sdk fleet down` "
            "ends what runs here.",
            code="fleet_running",
        )
    if any(node.name == name for node in others):
        raise InvalidRequestError(f"Host {name!r} runs here already; give this one another --name.", code="host_exists")
    way = route_to(address)
    before = folder.token_path.read_text() if folder.token_path.exists() else None
    if not others:  # Those that run have the fleet's.
        folder.make_token(given)
    try:
        node, address = start_node(folder, name=name, address=address, here=host or way)
        try:
            _admit(node.name, address)
        except BaseException:
            stop_node(node)
            raise
    except BaseException:
        folder.token_path.unlink(missing_ok=True)
        if before is not None:
            folder.make_token(before)
        raise
    folder.note(address, [*others, node])
    if as_json:
        say(json.dumps({"address": address, "host": node.name}))
    else:
        say(f"This machine is host {node.name!r} of the fleet at {address}.")
    return 0


def status(*, store: str | None, as_json: bool, say: Say) -> int:
    """Show the hosts, their sessions, what waits, memory and versions.

    Args:
        store: URL of the fleet's store; absent: the default one.
        as_json: Print one JSON object.
        say: Prints a line.

    Raises:
        FleetError: There is no fleet, or it does not answer.
    """
    told = _status(store)
    if as_json:
        say(json.dumps(told))
        return 0
    say(f"Fleet at {told['address']}: {', '.join(f'{name} {value}' for name, value in told['versions'].items())}")
    for host in told["hosts"]:
        state = "gone" if not host["alive"] else "drained" if host["draining"] else "up"
        memory = f"{host['memory'] / 2**30:.1f} GiB" if host["memory"] else "-"
        say(f"  {host['name']:<20} {state:<8} {host['address']:<16} {host['sessions']:>4} sessions  {memory}")
    queue = told["queue"]
    say(f"Prompts: {queue['accepted']} wait, {queue['dispatched']} run.")
    return 0


def drain(host: str, *, store: str | None, timeout: float, undo: bool, as_json: bool, say: Say) -> int:
    """Let a host take no new sessions, and wait until those that it has are closed.

    Args:
        host: Its name.
        store: URL of the fleet's store.
        timeout: Seconds to wait; 0: do not.
        undo: Take new sessions again instead.
        as_json: Print one JSON object.
        say: Prints a line.

    Raises:
        InvalidRequestError: The fleet has no such host.
    """
    from agent_fleet.plane.ray_plane import set_drained

    told = _status(store)
    known = [each["name"] for each in told["hosts"] if each["alive"]]
    if host not in known:
        raise InvalidRequestError(f"The fleet has no host {host!r}; it has: {', '.join(known) or 'none'}.")
    set_drained(host, value=not undo)
    deadline = time.monotonic() + timeout
    left = _sessions_of(host, told)
    while left and not undo and time.monotonic() < deadline:
        time.sleep(_PAUSE)
        left = _sessions_of(host, _status(store))
    if as_json:
        say(json.dumps({"host": host, "draining": not undo, "sessions": left}))
    elif undo:
        say(f"Host {host!r} takes new sessions again.")
    else:
        say(f"Host {host!r} takes no new sessions; it has {left} open.")
    return 0 if undo or not left else 1


def down(*, as_json: bool, say: Say) -> int:
    """End the nodes that were started on this machine, with all that runs on them."""
    from agent_fleet.plane.nodes import stop_node

    folder = FleetFolder()
    nodes = folder.nodes
    for node in sorted(nodes, key=lambda node: node.head):
        stop_node(node)
    folder.forget()
    if as_json:
        say(json.dumps({"ended": [node.name for node in nodes]}))
    else:
        say(f"Ended: {', '.join(node.name for node in nodes)}." if nodes else "No fleet runs on this machine.")
    return 0


def _status(store: str | None) -> dict[str, Any]:
    import asyncio

    from agent_fleet.backend import default_store
    from agent_fleet.plane.ray_plane import connect, list_hosts
    from agent_fleet.store.fleet_store import FleetStore
    from agent_fleet.versions import versions

    folder = FleetFolder()
    if folder.address is None and "RAY_ADDRESS" not in os.environ:
        raise FleetError(
            "This machine is in no fleet: `agent-sdk fleet up` starts one, `fleet join ADDRESS` joins one."
        )
    connect("auto")
    # One that is gone is left out once another one has its name.
    hosts = {host.name: host for host in sorted(list_hosts(), key=lambda host: host.alive)}.values()

    async def stored() -> tuple[list[Any], Mapping[str, int]]:
        kept = FleetStore(store or default_store())
        try:
            return await kept.list(live=True, lapsed=_LAPSED_SECONDS), await kept.counts()
        finally:
            await kept.aclose()

    rows, queue = asyncio.run(stored())
    return {
        "address": folder.address or os.environ.get("RAY_ADDRESS"),
        "versions": versions(),
        "hosts": [
            {**asdict(host), "sessions": sum(row.host == host.name for row in rows)}
            for host in sorted(hosts, key=lambda host: host.name)
        ],
        "sessions": [
            {
                "id": row.id,
                "session_id": row.resolved_session_id,
                "backend": row.backend,
                "tenant": row.tenant,
                "host": row.host,
                "workspace": row.workspace,
                "generation": row.generation,
            }
            for row in rows
        ],
        "queue": dict(queue),
    }


def _sessions_of(host: str, told: Mapping[str, Any]) -> int:
    return sum(session["host"] == host for session in told["sessions"])


def _running(folder: FleetFolder) -> list[Any]:
    from agent_fleet.plane.nodes import tagged

    return [node for node in folder.nodes if tagged(node.tag)]


def _admit(name: str, address: str) -> None:
    """Refuse a host that has just joined, if the fleet has its name, or other versions."""
    from agent_fleet.plane.ray_plane import connect, list_hosts
    from agent_fleet.versions import require_same, versions_of

    connect(address)
    hosts = [host for host in list_hosts() if host.alive]
    if sum(host.name == name for host in hosts) > 1:
        raise FleetError(f"The fleet has a host {name!r} already; give this one another --name.", code="host_exists")
    for host in hosts:
        if (told := versions_of(host.labels)) is not None:
            require_same(host.name, told)


def _own_name() -> str:
    name = platform.node().partition(".")[0] or "host"
    return "".join(letter if letter.isalnum() or letter in "-_" else "-" for letter in name)


class LocalFleet:
    """Hosts of a fleet on loopback that lives as long as a program.

    Args:
        path: Folder for its token and logs.
    """

    def __init__(self, path: Path) -> None:
        self._folder = FleetFolder(path)
        self._nodes: list[Any] = []

    def start(self, names: Sequence[str]) -> None:
        """Start hosts of these names; the first is the head.

        Raises:
            FleetError: One did not start, or Ray is not installed.
        """
        from agent_fleet.plane.nodes import start_node

        os.environ[FOLDER_VARIABLE] = str(self._folder.path)
        self._folder.make_token()
        address: str | None = None
        for name in names:
            node, address = start_node(self._folder, name=name, address=address)
            self._nodes.append(node)
            self._folder.note(address, self._nodes)

    def kill_workers(self, name: str) -> int:
        """Kill the workers of a host, with the agents that they run, and return how many there were."""
        from agent_fleet.plane.nodes import workers

        found = [pid for node in self._nodes if node.name == name for pid in workers(node)]
        for pid in found:
            os.kill(pid, signal.SIGKILL)
        return len(found)

    def stop(self) -> None:
        """End the hosts and all that runs on them."""
        from agent_fleet.plane.nodes import stop_node
        from agent_fleet.plane.ray_plane import disconnect

        disconnect()
        for node in reversed(self._nodes):
            stop_node(node)
