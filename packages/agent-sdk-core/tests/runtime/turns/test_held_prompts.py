"""Steering prompts that the agent keeps until it has time for them: in the running turn, or in one of their own."""

from __future__ import annotations

from typing import Any

import anyio
import pytest

from agent_sdk_core import ResultMessage

pytestmark = pytest.mark.anyio


@pytest.fixture
def keeping(agent: Any) -> Any:
    """An agent that takes every steering prompt, and keeps it."""

    async def keep(prompt: str, uuid: str, turn_id: str | None) -> bool:
        agent.held.add(uuid)
        return True

    agent.hooks["steer"] = keep
    return agent


def begin(agent: Any, *uuids: str) -> None:
    """Let the agent begin a turn for prompts that it kept."""
    agent.open(uuids[0])
    agent.uuids = list(uuids)
    agent.held.difference_update(uuids)
    agent.emit(agent.init())


async def results(stream: Any, count: int) -> list[ResultMessage]:
    found: list[ResultMessage] = []
    while len(found) < count:
        message = await anext(stream)
        if isinstance(message, ResultMessage):
            found.append(message)
    return found


async def test_a_prompt_that_the_turn_left_out_has_a_turn_of_its_own(session: Any, keeping: Any) -> None:
    watch = session.messages()
    with anyio.fail_after(30):
        one = await session.send("one")
        two = await session.send("two", priority="steer")
        keeping.finish()
        assert session.state == "running"
        begin(keeping, two)
        keeping.finish("second")
        first, second = await results(watch, 2)
        await session.wait_idle()
    assert (first.user_message_uuids, second.user_message_uuids) == ([one], [two])
    assert (second.outcome, second.result) == ("completed", "second")


async def test_prompts_that_are_kept_come_before_those_that_queue(session: Any, keeping: Any) -> None:
    with anyio.fail_after(30):
        await session.send("one")
        kept = await session.send("kept", priority="steer")
        queued = await session.send("queued")
        keeping.finish()
        await anyio.wait_all_tasks_blocked()
        assert [entry.uuid for entry in session.queue] == [queued]
        begin(keeping, kept)
        keeping.finish()
        await anyio.wait_all_tasks_blocked()
        assert keeping.uuids == [queued]
        keeping.finish()
        await session.wait_idle()


async def test_a_turn_may_take_up_only_some_of_what_is_kept(session: Any, keeping: Any) -> None:
    watch = session.messages()
    with anyio.fail_after(30):
        await session.send("one")
        uuids = [await session.send(text, priority="steer") for text in ("two", "three", "four")]
        keeping.finish()
        begin(keeping, *uuids[:2])
        keeping.finish()
        begin(keeping, uuids[2])
        keeping.finish()
        found = await results(watch, 3)
        await session.wait_idle()
    assert [result.user_message_uuids for result in found[1:]] == [uuids[:2], uuids[2:]]


async def test_an_interrupt_cancels_what_is_kept_or_leaves_it(session: Any, keeping: Any) -> None:
    watch = session.messages()
    with anyio.fail_after(30):
        await session.send("one")
        two = await session.send("two", priority="steer")
        receipt = await session.interrupt(cancel_queued=False)
        assert (receipt.interrupted, receipt.cancelled, receipt.still_queued) == (True, (), (two,))
        begin(keeping, two)
        three = await session.send("three", priority="steer")
        receipt = await session.interrupt()
        assert (receipt.cancelled, receipt.still_queued) == ((three,), ())
        found = {uuid: result.outcome for result in await results(watch, 3) for uuid in result.user_message_uuids}
        await session.wait_idle()
    assert (found[two], found[three]) == ("interrupted", "cancelled")


async def test_what_the_agent_lets_go_of_before_its_turn_ends_the_wait_for_it(session: Any, keeping: Any) -> None:
    watch = session.messages()
    with anyio.fail_after(30):
        await session.send("one")
        two = await session.send("two", priority="steer")
        keeping.finish()
        session.drop_prompt(two)
        first, second = await results(watch, 2)
        await session.wait_idle()
    assert first.outcome == "completed"
    assert (second.user_message_uuids, second.outcome) == ([two], "cancelled")
    assert session.state == "idle"


async def test_a_steer_that_is_taken_after_its_turn_ended_has_a_turn_of_its_own(session: Any, agent: Any) -> None:
    answered = anyio.Event()

    async def late(prompt: str, uuid: str, turn_id: str | None) -> bool:
        await answered.wait()
        agent.held.add(uuid)
        return True

    agent.hooks["steer"] = late
    watch = session.messages()
    with anyio.fail_after(30):
        await session.send("one")
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(lambda: session.send("two", priority="steer", uuid="two"))
            await anyio.wait_all_tasks_blocked()
            agent.finish()
            answered.set()
        begin(agent, "two")
        agent.finish("second")
        _, second = await results(watch, 2)
        await session.wait_idle()
    assert (second.user_message_uuids, second.result) == (["two"], "second")


async def test_a_steer_whose_turn_the_agent_has_begun_already_joins_it(session: Any, agent: Any) -> None:
    answered = anyio.Event()

    async def late(prompt: str, uuid: str, turn_id: str | None) -> bool:
        await answered.wait()
        return True

    agent.hooks["steer"] = late
    watch = session.messages()
    with anyio.fail_after(30):
        await session.send("one")
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(lambda: session.send("two", priority="steer", uuid="two"))
            await anyio.wait_all_tasks_blocked()
            agent.finish()
            agent.turn_id, agent.uuids = "two", ["two"]  # Claude calls a turn by the prompt that it began with.
            agent.emit(agent.init())
            answered.set()
        agent.finish("second")
        _, second = await results(watch, 2)
        await session.wait_idle()
    assert (second.user_message_uuids, second.outcome) == (["two"], "completed")
