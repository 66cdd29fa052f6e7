"""Nodes of a fleet: started as processes of this machine, each a host of its own name, and ended with all they started.

Blocking: its callers are commands and threads.
"""

from __future__ import annotations

import importlib.util
import json
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final
from uuid import uuid4

from agent_fleet.errors import FleetError, ray_missing
from agent_fleet.plane.folder import FleetFolder, Node
from agent_fleet.plane.loopback import is_loopback
from agent_fleet.plane.ray_plane import RESOURCE, SETTINGS
from agent_fleet.versions import refuse_if_ray_does, version_labels
from agent_sdk_core.errors import InvalidRequestError

START_SECONDS: Final = 180.0
STOP_SECONDS: Final = 10.0
STORE_BYTES: Final = 100 * 2**20
"""Memory for objects of a node: batches are small, and handed on at once."""

TAG: Final = "AGENT_SDK_FLEET_NODE"
_PATIENCE: Final = {
    "RAY_raylet_start_wait_time_s": "170",
    "RAY_agent_register_timeout_ms": "170000",
    "RAY_worker_register_timeout_seconds": "170",
}
"""How long what starts within a node may take: on a machine that is busy, some times what Ray allows."""

_AGENTS: Final = ("dashboard-agent-grpc", "dashboard-agent-listen", "metrics-export", "runtime-env-agent")
"""Where the parts of a node listen. Told, for a node that has to find out ends when its parts need more than 15 s."""

_PORTS: Final = range(20_000, 32_000)
"""Below those that a system gives to whoever connects, above those of Ray's workers."""

_LOOPBACK: Final = "agent_fleet.plane.loopback"
_FATAL: Final = re.compile(r"^\[\S+ \S+ [CF] ")
_STARTED: Final = "Ray runtime started"
_REFUSED: Final = "InvalidAuthToken"
_PAUSE: Final = 0.05
_LONGEST_PLACE: Final = 18
_started: Final[dict[int, subprocess.Popen[bytes]]] = {}
"""The nodes that this process started, which it waits for when they end."""


def start_node(
    folder: FleetFolder,
    *,
    name: str,
    address: str | None = None,
    here: str = "127.0.0.1",
    port: int = 0,
    labels: Mapping[str, str] | None = None,
    cpus: int | None = None,
) -> tuple[Node, str]:
    """Start a node and return it, with the address of its head, once it answers.

    Args:
        folder: Holds the token; the node is not noted in it.
        name: What the host is called.
        address: The head that it joins; None: it is the head of a new fleet.
        here: Address of this machine that others of the fleet reach it at.
        port: Of a new head; 0: any free one.
        labels: Words to choose the host by.
        cpus: Processors that Ray counts for it; absent: all.

    Raises:
        InvalidRequestError: The name cannot be one.
        FleetError: Ray is not installed, or the node did not come up; the message has its last words.
        UnsupportedVersionError: The fleet that it was to join has another Ray or Python.
    """
    if not name or any(letter in name for letter in ' /:,"'):
        raise InvalidRequestError(f"A host's name has no blanks and none of / : , and quotes, unlike {name!r}.")
    if importlib.util.find_spec("ray") is None:
        raise ray_missing()
    if address is None:
        port = port or free_port(here)
        address = f"{here}:{port}"
        # Neither the dashboard nor what would start machines; each is a process or two.
        head = ["--head", f"--port={port}", "--include-dashboard=false", "--no-monitor"]
    else:
        head = [f"--address={address}"]
    tag = uuid4().hex
    scratch = _scratch()
    command = [
        *(sys.executable, "-m", _LOOPBACK if is_loopback(here) else "ray.scripts.scripts"),
        *("start", *head, "--block", "--disable-usage-stats", "--include-log-monitor=false"),
        f"--node-ip-address={here}",
        f"--node-name={name}",  # Of a node that is gone Ray tells no resources.
        f"--temp-dir={scratch}/ray",
        *(f"--{agent}-port={free_port(here)}" for agent in _AGENTS),
        f"--resources={json.dumps({RESOURCE + name: 1000})}",
        f"--object-store-memory={STORE_BYTES}",
        *([f"--num-cpus={cpus}"] if cpus is not None else []),
        f"--labels={','.join(f'{key}={value}' for key, value in {**version_labels(), **(labels or {})}.items())}",
    ]
    log = folder.path / f"{name}.log"
    environment = {**os.environ, **folder.environment(), TAG: tag, "RAY_DISABLE_IMPORT_WARNING": "1"}
    for setting, value in SETTINGS.items():
        environment.setdefault(setting, value)
    for setting, value in _PATIENCE.items():
        environment.setdefault(setting, value)
    environment.pop("RAY_ADDRESS", None)
    try:
        with log.open("wb") as output:
            os.chmod(log, 0o600)  # noqa: PTH101  # of the file that is open
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=environment,
                start_new_session=True,
                cwd=folder.path,
            )
    except BaseException:
        shutil.rmtree(scratch, ignore_errors=True)
        raise
    _started[process.pid] = process
    node = Node(name, process.pid, tag, head[0] == "--head", here, scratch)
    try:
        _await_start(process, log, Path(scratch), name)
    except BaseException:
        stop_node(node)
        raise
    return node, address


def stop_node(node: Node) -> None:
    """End a node and all that it started: politely, then by force."""
    with suppress(ProcessLookupError):
        if TAG.encode() + b"=" + node.tag.encode() in _environment(node.pid):
            os.kill(node.pid, signal.SIGTERM)
    if not _gone(node.tag, STOP_SECONDS):
        _gone(node.tag, STOP_SECONDS, kill=True)
    if (process := _started.pop(node.pid, None)) is not None:
        process.wait(STOP_SECONDS)
    if node.scratch:
        shutil.rmtree(node.scratch, ignore_errors=True)


def tagged(tag: str) -> list[int]:
    """Return the processes of a node: those with its tag in their environment, and what they started.

    Ray's workers write their title over their environment, so that only their parents tell whose they are.
    """
    wanted = f"{TAG}={tag}".encode()
    parents = {pid: parent for pid in _processes() if (parent := _parent(pid)) is not None}
    found = {pid for pid in parents if wanted in _environment(pid)}
    while more := {pid for pid, parent in parents.items() if parent in found and pid not in found}:
        found |= more
    return sorted(found)


def workers(node: Node) -> list[int]:
    """Return the processes in which the session hosts of a node run."""
    return [pid for pid in tagged(node.tag) if title(pid).startswith("ray::HostActor")]


def title(pid: int) -> str:
    """Return the command line of a process, or the title that it wrote over it."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return ""


def free_port(here: str) -> int:
    """Return a port of this machine that nobody listens on now.

    Raises:
        FleetError: There is none, or this machine does not have the address.
    """
    family = socket.AF_INET6 if ":" in here else socket.AF_INET
    reason = "all are taken"
    for port in random.sample(_PORTS, 100):
        with socket.socket(family) as listener:
            try:
                listener.bind((here, port))
            except OSError as error:
                reason = error.strerror
                continue
            return port
    raise FleetError(f"This machine has no port for a fleet at {here}: {reason}. Name another address with --host.")


def _await_start(process: subprocess.Popen[bytes], log: Path, scratch: Path, name: str) -> None:
    deadline = time.monotonic() + START_SECONDS
    while _STARTED not in (said := log.read_text(errors="replace")):
        fatal = _fatal(scratch)
        if process.poll() is not None or fatal or time.monotonic() > deadline:
            said = log.read_text(errors="replace")  # Again: it may have said why after that was read.
            refuse_if_ray_does("The fleet", said)
            if _REFUSED in said:
                raise FleetError("The fleet has another token than this machine gave.", code="wrong_token")
            last = [line for line in said.splitlines() if line.strip()][-8:] + fatal
            raise FleetError(
                f"Host {name} did not start: {' '.join(last)[-600:] or 'it said nothing'} (all of it: {log})",
                details={"log": str(log)},
            )
        time.sleep(_PAUSE)


def _fatal(scratch: Path) -> list[str]:
    """Return what the raylet of a node said when it gave up: `ray start` waits all the same, and does not tell."""
    said = [log.read_text(errors="replace") for log in scratch.glob("ray/session_2*/logs/raylet.*")]
    return [line for text in said for line in text.splitlines() if _FATAL.search(line)][:4]


def _gone(tag: str, seconds: float, *, kill: bool = False) -> bool:
    deadline = time.monotonic() + seconds
    while left := tagged(tag):
        if time.monotonic() > deadline:
            return False
        for pid in left if kill else ():  # Again and again, for what was started while the others ended.
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(_PAUSE)
    return True


def _scratch() -> str:
    """Make a folder for the sockets and logs of one node, for its owner alone: Ray opens its own, in it, for everybody.

    Ray's choice, one folder in /tmp for all clusters of all users, stays when they are gone. A socket's path is at most
    about 100 bytes long, and Ray takes 65 of them for itself.
    """
    place = tempfile.gettempdir()
    return tempfile.mkdtemp(prefix="fleet-", dir=place if len(place) <= _LONGEST_PLACE else "/tmp")  # noqa: S108  # mkdtemp's own name


def _environment(pid: int) -> Sequence[bytes]:
    try:
        return Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return ()


def _processes() -> list[int]:
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]


def _parent(pid: int) -> int | None:
    """Return the parent of a process that runs; None for one that is gone, or waits to be buried."""
    try:
        state, parent = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[:2]
    except (OSError, ValueError):
        return None
    return None if state == "Z" else int(parent)
