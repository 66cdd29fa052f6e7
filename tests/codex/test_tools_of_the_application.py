from __future__ import annotations

import base64

import anyio
import pytest
from tests.codex.driving import Codex

from agent_sdk_core import AssistantMessage, ImageBlock, Tool, ToolImage, ToolRegistry, ToolResult, UserMessage, tool
from agent_sdk_testing import call, text
from agent_sdk_testing.contract.watching import Ran, run, until

pytestmark = pytest.mark.anyio

PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="
)


@tool(ask="never")
async def add(first: int, second: int) -> int:
    """Add two numbers."""
    if first < 0:
        raise ValueError("only from zero")
    return first + second


@tool(ask="never")
async def draw() -> ToolResult:
    """Draw a picture."""
    return ToolResult(("Here:", ToolImage(PIXEL, "image/png")))


async def calling(codex: Codex, name: str, /, *tools: Tool, **arguments: int | str) -> Ran:
    """Run a turn in which the model calls one of the application's tools."""
    codex.model.reply(call(name, arguments, namespace="sums")).reply(text("Done."))
    async with codex.session(tools=ToolRegistry("sums", tools)) as session:
        assert session.info.tools == tuple(f"mcp__sums__{entry.name}" for entry in tools)
        return await run(session, "Use it.")


async def test_a_tool_of_the_application_runs_and_its_result_reaches_the_model(codex: Codex) -> None:
    ran = await calling(codex, "add", add, first=1, second=2)
    [use], [result] = ran.uses, ran.results
    assert (use.name, use.input, use.kind) == ("mcp__sums__add", {"first": 1, "second": 2}, "mcp")
    assert (result.text, result.is_error) == ("3", False)
    assert codex.model.requests[1].tool_outputs[0].text == "3"
    assert codex.model.requests[0].tool("sums.add")["description"] == "Add two numbers."


async def test_a_tool_of_the_application_that_raises_is_an_error_and_the_turn_goes_on(codex: Codex) -> None:
    ran = await calling(codex, "add", add, first=-1, second=2)
    [result] = ran.results
    assert (result.text, result.is_error) == ("ValueError: only from zero", True)
    assert codex.model.requests[1].tool_outputs[0].text == "ValueError: only from zero"
    assert ran.result.outcome == "completed"


async def test_bad_input_of_a_tool_of_the_application_is_an_error_that_says_what_is_wrong(codex: Codex) -> None:
    ran = await calling(codex, "add", add, first="one")
    [result] = ran.results
    assert result.is_error is True
    assert "Invalid arguments for add" in result.text


async def test_a_tool_that_the_application_does_not_have_is_a_tool_use_that_failed(codex: Codex) -> None:
    ran = await calling(codex, "subtract", add, first=1)
    [use], [result] = ran.uses, ran.results
    assert (use.name, use.input) == ("mcp__sums__subtract", {"first": 1})
    assert (result.tool_use_id, result.is_error) == (use.id, True)
    assert "subtract" in codex.model.requests[1].tool_outputs[0].text
    assert ran.result.outcome == "completed"


async def test_an_image_of_a_tool_of_the_application_reaches_the_model_and_the_user(codex: Codex) -> None:
    ran = await calling(codex, "draw", draw)
    [result] = ran.results
    assert isinstance(result.content, list)
    assert result.text == "Here:"
    [image] = [block for block in result.content if isinstance(block, ImageBlock)]
    assert image.source["media_type"] == "image/png"
    assert base64.b64encode(PIXEL).decode() in codex.model.requests[1].body.decode()


async def test_an_interrupt_cancels_a_tool_of_the_application(codex: Codex) -> None:
    running, cancelled = anyio.Event(), anyio.Event()

    @tool(ask="never")
    async def wait() -> None:
        """Wait for ever."""
        running.set()
        try:
            await anyio.sleep_forever()
        finally:
            cancelled.set()

    codex.model.reply(call("wait", namespace="sums"))
    async with codex.session(tools=ToolRegistry("sums", [wait])) as session:
        turn = session.query("Wait.")
        [use] = (await until(turn, AssistantMessage, lambda message: message.tool_uses)).tool_uses
        await running.wait()
        await turn.interrupt()
        await cancelled.wait()
        [closed] = (await until(turn, UserMessage, lambda message: message.tool_results)).tool_results
        assert (closed.tool_use_id, closed.is_error) == (use.id, True)
        assert (await turn.wait()).outcome == "interrupted"
        codex.model.reply(text("On."))
        assert (await run(session, "Go on.")).result.outcome == "completed"


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_a_session_keeps_the_tools_that_it_was_started_with_and_says_so(
    codex: Codex, caplog: pytest.LogCaptureFixture
) -> None:
    registry = ToolRegistry("sums", [add, draw])
    codex.model.reply(call("add", {"first": 1, "second": 2}, namespace="sums")).reply(text("Done."))
    async with codex.session(tools=registry) as session:
        registry.remove("add")
        ran = await run(session, "Use it.")
    assert ran.results[0].is_error is True
    assert "There is no tool 'add'; there are: draw." in ran.results[0].text
    assert "codex keeps the tools that a session was started with" in caplog.text
