from __future__ import annotations

import pytest
from tests.codex.driving import Codex, mcp, names

from agent_sdk_core import AssistantMessage, ImageBlock, InitMessage, ToolProgress
from agent_sdk_testing import text
from agent_sdk_testing.contract.watching import run, until

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
