"""Versions: a machine or a program that has others than the fleet is refused with words, and nothing runs on it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import anyio.to_thread
import pytest
from tests.fleet.cluster import Cluster
from tests.fleet.driving import FleetAgent
from tests.fleet.shell import Shell

from agent_fleet.errors import FleetError
from agent_fleet.plane.nodes import tagged
from agent_fleet.plane.ray_plane import RayPlane
from agent_fleet.versions import versions
from agent_sdk_core import UnsupportedVersionError
from agent_sdk_testing import scratch_folder

_SITE = """
import sys
from collections import namedtuple

_Version = namedtuple("version_info", "major minor micro releaselevel serial")
sys.version_info = _Version(*sys.version_info[:2], 99, "final", 0)
"""
"""What has a Python say that it is another one of the same minor version, which Ray refuses, too."""

_PROGRAM = """
import sys
from agent_fleet.plane.ray_plane import connect
from agent_sdk_core import UnsupportedVersionError

try:
    connect(sys.argv[1])
except UnsupportedVersionError as error:
    print(error.message)
"""


def pretending(what: str, folder: Path) -> Mapping[str, str]:
    """Return the environment of a machine that has another version of something."""
    if what == "python":
        (folder / "sitecustomize.py").write_text(_SITE)
    else:
        name = {"agent-sdk": "agent_sdk_base", "ray": "ray"}[what]
        (folder / f"{name}-9.9.9.dist-info").mkdir()
        (folder / f"{name}-9.9.9.dist-info" / "METADATA").write_text(f"Name: {name}\nVersion: 9.9.9\n")
    return {"PYTHONPATH": str(folder)}


def told(what: str) -> str:
    """Return how a machine that pretends is refused."""
    python = ".".join(map(str, sys.version_info[:3]))
    there, here = (python, python.rpartition(".")[0] + ".99") if what == "python" else (versions()[what], "9.9.9")
    return f"differ: {what} {there} there, {here} here. Install the same versions on all machines"


@pytest.mark.parametrize("what", ["agent-sdk", "ray", "python"])
def test_a_machine_of_other_versions_does_not_join(what: str, cluster: Cluster, tmp_path: Path) -> None:
    with scratch_folder(prefix="fleet-skew-") as folder:
        shell = Shell(folder, cluster)
        code, printed, errors = shell.run("join", cluster.address, "--name", "skewed", **pretending(what, tmp_path))
        assert (code != 0, printed) == (True, None), errors
        assert told(what) in " ".join(errors.split())
        assert shell.folder.nodes == []
        code, _, errors = shell.run("status")
        assert code != 0
        assert "in no fleet" in errors


def test_a_program_of_another_python_is_refused(cluster: Cluster, tmp_path: Path) -> None:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM, cluster.address],
        env={**kept, **pretending("python", tmp_path)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert told("python") in done.stdout, done.stderr


async def test_a_host_whose_node_tells_of_other_versions_is_given_nothing(codex: FleetAgent) -> None:
    others = {"agent-sdk.versions/python": "3.9", "agent-sdk.versions/ray": "1.0", "agent-sdk.versions/agent-sdk": "0"}
    await anyio.to_thread.run_sync(lambda: codex.cluster.add("skewed", labels=others))
    try:
        async with codex.backend(hosts=["skewed"]) as backend:
            with pytest.raises(UnsupportedVersionError, match=r"^Host skewed and this machine differ: ") as raised:
                await codex.open(backend)
            mine = versions()
            assert raised.value.details["differ"] == {
                "python": ["3.9", mine["python"]],
                "ray": ["1.0", mine["ray"]],
                "agent-sdk": ["0", mine["agent-sdk"]],
            }
            assert codex.cluster.workers("skewed") == []
            assert await backend.store.list() == []
        assert tagged(codex.cluster.nodes["skewed"].tag)
    finally:
        await anyio.to_thread.run_sync(codex.cluster.remove, "skewed")


@pytest.mark.anyio
@pytest.mark.parametrize("failure", ["ConnectionError", "RaySystemError"])
async def test_a_fleet_that_does_not_tell_its_hosts_is_an_error_of_ours(
    monkeypatch: pytest.MonkeyPatch, failure: str
) -> None:
    kinds: Any = import_module("builtins" if failure == "ConnectionError" else "ray.exceptions")

    def fails() -> Any:
        raise getattr(kinds, failure)("no way\nat all")

    monkeypatch.setattr("agent_fleet.plane.ray_plane.list_hosts", fails)
    with pytest.raises(FleetError, match=r"does not tell its hosts: .*no way$"):
        await RayPlane().hosts()
