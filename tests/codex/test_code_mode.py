from __future__ import annotations

import pytest
from tests.codex.driving import Codex, names

from agent_sdk_core import Answers, QuestionRequest, ToolRegistry, tool
from agent_sdk_testing import ask_user, call_tool, edit_file, run_command, text, write_file
from agent_sdk_testing.contract.watching import run

pytestmark = pytest.mark.anyio

LATER = "gpt-6.1-sol"
"""A model of Codex's own list that calls its tools from programs (0.163)."""


@tool(ask="never")
async def add(first: int, second: int) -> int:
    """Add two numbers."""
    return first + second


async def test_the_actions_of_a_script_work_with_a_model_that_writes_programs(codex: Codex) -> None:
    for action in (
        write_file("a.txt", "one\n"),
        edit_file("a.txt", "one", "two"),
        run_command("cat a.txt"),
        call_tool("add", first=1, second=2),
    ):
        codex.model.reply(action)
    codex.model.reply(text("Done."))
    registry = ToolRegistry("sums", [add])
    async with codex.session(model=LATER, permission_mode="bypass", tools=[registry]) as session:
        ran = await run(session, "Go.")
    assert names(ran) == ["Write", "Edit", "Bash", "mcp__sums__add"]
    assert [result.text for result in ran.results[2:]] == ["two\n", "3"]
    assert ran.result.result == "Done."


async def test_a_model_that_writes_programs_asks_the_user(codex: Codex) -> None:
    async def answer(request: QuestionRequest) -> Answers:
        return Answers({request.questions[0].id: ["A"]})

    codex.model.reply(ask_user("Which?", "A", "B")).reply(text("Done."))
    async with codex.session(model=LATER, permission_mode="plan", on_question=answer) as session:
        assert (await run(session, "Go.")).result.outcome == "completed"
    assert "A" in codex.model.requests[1].tool_outputs[-1].text
