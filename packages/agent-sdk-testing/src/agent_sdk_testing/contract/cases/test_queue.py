"""Prompts that wait, join the running turn, change places or are taken back."""

from __future__ import annotations

from uuid import uuid4

import anyio
import pytest

from agent_sdk_core import AssistantMessage, InitMessage, InvalidRequestError, ResultMessage
from agent_sdk_testing import Gate, text
from agent_sdk_testing.contract.agent import Agent
from agent_sdk_testing.contract.traits import needs
from agent_sdk_testing.contract.watching import finish, result_of, run, until

pytestmark = pytest.mark.anyio


async def test_a_prompt_behind_a_running_turn_waits_and_runs_after_it(agent: Agent) -> None:
    gate = Gate()
    agent.model.reply(text("One", gate, ".")).reply(text("Two.")).reply(text("Three."))
    async with agent.session() as session:
        watch = session.messages()
        first = await session.send("First.")
        await gate.reached()
        second, third = await session.send("Second."), await session.send("Third.")
        assert [(queued.uuid, queued.prompt) for queued in session.queue] == [(second, "Second."), (third, "Third.")]
        assert len(agent.model.requests) == 1
        gate.open()
        results = [await until(watch, ResultMessage) for _ in range(3)]
        assert [result.user_message_uuids for result in results] == [[first], [second], [third]]
        assert [result.result for result in results] == ["One.", "Two.", "Three."]
        assert not session.queue
    assert [request.last_user_text for request in agent.model.requests] == ["First.", "Second.", "Third."]


async def test_a_second_query_waits_for_the_first(agent: Agent) -> None:
    gate = Gate()
    agent.model.reply(text("One", gate, ".")).reply(text("Two."))
    async with agent.session() as session:
        one, two = session.query("First."), session.query("Second.")
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(finish, one)
            await gate.reached()
            tasks.start_soon(finish, two)
            await anyio.wait_all_tasks_blocked()
            assert [queued.uuid for queued in session.queue] == [two.uuid]
            gate.open()
        assert (one.text, two.text) == ("One.", "Two.")


async def test_waiting_prompts_are_edited_moved_and_removed(agent: Agent) -> None:
    gate = Gate()
    agent.model.reply(text("One", gate, ".")).otherwise(text("Fine."))
    async with agent.session() as session:
        watch = session.messages()
        await session.send("First.")
        await gate.reached()
        second, third, fourth = [await session.send(prompt) for prompt in ("Second.", "Third.", "Fourth.")]
        session.queue.edit(second, "Second, said better.")
        session.queue.move(fourth, 0)
        session.queue.remove(third)
        assert [(queued.uuid, queued.prompt) for queued in session.queue] == [
            (fourth, "Fourth."),
            (second, "Second, said better."),
        ]
        assert (await result_of(watch, third)).outcome == "cancelled"
        with pytest.raises(InvalidRequestError, match=third):
            session.queue.edit(third, "Too late.")
        gate.open()
        await result_of(watch, second)
    said = [request.last_user_text for request in agent.model.requests]
    assert said == ["First.", "Fourth.", "Second, said better."]


async def test_an_interrupt_cancels_the_queued_prompts(agent: Agent) -> None:
    gate = Gate()
    agent.model.reply(text("One", gate, ".")).reply(text("Next."))
    async with agent.session() as session:
        watch = session.messages()
        first = await session.send("First.")
        await gate.reached()
        second = await session.send("Second.")
        receipt = await session.interrupt()
        assert (receipt.interrupted, receipt.cancelled, receipt.still_queued) == (True, (second,), ())
        results = [await until(watch, ResultMessage), await until(watch, ResultMessage)]
        ended = {uuid: result for result in results for uuid in result.user_message_uuids}
        assert ended[first].outcome == "interrupted"
        assert (ended[second].outcome, ended[second].terminal_reason) == ("cancelled", "cancelled")
        assert (await run(session, "Again.")).result.result == "Next."
    assert "Second." not in agent.model.requests[-1].text


async def test_an_interrupt_may_keep_the_queue(agent: Agent) -> None:
    gate = Gate()
    agent.model.reply(text("One", gate, ".")).reply(text("Two."))
    async with agent.session() as session:
        watch = session.messages()
        await session.send("First.")
        await gate.reached()
        second = await session.send("Second.")
        receipt = await session.interrupt(cancel_queued=False)
        assert receipt.cancelled == ()
        assert (await result_of(watch, second)).result == "Two."


async def test_a_queued_turn_that_is_left_early_is_taken_out_of_the_queue(agent: Agent) -> None:
    gate = Gate()
    agent.model.reply(text("One", gate, "."))
    async with agent.session() as session:
        first = session.query("First.")
        async with first:
            await gate.reached()
            async with session.query("Second.") as second:
                assert len(session.queue) == 1
            assert second.result is not None
            assert second.result.outcome == "cancelled"
            assert not session.queue
            gate.open()
            assert (await first.wait()).result == "One."


@pytest.mark.parametrize("what", ["session", "kill", "backend"])
async def test_closing_cancels_the_queued_prompts(agent: Agent, what: str) -> None:
    gate = Gate()
    agent.model.reply(text("One", gate, "."))
    async with agent.backend() as backend:
        session = await agent.open(backend)
        watch = session.messages()
        await session.send("First.")
        await gate.reached()
        second = await session.send("Second.")
        await {"session": session.aclose, "kill": session.kill, "backend": backend.aclose}[what]()
        assert (await result_of(watch, second)).outcome == "cancelled"
        assert not [each async for each in watch if isinstance(each, InitMessage)]
    assert len(agent.model.requests) == 1


@needs("steer")
async def test_a_steered_prompt_joins_the_running_turn(agent: Agent) -> None:
    feed = agent.feed("feed")
    agent.model.reply(agent.command(f"read line <'{feed.path}'")).reply(text("Both answered."))
    async with agent.session(permission_mode="bypass") as session:
        watch = session.messages()
        first = await session.send("First.")
        await until(watch, AssistantMessage, lambda message: message.tool_uses)
        second = await session.send("And this.", priority="steer")
        feed.line()
        result = await until(watch, ResultMessage)
        assert sorted(result.user_message_uuids) == sorted([first, second])
        assert result.result == "Both answered."
        await session.wait_idle()
    assert "And this." in agent.model.requests[1].text


async def test_steering_an_idle_session_starts_a_turn(agent: Agent) -> None:
    agent.model.reply(text("Fine."))
    async with agent.session() as session:
        watch = session.messages()
        uuid = await session.send("Talk.", priority="steer")
        assert (await result_of(watch, uuid)).result == "Fine."


@needs("steer")
async def test_a_turn_that_was_steered_ends_the_steered_prompt_when_it_is_interrupted(agent: Agent) -> None:
    feed, gate = agent.feed("feed"), Gate()
    agent.model.reply(agent.command(f"read line <'{feed.path}'")).reply(text("More ", gate))
    async with agent.session(permission_mode="bypass") as session:
        watch = session.messages()
        first = await session.send("First.")
        await until(watch, AssistantMessage, lambda message: message.tool_uses)
        second = await session.send("And this.", priority="steer")
        feed.line()
        await gate.reached()
        await session.interrupt()
        result = await until(watch, ResultMessage)
        assert sorted(result.user_message_uuids) == sorted([first, second])
        assert result.outcome == "interrupted"


@needs("steer")
async def test_an_interrupt_cancels_what_was_steered_in_and_the_model_was_not_shown(agent: Agent) -> None:
    feed = agent.feed("feed")
    agent.model.reply(agent.command(f"read line <'{feed.path}'")).otherwise(text("Next."))
    async with agent.session(permission_mode="bypass") as session:
        watch = session.messages()
        first = await session.send("First.")
        await until(watch, AssistantMessage, lambda message: message.tool_uses)
        second = await session.send("And this.", priority="steer")
        third = await session.send("Third.")
        receipt = await session.interrupt()
        assert (receipt.interrupted, receipt.cancelled, receipt.still_queued) == (True, (second, third), ())
        results = [await until(watch, ResultMessage) for _ in range(3)]
        ended = {uuid: result.outcome for result in results for uuid in result.user_message_uuids}
        assert ended == {first: "interrupted", second: "cancelled", third: "cancelled"}
        assert results[-1].user_message_uuids == [first]
        assert (await run(session, "Again.")).result.result == "Next."
        assert not any("And this." in message.to_json() for message in await session.history())
    assert not any("And this." in request.text for request in agent.model.requests)


@needs("steer")
async def test_an_interrupt_does_not_cancel_what_the_model_was_shown(agent: Agent) -> None:
    feed, gate = agent.feed("feed"), Gate()
    agent.model.reply(agent.command(f"read line <'{feed.path}'")).reply(text("More ", gate))
    async with agent.session(permission_mode="bypass") as session:
        watch = session.messages()
        await session.send("First.")
        await until(watch, AssistantMessage, lambda message: message.tool_uses)
        second = await session.send("And this.", priority="steer")
        feed.line()
        await gate.reached()
        receipt = await session.interrupt()
        assert (receipt.interrupted, receipt.cancelled, receipt.still_queued) == (True, (), ())
        assert (await result_of(watch, second)).outcome == "interrupted"


@needs("steer")
async def test_an_interrupt_may_keep_what_was_steered_in_and_the_model_was_not_shown(agent: Agent) -> None:
    feed = agent.feed("feed")
    agent.model.reply(agent.command(f"read line <'{feed.path}'")).reply(text("Two.")).reply(text("Three."))
    async with agent.session(permission_mode="bypass") as session:
        watch = session.messages()
        first = await session.send("First.")
        await until(watch, AssistantMessage, lambda message: message.tool_uses)
        third = await session.send("Third.")
        second = await session.send("And this.", priority="steer")
        receipt = await session.interrupt(cancel_queued=False)
        assert (receipt.interrupted, receipt.cancelled, receipt.still_queued) == (True, (), (second, third))
        results = [await until(watch, ResultMessage) for _ in range(3)]
        assert [result.user_message_uuids for result in results] == [[first], [second], [third]]
        assert [result.result for result in results[1:]] == ["Two.", "Three."]
        await session.wait_idle()


@needs("steer")
async def test_the_model_answers_what_was_steered_in_while_it_spoke(agent: Agent) -> None:
    gate = Gate()
    agent.model.reply(text("One", gate, ".")).reply(text("Two."))
    async with agent.session() as session:
        watch = session.messages()
        await session.send("First.")
        await gate.reached()
        second = await session.send("And this.", priority="steer")
        gate.open()
        assert (await result_of(watch, second)).result == "Two."
        await session.wait_idle()
    assert len(agent.model.requests) == 2


async def test_a_uuid_of_ones_own_is_kept(agent: Agent) -> None:
    agent.model.reply(text("Fine."))
    uuid = str(uuid4())
    async with agent.session() as session:
        watch = session.messages()
        assert await session.send("Talk.", uuid=uuid) == uuid
        assert (await result_of(watch, uuid)).user_message_uuids == [uuid]


async def test_a_reused_uuid_raises(agent: Agent) -> None:
    agent.model.reply(text("Fine."))
    uuid = str(uuid4())
    async with agent.session() as session:
        watch = session.messages()
        await session.send("Talk.", uuid=uuid)
        with pytest.raises(InvalidRequestError, match=uuid):
            await session.send("Again.", uuid=uuid)
        await result_of(watch, uuid)
        with pytest.raises(InvalidRequestError, match=uuid):
            await session.send("Again.", uuid=uuid)
    assert len(agent.model.requests) == 1


async def test_wait_idle_returns_when_nothing_runs_and_nothing_waits(agent: Agent) -> None:
    gate = Gate()
    agent.model.reply(text("One", gate, ".")).reply(text("Two."))
    async with agent.session() as session:
        await session.wait_idle()
        watch = session.messages()
        await session.send("First.")
        second = await session.send("Second.")
        await gate.reached()
        async with anyio.create_task_group() as tasks:
            idle = anyio.Event()

            async def wait() -> None:
                await session.wait_idle()
                idle.set()

            tasks.start_soon(wait)
            await anyio.wait_all_tasks_blocked()
            assert not idle.is_set()
            gate.open()
            await result_of(watch, second)
            await idle.wait()
        assert session.state == "idle"
