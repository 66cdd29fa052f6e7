"""What each permission mode runs, asks about and refuses, on the real agent with its real sandbox."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from typing import get_args

import pytest
from tests.contract.agents import Action, Agent, Verdict
from tests.contract.watching import run

from agent_sdk_core import Deny, PermissionMode, PermissionRequest
from agent_sdk_testing import Step, text

pytestmark = pytest.mark.anyio

ACTIONS: tuple[Action, ...] = get_args(Action)


def steps(agent: Agent, port: int) -> Mapping[Action, Step]:
    connect = f"import socket; socket.create_connection(('127.0.0.1', {port})); open('{agent.outside}/net', 'w')"
    return {
        "read in cwd": agent.command("cat given.txt"),
        "edit in cwd": agent.patch(add={"edited.txt": "hi\n"}),
        "edit outside": agent.patch(add={str(agent.outside / "edited.txt"): "hi\n"}),
        "writing command": agent.command("echo hi > written.txt"),
        "escalated command": agent.command("echo hi > escalated.txt", escalate=True),
        "network command": agent.command(f'python3 -c "{connect}"'),
    }


def happened(agent: Agent, action: Action, outputs: Mapping[Action, str], listener: socket.socket) -> bool:
    match action:
        case "read in cwd":
            return "the given content" in outputs[action]
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


@pytest.mark.parametrize("mode", ["default", "accept_edits", "plan", "dont_ask", "bypass"])
async def test_a_permission_mode_runs_asks_and_refuses_what_its_table_says(agent: Agent, mode: PermissionMode) -> None:
    agent.write("given.txt", "the given content\n")
    asked: list[int] = []

    async def callback(request: PermissionRequest) -> Deny:
        asked.append(len(agent.model.requests))
        return Deny()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        scripted = steps(agent, listener.getsockname()[1])
        for action in ACTIONS:
            agent.model.reply(scripted[action])
        agent.model.reply(text("Tried everything."))
        async with agent.session(permission_mode=mode, can_use_tool=callback) as session:
            ran = await run(session, "Try everything.")
            assert session.info.permission_mode == mode
        assert ran.result.outcome == "completed"
        told = agent.model.requests[-1].tool_outputs
        outputs: dict[Action, str] = {action: output.text for action, output in zip(ACTIONS, told, strict=True)}
        verdicts: dict[Action, Verdict] = {}
        for number, action in enumerate(ACTIONS, start=1):
            ran_it = happened(agent, action, outputs, listener)
            verdicts[action] = "runs" if ran_it else "asks" if number in asked else "refused"
    assert verdicts == agent.modes[mode]


async def test_in_auto_mode_the_agents_own_reviewer_is_asked(agent: Agent) -> None:
    reviewer = '{"risk_level": "low", "user_authorization": "high", "outcome": "allow", "rationale": "Harmless."}'
    agent.model.when(lambda request: request.model == "codex-auto-review").reply(text(reviewer))
    agent.model.reply(agent.command("echo hi > escalated.txt", escalate=True)).reply(text("Done."))
    asked: list[PermissionRequest] = []

    async def callback(request: PermissionRequest) -> Deny:
        asked.append(request)
        return Deny()

    async with agent.session(permission_mode="auto", can_use_tool=callback) as session:
        ran = await run(session, "Act.")
    assert ran.result.outcome == "completed"
    assert not asked
    assert agent.exists("escalated.txt")
