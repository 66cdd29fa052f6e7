"""Fixtures of the faults of the real agents: each test on both, on one of the two event loops, and bounded."""

from __future__ import annotations

import zlib
from collections.abc import AsyncIterator, Generator

import pytest
from tests.contract.agents.claude import ClaudeAgent
from tests.contract.agents.codex import CodexAgent

from agent_sdk_testing import ScriptedModel, scratch_folder
from agent_sdk_testing.contract.bounding import bound
from agent_sdk_testing.contract.process_agent import ProcessAgent

_SECONDS = 120.0


@pytest.fixture
def anyio_backend(request: pytest.FixtureRequest) -> str:
    """One of the two event loops, half of the tests on each."""
    return ("asyncio", "trio")[zlib.crc32(request.node.name.encode()) % 2]


@pytest.fixture(params=[ClaudeAgent, CodexAgent], ids=lambda agent: agent.name)
async def agent(
    request: pytest.FixtureRequest, anyio_backend: str, scripted_model: ScriptedModel
) -> AsyncIterator[ProcessAgent]:
    """A real agent; afterwards its processes are gone and the rules of messages are checked."""
    with scratch_folder(prefix="faults-") as folder:
        agent = request.param(scripted_model, folder)
        try:
            yield agent
            await agent.finish()
        finally:
            agent.close()


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Generator[None, object, object]:
    """Bound every test, so that a hang is a failure with a traceback."""
    if "agent" in pyfuncitem.fixturenames:
        bound(pyfuncitem, _SECONDS)
    return (yield)
