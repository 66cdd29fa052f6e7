"""The caller is cancelled, at whatever it awaits: nothing is left behind, and what was sent has one end."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Final

import anyio
import pytest

from agent_sdk_core import (
    DEFER,
    AgentBackend,
    AgentSession,
    AssistantMessage,
    InitMessage,
    MessageStream,
    RequestOpened,
    ResultMessage,
    StreamEvent,
    UserMessage,
)
from agent_sdk_testing import Gate, text
from agent_sdk_testing.contract.agent import Agent
from agent_sdk_testing.contract.traits import needs
from agent_sdk_testing.contract.watching import until

pytestmark = pytest.mark.anyio

Arrives = Callable[[MessageStream], Awaitable[object]]

MOMENTS: Final[Mapping[str, Arrives]] = {
    "init": lambda watch: until(watch, InitMessage),
    "prompt": lambda watch: until(watch, UserMessage, lambda message: message.is_replay),
    "delta": lambda watch: until(watch, StreamEvent, lambda event: event.text),
    "tool use": lambda watch: until(watch, AssistantMessage, lambda message: message.tool_uses),
    "request": lambda watch: until(watch, RequestOpened),
}
"""What the caller has just seen when it is cancelled."""


def script(agent: Agent) -> Gate:
    """Let the model talk, then ask for what nobody answers."""
    gate = Gate()
    agent.model.when("Again.").reply(text("Went on."))
    agent.model.reply(text("I will.", gate), agent.command("echo done", escalate=True))
    agent.model.otherwise(text("Fine."))
    return gate


@pytest.mark.parametrize("moment", MOMENTS)
async def test_a_turn_whose_caller_is_cancelled_ends_once_and_its_session_goes_on(agent: Agent, moment: str) -> None:
    gate = script(agent)
    async with agent.session(permission_mode="default", can_use_tool=DEFER) as session:
        watch, results = session.messages(), session.messages()
        turn = session.query("Act.")

        async def act() -> None:
            async with turn:
                async for _ in turn:
                    pass

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(act)
            if moment in ("tool use", "request"):
                gate.open()
            await MOMENTS[moment](watch)
            tasks.cancel_scope.cancel()
        assert session.state == "idle"
        assert not session.pending
        assert turn.result is not None
        assert turn.result.outcome == "interrupted"
        gate.open()
        assert (await session.query("Again.").wait()).result == "Went on."
        await session.aclose()
        ended = [uuid async for message in results if isinstance(message, ResultMessage) for uuid in uuids(message)]
    assert ended.count(turn.uuid) == 1
    assert not agent.exists("done.txt")


def uuids(result: ResultMessage) -> list[str]:
    return result.user_message_uuids


@pytest.mark.parametrize("moment", ["delta", "request"])
async def test_an_application_that_is_cancelled_as_a_whole_leaves_nothing(agent: Agent, moment: str) -> None:
    gate = script(agent)
    if moment == "request":
        gate.open()
    reached = anyio.Event()
    backend = agent.backend()

    async def application() -> None:
        async with backend, await agent.open(backend, permission_mode="default", can_use_tool=DEFER) as session:
            watch = session.messages()

            async def look() -> None:
                await MOMENTS[moment](watch)
                reached.set()

            async with anyio.create_task_group() as inner:
                inner.start_soon(look)
                await session.query("Act.").wait()

    with anyio.CancelScope() as scope:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(application)
            await reached.wait()
            scope.cancel()
    assert scope.cancelled_caught
    assert not backend.sessions
    gate.open()


OPERATIONS: Final[Mapping[str, Callable[[AgentSession], Awaitable[object]]]] = {
    "send": lambda session: session.send("More."),
    "interrupt": lambda session: session.interrupt(),
    "wait_idle": lambda session: session.wait_idle(),
    "history": lambda session: session.history(),
    "aclose": lambda session: session.aclose(),
    "kill": lambda session: session.kill(),
}
"""What a caller may await while a turn runs."""


@pytest.mark.parametrize("operation", OPERATIONS)
async def test_an_operation_that_is_cancelled_at_once_breaks_nothing(agent: Agent, operation: str) -> None:
    gate = script(agent)
    async with agent.session(permission_mode="default") as session:
        results = session.messages()
        uuid = await session.send("Act.")
        await gate.reached()
        with anyio.CancelScope() as scope:
            scope.cancel()
            await OPERATIONS[operation](session)
        gate.open()
        result = await until(results, ResultMessage, lambda result: uuid in result.user_message_uuids)
        assert result.outcome == ("interrupted" if operation in ("interrupt", "aclose", "kill") else "completed")


@needs("process")
@pytest.mark.parametrize("tries", [1, 5, 25])
async def test_opening_a_session_that_is_cancelled_after_some_steps_leaves_nothing(agent: Agent, tries: int) -> None:
    agent.model.otherwise(text("Fine."))
    backend = agent.backend()

    async def begin(backend: AgentBackend) -> None:
        async with await agent.open(backend) as session:
            await session.query("Talk.").wait()

    async with backend:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(begin, backend)
            for _ in range(tries):
                await anyio.lowlevel.checkpoint()
            tasks.cancel_scope.cancel()
        assert not backend.sessions
        async with await agent.open(backend) as session:
            assert (await session.query("Talk.").wait()).outcome == "completed"
