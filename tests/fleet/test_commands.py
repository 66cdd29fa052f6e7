"""The commands as they are typed: a fleet is started, joined, looked at, drained and ended."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import anyio.to_thread
import pytest
from tests.fleet.cluster import Cluster
from tests.fleet.driving import FleetAgent
from tests.fleet.shell import Shell

from agent_fleet import FleetError, FleetFullError
from agent_fleet.plane.nodes import tagged
from agent_fleet.plane.ray_plane import connect, list_hosts
from agent_sdk_testing import scratch_folder, text


async def test_a_machine_joins_is_drained_and_leaves(codex: FleetAgent) -> None:
    codex.model.reply(text("Here."))
    with scratch_folder(prefix="fleet-joined-") as folder:
        shell = Shell(folder, codex.cluster)

        async def run(*words: str) -> tuple[int, Any]:
            code, told, errors = await anyio.to_thread.run_sync(lambda: shell.run(*words))
            assert told is not None, errors
            return code, told

        try:
            assert (await run("join", codex.cluster.address, "--name", "joined"))[0] == 0
            [node] = shell.folder.nodes
            async with codex.backend(hosts=["joined"]) as backend:
                session = await codex.open(backend)
                assert (await session.query("Where?")).result == "Here."
                _, told = await run("status", "--store", codex.store)
                [host] = [host for host in told["hosts"] if host["name"] == "joined"]
                assert (host["alive"], host["sessions"], host["draining"]) == (True, 1, False)
                assert [row["host"] for row in told["sessions"]] == ["joined"]
                code, told = await run("drain", "joined", "--store", codex.store)
                assert (code, told["sessions"]) == (1, 1)
                with pytest.raises(FleetFullError, match="joined is drained"):
                    await codex.open(backend)
                await session.aclose()
                code, told = await run("drain", "joined", "--store", codex.store, "--timeout", "60")
                assert (code, told) == (0, {"host": "joined", "draining": True, "sessions": 0})
                code, told = await run("drain", "joined", "--store", codex.store, "--undo")
                assert (code, told["draining"]) == (0, False)
        finally:
            code, told = await run("down")
        assert (code, told) == (0, {"ended": ["joined"]})
        assert tagged(node.tag) == []
        assert not Path(node.scratch).exists()


def test_a_fleet_is_started_and_ended(tmp_path: Path) -> None:
    with scratch_folder(prefix="fleet-up-") as folder:
        shell = Shell(folder)
        code, told, errors = shell.run("up", "--name", "north")
        assert code == 0, errors
        try:
            assert told["host"] == "north"
            [node] = shell.folder.nodes
            code, _, errors = shell.run("up", "--name", "north")
            assert code != 0
            assert "in a fleet already" in errors
            code, told, errors = shell.run("status", "--store", str(tmp_path / "fleet.db"))
            assert code == 0, errors
            assert [(host["name"], host["alive"], host["address"]) for host in told["hosts"]] == [
                ("north", True, "127.0.0.1")
            ]
        finally:
            code, told, errors = shell.run("down")
        assert (code, told) == (0, {"ended": ["north"]}), errors
        assert tagged(node.tag) == []
        assert shell.run("down")[1] == {"ended": []}


def test_a_wrong_token_is_told_and_the_right_one_kept(cluster: Cluster) -> None:
    with scratch_folder(prefix="fleet-token-") as folder:
        shell = Shell(folder)
        shell.folder.make_token("1234")
        wrong = {"AGENT_SDK_FLEET_TOKEN": "5678"}
        code, told, errors = shell.run("join", cluster.address, "--name", "stranger", **wrong)
        assert (code, told) == (1, None)
        assert "has another token than this machine gave" in errors
        assert shell.folder.token_path.read_text() == "1234"
        assert shell.folder.nodes == []


def test_a_host_that_is_gone_is_called_as_it_was(cluster: Cluster) -> None:
    cluster.add("short-lived")
    cluster.remove("short-lived")
    while "short-lived" not in (gone := {host.name for host in list_hosts() if not host.alive}):
        time.sleep(0.1)
    assert "127.0.0.1" not in gone


@pytest.mark.parametrize("address", ["127.0.0.1:1", "nowhere.invalid:1"])
def test_a_program_in_one_fleet_is_not_given_hosts_of_it_for_those_of_another(address: str, cluster: Cluster) -> None:
    connect(cluster.address)
    connect(cluster.address.replace("127.0.0.1", "localhost"))
    with pytest.raises(FleetError, match="in one at a time"):
        connect(address)


async def test_a_store_that_is_named_by_a_relative_path_is_the_hosts_too(
    codex: FleetAgent, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(codex.folder)
    codex.model.reply(text("Here."))
    async with codex.backend(store="near.db") as backend, await codex.open(backend) as session:
        assert (await session.query("Where?")).result == "Here."
