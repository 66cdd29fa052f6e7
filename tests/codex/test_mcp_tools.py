from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import anyio
import pytest
from tests.codex.driving import SERVER, Codex, mcp, names

from agent_sdk_core import (
    AssistantMessage,
    ImageBlock,
    Informational,
    InitMessage,
    McpServer,
    ToolProgress,
    UnsupportedOptionError,
)
from agent_sdk_testing import text
from agent_sdk_testing.contract.cases.test_mcp_faults import faulty, started
from agent_sdk_testing.contract.mcp_web import McpWeb
from agent_sdk_testing.contract.watching import run, until
from codex_sdk import CodexBackend

pytestmark = pytest.mark.anyio


async def test_a_call_of_an_mcp_tool_has_its_text_and_its_data_as_result(codex: Codex) -> None:
    codex.model.reply(mcp("greet", name="Ada")).reply(text("Done."))
    async with codex.session(mcp_servers=codex.mcp_servers) as session:
        ran = await run(session, "Greet her.")
        assert session.info.mcp_servers == ("bench",)
    [use], [result] = ran.uses, ran.results
    assert (use.name, use.input, use.kind) == ("mcp__bench__greet", {"name": "Ada"}, "mcp")
    assert (result.text, result.is_error) == ("Hello, Ada!", False)
    assert ran.outcomes[0]["structuredContent"] == {"greeted": "Ada"}
    assert "Ada" in codex.model.requests[1].tool_outputs[0].text


async def test_an_mcp_server_is_listed_with_its_status_at_the_start_of_a_turn(codex: Codex) -> None:
    codex.model.reply(text("One.")).reply(text("Two."))
    async with codex.session(mcp_servers=codex.mcp_servers) as session:
        await run(session, "Start.")
        ran = await run(session, "Go on.")
    [init] = ran.all(InitMessage)
    assert init.mcp_servers == [{"name": "bench", "status": "ready"}]


@pytest.mark.parametrize(("tool", "said"), [("fail", "It did not work."), ("crash", "The server is confused.")])
async def test_an_mcp_tool_that_fails_is_an_error_and_the_turn_goes_on(codex: Codex, tool: str, said: str) -> None:
    codex.model.reply(mcp(tool)).reply(text("Too bad."))
    async with codex.session(mcp_servers=codex.mcp_servers) as session:
        ran = await run(session, "Try.")
    [result] = ran.results
    assert result.is_error is True
    assert said in result.text
    assert (ran.result.outcome, ran.result.result) == ("completed", "Too bad.")


async def test_an_image_of_an_mcp_tool_is_an_image_block(codex: Codex) -> None:
    codex.model.reply(mcp("draw")).reply(text("Nice."))
    async with codex.session(mcp_servers=codex.mcp_servers) as session:
        ran = await run(session, "Draw.")
    [result] = ran.results
    assert isinstance(result.content, list)
    [image] = result.content
    assert isinstance(image, ImageBlock)
    assert image.source["media_type"] == "image/png"


async def test_an_mcp_tool_that_tells_its_progress_works(codex: Codex) -> None:
    codex.model.reply(mcp("work")).reply(text("Done."))
    async with codex.session(mcp_servers=codex.mcp_servers) as session:
        ran = await run(session, "Work.")
    assert ran.all(ToolProgress) == []  # Codex 0.163 asks for it, and tells nobody.
    assert ran.results[0].text == "Worked."


async def test_a_tool_that_the_mcp_server_does_not_have_is_a_tool_use_that_failed(codex: Codex) -> None:
    codex.model.reply(mcp("nonsense")).reply(text("So be it."))
    async with codex.session(mcp_servers=codex.mcp_servers) as session:
        ran = await run(session, "Try.")
    assert names(ran) == ["mcp__bench__nonsense"]
    assert [result.is_error for result in ran.results] == [True]
    assert "nonsense" in codex.model.requests[1].tool_outputs[0].text


async def test_an_interrupt_ends_a_call_of_an_mcp_tool(codex: Codex) -> None:
    codex.model.reply(mcp("hang", name=str(codex.feed("pipe").path)))
    async with codex.session(mcp_servers=codex.mcp_servers) as session:
        turn = session.query("Wait.")
        use = (await until(turn, AssistantMessage, lambda message: message.tool_uses)).tool_uses[0]
        await turn.interrupt()
        rest = [message async for message in turn]
    assert turn.result is not None
    assert turn.result.outcome == "interrupted"
    results = [result for message in rest if message.type == "user" for result in getattr(message, "tool_results", ())]
    assert [(result.tool_use_id, result.is_error) for result in results] == [(use.id, True)]


async def test_a_server_that_speaks_the_older_protocol_is_refused(codex: Codex) -> None:
    async with codex.backend() as backend:
        with pytest.raises(UnsupportedOptionError, match="the older protocol"):
            await codex.open(backend, mcp_servers={"old": McpServer(url="http://127.0.0.1:1/sse", type="sse")})


async def test_a_setting_of_the_other_agent_is_refused(codex: Codex) -> None:
    async with codex.backend() as backend:
        with pytest.raises(UnsupportedOptionError, match=r"'alwaysLoad' of an MCP server: .*\['bench'\]"):
            await codex.open(backend, mcp_servers={"bench": {**codex.mcp_servers["bench"], "alwaysLoad": True}})
        with pytest.raises(UnsupportedOptionError, match="did you mean 'required'"):
            await codex.open(backend, mcp_servers={"bench": {**codex.mcp_servers["bench"], "require": True}})


async def test_a_server_whose_tools_cannot_be_listed_did_not_start(codex: Codex) -> None:
    with McpWeb().running() as web:
        async with codex.session(mcp_servers={"bad": faulty(web, "stdio", "list", "error")}) as session:
            stream = session.messages()
            await started(codex, session)
            told = await until(stream, Informational, lambda told: "The MCP server bad did not start" in told.content)
            [server] = await session.mcp_status()
    assert "It has no licence." in told.content
    assert (server.state, server.tools) == ("failed", ())


async def test_a_closed_session_leaves_no_process_of_its_mcp_servers(codex: Codex) -> None:
    codex.model.reply(mcp("greet", name="Ada")).reply(text("Done."))
    async with codex.backend() as backend:
        assert isinstance(backend, CodexBackend)
        async with await codex.open(backend, mcp_servers=codex.mcp_servers) as session:
            await run(session, "Call it.")
            assert backend.pid is not None
            servers = mcp_servers_of(backend.pid)
            assert servers
        with anyio.fail_after(60):
            while set(servers) & set(mcp_servers_of(backend.pid)):
                await anyio.sleep(0.05)
        assert backend.pid is not None, "the app-server itself lives on"


def mcp_servers_of(pid: int) -> list[str]:
    """Return the processes of the MCP server of these tests that a process has started."""
    found: list[str] = []
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            parent = (folder / "stat").read_text().rpartition(")")[2].split()[1]
            if parent == str(pid) and SERVER.name.encode() in (folder / "cmdline").read_bytes():
                found.append(folder.name)
    return found
