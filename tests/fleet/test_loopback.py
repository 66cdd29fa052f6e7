"""Loopback: whatever runs of a fleet on this machine listens there alone, and knows nobody without the token."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from tests.fleet.cluster import Cluster

from agent_fleet.plane.nodes import tagged

_LISTENS = "0A"


def listening(pid: int) -> set[str]:
    """Return the addresses, as the kernel writes them, at which a process listens; none for one that has ended."""
    found: set[str] = set()
    with suppress(FileNotFoundError, ProcessLookupError):
        sockets = {target.name for link in Path(f"/proc/{pid}/fd").iterdir() if (target := read(link)) is not None}
        for table in ("tcp", "tcp6"):
            for line in Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]:
                fields = line.split()
                if fields[3] == _LISTENS and f"socket:[{fields[9]}]" in sockets:
                    found.add(fields[1].partition(":")[0])
    return found


def read(link: Path) -> Path | None:
    """Return what a descriptor leads to; None for one that was closed meanwhile."""
    try:
        return link.readlink()
    except OSError:
        return None


def test_a_fleet_of_one_machine_listens_on_loopback_alone(cluster: Cluster) -> None:
    found: set[str] = set()
    for node in cluster.nodes.values():
        for pid in tagged(node.tag):
            found |= listening(pid)
    loopback = {"0100007F", "0000000000000000FFFF00000100007F", "00000000000000000000000001000000"}
    assert found
    assert found <= loopback


def test_the_token_is_for_its_owner_alone(cluster: Cluster) -> None:
    assert cluster.folder.token_path.stat().st_mode & 0o077 == 0
    assert cluster.folder.environment()["RAY_AUTH_MODE"] == "token"


def test_what_the_nodes_write_is_in_folders_of_their_own(cluster: Cluster) -> None:
    for node in cluster.nodes.values():
        folder = Path(node.scratch)
        assert folder.stat().st_mode & 0o077 == 0
        assert (folder / "ray" / "session_latest" / "sockets").is_dir()
