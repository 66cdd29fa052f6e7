"""Code of the application that fails: in whatever way, it stays where it is, and the agent hears why."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, cast

import pytest

from agent_sdk_core import (
    Allow,
    Answers,
    ElicitationAnswer,
    PermissionRequest,
    RequestResolved,
    ToolRegistry,
    ToolResult,
    tool,
)
from agent_sdk_testing import text
from agent_sdk_testing.contract.agent import Agent
from agent_sdk_testing.contract.cases.test_tools import SERVERS
from agent_sdk_testing.contract.traits import needs
from agent_sdk_testing.contract.watching import Asker, run

pytestmark = pytest.mark.anyio


class Outcome(BaseException):
    """What test frameworks raise to end a test."""


def raising(error: BaseException) -> Callable[[], Any]:
    def fault() -> Any:
        raise error

    return fault


RAISES: Mapping[str, Callable[[], Any]] = {
    "exception": raising(ZeroDivisionError("by zero")),
    "outcome": raising(Outcome("failed")),
    "exit": raising(SystemExit(2)),
    "interrupt": raising(KeyboardInterrupt("keys")),
    "group": raising(BaseExceptionGroup("two", [Outcome("of a group"), ValueError("other")])),
}
TOLD = {"exception": "by zero", "outcome": "failed", "exit": "2", "interrupt": "keys", "group": "of a group"}
RESULTS: Mapping[str, Callable[[], Any]] = {
    "bytes": lambda: ToolResult(cast("Any", (b"x",))),
    "object": lambda: ToolResult(cast("Any", (object(),))),
    "number": lambda: ToolResult(cast("Any", float("nan"))),
    "large": lambda: "x" * 70_000_000,
}
RESULTS_TOLD = {"bytes": "bytes b'x'", "object": "object", "number": "float nan", "large": "67108864"}
ANSWERS: Mapping[str, Callable[[], Any]] = {
    "nothing": lambda: None,
    "another kind": lambda: Answers({}),
    "no scope": lambda: Allow(cast("Any", "forever")),
    "no option": lambda: Allow(option="nonsense"),
    "bytes": lambda: Allow(updated_input={"command": b"x"}),
}


@needs("tools")
async def test_a_tool_that_fails_in_whatever_way_is_an_error_and_no_other_session_notices(agent: Agent) -> None:
    faults = {**RAISES, **RESULTS}

    @tool(ask="never")
    async def fail(how: str) -> Any:
        """Fail."""
        return faults[how]()

    async with (
        agent.backend() as backend,
        await agent.open(backend, tools=ToolRegistry("bad", [fail]), permission_mode="default") as session,
        await agent.open(backend) as other,
    ):
        for how, told in {**TOLD, **RESULTS_TOLD}.items():
            agent.model.reply(agent.application_tool("bad", "fail", how=how)).reply(text("Went on."))
            ran = await run(session, "Use it.")
            assert (ran.result.outcome, ran.result.result) == ("completed", "Went on."), how
            [result] = ran.results
            assert result.is_error is True, how
            assert told in agent.model.requests[-1].tool_outputs[-1].text, how
        agent.model.reply(text("Here."))
        assert (await run(other, "And you?")).result.result == "Here."


async def test_a_permission_callback_that_fails_in_whatever_way_denies(agent: Agent) -> None:
    faults = {**RAISES, **ANSWERS}
    how = ""

    async def fail(request: PermissionRequest) -> Any:
        return faults[how]()

    async with (
        agent.backend() as backend,
        await agent.open(backend, can_use_tool=fail, permission_mode="default") as session,
    ):
        for how in faults:  # The callback reads it.
            agent.model.reply(agent.command("echo done >> done.txt", escalate=True)).reply(text("Went on."))
            ran = await run(session, "Act.")
            assert (ran.result.outcome, ran.result.result) == ("completed", "Went on."), how
            [resolved] = ran.all(RequestResolved)
            assert (resolved.outcome, resolved.by) == ("denied", "callback_error"), how
    assert not agent.exists("done.txt")


@needs("mcp_servers", "on_elicitation")
async def test_an_elicitation_callback_that_fails_in_whatever_way_declines(agent: Agent) -> None:
    answers = {
        "bytes": lambda: ElicitationAnswer("accept", {"name": b"x"}),
        "number": lambda: ElicitationAnswer("accept", {"name": float("nan")}),
        "key": lambda: ElicitationAnswer("accept", cast("Any", {1: "x"})),
        "action": lambda: ElicitationAnswer(cast("Any", "nonsense")),
    }
    faults: Mapping[str, Callable[[], Any]] = {**RAISES, **answers}
    how = ""

    async def fail(request: object) -> Any:
        return faults[how]()

    async with agent.session(mcp_servers=SERVERS, can_use_tool=Asker(), on_elicitation=fail) as session:
        for how in faults:  # The callback reads it.
            agent.model.reply(agent.mcp_tool("bench", "ask")).reply(text("Went on."))
            ran = await run(session, "Ask.")
            assert '"action": "decline"' in ran.results[0].text, how
            assert (ran.result.outcome, ran.result.result) == ("completed", "Went on."), how


@needs("add_dirs", "edits")
async def test_an_edit_escalates_a_path_only_outside_of_the_sessions_folders(agent: Agent) -> None:
    added = agent.folder / "added"
    added.mkdir()
    asker = Asker()
    async with agent.session(permission_mode="default", can_use_tool=asker, add_dirs=[added]) as session:
        for folder in (agent.workspace, added, agent.outside):
            agent.model.reply(*agent.patch(add={str(folder / "new.txt"): "new\n"})).reply(text("Done."))
            await run(session, "Write.")
    lifted = ["path" in request.escalates for request in asker.requests]
    assert lifted == [False, False, True]
