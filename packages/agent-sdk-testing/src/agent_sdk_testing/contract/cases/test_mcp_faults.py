"""MCP servers that do what none may, at their start and in a call: each is told, nothing hangs, the next turn works."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from typing import Any, Final
from urllib.parse import quote

import anyio
import pytest

from agent_sdk_core import AgentSession, Informational, McpServer
from agent_sdk_testing import text
from agent_sdk_testing.contract import mcp_faults, mcp_server
from agent_sdk_testing.contract.agent import Agent
from agent_sdk_testing.contract.mcp_web import McpWeb
from agent_sdk_testing.contract.traits import needs
from agent_sdk_testing.contract.watching import run, until

pytestmark = [pytest.mark.anyio, needs("mcp_servers", "mcp_status")]

_BENCH = McpServer(command=sys.executable, args=("-B", mcp_server.__file__))

AT_ONCE: Final[Mapping[str, tuple[str, ...]]] = {
    "stdio": ("nonsense", "error", "exit"),
    "http": ("garbage", "nonsense", "error", "huge", "broken", "cut", "half"),
    "sse": ("error", "broken", "cut"),
}
"""The faults that an agent notices by themselves when a server starts."""

SILENT: Final[Mapping[str, tuple[str, ...]]] = {
    "stdio": ("mute", "garbage", "other id", "huge", "closed"),
    "http": ("mute", "other id"),
    "sse": ("mute", "nonsense", "other id", "huge"),
}
"""Those which the time alone ends."""

CALLS: Final[Mapping[str, tuple[str, ...]]] = {
    "stdio": ("nonsense", "error", "exit", "mute", "garbage", "other id", "huge", "closed"),
    "http": ("garbage", "nonsense", "error", "huge", "broken", "cut", "half", "mute", "other id"),
    "sse": ("error", "broken", "cut", "huge", "mute", "other id"),
}
"""The faults of a call."""

_TIMED: Final = ("mute", "garbage", "other id", "huge", "closed", "nonsense")
"""Those of a call for which somebody has to have patience, on one agent or the other."""


def faulty(web: McpWeb, transport: str, at: str, fault: str, **limits: float) -> McpServer:
    """Return a server that fails in one way, at one place."""
    given: dict[str, Any] = {**limits}
    if transport == "stdio":
        return McpServer(command=sys.executable, args=("-B", mcp_faults.__file__, at, fault), **given)
    path = f"{'faulty-sse' if transport == 'sse' else 'faulty'}/{at}/{quote(fault)}"
    return McpServer(url=f"{web.url}/{path}", type="sse" if transport == "sse" else None, **given)


def name_of(fault: str) -> str:
    """Return what a faulty server is called."""
    return f"bad-{fault.replace(' ', '-')}"


async def started(agent: Agent, session: AgentSession) -> None:
    """Run a turn, and wait until no server starts any more."""
    agent.model.reply(text("Went on."))
    assert (await run(session, "Talk.")).result.outcome == "completed"
    while any(server.state == "starting" for server in await session.mcp_status()):
        await anyio.sleep(0.05)


async def greets(agent: Agent, session: AgentSession) -> None:
    """Check that a server without a fault works beside the others."""
    agent.model.reply(agent.mcp_tool("bench", "greet", name="Ada")).reply(text("Done."))
    ran = await run(session, "Greet her.")
    assert [(result.text, bool(result.is_error)) for result in ran.results] == [("Hello, Ada!", False)]


async def check_start(agent: Agent, web: McpWeb, transport: str, faults: Iterable[str], *, timed: bool) -> None:
    """Check that each server that fails at its start is told, and that the session can be used."""
    limits = {"startup_timeout": 1.0} if timed else {}  # Of Claude one limit holds for all servers.
    servers = {name_of(fault): faulty(web, transport, "start", fault, **limits) for fault in faults}
    beside = {} if timed else {"bench": _BENCH}
    async with agent.session(mcp_servers={**servers, **beside}, permission_mode="bypass") as session:
        stream = session.messages()
        await started(agent, session)
        left = set(servers)
        while left:
            told = await until(stream, Informational, lambda told: "did not start" in told.content)
            assert told.level == "warning"
            left -= {name for name in left if f"The MCP server {name} did not start" in told.content}
        states = {server.name: server.state for server in await session.mcp_status()}
        assert {name: states[name] for name in servers} == dict.fromkeys(servers, "failed")
        if timed:
            agent.model.reply(text("Still here."))
            assert (await run(session, "Talk on.")).result.result == "Still here."
        else:
            await greets(agent, session)


async def check_calls(agent: Agent, web: McpWeb, transport: str) -> None:
    """Check that each call that fails is an error for the model, in one turn, and that the session can be used."""
    limits = {fault: {"call_timeout": 1.0} if fault in _TIMED else {} for fault in CALLS[transport]}
    servers = {name_of(fault): faulty(web, transport, "call", fault, **limits[fault]) for fault in CALLS[transport]}
    async with agent.session(mcp_servers={**servers, "bench": _BENCH}, permission_mode="bypass") as session:
        await started(agent, session)
        for name in servers:
            agent.model.reply(agent.mcp_tool(name, "greet", name="Ada"))
        agent.model.reply(text("Went on."))
        ran = await run(session, "Call them all.")
        assert [use.name for use in ran.uses] == [f"mcp__{name}__greet" for name in servers]
        outcomes = [ran.result_of(use).is_error for use in ran.uses]
        assert dict(zip(servers, outcomes, strict=True)) == dict.fromkeys(servers, True)
        assert all(result.text for result in ran.results)
        assert (ran.result.outcome, ran.result.result) == ("completed", "Went on.")
        await greets(agent, session)


@pytest.mark.parametrize("transport", ["stdio", "http"])
async def test_servers_that_fail_at_their_start_are_told_each_and_the_others_work(agent: Agent, transport: str) -> None:
    with McpWeb().running() as web:
        await check_start(agent, web, transport, AT_ONCE[transport], timed=False)


@pytest.mark.parametrize("transport", ["stdio", "http"])
async def test_servers_that_never_come_up_are_given_up_and_told_each(agent: Agent, transport: str) -> None:
    with McpWeb().running() as web:
        await check_start(agent, web, transport, SILENT[transport], timed=True)


@pytest.mark.parametrize("transport", ["stdio", "http"])
async def test_calls_that_fail_in_any_way_are_errors_and_the_turn_goes_on(agent: Agent, transport: str) -> None:
    with McpWeb().running() as web:
        await check_calls(agent, web, transport)


async def test_what_a_server_prints_beside_its_answers_harms_nothing(agent: Agent) -> None:
    with McpWeb().running() as web:
        servers = {at: faulty(web, "stdio", at, "chatter") for at in ("start", "list", "call")}
        async with agent.session(mcp_servers=servers, permission_mode="bypass") as session:
            await started(agent, session)
            assert {server.name: server.state for server in await session.mcp_status()} == dict.fromkeys(
                servers, "connected"
            )
            agent.model.reply(agent.mcp_tool("call", "greet", name="Ada")).reply(text("Done."))
            ran = await run(session, "Call it.")
    assert [(result.text, bool(result.is_error)) for result in ran.results] == [(mcp_faults.ANSWERED, False)]


async def test_a_result_of_megabytes_is_cut_or_kept_aside_and_the_turn_goes_on(agent: Agent) -> None:
    with McpWeb().running() as web:
        servers = {name: faulty(web, name, "call", "huge result") for name in ("stdio", "http")}
        async with agent.session(mcp_servers={**servers, "bench": _BENCH}, permission_mode="bypass") as session:
            await started(agent, session)
            for name in servers:
                agent.model.reply(agent.mcp_tool(name, "greet", name="Ada"))
            agent.model.reply(text("Went on."))
            ran = await run(session, "Call them.")
            assert (ran.result.outcome, ran.result.result) == ("completed", "Went on.")
            assert len(ran.results) == len(servers)
            assert all(0 < len(result.text) < mcp_faults.HUGE for result in ran.results)
            await greets(agent, session)
