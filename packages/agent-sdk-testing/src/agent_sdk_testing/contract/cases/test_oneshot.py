"""One prompt without a session of the caller's."""

from __future__ import annotations

import importlib
import os

import anyio
import pytest

from agent_sdk_core import ExecutableNotFoundError, InvalidRequestError, SessionOptions, StreamEvent, query
from agent_sdk_testing import Gate, text
from agent_sdk_testing.contract.agent import Agent
from agent_sdk_testing.contract.process_agent import ProcessAgent
from agent_sdk_testing.contract.traits import needs
from agent_sdk_testing.contract.watching import finish, run, until

pytestmark = pytest.mark.anyio


@pytest.fixture
def installed(agent: ProcessAgent, monkeypatch: pytest.MonkeyPatch) -> ProcessAgent:
    """The agent as a user has it: found through this process's environment."""
    for name in set(os.environ) - set(agent.env):
        monkeypatch.delenv(name)
    for name, value in agent.env.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv(f"AGENT_SDK_{agent.name.upper()}_PATH", str(agent.executable))
    return agent


@needs("installed")
async def test_a_query_by_name_starts_an_agent_and_ends_it(installed: ProcessAgent) -> None:
    installed.model.reply(text("Hello."))
    turn = query("Say hello.", backend=installed.name, options=SessionOptions(cwd=installed.workspace))
    ran = await finish(turn)
    assert (ran.result.result, turn.text) == ("Hello.", "Hello.")
    await installed.lifeline.gone()


@needs("installed")
async def test_a_query_can_be_waited_for(installed: ProcessAgent) -> None:
    installed.model.reply(text("Hello."))
    turn = query("Say hello.", backend=installed.name, options=SessionOptions(cwd=installed.workspace))
    assert (await turn.wait()).result == "Hello."
    await installed.lifeline.gone()


@needs("installed")
async def test_a_query_that_is_left_early_leaves_nothing_running(installed: ProcessAgent) -> None:
    gate = Gate()
    installed.model.reply(text("Half ", gate, "of it."))
    options = SessionOptions(cwd=installed.workspace)
    async with query("Talk.", backend=installed.name, options=options) as turn:
        await until(turn, StreamEvent)
    assert turn.result is not None
    assert turn.result.outcome == "interrupted"
    await installed.lifeline.gone()


@needs("installed")
async def test_a_cancelled_query_leaves_nothing_running(installed: ProcessAgent) -> None:
    gate = Gate()
    installed.model.reply(text("Half ", gate, "of it."))
    options = SessionOptions(cwd=installed.workspace)

    async def use() -> None:
        async with query("Talk.", backend=installed.name, options=options) as turn:
            async for _ in turn:
                pass

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(use)
        await gate.reached()
        tasks.cancel_scope.cancel()
    await installed.lifeline.gone()


@needs("installed")
async def test_a_loop_over_a_query_that_is_left_leaves_nothing_running(installed: ProcessAgent) -> None:
    gate = Gate()
    installed.model.otherwise(text("Half ", gate, "of it."))
    options = SessionOptions(cwd=installed.workspace)

    async def cancelled() -> None:
        async for message in query("Talk.", backend=installed.name, options=options):
            if isinstance(message, StreamEvent):
                tasks.cancel_scope.cancel()

    for _ in range(2):
        async for message in query("Talk.", backend=installed.name, options=options):
            if isinstance(message, StreamEvent):
                break
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(cancelled)
    with anyio.fail_after(30):  # While the event loop still runs.
        await installed.lifeline.gone()


@needs("installed")
async def test_what_is_configured_holds_for_a_query_however_it_is_made(
    installed: ProcessAgent, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed.model.otherwise(text("Hello."))
    monkeypatch.setenv("AGENT_SDK_MODEL", "configured-model")
    options = SessionOptions(cwd=installed.workspace)
    own_query = importlib.import_module(type(installed.backend()).__module__.partition(".")[0]).query
    for turn in (query("Hi", backend=installed.name, options=options), own_query("Hi", options=options)):
        assert (await turn.wait()).result == "Hello."
        assert installed.model.requests[-1].model == "configured-model"


async def test_a_query_on_a_backend_leaves_it_open(agent: Agent) -> None:
    agent.model.otherwise(text("Hello."))
    options = SessionOptions(cwd=agent.workspace)
    async with agent.backend() as backend:
        for _ in range(2):
            assert (await finish(query("Say hello.", backend=backend, options=options))).result.result == "Hello."
            assert not backend.sessions
        async with await agent.open(backend) as session:
            assert (await run(session, "Say hello.")).result.result == "Hello."


@needs("process")
async def test_a_query_that_cannot_start_raises(agent: Agent) -> None:
    with pytest.raises(ExecutableNotFoundError):
        await query("Talk.", backend=agent.backend(executable=agent.folder / "missing")).wait()


async def test_a_query_whose_session_cannot_be_opened_raises_and_leaves_nothing(agent: Agent) -> None:
    async with agent.backend() as backend:
        with pytest.raises(InvalidRequestError, match="cwd"):
            await query("Talk.", backend=backend, options=SessionOptions(cwd=agent.folder / "missing")).wait()
        assert not backend.sessions
