from __future__ import annotations

import base64

import anyio
import anyio.to_thread
import pytest
from tests.claude.driving import Claude

from agent_sdk_core import AssistantMessage, ImageBlock, Tool, ToolImage, ToolRegistry, ToolResult, UserMessage, tool
from agent_sdk_testing import text
from agent_sdk_testing.contract.watching import Asker, Ran, run, until

pytestmark = pytest.mark.anyio

PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="
)


@tool(ask="never")
async def add(first: int, second: int) -> int:
    """Add two numbers."""
    return first + second


@tool(ask="never")
async def draw() -> ToolResult:
    """Draw a picture."""
    return ToolResult(("Here:", ToolImage(PIXEL, "image/png")))


async def calling(claude: Claude, name: str, /, *tools: Tool, **arguments: int | str) -> Ran:
    """Run a turn in which the model calls one of the application's tools."""
    claude.model.reply(claude.application_tool("sums", name, **arguments)).reply(text("Done."))
    async with claude.session(tools=ToolRegistry("sums", tools)) as session:
        return await run(session, "Use it.")


async def test_tools_of_the_application_are_offered_whole_from_the_first_request_on(claude: Claude) -> None:
    ran = await calling(claude, "add", add, first=1, second=2)
    offered = claude.model.requests[0].tool("mcp__sums__add")
    assert offered["description"] == "Add two numbers."
    assert offered["input_schema"]["required"] == ["first", "second"]
    assert ran.results[0].text == "3"


async def test_bad_input_of_a_tool_of_the_application_is_an_error_that_says_what_is_wrong(claude: Claude) -> None:
    ran = await calling(claude, "add", add, first="one")
    [result] = ran.results
    assert result.is_error is True
    assert "first" in result.text
    assert ran.result.outcome == "completed"


async def test_a_tool_that_the_application_does_not_have_fails(claude: Claude) -> None:
    ran = await calling(claude, "subtract", add, first=1)
    [result] = ran.results
    assert result.is_error is True
    assert "subtract" in result.text


async def test_an_image_of_a_tool_of_the_application_reaches_the_model_and_the_user(claude: Claude) -> None:
    ran = await calling(claude, "draw", draw)
    [result] = ran.results
    assert isinstance(result.content, list)
    assert result.text.startswith("Here:")  # Claude adds where it has put the picture.
    [image] = [block for block in result.content if isinstance(block, ImageBlock)]
    assert image.source["media_type"] == "image/png"
    assert claude.images_of(claude.model.requests[1]) == 1


async def test_an_interrupt_cancels_a_tool_of_the_application(claude: Claude) -> None:
    running, cancelled = anyio.Event(), anyio.Event()

    @tool(ask="never")
    async def wait() -> None:
        """Wait for ever."""
        running.set()
        try:
            await anyio.sleep_forever()
        finally:
            cancelled.set()

    claude.model.reply(claude.application_tool("sums", "wait"))
    async with claude.session(tools=ToolRegistry("sums", [wait])) as session:
        turn = session.query("Wait.")
        [use] = (await until(turn, AssistantMessage, lambda message: message.tool_uses)).tool_uses
        await running.wait()
        await turn.interrupt()
        await cancelled.wait()
        [closed] = (await until(turn, UserMessage, lambda message: message.tool_results)).tool_results
        assert (closed.tool_use_id, closed.is_error) == (use.id, True)
        assert (await turn.wait()).outcome == "interrupted"
        claude.model.reply(text("On."))
        assert (await run(session, "Go on.")).result.outcome == "completed"


@pytest.mark.parametrize("reading", [True, False])
async def test_tools_that_only_read_run_side_by_side(claude: Claude, reading: bool) -> None:
    running, most = 0, 0
    both = anyio.Event()

    @tool(read_only=reading, ask="never")
    async def look(number: int) -> str:
        """Look."""
        nonlocal running, most
        running += 1
        most = max(most, running)
        if running == 2:
            both.set()
        if reading:
            await both.wait()  # Each waits for the other one.
        running -= 1
        return f"{number}"

    calls = [claude.application_tool("sums", "look", number=number) for number in (1, 2)]
    claude.model.reply(*calls).otherwise(text("Done."))
    async with claude.session(tools=ToolRegistry("sums", [look])) as session:
        ran = await run(session, "Look twice.")
    assert (most, sorted(result.text for result in ran.results)) == (2 if reading else 1, ["1", "2"])


async def test_a_long_result_is_handed_on_whole_where_its_tool_says_so(claude: Claude) -> None:
    @tool(max_result_chars=400_000, ask="never")
    async def whole() -> str:
        """Say much."""
        return "x" * 300_000

    await calling(claude, "whole", whole)
    assert "x" * 300_000 in claude.model.requests[1].tool_outputs[0].text


async def test_one_that_is_always_asked_about_is_so_beside_settings_of_a_file(claude: Claude) -> None:
    file = claude.write("settings.json", '{"permissions": {"allow": ["mcp__sums__add"], "deny": ["Bash(date)"]}}')
    asker = Asker()
    claude.model.reply(claude.application_tool("sums", "add", first=1, second=2), claude.command("date"))
    claude.model.otherwise(text("Done."))
    asked = Tool(add.name, add.description, add.input_schema, add.handler, ask="always")
    async with claude.session(tools=ToolRegistry("sums", [asked]), settings=file, can_use_tool=asker) as session:
        await session.set_reasoning_effort("low")
        ran = await run(session, "Use it.")
    assert [request.tool_name for request in asker.requests] == ["mcp__sums__add"]
    assert ran.results[0].text == "3"
    assert [denial["tool_name"] for denial in ran.result.permission_denials] == ["Bash"]


def offered(claude: Claude, name: str) -> bool:
    """Tell whether the model was offered a tool by the last request."""
    return any(tool["name"] == name for tool in claude.model.requests[-1].json["tools"])


async def test_a_registry_may_change_while_a_session_runs(claude: Claude) -> None:
    @tool(read_only=True)
    async def more() -> str:
        """Say more."""
        return "more"

    asker = Asker()
    registry = ToolRegistry("sums", [add])
    claude.model.otherwise(text("Done."))
    async with claude.session(tools=registry, can_use_tool=asker) as session:
        await run(session, "Talk.")
        registry.add(more)
        asked = Tool(add.name, add.description, add.input_schema, add.handler)
        await anyio.to_thread.run_sync(lambda: (registry.remove("add"), registry.add(asked)))
        while not offered(claude, "mcp__sums__more"):
            await run(session, "Talk.")  # Claude asks for the list by itself, some time after it was told.
        claude.model.reply(claude.application_tool("sums", "more"))
        claude.model.reply(claude.application_tool("sums", "add", first=1, second=2))
        ran = await run(session, "Use them.")
    assert [result.text for result in ran.results] == ["more", "3"]
    assert [request.tool_name for request in asker.requests] == ["mcp__sums__add"]
