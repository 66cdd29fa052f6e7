"""Ending a turn early: when nothing, text, a command or a request is on its way."""

from __future__ import annotations

import anyio
import pytest

from agent_sdk_core import (
    Allow,
    AssistantMessage,
    PermissionRequest,
    ResultMessage,
    StreamEvent,
    TaskStarted,
    UserMessage,
)
from agent_sdk_core.wire.reading import record_of
from agent_sdk_testing import Gate, text
from agent_sdk_testing.contract.agent import Agent
from agent_sdk_testing.contract.process_agent import ProcessAgent
from agent_sdk_testing.contract.traits import needs
from agent_sdk_testing.contract.watching import result_of, run, until

pytestmark = pytest.mark.anyio


async def test_an_interrupt_in_a_text_keeps_what_was_said(agent: Agent) -> None:
    gate = Gate()
    agent.model.reply(text("Half of ", gate, "it.")).reply(text("Next."))
    async with agent.session() as session:
        watch = session.messages()
        uuid = await session.send("Talk.")
        await until(watch, StreamEvent, lambda event: event.text == "Half of ")
        receipt = await session.interrupt()
        assert receipt.interrupted
        cut = await until(watch, AssistantMessage)
        assert (cut.text, cut.aborted) == ("Half of ", True)
        result = await result_of(watch, uuid)
        assert (result.outcome, result.is_error, result.error) == ("interrupted", True, None)
        assert session.state == "idle"
        assert (await run(session, "Again.")).result.result == "Next."


async def test_an_interrupt_in_a_command_ends_its_process_and_closes_its_card(agent: Agent) -> None:
    pipe = agent.pipe("command")
    agent.model.reply(agent.command(f"exec 8>'{pipe.path}'; echo begun >&8; echo out; sleep 600")).reply(text("Next."))
    async with agent.session(permission_mode="bypass") as session:
        watch = session.messages()
        uuid = await session.send("Run it.")
        await until(watch, AssistantMessage, lambda message: message.tool_uses)
        assert await pipe.line() == "begun"
        await session.interrupt()
        await pipe.gone()
        user = await until(watch, UserMessage, lambda message: message.tool_results)
        assert user.tool_results[0].is_error is True
        assert record_of(user.tool_use_result).get("interrupted") is True
        result = await result_of(watch, uuid)
        assert (result.outcome, result.terminal_reason) == ("interrupted", "aborted_tools")
        assert (await run(session, "Again.")).result.result == "Next."
        [told] = [each for each in await session.history() if isinstance(each, UserMessage) and each.tool_results]
        assert told.tool_results[0].is_error is True
        assert record_of(told.tool_use_result).get("interrupted") is True


async def test_an_interrupt_before_a_command_is_announced_ends_its_process(agent: Agent) -> None:
    pipe = agent.pipe("command")
    agent.model.reply(agent.command(f"exec 8>'{pipe.path}'; echo begun >&8; sleep 600"))
    async with agent.session(permission_mode="bypass") as session:
        watch = session.messages()
        uuid = await session.send("Run it.")
        assert await pipe.line() == "begun"  # The process may be faster than its announcement.
        await session.interrupt()
        await pipe.gone()
        assert (await result_of(watch, uuid)).outcome == "interrupted"


async def test_an_interrupt_ends_the_process_of_a_command_that_was_allowed(agent: Agent) -> None:
    async def allow(_: PermissionRequest) -> Allow:
        return Allow()

    pipe = agent.pipe("command")
    agent.model.reply(agent.command(f"exec 8>'{pipe.path}'; echo begun >&8; sleep 600", escalate=True))
    async with agent.session(permission_mode="default", can_use_tool=allow) as session:
        watch = session.messages()
        uuid = await session.send("Run it.")
        assert await pipe.line() == "begun"
        await session.interrupt()
        await pipe.gone()
        assert (await result_of(watch, uuid)).outcome == "interrupted"


@needs("background")
async def test_an_interrupt_leaves_a_terminal_that_was_started_earlier_on_purpose(agent: Agent) -> None:
    kept, cut = agent.pipe("kept"), agent.pipe("cut")
    feed = agent.feed("feed")
    agent.model.reply(agent.command(f"exec 8>'{kept.path}'; echo begun >&8; read line <'{feed.path}'", wait=0.25))
    agent.model.reply(text("It runs."))
    agent.model.reply(agent.command(f"exec 8>'{cut.path}'; echo begun >&8; sleep 600"))
    async with agent.session(permission_mode="bypass") as session:
        watch = session.messages()
        await run(session, "Start a server.")
        await until(watch, TaskStarted)
        uuid = await session.send("Run something.")
        assert await cut.line() == "begun"
        await session.interrupt()
        await cut.gone()
        assert (await result_of(watch, uuid)).outcome == "interrupted"
        assert await kept.line() == "begun"
        assert kept.held
    await kept.gone()


async def test_interrupts_at_the_same_time_all_return(agent: Agent) -> None:
    gate = Gate()
    agent.model.reply(text("Half.", gate))
    async with agent.session() as session:
        turn = session.query("Talk.")
        async with turn:
            await gate.reached()
            async with anyio.create_task_group() as tasks:
                for _ in range(5):
                    tasks.start_soon(session.interrupt)
        assert turn.result is not None
        assert turn.result.outcome == "interrupted"


async def test_a_second_interrupt_returns_at_once(agent: Agent) -> None:
    gate = Gate()
    agent.model.reply(text("Half.", gate)).reply(text("Next."))
    async with agent.session() as session:
        await session.send("Talk.")
        await gate.reached()
        assert (await session.interrupt()).interrupted
        for _ in range(3):
            with anyio.fail_after(30):
                assert not (await session.interrupt()).interrupted
        assert (await run(session, "Again.")).result.result == "Next."


async def test_an_interrupt_of_an_idle_session_does_nothing(agent: Agent) -> None:
    agent.model.otherwise(text("Fine."))
    async with agent.session() as session:
        assert not (await session.interrupt()).interrupted
        assert (await run(session, "Talk.")).result.outcome == "completed"
        assert not (await session.interrupt()).interrupted
        assert (await run(session, "Talk.")).result.outcome == "completed"


async def test_an_interrupt_right_after_sending_ends_the_turn(agent: Agent) -> None:
    gate = Gate()
    agent.model.otherwise(text("Half.", gate))
    async with agent.session() as session:
        watch = session.messages()
        for _ in range(3):
            uuid = await session.send("Talk.")
            await session.interrupt()
            assert (await result_of(watch, uuid)).outcome == "interrupted"
        gate.open()
        assert (await run(session, "Talk.")).result.outcome == "completed"


@needs("process")
async def test_an_interrupt_of_a_turn_that_is_not_accepted_yet_ends_it(agent: ProcessAgent) -> None:
    gate = Gate()
    agent.model.otherwise(text("Half.", gate))
    async with agent.session() as session:
        watch = session.messages()
        async with anyio.create_task_group() as tasks:
            with agent.frozen():
                tasks.start_soon(session.send, "Talk.")
                await anyio.wait_all_tasks_blocked()
                tasks.start_soon(session.interrupt)
                await anyio.wait_all_tasks_blocked()
        assert (await until(watch, ResultMessage)).outcome == "interrupted"
        gate.open()
        assert (await run(session, "Talk.")).result.outcome == "completed"


async def test_the_turn_can_interrupt_itself(agent: Agent) -> None:
    gate = Gate()
    agent.model.reply(text("Half.", gate))
    async with agent.session() as session:
        turn = session.query("Talk.")
        await until(turn, StreamEvent, lambda event: event.text)
        await turn.interrupt()
        assert turn.result is not None
        assert turn.result.outcome == "interrupted"
        assert turn.text == "Half."
        assert [message async for message in turn][-1] is turn.result


async def test_an_interrupt_of_one_session_leaves_the_others_alone(agent: Agent) -> None:
    gate, other = Gate(), Gate()
    agent.model.when("One.").reply(text("One ", gate, "more."))
    agent.model.when("Two.").reply(text("Two ", other, "more."))
    async with agent.backend() as backend, await agent.open(backend) as one, await agent.open(backend) as two:
        cut, kept = one.query("One."), two.query("Two.")
        async with cut, kept:
            await gate.reached()
            await other.reached()
            await one.interrupt()
            other.open()
            assert (await kept.wait()).result == "Two more."
        assert cut.result is not None
        assert cut.result.outcome == "interrupted"
