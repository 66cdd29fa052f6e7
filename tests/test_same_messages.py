"""The same task on both real agents: the same messages with the same blocks, in the same order.

docs/differences.md says what comes beside them, and why that differs.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

import anyio
import pytest

from agent_chat.demo.agents import AGENTS, DemoAgent
from agent_chat.demo.comparison import REASONS, Comparison, Emitted, compare
from agent_sdk_core import (
    Allow,
    AssistantMessage,
    Deny,
    PermissionRequest,
    RuntimeConfig,
    SDKMessage,
    SessionOptions,
    StreamEvent,
    TextBlock,
    ThinkingBlock,
    create_backend,
)
from agent_sdk_testing import ScriptedModel, reasoning, scratch_folder, text

pytestmark = pytest.mark.anyio

ROOT = Path(__file__).parents[1]


def asked(tool: str, outcome: str) -> tuple[str, ...]:
    return (
        "assistant · text",
        f"assistant · tool_use {tool}",
        "system/request_opened permission",
        f"system/request_resolved {outcome}",
        "user · tool_result",
    )


def conversation(edit: str) -> tuple[str, ...]:
    opening = ("system/init", "user · prompt", "assistant · thinking")
    return (*opening, *asked("Bash", "allowed"), *asked("Edit", edit), "assistant · text", "result")


async def play(agent: DemoAgent, edit: Allow | Deny) -> list[SDKMessage]:
    """Run a command, edit a file if that is allowed, answer."""

    async def decide(request: PermissionRequest) -> Allow | Deny:
        return Allow() if request.tool_name == "Bash" else edit

    with ExitStack() as stack:
        model = stack.enter_context(ScriptedModel())
        folder, workspace = (stack.enter_context(scratch_folder(prefix="same-")) for _ in range(2))
        file = workspace / "notes.txt"
        file.write_text("one\ntwo\n")
        model.reply(
            reasoning("Let ", "me see."), text("I'll ", "look."), agent.run("cat notes.txt; touch seen", "To see.")
        )
        model.reply(text("I'll change it."), agent.edit(file, "one", "1"))
        model.reply(text("That ", "is ", "all."))
        env = agent.environment(folder / agent.name, model)
        options = SessionOptions(cwd=workspace, permission_mode="default", can_use_tool=decide)
        backend = create_backend(agent.name, config=RuntimeConfig(), executable=agent.find(), env=env)
        async with backend, await backend.create_session(options) as session:
            messages = [message async for message in session.query("Do it.")]
        model.check()
        assert (workspace / "seen").exists()
        assert file.read_text() == ("1\ntwo\n" if isinstance(edit, Allow) else "one\ntwo\n")
        return messages


async def compared(edit: Allow | Deny) -> tuple[Comparison, Mapping[str, list[SDKMessage]]]:
    with anyio.fail_after(60):
        sent = {agent.name: await play(agent, edit) for agent in AGENTS}
    return compare([Emitted.of(name, messages) for name, messages in sent.items()]), sent


async def test_the_conversation_is_the_same_and_what_differs_beside_it_has_a_reason() -> None:
    comparison, sent = await compared(Allow())
    for agent in comparison.agents:
        assert agent.conversation == conversation("allowed"), agent.backend
    assert comparison.same
    beside = {row.kind for row in comparison.beside}
    assert beside | {"tool_progress"} == set(REASONS)  # a command may be over before it is told what it writes
    for name, messages in sent.items():
        assert (
            streamed(messages) == whole(messages) == ["Let me see.", "I'll look.", "I'll change it.", "That is all."]
        ), name


async def test_so_it_is_with_a_refusal() -> None:
    comparison, _ = await compared(Deny("Not now."))
    for agent in comparison.agents:
        assert agent.conversation == conversation("denied"), agent.backend


def whole(messages: list[SDKMessage]) -> list[str]:
    """Return what the agent thought and said, from whole messages."""
    blocks = [block for message in messages if isinstance(message, AssistantMessage) for block in message.content]
    return [
        block.text if isinstance(block, TextBlock) else block.thinking
        for block in blocks
        if isinstance(block, TextBlock | ThinkingBlock)
    ]


def streamed(messages: list[SDKMessage]) -> list[str]:
    """Return the same, from deltas."""
    texts: list[str] = []
    for message in messages:
        if isinstance(message, StreamEvent):
            block = message.event.get("content_block") or {}
            if message.event.get("type") == "content_block_start" and block.get("type") in ("text", "thinking"):
                texts.append("")
            elif piece := message.text or message.thinking:
                texts[-1] += piece
    return texts


def test_the_page_about_differences_has_the_reasons_of_the_code() -> None:
    page = (ROOT / "docs" / "differences.md").read_text(encoding="utf-8")
    rows = {
        cells[1].strip().strip("`"): cells[2].strip()
        for line in page.splitlines()
        if len(cells := line.split("|")) == 4
    }
    assert {kind: rows.get(kind) for kind in REASONS} == dict(REASONS)
    for kind in (*conversation("allowed"), *REASONS):
        assert kind.partition(" Bash")[0].partition(" Edit")[0].split(" ")[0] in page
