"""Fixtures of the fleet: one cluster a run, real agents with their scripted models on it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Generator, Iterator

import pytest
from tests.fleet.cluster import Cluster
from tests.fleet.driving import AGENTS, FleetAgent
from tests.fleet.sharing import pytest_sessionfinish, the_cluster
from tests.postgresql import MISSING, PostgreSQL, programs

from agent_sdk_testing import ScriptedModel, scratch_folder
from agent_sdk_testing.contract.bounding import bound

__all__ = ["pytest_sessionfinish"]

_SECONDS = 240.0
"""The longest that a case may take, with the engine's own time to notice a death."""


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def cluster() -> Cluster:
    """The cluster of the run, which ends with it."""
    return the_cluster()


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgreSQL]:
    """Return a server, which ends with the tests."""
    folder = programs()
    if folder is None:
        pytest.skip(MISSING)
    server = PostgreSQL(folder)
    try:
        yield server
    finally:
        server.close()


@pytest.fixture
def database(postgresql: PostgreSQL) -> PostgreSQL:
    """Return the server, which runs and is empty, however the last test left it."""
    if not postgresql.runs:
        postgresql.start()
    postgresql.empty()
    return postgresql


@pytest.fixture(params=AGENTS)
async def agent(
    request: pytest.FixtureRequest, anyio_backend: str, cluster: Cluster, scripted_model: ScriptedModel
) -> AsyncIterator[FleetAgent]:
    """An agent on the fleet; afterwards none of its processes is left."""
    with scratch_folder(prefix="fleet-case-") as folder:
        made = FleetAgent(request.param, cluster, scripted_model, folder)
        try:
            yield made
        finally:
            await made.finish()


@pytest.fixture
async def codex(anyio_backend: str, cluster: Cluster, scripted_model: ScriptedModel) -> AsyncIterator[FleetAgent]:
    """Codex on the fleet, for what does not differ between agents."""
    with scratch_folder(prefix="fleet-case-") as folder:
        made = FleetAgent("codex", cluster, scripted_model, folder)
        try:
            yield made
        finally:
            await made.finish()


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Generator[None, object, object]:
    """Bound every case, so that a hang is a failure with a traceback."""
    bound(pyfuncitem, _SECONDS)
    return (yield)
