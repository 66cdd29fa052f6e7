"""Scenarios of an MCP server: tools that work and fail, what the server asks the user, and approvals that last."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, Final

import anyio

from agent_sdk_core.asking.permissions import DEFER, Allow, Deny
from agent_sdk_core.asking.questions import ElicitationAnswer, ElicitationRequest
from agent_sdk_core.messages.system import RequestOpened, RequestResolved
from agent_sdk_testing import call, text
from flows.stage import Stage, scenario
from flows.tools import answered_by_turns

_SERVER: Final = Path(__file__).resolve().parents[2] / "tests" / "codex" / "mcp_server.py"
_SERVED: Final[dict[str, Any]] = {"mcp_servers": {"bench": {"command": sys.executable, "args": ["-B", str(_SERVER)]}}}
"""In config.toml and not among the session's options: so no path of this machine is on the wire."""


def _mcp(name: str, /, **arguments: Any) -> Any:
    return call(name, arguments, namespace="mcp__bench")


async def _consent(request: ElicitationRequest) -> ElicitationAnswer:
    return ElicitationAnswer("accept", {"name": "Ada"} if request.mode == "form" else None)


async def _refusal(request: ElicitationRequest) -> ElicitationAnswer:
    del request
    return ElicitationAnswer("decline")


@scenario(permission_mode="bypass", home=_SERVED)
async def mcp_tools(stage: Stage) -> None:
    stage.model.reply(_mcp("greet", name="Ada"))
    stage.model.reply(_mcp("draw"))
    stage.model.reply(_mcp("work"))
    stage.model.reply(text("done"))
    await stage.say("greet her")


@scenario(permission_mode="bypass", home=_SERVED)
async def mcp_tools_that_fail(stage: Stage) -> None:
    for name in ("fail", "nonsense"):
        stage.model.reply(_mcp(name))
    stage.model.reply(text("too bad"))
    await stage.say("try")


@scenario(permission_mode="default", on_elicitation=_consent, home=_SERVED)
async def elicitations_accepted(stage: Stage) -> None:
    for name in ("ask", "visit"):
        stage.model.reply(_mcp(name))
    stage.model.reply(text("done"))
    await stage.say("ask me")


@scenario(permission_mode="default", on_elicitation=_refusal, home=_SERVED)
async def elicitations_declined(stage: Stage) -> None:
    for name in ("ask", "forge"):
        stage.model.reply(_mcp(name))
    stage.model.reply(text("done"))
    await stage.say("ask me")


@scenario(permission_mode="default", can_use_tool=answered_by_turns(Allow("session"), Deny()), home=_SERVED)
async def mcp_approval_for_the_session(stage: Stage) -> None:
    for _ in range(2):
        stage.model.reply(_mcp("erase", name="it"))
        stage.model.reply(text("done"))
        await stage.say("erase it")


@scenario(
    permission_mode="default", can_use_tool=answered_by_turns(Allow(), Deny(), Deny(interrupt=True)), home=_SERVED
)
async def mcp_approvals(stage: Stage) -> None:
    for _ in range(2):
        stage.model.reply(_mcp("erase", name="it"))
    stage.model.reply(text("done"))
    await stage.say("erase it")


@scenario(permission_mode="default", on_elicitation=DEFER, home=_SERVED)
async def elicitation_withdrawn_by_an_interrupt(stage: Stage) -> None:
    stage.model.reply(_mcp("ask"))
    async with stage.session.query("ask me") as turn:
        await stage.seen(lambda message: isinstance(message, RequestOpened))
        await turn.interrupt()
    await stage.seen(lambda message: isinstance(message, RequestResolved))


@scenario(permission_mode="bypass", home=_SERVED)
async def interrupted_mcp_tool(stage: Stage) -> None:
    pipe = stage.workspace / "pipe"
    await anyio.run_process(["mkfifo", str(pipe)])
    stage.model.reply(_mcp("hang", name=str(pipe)))
    async with stage.session.query("wait") as turn:
        await stage.called("mcp__bench__hang", 1)
        await turn.interrupt()
