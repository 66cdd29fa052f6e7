"""Tools that are not the agent's own: the application's functions, and those of MCP servers."""

from __future__ import annotations

import sys
import threading
import time
from pathlib import Path
from typing import Annotated, Any

import anyio
import anyio.lowlevel
import anyio.to_thread
import pytest
from pydantic import AfterValidator

from agent_sdk_core import (
    DEFER,
    AssistantMessage,
    ElicitationAnswer,
    ElicitationRequest,
    InvalidRequestError,
    RequestOpened,
    RequestResolved,
    ResultMessage,
    Tool,
    ToolContext,
    ToolProgress,
    ToolRegistry,
    ToolResult,
    UserMessage,
    tool,
)
from agent_sdk_testing import text
from agent_sdk_testing.contract import mcp_server
from agent_sdk_testing.contract.agent import Agent
from agent_sdk_testing.contract.traits import needs
from agent_sdk_testing.contract.watching import Asker, Ran, run, until

pytestmark = pytest.mark.anyio

SERVERS: dict[str, Any] = {"bench": {"command": sys.executable, "args": ["-B", str(Path(mcp_server.__file__))]}}


@tool(read_only=True)
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
async def test_a_tool_of_the_application_runs_and_its_result_reaches_the_model(agent: Agent) -> None:
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
async def test_what_does_not_fit_what_an_mcp_server_asks_is_never_sent(agent: Agent) -> None:
    agent.model.reply(agent.mcp_tool("bench", "ask")).reply(text("Done."))
    async with agent.session(mcp_servers=SERVERS, can_use_tool=Asker(), on_elicitation=DEFER) as session:
        stream = session.messages()
        await session.send("Ask.")
        await until(stream, RequestOpened, lambda opened: opened.kind == "elicitation")
        [request] = session.pending
        for content, words in (({"name": 5}, "5 is not of type 'string'"), (None, "'name' is a required property")):
            with pytest.raises(InvalidRequestError, match=words):
                await session.answer(request.request_id, ElicitationAnswer("accept", content))
        assert list(session.pending) == [request]
        await session.answer(request.request_id, ElicitationAnswer("accept", {"name": "Ada"}))
        result = await until(stream, UserMessage, lambda message: message.tool_results)
        await until(stream, ResultMessage)
    assert '"name": "Ada"' in result.tool_results[0].text


@needs("mcp_servers", "on_elicitation")
async def test_a_callback_whose_content_does_not_fit_declines(agent: Agent) -> None:
    async def answer(request: ElicitationRequest) -> ElicitationAnswer:
        del request
        return ElicitationAnswer("accept", {"age": 36})

    agent.model.reply(agent.mcp_tool("bench", "ask")).reply(text("Done."))
    async with agent.session(mcp_servers=SERVERS, can_use_tool=Asker(), on_elicitation=answer) as session:
        ran = await run(session, "Ask.")
    assert '"action": "decline"' in ran.results[0].text
    assert [told.by for told in ran.all(RequestResolved) if told.kind == "elicitation"] == ["callback_error"]


@needs("mcp_servers", "on_elicitation")
async def test_an_mcp_server_is_declined_without_a_callback(agent: Agent) -> None:
    agent.model.reply(agent.mcp_tool("bench", "ask")).reply(text("Done."))
    async with agent.session(mcp_servers=SERVERS, can_use_tool=Asker()) as session:
        ran = await run(session, "Ask.")
    assert '"action": "decline"' in ran.results[0].text
    assert ran.result.outcome == "completed"


@needs("tools")
async def test_a_session_has_the_tools_of_several_registries_under_their_names(agent: Agent) -> None:
    @tool("double", "Double a number.", {"number": int}, annotations={"readOnlyHint": True})
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


async def given(agent: Agent, entry: Tool, **arguments: int | str) -> tuple[Ran, str]:
    """Run a turn in which the model calls a tool, and return it with what the model read."""
    ran = await calling(agent, entry, **arguments)
    assert ran.result.outcome == "completed"
    return ran, agent.model.requests[1].tool_outputs[0].text


@needs("tools")
@pytest.mark.parametrize("plain", [False, True], ids=["async", "plain"])
async def test_a_tool_knows_its_call_and_tells_how_far_it_is(agent: Agent, plain: bool) -> None:
    contexts: list[ToolContext] = []

    def tell(context: ToolContext) -> str:
        contexts.append(context)
        context.progress("one\n")
        context.progress("two\n")
        return "done"

    async def later(steps: int, context: ToolContext) -> str:
        return tell(context)

    def at_once(context: ToolContext, steps: int) -> str:
        return tell(context)

    made = tool(name="count", description="Count.", read_only=True)(at_once if plain else later)
    ran, told = await given(agent, made, steps=2)
    [context], [use] = contexts, ran.uses
    assert told.endswith("done")
    assert (context.session_id, context.tool_use_id, context.tool_name) == (
        ran.result.session_id,
        use.id,
        "mcp__sums__count",
    )
    assert context.cwd == str(agent.workspace.resolve())
    progress = ran.all(ToolProgress)
    assert "".join(message.output or "" for message in progress) == "one\ntwo\n"
    assert {(message.tool_use_id, message.tool_name) for message in progress} == {(use.id, "mcp__sums__count")}
    assert b'"context"' not in agent.model.requests[0].body
    context.progress("Too late.")


@needs("tools")
async def test_a_tool_that_takes_too_long_is_cancelled_and_the_model_reads_that(agent: Agent) -> None:
    cancelled: list[bool] = []

    @tool(read_only=True, timeout=0.05)
    async def forever(context: ToolContext) -> None:
        """Wait for ever."""
        try:
            await anyio.sleep_forever()
        finally:
            cancelled.append(context.cancelled)

    _, told = await given(agent, forever)
    assert "forever took more than the 0.05 s that it may, and was cancelled." in told
    assert cancelled == [True]


@needs("tools")
async def test_an_interrupt_is_seen_by_a_tool_that_runs_in_a_thread(agent: Agent) -> None:
    running, seen = threading.Event(), threading.Event()

    @tool(ask="never")
    def forever(context: ToolContext) -> None:
        """Look for the end."""
        running.set()
        while not context.cancelled:
            time.sleep(0.01)
        seen.set()

    agent.model.reply(agent.application_tool("sums", "forever"))
    async with agent.session(tools=ToolRegistry("sums", [forever])) as session:
        turn = session.query("Wait.")
        await until(turn, AssistantMessage, lambda message: message.tool_uses)
        await anyio.to_thread.run_sync(running.wait, 10)
        await turn.interrupt()
        assert await anyio.to_thread.run_sync(seen.wait, 10)
        assert (await turn.wait()).outcome == "interrupted"


@needs("tools")
async def test_all_that_is_wrong_with_arguments_is_told_at_once(agent: Agent) -> None:
    def even(value: int) -> int:
        if value % 2:
            raise ValueError("it is odd")
        return value

    @tool(read_only=True)
    async def halve(number: Annotated[int, AfterValidator(even)], unit: str, digits: int) -> int:
        """Halve an even number."""
        return number // 2

    ran, told = await given(agent, halve, number=3, digits="two", other=1)
    assert ran.results[0].is_error is True
    for fault in ("number: it is odd", "'unit' is a required property", "digits: 'two'", "'other' was unexpected"):
        assert fault in told


@needs("tools")
@pytest.mark.parametrize(
    ("value", "words"),
    [
        ({"rows": [1.0, float("nan")]}, "it holds nan at /rows/1"),
        ({"data": b"x"}, "it holds bytes at /data"),
        ([{"names": {"a"}}], "it holds a set at /0/names"),
        ({"it": object()}, "object"),
    ],
    ids=["number", "bytes", "set", "object"],
)
async def test_a_result_that_json_has_no_word_for_is_an_error_that_says_where(
    agent: Agent, value: object, words: str
) -> None:
    @tool(read_only=True)
    async def give() -> object:
        """Give something."""
        return value

    ran, told = await given(agent, give)
    assert ran.results[0].is_error is True
    assert words in told


@needs("tools")
@pytest.mark.parametrize(
    ("returned", "shown"),
    [
        (ToolResult(("Seven.",), structured={"pieces": 7}), "Seven."),
        (ToolResult(structured={"pieces": 7}), '{"pieces":7}'),
        ({"pieces": 7}, '{"pieces":7}'),
    ],
    ids=["both", "data alone", "returned"],
)
async def test_data_reaches_the_application_beside_the_words_for_the_model(
    agent: Agent, returned: object, shown: str
) -> None:
    @tool(read_only=True)
    async def stock() -> object:
        """Tell the stock."""
        return returned

    ran, told = await given(agent, stock)
    assert (shown in told, ran.results[0].text) == (True, shown)
    assert ran.outcomes == [{"pieces": 7}]


@needs("tools")
async def test_tools_that_may_change_something_run_one_after_the_other(agent: Agent) -> None:
    running, most = 0, 0

    @tool(ask="never")
    async def change(number: int) -> str:
        """Change something."""
        nonlocal running, most
        running += 1
        most = max(most, running)
        await anyio.lowlevel.checkpoint()
        await anyio.sleep(0.02)
        running -= 1
        return str(number)

    agent.model.reply(*(agent.application_tool("sums", "change", number=number) for number in (1, 2, 3)))
    agent.model.otherwise(text("Done."))
    async with agent.session(tools=ToolRegistry("sums", [change])) as session:
        ran = await run(session, "Change it.")
    assert (most, sorted(result.text for result in ran.results)) == (1, ["1", "2", "3"])
