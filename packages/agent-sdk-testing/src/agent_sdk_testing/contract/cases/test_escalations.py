"""What an allow would lift is said with each request, and means the same on every agent."""

from __future__ import annotations

import pytest

from agent_sdk_core import AgentSession, Allow, Deny, PermissionRequest, PolicyGuard, SandboxPolicy
from agent_sdk_testing import text
from agent_sdk_testing.contract.agent import Agent
from agent_sdk_testing.contract.traits import needs
from agent_sdk_testing.contract.watching import Asker, run

pytestmark = pytest.mark.anyio


async def asked(agent: Agent, session: AgentSession, asker: Asker) -> PermissionRequest:
    agent.model.reply(text("Went on."))
    await run(session, "Act.")
    assert asker.requests, "it was not asked about"
    return asker.requests[-1]


async def test_a_command_lifts_the_sandbox_where_there_is_one_and_else_nothing(agent: Agent) -> None:
    asker = Asker([Deny()])
    async with agent.session(permission_mode="default", can_use_tool=asker) as session:
        agent.model.reply(agent.command("echo done >> done.txt", escalate=True))
        request = await asked(agent, session, asker)
    assert request.escalates == agent.escalates <= {"sandbox"}


@needs("edits")
async def test_an_edit_in_the_workspace_lifts_no_more_than_a_command(agent: Agent) -> None:
    asker = Asker([Deny()])
    async with agent.session(permission_mode="default", can_use_tool=asker) as session:
        agent.model.reply(*agent.patch(add={"done.txt": "done\n"}))
        request = await asked(agent, session, asker)
    assert request.escalates == agent.escalates


@needs("edits")
async def test_an_edit_outside_of_the_folders_lifts_a_path_and_names_it(agent: Agent) -> None:
    asker, target = Asker([Deny()]), agent.outside / "there.txt"
    async with agent.session(permission_mode="default", can_use_tool=asker) as session:
        agent.model.reply(*agent.patch(add={str(target): "hi\n"}))
        request = await asked(agent, session, asker)
    assert request.escalates == {"path"}
    assert request.blocked_path in (None, str(target))
    assert not target.exists()


@needs("edits", "add_dirs")
async def test_an_edit_in_a_further_folder_lifts_no_path(agent: Agent) -> None:
    asker, target = Asker([Deny()]), agent.outside / "there.txt"
    options = {"add_dirs": (agent.outside,)}
    async with agent.session(permission_mode="default", can_use_tool=asker, **options) as session:
        agent.model.reply(*agent.patch(add={str(target): "hi\n"}))
        request = await asked(agent, session, asker)
    assert "path" not in request.escalates


@needs("edits")
async def test_a_rule_that_names_a_place_outside_lifts_that_path_and_one_without_does_not(agent: Agent) -> None:
    asker, target = Asker([Deny()]), agent.outside / "there.txt"
    for rule, unasked in (("Edit", False), (f"Edit({agent.outside}/**)", True), ("Edit +path", True)):
        asker.requests.clear()
        target.unlink(missing_ok=True)
        policy = PolicyGuard(allow=[rule])
        async with agent.session(permission_mode="default", can_use_tool=asker, policy=policy) as session:
            agent.model.reply(*agent.patch(add={str(target): "hi\n"})).reply(text("Went on."))
            await run(session, "Act.")
        assert (not asker.requests, target.exists()) == (unasked, unasked), rule


@needs("edits", "sandbox")
async def test_what_is_allowed_in_a_sandbox_that_may_write_is_still_a_path_outside_of_it(agent: Agent) -> None:
    asker = Asker([Allow()])
    options = {"sandbox": SandboxPolicy(mode="workspace-write"), "permission_mode": "default"}
    async with agent.session(can_use_tool=asker, **options) as session:
        agent.model.reply(*agent.patch(add={str(agent.outside / "there.txt"): "hi\n"}))
        request = await asked(agent, session, asker)
    assert request.escalates == {"path"}
