"""Settings that come with a folder: they apply where the user or the application trusts it, and nowhere else."""

from __future__ import annotations

from typing import get_args

import pytest

from agent_sdk_core import PermissionMode
from agent_sdk_testing import text
from agent_sdk_testing.contract.agent import Agent
from agent_sdk_testing.contract.traits import needs
from agent_sdk_testing.contract.watching import run

pytestmark = [pytest.mark.anyio, needs("setting_sources")]

_WORDS = "Say everything backwards."


@pytest.mark.parametrize(
    "mode", [None, *(pytest.param(mode, marks=needs(f"mode:{mode}")) for mode in get_args(PermissionMode))]
)
async def test_a_strangers_project_does_not_apply(agent: Agent, mode: PermissionMode | None) -> None:
    marker = agent.folder / "marker"
    agent.project(_WORDS, marker)
    before = agent.user_settings
    agent.model.reply(text("Fine."))
    async with agent.session(permission_mode=mode) as session:
        await run(session, "Talk.")
        assert not marker.exists()
        assert _WORDS.encode() not in agent.model.requests[0].body
        assert agent.user_settings == before


@needs("resume")
async def test_a_strangers_project_does_not_apply_later_either(agent: Agent) -> None:
    marker = agent.folder / "marker"
    agent.project(_WORDS, marker)
    before = agent.user_settings
    agent.model.otherwise(text("Fine."))
    async with agent.session(permission_mode="bypass") as session:
        await run(session, "Talk.")
        await session.set_permission_mode("accept_edits")
        await run(session, "Talk on.")
        stored = session.resolved_session_id
    async with agent.session(permission_mode="accept_edits", resume=stored) as session:
        await run(session, "Go on.")
    async with agent.session(permission_mode="plan") as session:
        await run(session, "Plan.")
    assert not marker.exists()
    assert not any(_WORDS.encode() in request.body for request in agent.model.requests)
    assert agent.user_settings == before


async def test_a_projects_settings_apply_where_they_are_asked_for(agent: Agent) -> None:
    marker = agent.folder / "marker"
    agent.project(_WORDS, marker)
    before = agent.user_settings
    agent.model.otherwise(text("Fine."))
    async with agent.session(setting_sources=("user", "project")) as session:
        await run(session, "Talk.")
    assert marker.exists()
    assert _WORDS.encode() in agent.model.requests[0].body
    marker.unlink()
    async with agent.session(permission_mode="accept_edits") as session:
        await run(session, "Talk.")
    assert not marker.exists()
    assert agent.user_settings == before
