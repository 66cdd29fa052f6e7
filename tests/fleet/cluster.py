"""A cluster of two nodes on loopback, which all tests of a run share, and what tests do to it."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from agent_fleet.plane.folder import FOLDER_VARIABLE, FleetFolder, Node
from agent_fleet.plane.nodes import start_node, stop_node, tagged


class Cluster:
    """Two hosts, "one" and "two", with token authentication."""

    def __init__(self, path: Path) -> None:
        self.folder = FleetFolder(path)
        self.nodes: dict[str, Node] = {}
        self.address = ""

    def start(self) -> None:
        os.environ[FOLDER_VARIABLE] = str(self.folder.path)
        self.folder.make_token()
        self.nodes["one"], self.address = start_node(self.folder, name="one", cpus=1)
        self.folder.note(self.address, [self.nodes["one"]])
        self.add("two")

    def add(self, name: str, labels: Mapping[str, str] | None = None) -> None:
        self.nodes[name], _ = start_node(self.folder, name=name, address=self.address, cpus=1, labels=labels)

    def kill_raylet(self, name: str) -> bool:
        """Kill the raylet of a node alone, and tell whether all else of the node ended for that."""
        node = self.nodes.pop(name)
        running = tagged(node.tag)
        [raylet] = [pid for pid in running if _words(pid).partition(" ")[0].endswith("/raylet")]
        kill(raylet)
        ended = all(gone(pid) for pid in running)
        stop_node(node)
        return ended

    def kill(self, name: str) -> None:
        """Kill a node as a power cut does, with everything that runs on it."""
        node = self.nodes.pop(name)
        for pid in tagged(node.tag):
            kill(pid)
        stop_node(node)

    def remove(self, name: str) -> None:
        """End a node in peace."""
        stop_node(self.nodes.pop(name))

    def workers(self, name: str) -> list[int]:
        """The processes in which actors of ours run on a host."""
        return [pid for pid in tagged(self.nodes[name].tag) if _words(pid).startswith("ray::HostActor")]

    def agents(self, name: str) -> list[int]:
        """The processes of agents that run on a host."""
        return [pid for pid in tagged(self.nodes[name].tag) if _is_agent(pid)]

    def stop(self) -> None:
        ray: Any = import_module("ray")
        ray.shutdown()
        for node in reversed(list(self.nodes.values())):
            stop_node(node)
        for node in self.nodes.values():
            assert not tagged(node.tag), f"processes of host {node.name} are left"
            assert not Path(node.scratch).exists(), f"the folder of host {node.name} is left"


def kill(pid: int, number: int = signal.SIGKILL) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return


def gone(pid: int, seconds: float = 20.0) -> bool:
    """Wait until a process is gone."""
    deadline = time.monotonic() + seconds
    while Path(f"/proc/{pid}").exists() and not _is_zombie(pid):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def _is_zombie(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def _words(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return ""


def _is_agent(pid: int) -> bool:
    first = _words(pid).partition(" ")[0]
    return Path(first).name in ("codex", "claude")
