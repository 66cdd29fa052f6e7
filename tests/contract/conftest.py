"""Fixtures of the contract suite: every case runs on every agent, on asyncio and on trio, within a bound."""

from __future__ import annotations

import functools
from collections.abc import AsyncIterator, Generator
from typing import Any

import anyio
import pytest
from tests.contract.agents import AGENTS, Agent

from agent_sdk_testing import ScriptedModel, scratch_folder

_SECONDS = 30.0
"""The longest that a case may take; most take less than one."""


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(params=sorted(AGENTS))
async def agent(
    request: pytest.FixtureRequest, anyio_backend: str, scripted_model: ScriptedModel
) -> AsyncIterator[Agent]:
    """The agent under test, with its scripted model; afterwards its processes are gone and the rules are checked."""
    with scratch_folder(prefix="contract-") as folder:
        agent = AGENTS[request.param](scripted_model, folder)
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
