"""The actors of a fleet: one a host, agent and tenant, by a name that outlives the program; and no Ray before it."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import anyio.to_thread
from tests.fleet.driving import FleetAgent

from agent_fleet.plane.ray_plane import NAMESPACE
from agent_sdk_testing import text

_IMPORTS = """
import sys
import agent_fleet
for name in agent_fleet.__all__:
    getattr(agent_fleet, name)
agent_fleet.FleetBackend("codex", store=sys.argv[1])
assert not {"ray"} & {name.partition(".")[0] for name in sys.modules}
"""


async def test_each_agent_and_tenant_has_one_actor_on_a_host(codex: FleetAgent) -> None:
    for _ in range(3):
        codex.model.reply(text("Here."))
    ours, again = codex.backend(tenant="ours"), codex.backend(tenant="ours")
    theirs = codex.backend(tenant="theirs")
    async with ours, again, theirs:
        for backend, workers in ((ours, 1), (again, 1), (theirs, 2)):
            session = await codex.open(backend)
            assert (await session.query("Where?")).result == "Here."
            assert len(codex.cluster.workers("one")) == workers
            assert codex.cluster.workers("two") == []
        listed: Any = import_module("ray.util").list_named_actors
        named = await anyio.to_thread.run_sync(lambda: listed(all_namespaces=True))
        begins = [each["name"].rpartition("/")[0] for each in named if each["namespace"] == NAMESPACE]
        assert {"one/codex/ours", "one/codex/theirs"} <= set(begins)
        assert len(begins) == len(set(begins))


def test_a_fleet_that_is_not_started_loads_no_ray(tmp_path: Path) -> None:
    command = [sys.executable, "-c", _IMPORTS, str(tmp_path / "fleet.db")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
