"""MCP servers: in every spelling, at an address, and what becomes of a session whose server fails, dies or is mute."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import anyio
import anyio.to_thread
import pytest

from agent_sdk_core import (
    AgentSession,
    Informational,
    InvalidRequestError,
    McpServer,
    McpServerStatus,
    Secret,
    WireLog,
)
from agent_sdk_testing import text
from agent_sdk_testing.contract import mcp_server
from agent_sdk_testing.contract.agent import Agent
from agent_sdk_testing.contract.mcp_web import McpWeb
from agent_sdk_testing.contract.process_agent import ProcessAgent
from agent_sdk_testing.contract.traits import needs
from agent_sdk_testing.contract.watching import Ran, run, until

pytestmark = [pytest.mark.anyio, needs("mcp_servers")]

_ARGS = ("-B", str(Path(mcp_server.__file__)))
_BENCH = McpServer(command=sys.executable, args=_ARGS)
_HUSH = "hush-hush-hush"


async def greeting(agent: Agent, server: object, **options: Any) -> Ran:
    """Run a turn that calls the server's tool."""
    agent.model.reply(agent.mcp_tool("bench", "greet", name="Ada")).reply(text("Done."))
    async with agent.session(mcp_servers={"bench": server}, permission_mode="bypass", **options) as session:
        return await run(session, "Greet her.")


async def status_of(session: AgentSession, name: str) -> McpServerStatus:
    """Return the state of one server."""
    return next(server for server in await session.mcp_status() if server.name == name)


_SPELLINGS: Mapping[str, Mapping[str, object]] = {
    "claude": {"type": "stdio", "command": sys.executable, "args": list(_ARGS), "env": {"A": "b"}, "timeout": 9000},
    "codex": {
        "command": sys.executable,
        "args": list(_ARGS),
        "env": {"A": "b"},
        "startup_timeout_sec": 9,
        "tool_timeout_sec": 9.5,
        "enabled": True,
    },
}


@pytest.mark.parametrize("spelling", _SPELLINGS)
async def test_a_server_is_taken_in_the_spelling_of_each_official_package(agent: Agent, spelling: str) -> None:
    ran = await greeting(agent, _SPELLINGS[spelling])
    assert [result.text for result in ran.results] == ["Hello, Ada!"]


_ADDRESSES: Mapping[str, Callable[[str], object]] = {
    "typed": lambda url: McpServer(url=url, headers={"X-Pass": Secret(_HUSH)}),
    "claude": lambda url: {"type": "http", "url": url, "headers": {"X-Pass": _HUSH}},
    "codex": lambda url: {"url": url, "http_headers": {"X-Pass": Secret(_HUSH)}},
}


@pytest.mark.parametrize("spelling", _ADDRESSES)
async def test_a_server_at_an_address_is_sent_its_headers(agent: Agent, spelling: str) -> None:
    with McpWeb().running() as web:
        ran = await greeting(agent, _ADDRESSES[spelling](f"{web.url}/mcp"))
    assert [result.text for result in ran.results] == ["Hello, Ada!"]
    assert web.heard("/mcp", "x-pass") == {_HUSH}


@needs("installed")
async def test_secrets_of_a_server_reach_it_and_nobody_else(
    agent: Agent, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert isinstance(agent, ProcessAgent)
    caplog.set_level("DEBUG")
    path = tmp_path / "wire.jsonl"
    server = McpServer(command=sys.executable, args=_ARGS, env={"PLAIN": Secret(_HUSH)})
    agent.model.reply(agent.mcp_tool("bench", "greet", name="Ada")).reply(text("Done."))
    with WireLog(path) as log, McpWeb().running() as web:
        servers = {"bench": server, "web": McpServer(url=f"{web.url}/mcp", headers={"X-Pass": Secret(_HUSH)})}
        options: dict[str, Any] = {"mcp_servers": servers, "permission_mode": "bypass"}
        async with agent.backend(wire_log=log) as backend, await agent.open(backend, **options) as session:
            await run(session, "Greet her.")
            lines = Path("/proc", str(agent.pid(session)), "cmdline").read_bytes()
            told = f"{await session.mcp_status()} {session.info}"
        assert web.heard("/mcp", "x-pass") == {_HUSH}
    assert _HUSH.encode() not in lines
    assert _HUSH not in told
    assert _HUSH not in path.read_text()
    assert _HUSH not in caplog.text
    kept = [file for file in agent.folder.rglob("*") if file.is_file() and _HUSH.encode() in file.read_bytes()]
    assert kept == []


@needs("mcp_status")
async def test_the_state_of_servers_is_told_with_their_tools_and_why_one_failed(agent: Agent) -> None:
    servers = {"bench": _BENCH, "broken": McpServer(command="/nowhere/at/all")}
    agent.model.otherwise(text("Fine."))
    async with agent.session(mcp_servers={**servers, "off": McpServer(command="true", enabled=False)}) as session:
        await run(session, "Talk.")
        states = {server.name: server for server in await session.mcp_status()}
    assert {name: server.state for name, server in states.items()} == {
        "bench": "connected",
        "broken": "failed",
        "off": "disabled",
    }
    greet = next(tool for tool in states["bench"].tools if tool.name == "greet")
    assert (greet.read_only, states["bench"].version) == (True, "1.0")
    assert "o such file" in (states["broken"].error or "")
    assert states["broken"].tools == ()


async def test_a_server_that_does_not_start_is_told_and_the_turn_goes_on(agent: Agent) -> None:
    agent.model.reply(text("Fine."))
    async with agent.session(mcp_servers={"broken": McpServer(command="/nowhere/at/all")}) as session:
        stream = session.messages()
        ran = await run(session, "Talk.")
        assert ran.result.outcome == "completed"
        told = await until(stream, Informational, lambda told: told.level == "warning" and "broken" in told.content)
    assert "did not start" in told.content
    assert "o such file" in told.content


@pytest.mark.parametrize("transport", ["stdio", "http"])
async def test_a_server_that_never_answers_is_given_up(agent: Agent, transport: str) -> None:
    agent.model.reply(text("Fine."))
    with McpWeb().running() as web:
        if transport == "stdio":
            mute = McpServer(command=sys.executable, args=(*_ARGS, "--mute"), startup_timeout=1)
        else:
            mute = McpServer(url=f"{web.url}/mute", startup_timeout=1)
        async with agent.session(mcp_servers={"mute": mute}) as session:
            stream = session.messages()
            assert (await run(session, "Talk.")).result.outcome == "completed"
            await until(stream, Informational, lambda told: "mute did not start" in told.content)


async def test_a_call_that_is_never_answered_is_an_error_and_the_turn_goes_on(agent: Agent) -> None:
    agent.model.reply(agent.mcp_tool("bench", "hang")).reply(text("Went on."))
    server = McpServer(command=sys.executable, args=_ARGS, call_timeout=1)
    async with agent.session(mcp_servers={"bench": server}, permission_mode="bypass") as session:
        ran = await run(session, "Call it.")
    [result] = ran.results
    assert result.is_error is True
    assert "timed out" in result.text
    assert ran.result.outcome == "completed"


@needs("mcp_status")
async def test_a_server_that_dies_in_a_call_is_an_error_and_serves_again_when_it_is_started_anew(agent: Agent) -> None:
    agent.model.reply(agent.mcp_tool("bench", "die")).reply(text("Too bad."))
    agent.model.reply(agent.mcp_tool("bench", "greet", name="Ada")).reply(text("Done."))
    async with agent.session(mcp_servers={"bench": _BENCH}, permission_mode="bypass") as session:
        ran = await run(session, "Call it.")
        [result] = ran.results
        assert (result.is_error, ran.result.outcome) == (True, "completed")
        await session.reload_mcp_servers()
        ran = await run(session, "Again.")
    assert [(result.text, bool(result.is_error)) for result in ran.results] == [("Hello, Ada!", False)]


@needs("mcp_switching")
async def test_a_server_is_disabled_and_enabled_for_the_session_alone(agent: Agent) -> None:
    agent.model.otherwise(text("Fine."))
    before = dict(agent.user_settings)
    async with agent.session(mcp_servers={"bench": _BENCH, "other": _BENCH}) as session:
        await run(session, "Talk.")
        await session.disable_mcp_server("bench")
        assert (await status_of(session, "bench")).state == "disabled"
        assert (await status_of(session, "other")).state == "connected"
        await run(session, "Without it.")
        assert "bench" not in session.info.mcp_servers
        await session.enable_mcp_server("bench")
        await run(session, "With it.")
        assert (await status_of(session, "bench")).state == "connected"
        with pytest.raises(InvalidRequestError, match="nonesuch"):
            await session.disable_mcp_server("nonesuch")
    assert agent.user_settings == before


@needs("mcp_login", "mcp_status")
async def test_somebody_logs_in_to_a_server_at_the_url_that_is_told(agent: Agent) -> None:
    agent.model.otherwise(text("Fine."))
    with McpWeb().running() as web:
        servers = {"bench": _BENCH, "web": McpServer(url=f"{web.url}/login")}
        async with agent.session(mcp_servers=servers) as session:
            await run(session, "Talk.")
            assert (await status_of(session, "web")).state == "needs_login"
            with pytest.raises(InvalidRequestError):
                await session.login_mcp_server("bench")
            url = await session.login_mcp_server("web")
            assert url.startswith(f"{web.url}/authorize?")
            await anyio.to_thread.run_sync(visit, url)
            while (await status_of(session, "web")).state != "connected":
                await session.reload_mcp_servers()
                await run(session, "Go on.")
            assert "greet" in {tool.name for tool in (await status_of(session, "web")).tools}


def visit(url: str) -> None:
    """Open a URL as a browser would, to the end."""
    with urlopen(url, timeout=10) as page:  # of the server above
        page.read()
