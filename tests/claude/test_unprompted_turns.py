from __future__ import annotations

import pytest
from tests.claude.driving import Claude, agent, by_child

from agent_sdk_core import (
    AssistantMessage,
    InitMessage,
    ResultMessage,
    SDKMessage,
    StreamEvent,
    TaskNotification,
    TaskStarted,
    UserMessage,
)
from agent_sdk_testing import Gate, call, text
from agent_sdk_testing.contract.watching import result_of, run, until
from claude_sdk import MessageStream

pytestmark = pytest.mark.anyio


async def unprompted(stream: MessageStream) -> ResultMessage:
    """Read up to the result of a turn that nobody prompted."""
    return await until(stream, ResultMessage, lambda result: not result.user_message_uuids)


async def test_the_end_of_a_background_command_is_a_turn_that_answers_no_prompt(claude: Claude) -> None:
    claude.model.reply(claude.waiting("feed", wait=0)).reply(text("It runs."))
    claude.model.reply(text("It ended."))
    async with claude.session(permission_mode="bypass") as session:
        stream = session.messages()
        ran = await run(session, "Run it.")
        assert ran.result.result == "It runs."
        [use] = ran.uses
        assert "background" in ran.result_of(use).text
        started = await until(stream, TaskStarted)
        claude.go("feed")
        ended = await until(stream, TaskNotification)
        assert (ended.task_id, ended.tool_use_id, ended.status) == (started.task_id, use.id, "completed")
        assert (await unprompted(stream)).result == "It ended."
        await session.wait_idle()
    assert len(ran.all(ResultMessage)) == 1


async def test_a_turn_that_nobody_prompted_owes_no_data(claude: Claude) -> None:
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
    claude.model.reply(claude.waiting("feed", wait=0)).reply(call("StructuredOutput", n=1))
    claude.model.otherwise(text("It ended."))
    async with claude.session(permission_mode="bypass", output_schema=schema) as session:
        stream = session.messages()
        assert (await run(session, "Run it.")).result.structured_output == {"n": 1}
        claude.go("feed")
        told = await unprompted(stream)
        assert (told.outcome, told.structured_output) == ("completed", None)
        await session.wait_idle()


async def test_a_sub_agent_in_the_background_is_nested_below_its_task_and_its_end_is_a_turn(claude: Claude) -> None:
    gate = Gate()
    claude.model.when(by_child).reply(gate, text("The child speaks."))
    claude.model.reply(agent()).reply(text("It works."))
    claude.model.reply(text("The child is done."))
    async with claude.session(permission_mode="bypass") as session:
        stream = session.messages()
        ran = await run(session, "Delegate.")
        assert ran.result.result == "It works."
        [use] = ran.uses
        assert use.kind == "agent"
        gate.open()
        said = await until(stream, AssistantMessage, lambda message: message.parent_tool_use_id is not None)
        assert (said.text, said.parent_tool_use_id) == ("The child speaks.", use.id)
        ended = await until(stream, TaskNotification)
        assert (ended.tool_use_id, ended.status) == (use.id, "completed")
        init = await until(stream, InitMessage)
        assert init.source is not None
        told = await unprompted(stream)
        assert told.result == "The child is done."
        assert told.source is not None
        assert told.source.turn_id == init.source.turn_id != ran.uuid
        await session.wait_idle()


async def test_a_prompt_behind_a_turn_that_nobody_prompted_waits_for_its_end(claude: Claude) -> None:
    gate = Gate()
    claude.model.reply(claude.waiting("feed", wait=0)).reply(text("It runs."))
    claude.model.reply(text("It ", gate, "ended.")).reply(text("Hello."))
    async with claude.session(permission_mode="bypass") as session:
        stream = session.messages()
        await run(session, "Run it.")
        claude.go("feed")
        await until(stream, TaskNotification)
        await until(stream, StreamEvent, lambda event: event.text)  # It runs here too, and not only at the model.
        uuid = await session.send("Hello?")
        assert [queued.uuid for queued in session.queue] == [uuid]
        gate.open()
        assert (await unprompted(stream)).result == "It ended."
        assert (await result_of(stream, uuid)).result == "Hello."


async def test_a_prompt_that_joins_a_turn_that_nobody_prompted_is_ended_by_its_result(claude: Claude) -> None:
    claude.model.reply(claude.waiting("first", wait=0)).reply(text("It runs."))
    claude.model.reply(claude.waiting("second")).reply(text("Both."))
    async with claude.session(permission_mode="bypass") as session:
        stream = session.messages()
        await run(session, "Run it.")
        claude.go("first")
        await until(stream, TaskNotification)
        await until(stream, AssistantMessage, lambda message: message.tool_uses)
        uuid = await session.send("Hello?", priority="steer")
        claude.go("second")
        result = await result_of(stream, uuid)
        assert (result.result, result.user_message_uuids) == ("Both.", [uuid])
        await session.wait_idle()
    assert "Hello?" in claude.model.requests[3].text


async def test_an_interrupt_ends_a_turn_that_nobody_prompted(claude: Claude) -> None:
    gate = Gate()
    claude.model.reply(claude.waiting("feed", wait=0)).reply(text("It runs."))
    claude.model.reply(text("It ", gate, "ended.")).reply(text("Hello."))
    async with claude.session(permission_mode="bypass") as session:
        stream = session.messages()
        await run(session, "Run it.")
        claude.go("feed")
        await until(stream, TaskNotification)
        await until(stream, StreamEvent, lambda event: event.text)
        assert (await session.interrupt()).interrupted
        assert (await unprompted(stream)).outcome == "interrupted"
        gate.open()
        assert (await run(session, "Hello?")).result.result == "Hello."


async def test_the_notice_that_starts_a_turn_is_no_prompt_of_anybodys(claude: Claude) -> None:
    claude.model.reply(claude.waiting("feed", wait=0)).reply(text("It runs."))
    claude.model.reply(text("It ended."))
    async with claude.session(permission_mode="bypass") as session:
        stream = session.messages()
        ran = await run(session, "Run it.")
        claude.go("feed")
        await until(stream, TaskNotification)
        seen: list[SDKMessage] = []
        while not isinstance(message := await anext(stream), ResultMessage):
            seen.append(message)
    replayed = [message for message in seen if isinstance(message, UserMessage) and message.is_replay]
    assert replayed == []
    assert ran.uuid not in message.user_message_uuids
