"""One script, and one test, over both agents."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from agent_sdk_core import (
    Allow,
    Answers,
    AssistantMessage,
    PermissionRequest,
    QuestionRequest,
    SessionOptions,
    ToolUseBlock,
    tool,
)
from agent_sdk_core.interfaces.backend import AgentBackend
from agent_sdk_testing import (
    ScriptedModel,
    ask_user,
    call_tool,
    edit_file,
    run_command,
    spawn_agent,
    text,
    write_file,
)

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def allow(request: PermissionRequest) -> Allow:
    del request
    return Allow()


async def ran(backend: AgentBackend, prompt: str = "go", **options: Any) -> list[ToolUseBlock]:
    uses: list[ToolUseBlock] = []
    async with backend, backend.create_session(SessionOptions(can_use_tool=allow, **options)) as session:
        async with session.query(prompt) as turn:
            async for message in turn:
                if isinstance(message, AssistantMessage):
                    uses += message.tool_uses
        assert turn.result is not None
        turn.result.raise_for_error()
    return uses


async def test_a_command_a_file_and_an_edit(
    agent_backend: AgentBackend, scripted_model: ScriptedModel, agent_workspace: Path
) -> None:
    scripted_model.reply(write_file("notes.txt", "milk\nbread\n"))
    scripted_model.reply(edit_file("notes.txt", "bread", "butter\ntea"))
    scripted_model.reply(run_command("cat notes.txt")).reply(text("done"))
    uses = await ran(agent_backend, cwd=agent_workspace, permission_mode="accept_edits")
    assert (agent_workspace / "notes.txt").read_text() == "milk\nbutter\ntea\n"
    assert {"Write", "Edit", "Bash"} <= {use.name for use in uses}
    assert "butter" in scripted_model.requests[-1].tool_outputs[-1].text


async def test_a_command_that_is_asked_about(
    agent_backend: AgentBackend, scripted_model: ScriptedModel, agent_workspace: Path
) -> None:
    asked: list[PermissionRequest] = []

    async def ask(request: PermissionRequest) -> Allow:
        asked.append(request)
        return Allow()

    scripted_model.reply(run_command("echo hello", escalate=True)).reply(text("done"))
    options = SessionOptions(cwd=agent_workspace, can_use_tool=ask, permission_mode="default")
    async with agent_backend, agent_backend.create_session(options) as session:
        await session.query("go")
    assert [request.tool_name for request in asked] == ["Bash"]
    assert "hello" in scripted_model.requests[-1].tool_outputs[-1].text


@pytest.mark.parametrize("name", ["add", "mcp__tools__add"])
async def test_a_tool_of_the_application(
    agent_backend: AgentBackend, scripted_model: ScriptedModel, agent_workspace: Path, name: str
) -> None:
    @tool(read_only=True)
    async def add(a: int, b: int) -> int:
        """Add two numbers."""
        return a + b

    scripted_model.reply(call_tool(name, {"a": 1}, b=2)).reply(text("done"))
    uses = await ran(agent_backend, cwd=agent_workspace, tools=[add])
    assert [use.name for use in uses] == ["mcp__tools__add"]
    assert "3" in scripted_model.requests[-1].tool_outputs[-1].text


async def test_a_question(agent_backend: AgentBackend, scripted_model: ScriptedModel, agent_workspace: Path) -> None:
    async def answer(request: QuestionRequest) -> Answers:
        return Answers({request.questions[0].id: "red"})

    scripted_model.reply(ask_user("Which colour?", "red", "blue")).reply(text("done"))
    await ran(agent_backend, cwd=agent_workspace, permission_mode="plan", on_question=answer)
    assert "red" in scripted_model.requests[-1].tool_outputs[-1].text


async def test_a_sub_agent(
    agent_backend: AgentBackend, scripted_model: ScriptedModel, agent_workspace: Path, request: Any
) -> None:
    if agent_backend.type == "codex":
        from agent_sdk_testing import write_codex_home

        write_codex_home(request.getfixturevalue("codex_home"), scripted_model, slug="mock-model")
    scripted_model.when("the child's task").reply(text("the child is done"))
    scripted_model.reply(spawn_agent("the child's task")).otherwise(text("done"))
    async with agent_backend, agent_backend.create_session(SessionOptions(cwd=agent_workspace)) as session:
        await session.query("go")
        # Codex does not wait for the child before it ends the turn.
        await scripted_model.wait_for_requests(3)
    assert any("the child's task" in asked.text for asked in scripted_model.requests[1:])


async def test_what_an_agent_does_not_offer_fails_the_turn_with_the_reason(
    agent_backend: AgentBackend, agent_workspace: Path, request: Any
) -> None:
    model: ScriptedModel = request.getfixturevalue("scripted_model")
    model.otherwise(call_tool("nothing"))
    async with agent_backend, agent_backend.create_session(SessionOptions(cwd=agent_workspace)) as session:
        result = await session.query("go")
    assert result.outcome == "failed"
    with pytest.raises(AssertionError, match=r"call_tool\('nothing'\): the agent does not offer it"):
        model.check()
    model._unexpected.clear()  # pyright: ignore[reportPrivateUsage]  # this is what was to be tried
