"""The real agents, each in a home of its own, with a scripted model."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from tests.acp.agents import GeminiAgent, OpencodeAgent, RealAgent

from agent_sdk_testing import ScriptedModel
from agent_sdk_testing.agents.environment import scratch_folder


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(params=[OpencodeAgent, GeminiAgent], ids=["opencode", "gemini"])
async def agent(
    request: pytest.FixtureRequest, anyio_backend: str, scripted_model: ScriptedModel
) -> AsyncIterator[RealAgent]:
    """An agent; afterwards its processes are gone, and what its sessions told has kept the rules."""
    del anyio_backend
    with scratch_folder(prefix="acp-") as folder:
        agent: RealAgent = request.param(scripted_model, folder)
        try:
            yield agent
            await agent.finish()
        finally:
            agent.close()
