"""The built-in shell tool: off unless it is named, and asked about as the command that it is."""

from __future__ import annotations

from typing import Any

import pytest

from agent_sdk_core import Allow, Deny, PermissionMode, PolicyGuard
from agent_sdk_testing import text
from agent_sdk_testing.contract.agent import Agent
from agent_sdk_testing.contract.traits import needs
from agent_sdk_testing.contract.watching import Asker, Ran, run

pytestmark = [pytest.mark.anyio, needs("tools", "can_use_tool")]

TOUCH = ["touch", "done.txt"]


async def ran(agent: Agent, arguments: list[str], **options: Any) -> Ran:
    agent.model.reply(agent.application_tool("tools", "shell", arguments=arguments)).reply(text("Went on."))
    async with agent.session(tools=["shell"], **{"permission_mode": "default", **options}) as session:
        found = await run(session, "Act.")
    assert found.result.outcome == "completed"
    return found


async def test_it_is_not_there_unless_it_is_named(agent: Agent) -> None:
    agent.model.otherwise(text("Fine."))
    async with agent.session() as session:
        await run(session, "Talk.")
    assert b"Run one program in the workspace" not in agent.model.requests[0].body


async def test_it_runs_a_program_in_the_workspace_once_it_is_allowed(agent: Agent) -> None:
    asker = Asker([Allow()])
    found = await ran(agent, ["sh", "-c", "touch done.txt; echo printed; pwd"], can_use_tool=asker)
    [request], [result], [use] = asker.requests, found.results, found.uses
    assert (request.tool_name, request.kind, request.tool_use_id) == ("Bash", "execute", use.id)
    assert request.input["command"] == "sh -c 'touch done.txt; echo printed; pwd'"
    assert agent.exists("done.txt")
    assert result.text == f"printed\n{agent.workspace.resolve()}"
    assert found.outcomes[0]["exitCode"] == 0


@pytest.mark.parametrize("callback", [None, Asker([Deny("Not now.")])], ids=["nobody", "denied"])
async def test_it_runs_nothing_that_nobody_allows(agent: Agent, callback: Any) -> None:
    found = await ran(agent, TOUCH, can_use_tool=callback)
    assert found.results[0].is_error is True
    assert ("Not now." if callback else "Nobody allowed it.") in found.results[0].text
    assert not agent.exists("done.txt")


@pytest.mark.parametrize("mode", ["default", "bypass"])
async def test_a_policy_about_commands_binds_it(agent: Agent, mode: PermissionMode) -> None:
    if mode not in agent.modes:
        pytest.skip("the agent has no such mode")
    asker = Asker()
    policy = PolicyGuard(deny=["Bash(touch *)"])
    found = await ran(agent, TOUCH, can_use_tool=asker, policy=policy, permission_mode=mode, policy_scope="asked_only")
    assert "Bash(touch *)" in found.results[0].text
    assert (asker.requests, agent.exists("done.txt")) == ([], False)


async def test_what_a_policy_allows_it_runs_unasked(agent: Agent) -> None:
    asker = Asker()
    await ran(agent, TOUCH, can_use_tool=asker, policy=PolicyGuard(allow=["Bash(touch *)"]))
    assert (asker.requests, agent.exists("done.txt")) == ([], True)


async def test_a_grant_for_the_session_is_for_this_very_command(agent: Agent) -> None:
    asker = Asker([Allow("session")])
    for arguments in (TOUCH, TOUCH, ["touch", "more.txt"]):
        agent.model.reply(agent.application_tool("tools", "shell", arguments=arguments)).reply(text("Went on."))
    async with agent.session(tools=["shell"], can_use_tool=asker, permission_mode="default") as session:
        for _ in range(3):
            await run(session, "Act.")
    assert [request.input["command"] for request in asker.requests] == ["touch done.txt", "touch more.txt"]
