"""The one cluster of a run, which whoever needs it first starts: tests of the fleet, and the contract suite on it."""

from __future__ import annotations

from contextlib import ExitStack

import pytest
from tests.fleet.cluster import Cluster

from agent_sdk_testing import scratch_folder

_open = ExitStack()
_made: list[Cluster] = []


def the_cluster() -> Cluster:
    """Return the cluster, started when it is first asked for."""
    if not _made:
        made = Cluster(_open.enter_context(scratch_folder(prefix="fleet-")))
        _open.callback(made.stop)
        made.start()
        _made.append(made)
    return _made[0]


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish() -> None:
    """End it with the run, which fails if something of it is left; a hook of pytest."""
    _made.clear()
    _open.close()
