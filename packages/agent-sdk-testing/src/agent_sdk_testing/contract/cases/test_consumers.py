"""Who reads the messages, late, slowly or not at all, and what that must not change."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator, Coroutine, Sequence
from typing import Any

import anyio
import pytest

from agent_sdk_core import (
    AssistantMessage,
    CommandLifecycle,
    MessagesDropped,
    ResultMessage,
    SDKMessage,
    StreamEvent,
    SystemMessage,
    Turn,
)
from agent_sdk_core.runtime.host import on_trio
from agent_sdk_testing import Gate, deltas, text
from agent_sdk_testing.contract.agent import Agent
from agent_sdk_testing.contract.process_agent import ProcessAgent
from agent_sdk_testing.contract.traits import needs
from agent_sdk_testing.contract.watching import finish, result_of, run, until

pytestmark = pytest.mark.anyio


async def test_an_absent_consumer_under_many_deltas_does_not_delay_an_interrupt(agent: Agent) -> None:
    gate = Gate()
    agent.model.reply(deltas(6_000, "abcde"), gate).reply(text("Next."))
    async with agent.session() as session:
        agent.recorder.forget(session)
        await session.send("Talk on.")
        await gate.reached()
        with anyio.fail_after(30):
            assert (await session.interrupt()).interrupted
        assert (await run(session, "Again.")).result.result == "Next."


async def test_an_interrupt_amid_many_deltas_is_answered(agent: Agent) -> None:
    agent.model.reply(deltas(20_000, "abcde")).reply(text("Next."))
    async with agent.session() as session:
        watch = session.messages()
        uuid = await session.send("Talk on.")
        await until(watch, StreamEvent, lambda event: event.text)
        with anyio.fail_after(30):
            await session.interrupt()
        assert (await result_of(watch, uuid)).outcome in ("interrupted", "completed")
        assert (await run(session, "Again.")).result.outcome == "completed"


async def test_a_lagging_turn_loses_nothing(agent: Agent) -> None:
    agent.model.reply(deltas(6_000, "abcde"))
    async with agent.session() as session:
        turn = session.query("Talk on.")
        await anext(turn)
        result = await turn.wait()
        rest = [message async for message in turn]
    assert rest[-1] is result
    assert not [message for message in rest if isinstance(message, MessagesDropped)]
    pieces = [message.text for message in rest if isinstance(message, StreamEvent)]
    [answer] = [message for message in rest if isinstance(message, AssistantMessage)]
    assert "".join(pieces) == answer.text == "abcde" * 6_000
    assert len(pieces) < 1_500  # Above the high-water mark deltas are joined.


async def test_a_lagging_reader_of_all_messages_loses_nothing(agent: Agent) -> None:
    agent.model.reply(deltas(5_000, "abcde"))
    async with agent.session() as session:
        watch = session.messages()
        await session.send("Talk on.")
        await session.wait_idle()
        await session.aclose()
        told = [message async for message in watch]
    assert "".join(message.text for message in told if isinstance(message, StreamEvent)) == "abcde" * 5_000
    assert sum(isinstance(message, ResultMessage) for message in told) == 1


async def test_a_break_leaves_the_turn_running(agent: Agent) -> None:
    gate = Gate()
    agent.model.reply(text("Half ", gate, "of it."))
    async with agent.session() as session:
        watch = session.messages()
        turn = session.query("Talk.")
        async for message in turn:
            if isinstance(message, StreamEvent) and message.text:
                break
        uuid = turn.uuid
        del turn
        gc.collect()
        assert session.state == "running"
        gate.open()
        assert (await result_of(watch, uuid)).result == "Half of it."


async def test_tasks_that_nobody_holds_go_on_while_they_wait_for_a_turn_and_for_messages(agent: Agent) -> None:
    gate = Gate()
    agent.model.reply(text("Half ", gate, "of it."))
    ended = {name: anyio.Event() for name in ("a turn", "messages", "a result")}

    async def read(messages: AsyncIterator[SDKMessage], name: str) -> None:
        async for message in messages:
            if isinstance(message, ResultMessage):
                ended[name].set()

    async def wait(turn: Turn) -> None:
        await turn
        ended["a result"].set()

    async with agent.session() as session:
        start_unheld(read(session.messages(), "messages"))
        start_unheld(read(session.query("Talk."), "a turn"))
        await gate.reached()
        start_unheld(wait(session.query("Talk on.")))
        agent.model.reply(text("The rest."))
        await anyio.wait_all_tasks_blocked()
        gc.collect()
        gate.open()
        for event in ended.values():
            await event.wait()


def start_unheld(body: Coroutine[Any, Any, None]) -> None:
    """Start a task which nobody holds, and so not asyncio either, that knows its tasks weakly."""
    if on_trio():
        import trio

        trio.lowlevel.spawn_system_task(lambda: body)
    else:
        asyncio.ensure_future(body)  # noqa: RUF006  # that nothing holds it is what is tried


async def test_a_turn_left_by_break_can_be_read_on(agent: Agent) -> None:
    gate = Gate()
    agent.model.reply(text("Half ", gate, "of it."))
    async with agent.session() as session:
        turn = session.query("Talk.")
        async for message in turn:
            if isinstance(message, StreamEvent) and message.text:
                break
        gate.open()
        rest = [message async for message in turn]
        assert rest[-1] is turn.result
        assert turn.text == "Half of it."


async def test_leaving_a_turn_early_interrupts_it_and_sets_its_result(agent: Agent) -> None:
    gate = Gate()
    agent.model.reply(text("Half ", gate, "of it.")).reply(text("Next."))
    async with agent.session() as session:
        async with session.query("Talk.") as turn:
            await until(turn, StreamEvent)
            assert turn.result is None
        assert turn.result is not None
        assert turn.result.outcome == "interrupted"
        assert session.state == "idle"
        assert (await run(session, "Again.")).result.result == "Next."


async def test_leaving_a_turn_after_its_result_does_nothing(agent: Agent) -> None:
    agent.model.reply(text("All of it."))
    async with agent.session() as session:
        async with session.query("Talk.") as turn:
            ran = await finish(turn)
        assert turn.result is ran.result
        assert ran.result.outcome == "completed"


async def test_cancellation_inside_a_turn_interrupts_it_and_passes(agent: Agent) -> None:
    gate = Gate()
    agent.model.reply(text("Half ", gate, "of it.")).reply(text("Next."))
    seen: list[BaseException] = []
    async with agent.session() as session:
        turn = session.query("Talk.")

        async def watch() -> None:
            try:
                async with turn:
                    async for _ in turn:
                        pass
            except anyio.get_cancelled_exc_class() as error:
                seen.append(error)
                raise

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(watch)
            await gate.reached()
            tasks.cancel_scope.cancel()
        assert len(seen) == 1
        assert turn.result is not None
        assert turn.result.outcome == "interrupted"
        assert (await run(session, "Again.")).result.result == "Next."


async def test_cancellation_inside_everything_closes_everything(agent: Agent) -> None:
    gate = Gate()
    agent.model.reply(text("Half ", gate, "of it."))
    turns: list[Turn] = []

    async def use() -> None:
        async with agent.session() as session, session.query("Talk.") as turn:
            turns.append(turn)
            async for _ in turn:
                pass

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(use)
        await gate.reached()
        tasks.cancel_scope.cancel()
    assert turns[0].result is not None
    assert turns[0].result.outcome == "interrupted"
    await agent.closed()


async def test_a_cancelled_wait_for_the_next_message_leaves_the_turn_running(agent: Agent) -> None:
    gate = Gate()
    agent.model.reply(text("Half ", gate, "of it."))
    async with agent.session() as session:
        turn = session.query("Talk.")
        await until(turn, StreamEvent, lambda event: event.text)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(anext, turn)
            await anyio.wait_all_tasks_blocked()
            tasks.cancel_scope.cancel()
        assert session.state == "running"
        gate.open()
        ran = [message async for message in turn]
        assert "".join(message.text for message in ran if isinstance(message, StreamEvent)) == "of it."
        assert turn.text == "Half of it."


@needs("process")
async def test_a_turn_cancelled_while_it_is_entered_is_interrupted(agent: ProcessAgent) -> None:
    gate = Gate()
    agent.model.otherwise(text("Half ", gate, "of it."))
    async with agent.session() as session:
        turn = session.query("Talk.")
        async with anyio.create_task_group() as tasks:
            with agent.frozen():
                tasks.start_soon(turn.__aenter__)
                await anyio.wait_all_tasks_blocked()
                tasks.cancel_scope.cancel()
        assert turn.result is not None
        assert turn.result.outcome == "interrupted"
        assert session.state == "idle"
        gate.open()
        assert (await run(session, "Again.")).result.result == "Half of it."


async def test_messages_tells_everything_of_every_turn(agent: Agent) -> None:
    agent.model.otherwise(lambda request: text(f"You said {request.last_user_text}"))
    async with agent.session() as session:
        watch = session.messages()
        rans = [await run(session, prompt) for prompt in ("one", "two", "three")]
        await session.aclose()
        told = [message async for message in watch]
    seen = {message.uuid for ran in rans for message in ran.messages}
    assert seen <= {message.uuid for message in told}
    # Around its turns an agent may tell of itself, before they begin and when they have ended.
    assert all(isinstance(message, SystemMessage | CommandLifecycle) for message in told if message.uuid not in seen)
    assert in_turns(told) == in_turns([message for ran in rans for message in ran.messages])


def in_turns(messages: Sequence[SDKMessage]) -> list[str | None]:
    """Return the messages of turns, in order, up to what follows their results."""
    ended: set[str] = set()
    told: list[str | None] = []
    for message in messages:
        turn_id = message.source.turn_id if message.source else None
        if turn_id is not None and turn_id not in ended:
            told.append(message.uuid)
            if isinstance(message, ResultMessage):
                ended.add(turn_id)
    return told


async def test_each_reader_of_messages_gets_all_of_them(agent: Agent) -> None:
    agent.model.reply(text("Fine."))
    async with agent.session() as session:
        readers = [session.messages() for _ in range(3)]
        await run(session, "Talk.")
        late = session.messages()
        await session.aclose()
        told = [[message.uuid async for message in reader] for reader in readers]
        assert told[0] == told[1] == told[2]
        assert told[0]
        assert in_turns([message async for message in late if isinstance(message, AssistantMessage)]) == []


async def test_a_turn_yields_only_what_belongs_to_it(agent: Agent) -> None:
    gate = Gate()
    agent.model.reply(text("First ", gate, "answer.")).reply(text("Second answer."))
    async with agent.session() as session:
        one, two = session.query("One."), session.query("Two.")
        await until(one, StreamEvent)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(two.wait)
            await anyio.wait_all_tasks_blocked()
            gate.open()
        rest = [message async for message in one]
        assert rest[-1] is one.result
        assert one.text == "First answer."
        ran = await finish(two)
        assert ran.text == ["Second answer."]
