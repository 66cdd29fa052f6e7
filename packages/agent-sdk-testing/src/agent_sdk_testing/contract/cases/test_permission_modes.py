"""What each permission mode runs, asks about and refuses, on the real agent with its real sandbox."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from typing import get_args

import pytest

from agent_sdk_core import Deny, PermissionMode, PermissionRequest, UnsupportedOptionError
from agent_sdk_testing import Step, text
from agent_sdk_testing.contract.agent import Action, Agent, Verdict
from agent_sdk_testing.contract.traits import lacks, needs
from agent_sdk_testing.contract.watching import run

pytestmark = pytest.mark.anyio


def steps(agent: Agent, action: Action, port: int) -> Sequence[Step]:
    connect = f"import socket; socket.create_connection(('127.0.0.1', {port})); open('{agent.outside}/net', 'w')"
    match action:
        case "read in cwd":
            return [agent.command("cat given.txt")]
        case "edit in cwd":
            return agent.patch(add={"edited.txt": "hi\n"})
        case "edit outside":
            return agent.patch(add={str(agent.outside / "edited.txt"): "hi\n"})
        case "writing command":
            return [agent.command("echo hi > written.txt")]
        case "escalated command":
            return [agent.command("echo hi > escalated.txt", escalate=True)]
        case "network command":
            return [agent.command(f'python3 -c "{connect}"')]


def happened(agent: Agent, action: Action, told: str, listener: socket.socket) -> bool:
    match action:
        case "read in cwd":
            return "the given content" in told
        case "edit in cwd":
            return agent.exists("edited.txt")
        case "edit outside":
            return (agent.outside / "edited.txt").exists()
        case "writing command":
            return agent.exists("written.txt")
        case "escalated command":
            return agent.exists("escalated.txt")
        case "network command":
            try:
                connection, _ = listener.accept()
            except BlockingIOError:
                return False
            connection.close()
            return True


@pytest.mark.parametrize("mode", [pytest.param(mode, marks=needs(f"mode:{mode}")) for mode in get_args(PermissionMode)])
async def test_a_permission_mode_runs_asks_and_refuses_what_its_table_says(agent: Agent, mode: PermissionMode) -> None:
    agent.write("given.txt", "the given content\n")
    asked: list[int] = []

    async def callback(request: PermissionRequest) -> Deny:
        asked.append(len(agent.model.requests))
        return Deny()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        actions = [action for action in get_args(Action) if action in agent.modes[mode]]
        for action in actions:
            agent.model.reply(*steps(agent, action, listener.getsockname()[1]))
        agent.model.reply(text("Tried everything."))
        async with agent.session(permission_mode=mode, can_use_tool=callback) as session:
            ran = await run(session, "Try everything.")
            assert session.info.permission_mode == mode
        assert ran.result.outcome == "completed"
        verdicts: dict[Action, Verdict] = {}
        for number, action in enumerate(actions, start=1):
            ran_it = happened(agent, action, agent.model.requests[-1].text, listener)
            verdicts[action] = "runs" if ran_it else "asks" if number in asked else "refused"
    assert verdicts == agent.modes[mode]


@pytest.mark.parametrize("mode", [pytest.param(mode, marks=lacks(f"mode:{mode}")) for mode in get_args(PermissionMode)])
async def test_a_permission_mode_that_the_agent_does_not_have_raises(agent: Agent, mode: PermissionMode) -> None:
    async with agent.session() as session:
        with pytest.raises(UnsupportedOptionError, match="permission_mode"):
            await agent.open(session.backend, permission_mode=mode)
        with pytest.raises(UnsupportedOptionError, match="permission_mode"):
            await session.set_permission_mode(mode)
        assert list(session.backend.sessions) == [session]
