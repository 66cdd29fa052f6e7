from __future__ import annotations

import os
import signal
import sys

import anyio
import pytest
from anyio.streams.text import TextReceiveStream
from tests.contract.agents import Agent, host_command
from tests.contract.watching import result_of, run, until

from agent_sdk_core import (
    DEFER,
    AssistantMessage,
    ProcessExitedError,
    RequestOpened,
    RequestResolved,
    ResultMessage,
    StreamEvent,
    UserMessage,
)
from agent_sdk_testing import Gate, text

pytestmark = pytest.mark.anyio


async def test_a_killed_agent_ends_the_turn_at_once_with_an_error_result(agent: Agent) -> None:
    gate = Gate()
    agent.model.reply(text("Half ", gate, "of it."))
    async with agent.session() as session:
        turn = session.query("Talk.")
        await until(turn, StreamEvent, lambda event: event.text)
        os.kill(agent.pid(session.backend), signal.SIGKILL)
        rest = [message async for message in turn]
    result = turn.result
    assert result is not None
    assert rest[-1] is result
    assert (result.outcome, result.is_error, result.user_message_uuids) == ("failed", True, [turn.uuid])
    assert isinstance(result.error, ProcessExitedError)
    with pytest.raises(ProcessExitedError, match=r"SIGKILL|signal 9"):
        result.raise_for_error()
    [cut] = [message for message in rest if isinstance(message, AssistantMessage)]
    assert (cut.text, cut.aborted) == ("Half ", True)


async def test_a_killed_agent_closes_open_cards_and_its_commands_are_gone(agent: Agent) -> None:
    pipe = agent.pipe("command")
    agent.model.reply(agent.command(f"exec 8>'{pipe.path}'; echo begun >&8; sleep 600"))
    async with agent.session(permission_mode="bypass") as session:
        watch = session.messages()
        uuid = await session.send("Run it.")
        await until(watch, AssistantMessage, lambda message: message.tool_uses)
        assert await pipe.line() == "begun"
        os.kill(agent.pid(session.backend), signal.SIGKILL)
        user = await until(watch, UserMessage, lambda message: message.tool_results)
        assert user.tool_results[0].is_error is True
        assert (await result_of(watch, uuid)).outcome == "failed"
        await pipe.gone()


async def test_a_killed_agent_withdraws_what_it_asked(agent: Agent) -> None:
    agent.model.reply(agent.command("echo done", escalate=True))
    async with agent.session(permission_mode="default", can_use_tool=DEFER) as session:
        watch, results = session.messages(), session.messages()
        uuid = await session.send("Act.")
        await until(watch, RequestOpened)
        os.kill(agent.pid(session.backend), signal.SIGKILL)
        assert (await until(watch, RequestResolved)).outcome == "withdrawn"
        assert (await result_of(results, uuid)).outcome == "failed"
        assert not session.pending


async def test_a_killed_agent_ends_queued_prompts_too(agent: Agent) -> None:
    gate = Gate()
    agent.model.reply(text("Half ", gate, "of it."))
    async with agent.session() as session:
        watch = session.messages()
        first = await session.send("First.")
        await gate.reached()
        second = await session.send("Second.")
        os.kill(agent.pid(session.backend), signal.SIGKILL)
        results = [await until(watch, ResultMessage), await until(watch, ResultMessage)]
        assert [result.user_message_uuids for result in results] == [[first], [second]]
        assert [result.outcome for result in results] == ["failed", "failed"]
        await session.wait_idle()


async def test_after_the_death_of_an_agent_calls_raise_at_once_and_closing_works(agent: Agent) -> None:
    agent.model.reply(text("Fine."))
    async with agent.backend() as backend:
        session = await agent.open(backend)
        await run(session, "Talk.")
        events = backend.events()
        os.kill(agent.pid(backend), signal.SIGKILL)
        dead = await anext(events)
        while dead.kind != "dead":
            dead = await anext(events)
        assert session.state == "disconnected"
        with anyio.fail_after(1):
            with pytest.raises(ProcessExitedError):
                session.query("Again.")
            with pytest.raises(ProcessExitedError):
                await session.send("Again.")
            with pytest.raises(ProcessExitedError):
                await agent.open(backend)
            with pytest.raises(ProcessExitedError):
                await backend.list_sessions()
            with pytest.raises(ProcessExitedError):
                await session.history()
            assert not (await session.interrupt()).interrupted
            await session.wait_idle()
        await session.aclose()
        assert session.state == "closed"


async def test_every_session_of_a_killed_agent_learns_of_it(agent: Agent) -> None:
    gate = Gate()
    agent.model.otherwise(text("Half ", gate, "of it."))
    async with agent.backend() as backend:
        sessions = [await agent.open(backend) for _ in range(3)]
        turns = [session.query("Talk.") for session in sessions]
        for turn in turns:
            await until(turn, StreamEvent)
        os.kill(agent.pid(backend), signal.SIGKILL)
        for turn in turns:
            assert (await turn.wait()).outcome == "failed"
        assert [session.state for session in sessions] == ["disconnected"] * 3


async def test_a_session_whose_agent_died_is_resumed_by_a_new_backend(agent: Agent) -> None:
    gate = Gate()
    agent.model.reply(text("Fine.")).reply(text("Half ", gate, "of it.")).reply(text("Next."))
    async with agent.session() as session:
        await run(session, "Remember the word apple.")
        turn = session.query("Talk.")
        await until(turn, StreamEvent, lambda event: event.text)
        os.kill(agent.pid(session.backend), signal.SIGKILL)
        assert (await turn.wait()).outcome == "failed"
    async with agent.backend() as backend, await agent.open(backend, resume=session.session_id) as resumed:
        assert (await run(resumed, "Go on.")).result.result == "Next."
    assert "Remember the word apple." in agent.model.requests[-1].text


async def test_an_agent_that_ends_by_itself_is_noticed(agent: Agent) -> None:
    gate = Gate()
    agent.model.reply(text("Half ", gate, "of it."))
    async with agent.session() as session:
        turn = session.query("Talk.")
        await until(turn, StreamEvent, lambda event: event.text)
        os.kill(agent.pid(session.backend), signal.SIGTERM)
        result = await turn.wait()
        assert result.outcome in ("failed", "interrupted")
        assert result.user_message_uuids == [turn.uuid]


async def test_an_agent_that_is_killed_while_a_prompt_is_sent_does_not_hang_it(agent: Agent) -> None:
    async with agent.session() as session:
        errors: list[BaseException] = []

        async def send() -> None:
            try:
                await run(session, "Talk.")
            except ProcessExitedError as error:
                errors.append(error)

        async with anyio.create_task_group() as tasks:
            with agent.frozen(session.backend):
                tasks.start_soon(send)
                await anyio.wait_all_tasks_blocked()
                os.kill(agent.pid(session.backend), signal.SIGKILL)
        assert len(errors) <= 1
        assert session.state == "disconnected"


HOST = """
import sys
import anyio
from agent_sdk_core import AssistantMessage, SessionOptions, create_backend

async def main():
    backend = create_backend(SETTINGS["backend"], executable=SETTINGS["executable"])
    async with backend:
        options = SessionOptions(cwd=SETTINGS["workspace"], permission_mode="bypass")
        async with await backend.create_session(options) as session:
            async with session.query("Run it.") as turn:
                async for message in turn:
                    if isinstance(message, AssistantMessage) and message.tool_uses:
                        print("running", flush=True)

anyio.run(main, backend=SETTINGS["anyio_backend"])
"""


async def test_a_host_killed_in_mid_turn_leaves_nothing_running(agent: Agent, anyio_backend: str) -> None:
    pipe = agent.pipe("command")
    agent.model.reply(agent.command(f"exec 8>'{pipe.path}'; echo begun >&8; sleep 600"))
    command = [sys.executable, *host_command(agent, HOST, anyio_backend)]
    async with await anyio.open_process(command, env=agent.env, stderr=None) as host:
        assert host.stdout is not None
        assert await anext(TextReceiveStream(host.stdout)) in ("running", "running\n")
        assert await pipe.line() == "begun"
        assert agent.lifeline.held
        host.send_signal(signal.SIGKILL)
        await agent.lifeline.gone()
        await pipe.gone()


async def test_a_host_that_ends_without_closing_leaves_nothing_running(agent: Agent, anyio_backend: str) -> None:
    agent.model.otherwise(text("Fine."))
    script = HOST.replace("async with backend:", "await backend.start()\n    if True:").replace(
        "async with await backend.create_session(options) as session:",
        "session = await backend.create_session(options)\n        if True:",
    )
    command = [sys.executable, *host_command(agent, script, anyio_backend)]
    async with await anyio.open_process(command, env=agent.env) as host:
        await host.wait()
        assert host.stderr is not None
        assert host.returncode == 0
    await agent.lifeline.gone()
