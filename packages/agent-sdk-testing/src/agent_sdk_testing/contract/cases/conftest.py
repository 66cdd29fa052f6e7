"""Fixtures of the contract suite: every case runs on every agent, on asyncio and trio or one of them, and bounded."""

from __future__ import annotations

import zlib
from collections.abc import AsyncIterator, Generator
from typing import cast

import pytest

from agent_sdk_testing.agents.environment import scratch_folder
from agent_sdk_testing.contract.agent import Agent
from agent_sdk_testing.contract.bounding import bound
from agent_sdk_testing.contract.selection import agents_under_test
from agent_sdk_testing.contract.traits import applies
from agent_sdk_testing.model.scripted_model import ScriptedModel

_LOOPS = ("asyncio", "trio")


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
    kept: list[pytest.Function] = []
    for item in cast("list[pytest.Function]", made):
        agent = item.callspec.params.get("agent") if hasattr(item, "callspec") else None
        if not isinstance(agent, type):
            kept.append(item)
        elif _is_for(item, cast("type[Agent]", agent)):
            _expect(item, cast("type[Agent]", agent))
            kept.append(item)
    return kept


def _expect(item: pytest.Function, agent: type[Agent]) -> None:
    """Expect a case to fail that does not hold of an agent, by what the agent declares; its reason is reported."""
    name = f"{item.path.stem}.{item.originalname}"
    parts = [part for part in item.callspec.id.split("-") if part not in (*_LOOPS, agent.name)]
    for declared, runs in ((agent.differs, True), (agent.left_out, False)):
        for key in (name, f"{name}[{'-'.join(parts)}]"):
            if key in declared:
                item.add_marker(pytest.mark.xfail(reason=f"{agent.name}: {declared[key]}", run=runs, strict=True))


def _is_for(item: pytest.Function, agent: type[Agent]) -> bool:
    chosen = not agent.cases or item.path.stem in agent.cases
    return chosen and applies(item, agent) and _on_this_loop(item, agent)


def _on_this_loop(item: pytest.Function, agent: type[Agent]) -> bool:
    """Tell whether a case runs on its event loop: on those of the agent; for one slow to start, on one of the two."""
    loop = str(item.callspec.params["anyio_backend"])
    if len(agent.loops) < len(_LOOPS):
        return loop in agent.loops
    if not agent.alternates or item.config.getoption("contract_loops") == "both":
        return True
    parts = item.callspec.id.split("-")
    name = "-".join([item.originalname, *(part for part in parts if part not in _LOOPS)])
    return zlib.crc32(name.encode()) % 2 == _LOOPS.index(loop)


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
    """Bound every case by what its agent may take."""
    agent = pyfuncitem.callspec.params.get("agent") if hasattr(pyfuncitem, "callspec") else None
    bound(pyfuncitem, (cast("type[Agent] | None", agent) or Agent).seconds)
    return (yield)
