from __future__ import annotations

from functools import partial
from typing import Any

import anyio
import pytest

from agent_sdk_core.asking.permissions import DEFER
from agent_sdk_core.errors import ProcessExitedError, SessionNotFoundError
from agent_sdk_core.messages.result import ResultMessage

pytestmark = pytest.mark.anyio


class Agent:
    """The agent of a session, which goes away and comes back."""

    def __init__(self, session: Any) -> None:
        self.driver = session.driver
        self.session = session
        self.back = anyio.Event()
        self.failure: Exception | None = None
        self.driver.hooks["ready"] = self.ready

    async def ready(self) -> None:
        if self.driver.gone is not None:
            await self.back.wait()
            if self.failure is not None:
                raise self.failure

    def leave(self) -> None:
        self.back = anyio.Event()
        self.driver.gone = "disconnected"
        self.driver.turn_id = None if not self.driver.uuids else self.driver.turn_id
        self.session.cut_off(ProcessExitedError("It went."))

    def come_back(self) -> None:
        self.driver.gone = None
        self.back.set()


@pytest.fixture
def agent(session: Any) -> Agent:
    return Agent(session)


async def test_a_turn_ends_with_an_error_that_says_that_the_session_goes_on(session: Any, agent: Agent) -> None:
    async with session.query("one") as turn:
        await anyio.wait_all_tasks_blocked()
        agent.leave()
        result = await turn.wait()
    assert (result.outcome, result.terminal_reason) == ("failed", "agent_exited")
    assert result.error.retryable is True
    assert result.error.details["session_goes_on"] is True
    assert session.state == "disconnected"
    await session.wait_idle()


async def test_what_waits_is_sent_when_the_agent_is_back(session: Any, agent: Agent) -> None:
    messages = session.messages()
    first = await session.send("one")
    second = await session.send("two")
    agent.leave()
    assert session.state == "starting"
    await anyio.wait_all_tasks_blocked()
    assert session.driver.calls.count("start_turn") == 1
    agent.come_back()
    await anyio.wait_all_tasks_blocked()
    assert (session.state, session.driver.uuids) == ("running", [second])
    session.driver.finish()
    results: list[ResultMessage] = []
    while len(results) < 2:
        message = await anext(messages)
        results += [message] if isinstance(message, ResultMessage) else []
    assert [(result.user_message_uuids, result.outcome) for result in results] == [
        ([first], "failed"),
        ([second], "completed"),
    ]


async def test_a_second_loss_leaves_what_was_not_sent_waiting(session: Any, agent: Agent) -> None:
    await session.send("one")
    agent.leave()
    turn: Any = session.query("two")
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(turn.wait)
        await anyio.wait_all_tasks_blocked()
        agent.session.cut_off(ProcessExitedError("It went again."))
        await anyio.wait_all_tasks_blocked()
        assert turn.result is None
        agent.come_back()
        await anyio.wait_all_tasks_blocked()
        session.driver.finish("two")
    assert turn.result is not None
    assert turn.result.outcome == "completed"


async def test_a_prompt_for_which_no_agent_comes_is_refused(session: Any, agent: Agent) -> None:
    agent.leave()
    agent.failure = SessionNotFoundError("Its file is gone.")
    refused: list[str] = []

    async def send() -> None:
        with pytest.raises(SessionNotFoundError) as caught:
            await session.send("one")
        refused.append(caught.value.message)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(send)
        await anyio.wait_all_tasks_blocked()
        agent.come_back()
    assert refused == ["Its file is gone."]


async def test_an_interrupt_of_what_was_not_sent_ends_it_at_once(session: Any, agent: Agent) -> None:
    agent.leave()
    turn: Any = session.query("one")
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(turn.wait)
        await anyio.wait_all_tasks_blocked()
        with anyio.fail_after(30):
            assert (await session.interrupt()).interrupted
    assert turn.result.outcome == "interrupted"
    agent.come_back()
    await anyio.wait_all_tasks_blocked()
    assert "start_turn" not in session.driver.calls
    assert session.state == "idle"


async def test_a_steer_on_its_way_ends_with_the_turn_and_one_that_waits_goes_on_to(session: Any, agent: Agent) -> None:
    sent, never = anyio.Event(), anyio.Event()

    async def steer(*args: Any) -> bool:
        sent.set()
        await never.wait()
        return True

    session.driver.hooks["steer"] = steer
    first = await session.send("one")
    messages = session.messages()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(partial(session.send, "two", priority="steer", uuid="two"))
        await sent.wait()
        agent.leave()
    results: list[Any] = []
    while len(results) < 2:
        message = await anext(messages)
        results += [message] if isinstance(message, ResultMessage) else []
    assert sorted(result.user_message_uuids[0] for result in results) == sorted([first, "two"])
    assert {result.outcome for result in results} == {"failed"}
    never.set()
    await session.wait_idle()


async def test_what_the_agent_asked_is_withdrawn(session: Any, agent: Agent) -> None:
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(session.driver.ask, DEFER)
        await anyio.wait_all_tasks_blocked()
        assert len(session.pending) == 1
        agent.leave()
    assert not session.pending


async def test_a_session_that_does_not_last_is_lost_for_good(session: Any, agent: Agent) -> None:
    session.driver.stored = False
    async with session.query("one") as turn:
        await anyio.wait_all_tasks_blocked()
        agent.leave()
        result = await turn.wait()
    assert result.error.retryable is False
    assert result.error.details["session_goes_on"] is False
    agent.come_back()
    assert session.state == "disconnected"
    with pytest.raises(ProcessExitedError, match="for it was not stored"):
        session.query("two")


async def test_settings_that_wait_are_put_to_the_agent_that_comes_back(session: Any, agent: Agent) -> None:
    await session.send("one")
    await session.set_model("m")
    agent.leave()
    await anyio.wait_all_tasks_blocked()
    assert session.driver.settings == []
    agent.come_back()
    await session.send("two")
    assert session.driver.settings == [("model", "m")]


async def test_a_session_that_waits_for_its_agent_closes(session: Any, agent: Agent) -> None:
    agent.leave()
    turn: Any = session.query("one")
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(turn.wait)
        await anyio.wait_all_tasks_blocked()
        with anyio.fail_after(30):
            await session.aclose()
    assert turn.result.outcome == "interrupted"
    assert session.state == "closed"
