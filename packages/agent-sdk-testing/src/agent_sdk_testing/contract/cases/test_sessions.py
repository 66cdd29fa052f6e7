"""Several sessions beside each other: none sees, waits for or ends another."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import anyio
import pytest
from anyio.lowlevel import checkpoint

from agent_sdk_core import (
    AgentBackend,
    AgentSession,
    AssistantMessage,
    ResultMessage,
    SessionClosedError,
    StreamEvent,
    Turn,
)
from agent_sdk_testing import Gate, text
from agent_sdk_testing.contract.agent import Agent
from agent_sdk_testing.contract.process_agent import ProcessAgent
from agent_sdk_testing.contract.traits import needs
from agent_sdk_testing.contract.watching import Ran, finish, run, until

pytestmark = pytest.mark.anyio


async def test_interleaved_sessions_never_see_each_others_messages(agent: Agent) -> None:
    gates = [Gate() for _ in range(4)]
    one_says = text("a", gates[0], "b", gates[2], "c")
    two_says = text("x", gates[1], "y", gates[3], "z")
    agent.model.when("One.").reply(one_says, agent.command("echo one")).reply(text("One is done."))
    agent.model.when("Two.").reply(two_says, agent.command("echo two")).reply(text("Two is done."))
    rans: dict[str, Ran] = {}

    async def keep(name: str, session: AgentSession) -> None:
        rans[name] = await run(session, name)

    async with (
        agent.backend() as backend,
        await agent.open(backend, permission_mode="bypass") as one,
        await agent.open(backend, permission_mode="bypass") as two,
    ):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(keep, "One.", one)
            tasks.start_soon(keep, "Two.", two)
            for gate in gates:
                await gate.reached()
                gate.open()
        assert one.session_id != two.session_id
        assert rans["One."].text == ["abc", "One is done."]
        assert rans["Two."].text == ["xyz", "Two is done."]
        assert {message.session_id for message in rans["One."].messages} == {one.session_id}
        assert {message.session_id for message in rans["Two."].messages} == {two.session_id}


async def test_many_sessions_run_at_the_same_time(agent: Agent) -> None:
    agent.model.otherwise(lambda request: text("You said ", request.last_user_text))
    async with agent.backend() as backend:
        sessions = [await agent.open(backend) for _ in range(8)]
        async with anyio.create_task_group() as tasks:

            async def talk(number: int, session: AgentSession) -> None:
                for turn in range(3):
                    ran = await run(session, f"{number}/{turn}")
                    assert ran.result.result == f"You said {number}/{turn}"

            for number, session in enumerate(sessions):
                tasks.start_soon(talk, number, session)
        assert len({session.session_id for session in backend.sessions}) == 8


async def test_a_backend_may_be_opened_and_closed_in_different_tasks(agent: Agent) -> None:
    agent.model.reply(text("Fine."))
    backend = agent.backend()
    sessions: list[AgentSession] = []

    async def start() -> None:
        await backend.__aenter__()

    async def create() -> None:
        sessions.append(await agent.open(backend))

    async def talk() -> None:
        assert (await run(sessions[0], "Talk.")).result.result == "Fine."

    async def close() -> None:
        await backend.__aexit__(None, None, None)

    for step in (start, create, talk, close):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(step)
    assert sessions[0].state == "closed"
    await agent.closed()


async def test_a_turn_may_be_entered_read_and_left_in_different_tasks(agent: Agent) -> None:
    gate = Gate()
    agent.model.reply(text("Half ", gate, "of it."))
    async with agent.session() as session:
        turn = session.query("Talk.")

        async def read() -> None:
            await until(turn, StreamEvent)

        for step in (turn.__aenter__, read, lambda: turn.__aexit__(None, None, None)):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(step)
        assert turn.result is not None
        assert turn.result.outcome == "interrupted"


async def test_a_backend_starts_on_first_use(agent: Agent) -> None:
    agent.model.reply(text("Fine."))
    backend = agent.backend()
    session = await agent.open(backend)
    assert (await run(session, "Talk.")).result.result == "Fine."
    await backend.aclose()
    assert session.state == "closed"


async def test_a_backend_that_was_never_started_closes(agent: Agent) -> None:
    backend = agent.backend()
    await backend.aclose()
    with pytest.raises(SessionClosedError):
        await backend.start()
    with pytest.raises(SessionClosedError):
        await agent.open(backend)


@needs("process", "shared_process")
async def test_starts_at_the_same_time_start_one_process(agent: ProcessAgent) -> None:
    backend = agent.backend()
    async with anyio.create_task_group() as tasks:
        for _ in range(4):
            tasks.start_soon(backend.start)
    assert len(agent.started) == 1


@needs("process")
async def test_a_cancelled_start_leaves_no_process(agent: Agent) -> None:
    pipe = agent.pipe("silent")
    silent = agent.folder / "silent"
    silent.write_text(f"#!/bin/sh\nexec 8>'{pipe.path}'\necho begun >&8\nexec sleep 600\n")
    silent.chmod(0o755)
    backend = agent.backend(executable=silent)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(agent.open, backend)
        assert await pipe.line() == "begun"
        tasks.cancel_scope.cancel()
    await backend.aclose()
    await pipe.gone()


@needs("process")
async def test_a_cancelled_create_session_leaves_no_session(agent: ProcessAgent) -> None:
    agent.model.otherwise(text("Fine."))
    async with agent.backend() as backend:
        async with anyio.create_task_group() as tasks:
            with agent.frozen():
                tasks.start_soon(backend.create_session)
                await anyio.wait_all_tasks_blocked()
                tasks.cancel_scope.cancel()
        # The answer to this one comes after the answer to the cancelled one.
        session = await agent.open(backend)
        while len(backend.sessions) > 1:
            await checkpoint()
        assert list(backend.sessions) == [session]
        assert (await run(session, "Talk.")).result.outcome == "completed"


async def test_a_create_session_cancelled_before_it_began_leaves_nothing(agent: Agent) -> None:
    backend = agent.backend()
    with anyio.CancelScope() as scope:
        scope.cancel()
        await backend.create_session()
    assert scope.cancelled_caught
    assert not backend.sessions


async def test_closing_a_session_leaves_the_others_and_the_backend(agent: Agent) -> None:
    agent.model.otherwise(text("Fine."))
    async with agent.backend() as backend:
        one, two = await agent.open(backend), await agent.open(backend)
        await one.aclose()
        assert list(backend.sessions) == [two]
        assert (await run(two, "Talk.")).result.outcome == "completed"
        three = await agent.open(backend)
        assert (await run(three, "Talk.")).result.outcome == "completed"


async def test_a_closed_session_refuses_everything(agent: Agent) -> None:
    async with agent.backend() as backend:
        session = await agent.open(backend)
        watch = session.messages()
        await session.aclose()
        assert session.state == "closed"
        async for _ in watch:  # Some tell something as soon as they are open.
            pass
        with pytest.raises(StopAsyncIteration):
            await anext(session.messages())
        for call in (lambda: session.send("Talk."), lambda: session.set_model("other")):
            with pytest.raises(SessionClosedError):
                await call()
        with pytest.raises(SessionClosedError):
            session.query("Talk.")
        assert not (await session.interrupt()).interrupted
        await session.wait_idle()


async def test_closing_again_does_nothing(agent: Agent) -> None:
    backend = agent.backend()
    session = await agent.open(backend)
    async with anyio.create_task_group() as tasks:
        for close in (session.aclose, session.aclose, session.kill, backend.aclose, backend.aclose):
            tasks.start_soon(close)
    await session.aclose()
    await backend.aclose()
    assert not backend.sessions


@pytest.mark.parametrize("what", ["session", "kill", "backend"])
async def test_closing_in_mid_turn_ends_the_turn_with_a_result(agent: Agent, what: str) -> None:
    gate = Gate()
    agent.model.reply(text("Half ", gate, "of it."))
    async with agent.backend() as backend:
        session = await agent.open(backend)
        turn = session.query("Talk.")
        await until(turn, StreamEvent, lambda event: event.text)
        await {"session": session.aclose, "kill": session.kill, "backend": backend.aclose}[what]()
        ran = await finish_rest(turn)
        assert ran[-1] is turn.result
        assert turn.result is not None
        assert turn.result.outcome == "interrupted"
        assert turn.result.user_message_uuids == [turn.uuid]
        assert [message.text for message in ran if isinstance(message, AssistantMessage)] == ["Half "]
        assert session.state == "closed"


async def finish_rest(turn: AsyncIterator[object]) -> list[object]:
    return [message async for message in turn]


@pytest.mark.parametrize("how", ["aclose", "kill"])
async def test_closing_a_session_ends_its_commands_and_no_others(agent: Agent, how: str) -> None:
    ended, kept = agent.pipe("ended"), agent.pipe("kept")
    agent.model.when("End.").reply(agent.command(f"exec 8>'{ended.path}'; echo begun >&8; sleep 600"))
    agent.model.when("Keep.").reply(agent.command(f"exec 8>'{kept.path}'; echo begun >&8; sleep 600"))
    async with agent.backend() as backend:
        one = await agent.open(backend, permission_mode="bypass")
        two = await agent.open(backend, permission_mode="bypass")
        for session, prompt, pipe in ((one, "End.", ended), (two, "Keep.", kept)):
            watch = session.messages()
            await session.send(prompt)
            await until(watch, AssistantMessage, lambda message: message.tool_uses)
            assert await pipe.line() == "begun"
        await getattr(one, how)()
        await ended.gone()
        assert kept.held
        assert two.state == "running"
        await two.interrupt()
    await kept.gone()


@pytest.mark.parametrize("what", ["session", "backend"])
async def test_a_cancelled_close_still_closes(agent: Agent, what: str) -> None:
    gate = Gate()
    agent.model.reply(text("Half.", gate))
    async with agent.backend() as backend:
        session = await agent.open(backend)
        await session.send("Talk.")
        await gate.reached()
        with anyio.CancelScope() as scope:
            scope.cancel()
            await (session if what == "session" else backend).aclose()
        assert session.state == "closed"
        assert not backend.sessions


@pytest.mark.parametrize("steps", [1, 2, 3, 5])
@pytest.mark.parametrize("what", ["session", "backend"])
async def test_a_close_whose_task_is_cancelled_goes_on_without_it(
    agent: Agent, anyio_backend: str, what: str, steps: int
) -> None:
    gate = Gate()
    agent.model.reply(text("Half.", gate))
    backend = agent.backend()
    session = await agent.open(backend)
    watch, events = session.messages(), backend.events()
    await session.send("Talk.")
    await gate.reached()
    close = (session if what == "session" else backend).aclose
    if anyio_backend == "asyncio":  # Its own cancellation is the one that no shield stops.
        task = asyncio.ensure_future(close())
        for _ in range(steps):
            await anyio.lowlevel.checkpoint()
        task.cancel()
        await asyncio.wait([task])
    else:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(close)
            for _ in range(steps):
                await anyio.lowlevel.checkpoint()
            tasks.cancel_scope.cancel()
    assert [message async for message in watch if isinstance(message, ResultMessage)]
    assert session.state == "closed"
    if what == "backend":
        async for _ in events:
            pass
        await agent.closed()  # Before anybody closes it again.
    await backend.aclose()
    assert not backend.sessions


async def test_the_callers_own_exception_is_not_hidden(agent: Agent) -> None:
    gate = Gate()
    agent.model.reply(text("Half.", gate))
    turns: list[Turn] = []

    async def use() -> None:
        async with agent.session() as session, session.query("Talk.") as turn:
            turns.append(turn)
            await until(turn, StreamEvent)
            raise ValueError("mine")

    with pytest.raises(ValueError, match=r"^mine$"):
        await use()
    assert turns[0].result is not None
    assert turns[0].result.outcome == "interrupted"


async def test_a_session_knows_its_backend(agent: Agent) -> None:
    backend: AgentBackend = agent.backend()
    async with backend, await agent.open(backend) as session:
        assert session.backend is backend
        assert list(backend.sessions) == [session]
        assert session.state == "idle"
    assert not backend.sessions


async def test_a_turn_that_is_not_used_sends_nothing(agent: Agent) -> None:
    async with agent.session() as session:
        with pytest.warns(ResourceWarning, match="never sent"):
            session.query("Never sent.")
        assert session.state == "idle"
    assert not agent.model.requests


async def test_a_turn_that_was_waited_for_can_still_be_read(agent: Agent) -> None:
    agent.model.otherwise(text("Fine."))
    async with agent.session() as session:
        turn = session.query("Talk.")
        result = await turn.wait()
        assert (turn.result, turn.text) == (result, "Fine.")
        ran = await finish(turn)
        assert ran.result is result
