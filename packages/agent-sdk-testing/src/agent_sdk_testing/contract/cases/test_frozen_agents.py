"""An agent that is stopped (SIGSTOP) and answers nothing: whoever waits for it waits a bounded time, and is told."""

from __future__ import annotations

import signal

import anyio
import pytest

from agent_sdk_core import AgentSession, RequestTimeoutError, StreamEvent, Turn
from agent_sdk_core.runtime.turns import runner
from agent_sdk_testing import Gate, text
from agent_sdk_testing.contract.process_agent import ProcessAgent
from agent_sdk_testing.contract.traits import needs
from agent_sdk_testing.contract.watching import run, until

pytestmark = [pytest.mark.anyio, needs("process")]

_CLOSE_SECONDS = 60.0
"""What a close may take: some three seconds, and far more on a loaded machine."""


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let an interrupt wait for longer than any close may take."""
    monkeypatch.setattr(runner, "INTERRUPT_SECONDS", 120.0)


async def frozen(agent: ProcessAgent, session: AgentSession) -> Turn:
    """Begin a turn, and stop the agent in the middle of it."""
    agent.model.reply(text("Half ", Gate(), "of it."))
    turn = session.query("Talk.")
    await until(turn, StreamEvent, lambda event: event.text)
    agent.kill(session, signal.SIGSTOP)
    return turn


async def test_an_interrupt_that_is_not_confirmed_is_an_error_of_the_result(agent: ProcessAgent) -> None:
    async with agent.session() as session:
        turn = await frozen(agent, session)
        with anyio.fail_after(30):
            assert (await session.interrupt()).interrupted
            result = await turn.wait()
    assert (result.outcome, result.user_message_uuids) == ("interrupted", [turn.uuid])
    assert isinstance(result.error, RequestTimeoutError)
    assert "did not confirm the interrupt" in str(result.error)


@pytest.mark.usefixtures("patient")
@pytest.mark.parametrize("begun", [True, False], ids=["another has begun", "the first"])
async def test_an_interrupt_that_shall_not_wait_ends_the_turn_at_once_and_the_session_goes_on(
    agent: ProcessAgent, begun: bool
) -> None:
    async with agent.session() as session, anyio.create_task_group() as tasks:
        turn = await frozen(agent, session)
        if begun:
            tasks.start_soon(session.interrupt)
            await anyio.lowlevel.checkpoint()
        with anyio.fail_after(30):
            assert (await session.interrupt(now=True)).interrupted
            assert isinstance((await turn.wait()).error, RequestTimeoutError)
        agent.model.reply(text("Here again."))
        with anyio.fail_after(60):
            assert (await run(session, "Go on.")).result.outcome == "completed"


@pytest.mark.usefixtures("patient")
async def test_a_session_closes_within_seconds_in_a_turn(agent: ProcessAgent) -> None:
    async with agent.backend() as backend:
        session = await agent.open(backend)
        turn = await frozen(agent, session)
        with anyio.fail_after(_CLOSE_SECONDS):
            await session.aclose()
        assert isinstance((await turn.wait()).error, RequestTimeoutError)


@pytest.mark.usefixtures("patient")
async def test_a_close_does_not_wait_for_an_interrupt_that_has_begun(agent: ProcessAgent) -> None:
    async with agent.backend() as backend, anyio.create_task_group() as tasks:
        session = await agent.open(backend)
        await frozen(agent, session)
        tasks.start_soon(session.interrupt)
        await anyio.lowlevel.checkpoint()
        with anyio.fail_after(_CLOSE_SECONDS):
            await session.aclose()


@pytest.mark.usefixtures("patient")
async def test_an_idle_session_closes_within_seconds(agent: ProcessAgent) -> None:
    agent.model.reply(text("Fine."))
    async with agent.backend() as backend:
        session = await agent.open(backend)
        await run(session, "Hello.")
        agent.kill(session, signal.SIGSTOP)
        with anyio.fail_after(_CLOSE_SECONDS):
            await session.aclose()


@pytest.mark.usefixtures("patient")
@pytest.mark.parametrize("sessions", [1, 3])
async def test_a_backend_closes_within_seconds(agent: ProcessAgent, sessions: int) -> None:
    async with agent.backend() as backend:
        for _ in range(sessions):
            await frozen(agent, await agent.open(backend))
            if backend.capabilities.shared_process:
                break
        with anyio.fail_after(_CLOSE_SECONDS):
            await backend.aclose()
