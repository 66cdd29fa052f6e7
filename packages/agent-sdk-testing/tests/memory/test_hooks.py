"""Hooks of the agent in memory: it asks them as the real agents do, on the synchronous face too."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from agent_sdk_core import (
    AddContext,
    Block,
    ChangeInput,
    HookEvent,
    Hooks,
    InvalidRequestError,
    PreToolUseEvent,
    PromptSubmitEvent,
    SessionOptions,
    StopEvent,
    StopTurn,
    UserMessage,
    sync,
)
from agent_sdk_testing import MemoryBackend, call, text


def giving(answer: Any) -> Any:
    async def hook(event: HookEvent) -> Any:
        return answer

    return hook


async def results(backend: MemoryBackend, **hooks: Any) -> tuple[Any, list[str]]:
    """What a turn came to whose model uses one tool, and what the tool's result says."""
    backend.on("Bash", lambda given: f"ran {given['command']}")
    backend.reply(call("Bash", command="ls")).otherwise(text("Done."))
    async with backend.create_session(SessionOptions(hooks=Hooks(**hooks), permission_mode="bypass")) as session:
        stream = session.messages()
        result = await session.run("Go.")
        await session.aclose()
        heard = [message async for message in stream if isinstance(message, UserMessage)]
    texts = [one.text for message in heard for one in message.tool_results]
    return result, texts


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("hooks", "told"),
    [
        ({"pre_tool_use": giving(Block("no"))}, "no"),
        ({"pre_tool_use": giving(ChangeInput({"command": "pwd"}))}, "ran pwd"),
        ({"pre_tool_use": giving(AddContext("x"))}, "ran ls\nx"),
        ({"post_tool_use": giving(Block("do not believe it"))}, "do not believe it"),
        ({"post_tool_use": giving(AddContext("y"))}, "ran ls\ny"),
    ],
)
async def test_a_hook_decides_about_a_tool(hooks: Any, told: str) -> None:
    async with MemoryBackend() as backend:
        result, texts = await results(backend, **hooks)
    assert (result.result, texts) == ("Done.", [told])


@pytest.mark.anyio
@pytest.mark.parametrize("event", ["pre_tool_use", "post_tool_use"])
async def test_a_hook_stops_the_turn(event: str) -> None:
    async with MemoryBackend() as backend:
        result, texts = await results(backend, **{event: giving(StopTurn("enough"))})
    assert (result.outcome, len(texts)) == ("interrupted", 1)


@pytest.mark.anyio
async def test_a_hook_has_the_agent_go_on() -> None:
    async def once(event: StopEvent) -> Block | None:
        return None if event.active else Block("Go on.")

    async with MemoryBackend() as backend:
        backend.reply(text("First.")).reply(text("Second."))
        async with backend.create_session(SessionOptions(hooks=Hooks(stop=once))) as session:
            assert (await session.run("Go.")).result == "Second."
        backend.check()


def test_plain_functions_run_in_a_thread_and_decide() -> None:
    threads: list[str] = []

    def check(event: PreToolUseEvent) -> Block | None:
        threads.append(threading.current_thread().name)
        return Block("Never.") if event.input["command"] == "rm" else None

    async def add(event: PromptSubmitEvent) -> AddContext:
        return AddContext("It is Thursday.")

    agent = MemoryBackend()
    agent.reply(call("Bash", command="rm"), call("Bash", command="ls")).reply(text("Done."))
    hooks = sync.Hooks(pre_tool_use=[sync.Hook(check, matcher="Bash"), check], prompt_submit=add)
    with sync.AgentBackend(agent) as backend:
        options = sync.SessionOptions(hooks=hooks, permission_mode="bypass")
        with backend.create_session(options) as session:
            result = session.run("Go.")
    assert result.result == "Done."
    assert [denial["tool_name"] for denial in result.permission_denials] == ["Bash"]
    assert threads == ["agent-sdk callback"] * 3


def test_a_misspelt_event_is_refused() -> None:
    with pytest.raises(InvalidRequestError, match="pre_tool_use"):
        sync.Hooks(pre_tool_us=giving(None))
