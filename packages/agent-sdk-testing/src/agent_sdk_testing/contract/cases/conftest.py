"""Fixtures of the contract suite: every case runs on every agent, on asyncio and trio or one of them, and bounded."""

from __future__ import annotations

import functools
import zlib
from collections.abc import AsyncIterator, Generator
from typing import Any, cast

import anyio
import pytest

from agent_sdk_testing.agents.environment import scratch_folder
from agent_sdk_testing.contract.agent import Agent
from agent_sdk_testing.contract.selection import agents_under_test
from agent_sdk_testing.contract.traits import applies
from agent_sdk_testing.model.scripted_model import ScriptedModel

_LOOPS = ("asyncio", "trio")
_SECONDS = 30.0
"""The longest that a case may take; most take less than one."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "agent" in metafunc.fixturenames:
        try:
            agents = agents_under_test(metafunc.config)
        except pytest.UsageError:
            agents = []  # What is raised while a file is collected is told as an error of the file, so it waits.
        metafunc.parametrize("agent", agents, ids=[agent.name for agent in agents], indirect=True)


def pytest_collection_modifyitems(config: pytest.Config) -> None:
    agents_under_test(config)


@pytest.hookimpl(wrapper=True)
def pytest_pycollect_makeitem() -> Generator[None, object, object]:
    """Make no case for an agent that does not have what the case needs."""
    made = yield
    if not isinstance(made, list):
        return made
    items = cast("list[pytest.Function]", made)
    return [
        item
        for item in items
        if not hasattr(item, "callspec")
        or "agent" not in item.callspec.params
        or not isinstance(agent := item.callspec.params["agent"], type)
        or (applies(item, cast("type[Agent]", agent)) and _on_this_loop(item, cast("type[Agent]", agent)))
    ]


def _on_this_loop(item: pytest.Function, agent: type[Agent]) -> bool:
    """Tell whether a case runs on its event loop: for an agent that is slow to start, on one of the two."""
    if not agent.alternates or item.config.getoption("contract_loops") == "both":
        return True
    parts = item.callspec.id.split("-")
    name = "-".join([item.originalname, *(part for part in parts if part not in _LOOPS)])
    return zlib.crc32(name.encode()) % 2 == _LOOPS.index(str(item.callspec.params["anyio_backend"]))


@pytest.fixture(params=_LOOPS)
def anyio_backend(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
async def agent(
    request: pytest.FixtureRequest, anyio_backend: str, scripted_model: ScriptedModel
) -> AsyncIterator[Agent]:
    """The agent under test, with its scripted model; afterwards its processes are gone and the rules are checked."""
    with scratch_folder(prefix="contract-") as folder:
        agent = request.param(scripted_model, folder)
        try:
            yield agent
            await agent.finish()
        finally:
            agent.close()


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Generator[None, object, object]:
    """Bound every case, so that a hang is a failure with a traceback."""
    if "anyio_backend" in pyfuncitem.fixturenames:
        case = pyfuncitem.obj

        @functools.wraps(case)
        async def bounded(*args: Any, **kwargs: Any) -> None:
            with anyio.fail_after(_SECONDS):
                await case(*args, **kwargs)

        pyfuncitem.obj = bounded
    return (yield)
