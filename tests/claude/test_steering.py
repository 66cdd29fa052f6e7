from __future__ import annotations

from uuid import uuid4

import pytest
from tests.claude.driving import Claude, stands

from agent_sdk_core import AssistantMessage, ResultMessage, UserMessage
from agent_sdk_testing import Gate, text
from agent_sdk_testing.contract.watching import result_of, run, until

pytestmark = pytest.mark.anyio


async def test_a_prompt_steered_into_a_tool_is_repeated_in_the_turn_that_answers_both(claude: Claude) -> None:
    claude.model.reply(claude.waiting("feed")).reply(text("Both."))
    async with claude.session(permission_mode="bypass") as session:
        stream = session.messages()
        first = await session.send("First.")
        await until(stream, AssistantMessage, lambda message: message.tool_uses)
        second = await session.send("Second.", priority="steer")
        claude.go("feed")
        again = await until(stream, UserMessage, lambda message: message.is_replay)
        assert (again.uuid, again.text) == (second, "Second.")
        result = await until(stream, ResultMessage)
        assert (result.result, result.user_message_uuids) == ("Both.", [first, second])
        assert again.source is not None
        assert again.source.turn_id == first
        assert session.state == "idle"


async def test_a_steer_that_comes_too_late_has_a_turn_of_its_own(claude: Claude) -> None:
    gate = Gate()
    claude.model.reply(text("One", gate, ".")).reply(text("Two."))
    async with claude.session() as session:
        stream = session.messages()
        first = await session.send("First.")
        await gate.reached()
        second = await session.send("Second.", priority="steer")
        gate.open()
        told = await result_of(stream, first)
        assert (told.result, told.user_message_uuids) == ("One.", [first])
        told = await result_of(stream, second)
        assert (told.result, told.user_message_uuids) == ("Two.", [second])
        await session.wait_idle()


async def test_an_interrupt_cancels_a_steer_that_was_not_taken_up(claude: Claude) -> None:
    gate = Gate()
    claude.model.reply(text("One", gate, ".")).reply(text("Three."))
    async with claude.session() as session:
        stream = session.messages()
        first = await session.send("First.")
        await gate.reached()
        second = await session.send("Second.", priority="steer")
        receipt = await session.interrupt()
        assert (receipt.interrupted, receipt.cancelled, receipt.still_queued) == (True, (second,), ())
        results = [await until(stream, ResultMessage), await until(stream, ResultMessage)]
        assert {result.user_message_uuids[0]: result.outcome for result in results} == {
            first: "interrupted",
            second: "cancelled",
        }
        assert (await run(session, "Third.")).result.result == "Three."
    assert "Second." not in claude.model.requests[1].text


async def test_an_interrupt_may_keep_a_steer_that_was_not_taken_up(claude: Claude) -> None:
    gate = Gate()
    claude.model.reply(text("One", gate, ".")).reply(text("Two."))
    async with claude.session() as session:
        stream = session.messages()
        first = await session.send("First.")
        await gate.reached()
        second = await session.send("Second.", priority="steer")
        receipt = await session.interrupt(cancel_queued=False)
        assert (receipt.interrupted, receipt.cancelled, receipt.still_queued) == (True, (), (second,))
        assert (await result_of(stream, first)).outcome == "interrupted"
        told = await result_of(stream, second)
        assert (told.result, told.user_message_uuids) == ("Two.", [second])
        await session.wait_idle()


async def test_a_steer_that_came_too_late_goes_before_a_prompt_that_waits(claude: Claude) -> None:
    gate = Gate()
    claude.model.reply(text("One", gate, ".")).reply(text("Two.")).reply(text("Three."))
    async with claude.session() as session:
        stream = session.messages()
        first = await session.send("First.")
        await gate.reached()
        third = await session.send("Third.")
        second = await session.send("Second.", priority="steer")
        gate.open()
        results = [await until(stream, ResultMessage) for _ in range(3)]
        assert [result.user_message_uuids for result in results] == [[first], [second], [third]]
        assert [result.result for result in results] == ["One.", "Two.", "Three."]
        await session.wait_idle()


async def test_a_steer_is_taken_back_until_claude_takes_it_up(claude: Claude) -> None:
    gate = Gate()
    claude.model.reply(text("One", gate, "."))
    async with claude.session() as session:
        stream = session.messages()
        first = await session.send("First.")
        await gate.reached()
        second = await session.send("Second.", priority="steer")
        assert await session.cancel_message(second)
        assert (await result_of(stream, second)).outcome == "cancelled"
        assert not await session.cancel_message(second)
        gate.open()
        assert (await result_of(stream, first)).result == "One."
        await session.wait_idle()
    assert len(claude.model.requests) == 1


async def test_several_steers_join_the_turn_together(claude: Claude) -> None:
    claude.model.reply(claude.waiting("feed")).reply(text("All."))
    async with claude.session(permission_mode="bypass") as session:
        stream, states = session.messages(), session.messages()
        uuids = [await session.send("First.")]
        await until(stream, AssistantMessage, lambda message: message.tool_uses)
        uuids += [await session.send(prompt, priority="steer", uuid=str(uuid4())) for prompt in ("Second.", "Third.")]
        claude.go("feed")
        assert (await until(stream, ResultMessage)).user_message_uuids == uuids
        for uuid in uuids[1:]:
            await stands(states, uuid, "completed")
