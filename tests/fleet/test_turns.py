"""Turns on a host: streamed, asked about, answered, interrupted and steered from here."""

from __future__ import annotations

import os
from typing import Any

import anyio
import pytest
from tests.fleet.driving import FleetAgent
from tests.fleet.their_code import no_removal, whereabouts

from agent_sdk_core import (
    Allow,
    Deny,
    Hooks,
    PermissionRequest,
    RequestOpened,
    StreamEvent,
    ToolRegistry,
    UnsupportedError,
    UnsupportedOptionError,
    tool,
)
from agent_sdk_testing import Gate, call_tool, text


async def test_a_turn_streams_asks_and_ends(agent: FleetAgent) -> None:
    agent.model.reply(agent.asks("echo hi > there.txt"))
    agent.model.reply(text("All ", "done."))
    async with agent.backend() as backend, await agent.open(backend) as session:
        kinds: list[str] = []
        async with session.query("Write it.") as turn:
            async for message in turn:
                kinds.append(type(message).__name__)
                if isinstance(message, RequestOpened):
                    assert [request.request_id for request in session.pending] == [message.request_id]
                    await session.answer(message.request_id, Allow())
        assert turn.result is not None
        assert (turn.result.outcome, turn.text) == ("completed", "All done.")
        assert (agent.workspace / "there.txt").read_text() == "hi\n"
        assert {"InitMessage", "AssistantMessage", "RequestResolved", "StreamEvent"} <= set(kinds)
        assert session.host == "one"
        usage = await session.usage()
        assert usage.total.output_tokens


async def test_a_callback_runs_here_and_a_refusal_reaches_the_agent(agent: FleetAgent) -> None:
    asked: list[str] = []

    async def refuse(request: PermissionRequest) -> Deny:
        asked.append(request.tool_name)
        return Deny("Not today.")

    agent.model.reply(agent.asks("echo hi > there.txt"))
    agent.model.reply(text("Then not."))
    async with agent.backend() as backend, await agent.open(backend, can_use_tool=refuse) as session:
        result = await session.query("Write it.")
        assert (asked, result.result) == (["Bash"], "Then not.")
        assert not (agent.workspace / "there.txt").exists()


async def test_an_interrupt_ends_the_turn_and_the_next_one_runs(agent: FleetAgent) -> None:
    gate = Gate()
    agent.model.reply(text("Begun"), gate, text(" and on."))
    agent.model.reply(text("Again."))
    async with agent.backend() as backend, await agent.open(backend) as session:
        async with session.query("Go.") as turn:
            async for message in turn:
                if isinstance(message, StreamEvent) and message.text:
                    break
            receipt = await session.interrupt()
            assert receipt.interrupted
        gate.open()
        assert turn.result is not None
        assert turn.result.outcome == "interrupted"
        assert (await session.query("Once more.")).result == "Again."


async def test_a_session_is_resumed_by_the_id_of_the_agent(agent: FleetAgent) -> None:
    agent.model.reply(text("One."))
    agent.model.reply(text("Two."))
    async with agent.backend() as backend:
        async with await agent.open(backend) as session:
            assert (await session.query("First.")).result == "One."
            known = session.resolved_session_id
        async with await agent.open(backend, resume=known) as again:
            assert (await again.query("Second.")).result == "Two."
            assert again.key == session.key
    assert "First." in agent.model.requests[-1].text


async def test_the_account_is_that_of_the_host_and_nobody_logs_in_from_here(agent: FleetAgent) -> None:
    async with agent.backend() as backend:
        account = await backend.account()
        assert not account.needs_login
        with pytest.raises(UnsupportedError):
            await backend.login()
        with pytest.raises(UnsupportedError):
            await backend.logout()


async def test_two_hosts_share_the_sessions(codex: FleetAgent) -> None:
    for _ in range(4):
        codex.model.reply(text("Here."))
    async with codex.backend(hosts=["one", "two"]) as backend:
        sessions = [await codex.open(backend) for _ in range(4)]
        assert sorted(session.host for session in sessions) == ["one", "one", "two", "two"]
        async with anyio.create_task_group() as tasks:
            for session in sessions:
                tasks.start_soon(session.query("Where?").wait)


async def test_what_cannot_be_imported_on_the_host_is_refused(codex: FleetAgent) -> None:
    @tool
    async def local(word: str) -> str:
        """Say it."""
        return word

    async with codex.backend() as backend:
        with pytest.raises(UnsupportedOptionError, match="imports it by its name"):
            await codex.open(backend, tools=[local])


async def test_tools_and_hooks_that_a_module_has_run_on_the_host(agent: FleetAgent) -> None:
    async def allow(request: PermissionRequest) -> Allow:
        del request
        return Allow()

    (agent.workspace / "kept.txt").write_text("")
    agent.model.reply(call_tool("mcp__ours__whereabouts", word="Here"))
    agent.model.reply(agent.asks("rm -f kept.txt")).reply(text("Well."))
    given: dict[str, Any] = {"tools": [ToolRegistry("ours", [whereabouts])], "hooks": Hooks(pre_tool_use=no_removal)}
    async with agent.backend() as backend, await agent.open(backend, can_use_tool=allow, **given) as session:
        assert (await session.query("Go.")).result == "Well."
    said = agent.model.requests[-1].body.decode()
    assert "Here from process" in said
    assert f"Here from process {os.getpid()}." not in said
    assert "Nothing is removed here." in said
    assert (agent.workspace / "kept.txt").exists()


@pytest.mark.parametrize("agent", ["claude"], indirect=True)
async def test_claudes_are_started_ahead_on_the_host(agent: FleetAgent) -> None:
    agent.model.reply(text("Here.")).reply(text("Here too."))
    async with agent.backend(prewarm=1) as backend, await agent.open(backend) as first:
        await first.query("Where?")
        while len(agent.cluster.agents("one")) < 2:  # One is the session's.
            await anyio.sleep(0.05)
        async with await agent.open(backend) as second:
            assert (await second.query("Where?")).result == "Here too."
