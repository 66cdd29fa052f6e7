"""Tools that are not the agent's own: the application's functions, and those of MCP servers."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from agent_sdk_core import (
    ElicitationAnswer,
    ElicitationRequest,
    RequestResolved,
    Tool,
    ToolRegistry,
    tool,
)
from agent_sdk_testing import text
from agent_sdk_testing.contract import mcp_server
from agent_sdk_testing.contract.agent import Agent
from agent_sdk_testing.contract.traits import needs
from agent_sdk_testing.contract.watching import Asker, Ran, run

pytestmark = pytest.mark.anyio

SERVERS: dict[str, Any] = {"bench": {"command": sys.executable, "args": ["-B", str(Path(mcp_server.__file__))]}}


@tool
async def add(first: int, second: int) -> int:
    """Add two numbers."""
    if first < 0:
        raise ValueError("only from zero")
    return first + second


async def calling(agent: Agent, entry: Tool, **arguments: int | str) -> Ran:
    """Run a turn in which the model calls a tool of the application."""
    agent.model.reply(agent.application_tool("sums", entry.name, **arguments)).reply(text("Done."))
    async with agent.session(tools=ToolRegistry("sums", [entry]), permission_mode="default") as session:
        return await run(session, "Use it.")


@needs("tools")
async def test_a_tool_of_the_application_runs_without_asking_and_its_result_reaches_the_model(agent: Agent) -> None:
    ran = await calling(agent, add, first=1, second=2)
    [use], [result] = ran.uses, ran.results
    assert (use.name, use.input, use.kind) == ("mcp__sums__add", {"first": 1, "second": 2}, "mcp")
    assert (result.text, bool(result.is_error)) == ("3", False)
    assert "3" in agent.model.requests[1].tool_outputs[0].text
    assert not ran.all(RequestResolved)


@needs("tools")
async def test_a_tool_of_the_application_that_raises_is_an_error_and_the_turn_goes_on(agent: Agent) -> None:
    ran = await calling(agent, add, first=-1, second=2)
    [result] = ran.results
    assert result.is_error is True
    assert "only from zero" in result.text
    assert "only from zero" in agent.model.requests[1].tool_outputs[0].text
    assert ran.result.outcome == "completed"


@needs("mcp_servers")
async def test_a_tool_of_an_mcp_server_has_its_text_as_result(agent: Agent) -> None:
    agent.model.reply(agent.mcp_tool("bench", "greet", name="Ada")).reply(text("Done."))
    async with agent.session(mcp_servers=SERVERS, permission_mode="bypass") as session:
        ran = await run(session, "Greet her.")
        assert "bench" in session.info.mcp_servers
    [use], [result] = ran.uses, ran.results
    assert (use.name, use.input, use.kind) == ("mcp__bench__greet", {"name": "Ada"}, "mcp")
    assert (result.text, bool(result.is_error)) == ("Hello, Ada!", False)
    assert "Hello, Ada!" in agent.model.requests[1].tool_outputs[0].text


@needs("mcp_servers", "on_elicitation")
async def test_an_mcp_server_is_answered_by_the_callback(agent: Agent) -> None:
    asked: list[ElicitationRequest] = []

    async def answer(request: ElicitationRequest) -> ElicitationAnswer:
        asked.append(request)
        return ElicitationAnswer("accept", {"name": "Ada"})

    agent.model.reply(agent.mcp_tool("bench", "ask")).reply(text("Done."))
    async with agent.session(mcp_servers=SERVERS, can_use_tool=Asker(), on_elicitation=answer) as session:
        ran = await run(session, "Ask.")
    [request] = asked
    assert request.message == "Who are you?"
    assert '"action": "accept"' in ran.results[0].text
    assert '"name": "Ada"' in ran.results[0].text
    [resolved] = [resolved for resolved in ran.all(RequestResolved) if resolved.kind == "elicitation"]
    assert resolved.by == "callback"


@needs("mcp_servers", "on_elicitation")
async def test_an_mcp_server_is_declined_without_a_callback(agent: Agent) -> None:
    agent.model.reply(agent.mcp_tool("bench", "ask")).reply(text("Done."))
    async with agent.session(mcp_servers=SERVERS, can_use_tool=Asker()) as session:
        ran = await run(session, "Ask.")
    assert '"action": "decline"' in ran.results[0].text
    assert ran.result.outcome == "completed"


@needs("tools")
async def test_a_session_has_the_tools_of_several_registries_under_their_names(agent: Agent) -> None:
    @tool("double", "Double a number.", {"number": int})
    async def double(arguments: dict[str, Any]) -> dict[str, Any]:
        return {"content": [{"type": "text", "text": str(2 * arguments["number"])}]}

    agent.model.reply(agent.application_tool("sums", "add", first=1, second=2))
    agent.model.reply(agent.application_tool("more", "double", number=4)).otherwise(text("Done."))
    registries = [ToolRegistry("sums", [add]), ToolRegistry("more", [double])]
    async with agent.session(tools=registries) as session:
        ran = await run(session, "Use them.")
        assert {"mcp__sums__add", "mcp__more__double"} <= set(session.info.tools)
    assert [use.name for use in ran.uses] == ["mcp__sums__add", "mcp__more__double"]
    assert [result.text for result in ran.results] == ["3", "8"]
