"""An option is a promise: what was allowed for the session, or for good, is not asked about again."""

from __future__ import annotations

import logging
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import pytest

from agent_sdk_core import (
    AgentSession,
    Allow,
    Deny,
    PermissionRequest,
    PolicyGuard,
    RequestResolved,
    ToolRegistry,
    tool,
)
from agent_sdk_testing import Step, text
from agent_sdk_testing.contract import mcp_server
from agent_sdk_testing.contract.agent import Agent
from agent_sdk_testing.contract.traits import needs
from agent_sdk_testing.contract.watching import Asker, Ran, run

pytestmark = [pytest.mark.anyio, needs("session_grants")]

Scope = Literal["session", "always"]

COMMANDS = {
    "changes a file": "touch plain.txt",
    "writes by redirection": "echo one >> written.txt",
    "has two parts": "touch first.txt; touch second.txt",
    "is a pipe": "echo two | tee piped.txt",
    "substitutes": "echo $(date +%Y) > substituted.txt",
    "has a text of its own": "cat > text.txt <<'END'\nthree\nEND",
    "sets a variable": "WORD=four touch variable.txt",
    "writes outside": "echo five >> {outside}/written.txt",
    "changes a file outside": "touch {outside}/plain.txt",
    "makes a folder outside": "mkdir -p {outside}/folder",
}


@tool
async def press(button: str) -> str:
    """Press a button."""
    return f"Pressed {button}."


OTHERS: Mapping[str, Mapping[str, Any]] = {
    "edit": {},
    "edit outside": {},
    "tool of a server": {
        "mcp_servers": {"bench": {"command": sys.executable, "args": ["-B", str(Path(mcp_server.__file__))]}}
    },
    "own tool": {"tools": ToolRegistry("panel", [press])},
}
"""Acts that are no commands, with the options that they need."""

others = pytest.mark.parametrize(
    "what",
    [
        pytest.param("edit", marks=needs("edits")),
        pytest.param("edit outside", marks=needs("edits")),
        pytest.param("tool of a server", marks=needs("mcp_servers")),
        pytest.param("own tool", marks=needs("tools")),
    ],
)


def steps_of(agent: Agent, what: str, number: int) -> Sequence[Any]:
    """The steps of a reply that does something for the so-manieth time."""
    match what:
        case "tool of a server":
            return [agent.mcp_tool("bench", "wipe", name="it")]
        case "own tool":
            return [agent.application_tool("panel", "press", button="red")]
        case _:
            name = str(agent.outside / "there.txt") if what == "edit outside" else "here.txt"
            (agent.workspace / name).write_text(f"{number}\n")
            return agent.patch(update={name: [(f"{number}", f"{number + 1}")]})


class Granting:
    """A `can_use_tool` that takes the option of a scope where there is one, and says which acts had it."""

    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        self.promised: set[str] = set()
        self.asked: list[str] = []

    async def __call__(self, request: PermissionRequest) -> Allow:
        act = str(request.input.get("command") or request.tool_name)
        self.asked.append(act)
        for option in request.options:
            if isinstance(option.answer, Allow) and option.answer.scope == self.scope:
                assert option.stored
                self.promised.add(act)
                return option.answer
        return Allow()


async def act(agent: Agent, session: AgentSession, command: str) -> Ran:
    agent.model.reply(agent.command(command, escalate="sandbox" in agent.escalates)).reply(text("Done."))
    ran = await run(session, "Act.")
    assert not ran.results[0].is_error
    return ran


@pytest.mark.parametrize("scope", ["session", pytest.param("always", marks=needs("lasting_grants"))])
async def test_what_was_granted_for_a_command_is_not_asked_again(agent: Agent, scope: Scope) -> None:
    asker = Granting(scope)
    commands = [command.format(outside=agent.outside) for command in COMMANDS.values()]
    options = {"permission_mode": "default", "can_use_tool": asker}
    async with agent.backend() as backend:
        first = await agent.open(backend, **options)
        for command in commands:
            await act(agent, first, command)
        if scope == "always":
            await first.aclose()
            first = await agent.open(backend, **options)
        seen = len(asker.asked)
        assert asker.promised & set(commands[:2]) == set(commands[:2])
        for command in commands:
            await act(agent, first, command)
        assert asker.promised.isdisjoint(asker.asked[seen:])
        await first.aclose()


@others
@pytest.mark.parametrize("scope", ["session", pytest.param("always", marks=needs("lasting_grants"))])
async def test_what_was_granted_for_another_act_is_not_asked_again_at_once_or_in_a_second_run(
    agent: Agent, what: str, scope: Scope
) -> None:
    asker, number = Granting(scope), 0
    for _ in ("a first run", "a second one")[: 1 if scope == "session" else 2]:
        async with agent.session(permission_mode="default", can_use_tool=asker, **OTHERS[what]) as session:
            for _ in range(2):
                number, seen = number + 1, len(asker.asked)
                promised = set(asker.promised)
                agent.model.reply(*steps_of(agent, what, number)).reply(text("Done."))
                ran = await run(session, "Act.")
                assert not ran.results[-1].is_error
                assert promised.isdisjoint(asker.asked[seen:])
    assert asker.promised or scope == "always"


@needs("edits")
@pytest.mark.parametrize("outside", [False, True], ids=["within", "outside"])
async def test_what_was_granted_for_an_edit_is_not_asked_again(agent: Agent, outside: bool) -> None:
    name = str(agent.outside / "there.txt") if outside else "here.txt"

    def steps(number: int) -> Sequence[Step]:
        return agent.patch(update={name: [(f"{number}", f"{number + 1}")]})

    (agent.workspace / name).write_text("1\n")
    asker = Asker([Allow("session")])
    async with agent.session(permission_mode="default", can_use_tool=asker) as session:
        for number in (1, 2):
            agent.model.reply(*steps(number)).reply(text("Done."))
            await run(session, "Edit.")
    assert (agent.workspace / name).read_text() == "3\n"
    assert all(any(option.answer == Allow("session") for option in request.options) for request in asker.requests)
    tools = [request.tool_name for request in asker.requests]  # An agent may ask before it reads the file, too.
    assert len(set(tools)) == len(tools)


async def test_a_grant_is_for_that_act_and_for_no_other(agent: Agent) -> None:
    asker = Asker([Allow("session"), Deny()])
    async with agent.session(permission_mode="default", can_use_tool=asker) as session:
        await act(agent, session, "echo one | tee -a one.txt")
        agent.model.reply(agent.command("echo one | tee -a two.txt", escalate="sandbox" in agent.escalates))
        agent.model.reply(text("Done."))
        await run(session, "Act.")
    assert len(asker.requests) == 2
    assert agent.exists("one.txt")
    assert not agent.exists("two.txt")


async def test_a_grant_does_not_outlast_its_session(agent: Agent) -> None:
    asker = Asker([Allow("session"), Allow()])
    for _ in range(2):
        async with agent.session(permission_mode="default", can_use_tool=asker) as session:
            await act(agent, session, "echo one | tee -a one.txt")
    assert len(asker.requests) == 2


async def test_what_the_policy_has_asked_about_is_asked_each_time_it_reaches_a_person(
    agent: Agent, caplog: pytest.LogCaptureFixture
) -> None:
    asker = Asker([Allow("session")])
    options: dict[str, Any] = {"policy": PolicyGuard(ask=["Bash(tee *)"]), "policy_scope": "asked_only"}
    with caplog.at_level(logging.INFO):
        async with agent.session(permission_mode="default", can_use_tool=asker, **options) as session:
            for _ in range(2):
                ran = await act(agent, session, "echo one | tee -a one.txt")
                assert {one.by for one in ran.all(RequestResolved)} <= {"callback"}
