"""A backend belongs to one event loop: when that ends all is settled, and in another one every call says so at once."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Final

import anyio
import anyio.to_thread
import pytest

from agent_sdk_core import (
    DEFER,
    AgentSession,
    Allow,
    BackendEvent,
    InvalidRequestError,
    MessageStream,
    RequestOpened,
    ResultMessage,
    Turn,
)
from agent_sdk_testing import Gate, text
from agent_sdk_testing.contract.agent import Agent
from agent_sdk_testing.contract.traits import needs
from agent_sdk_testing.contract.watching import until

pytestmark = pytest.mark.anyio

CALLS: Final[Mapping[str, Callable[[AgentSession], Awaitable[object]]]] = {
    "query": lambda session: session.query("Again.").wait(),
    "read": lambda session: session.query("Again.").__anext__(),
    "send": lambda session: session.send("Again."),
    "steer": lambda session: session.send("Again.", priority="steer"),
    "interrupt": lambda session: session.interrupt(),
    "answer": lambda session: session.answer("some request", Allow()),
    "history": lambda session: session.history(),
    "usage": lambda session: session.usage(),
    "set_model": lambda session: session.set_model("other"),
    "compact": lambda session: session.compact(),
    "create_session": lambda session: session.backend.create_session(),
}
"""What an application may call."""

STORED: Final[Mapping[str, Callable[[AgentSession], Awaitable[object]]]] = {
    "list": lambda session: session.backend.list_sessions(),
    "read": lambda session: session.backend.read_history(session.session_id),
    "rename": lambda session: session.backend.rename_session(session.session_id, "Name"),
    "archive": lambda session: session.backend.archive_session(session.session_id),
    "delete": lambda session: session.backend.delete_session(session.session_id),
}
"""What it may call for stored sessions."""


async def refused(session: AgentSession, name: str) -> None:
    with anyio.fail_after(30), pytest.raises(InvalidRequestError, match="event loop"):
        await CALLS[name](session)


async def test_an_event_loop_that_ends_settles_what_was_opened_in_it(agent: Agent, anyio_backend: str) -> None:
    gate = Gate()
    agent.model.reply(text("I will.", gate), agent.command("echo done", escalate=True)).otherwise(text("Well."))
    opened: list[tuple[AgentSession, Turn]] = []

    async def first() -> None:
        session = await agent.open(agent.backend(), permission_mode="default", can_use_tool=DEFER)
        watch, turn = session.messages(), session.query("Act.")
        await turn.__aenter__()
        await session.send("And then?")
        gate.open()
        await until(watch, RequestOpened)
        opened.append((session, turn))

    await anyio.to_thread.run_sync(lambda: anyio.run(first, backend=anyio_backend))
    [(session, turn)] = opened
    assert session.state == "disconnected"
    assert (session.pending, list(session.queue)) == ((), [])
    assert not session.backend.sessions
    with anyio.fail_after(30):
        result = await turn.wait()
        await session.wait_idle()
    assert (result.outcome, result.user_message_uuids) == ("failed", [turn.uuid])
    for name in CALLS:
        await refused(session, name)
    with anyio.fail_after(30):
        await session.wait_idle()
        await session.aclose()
        await session.backend.aclose()
    assert session.state == "closed"
    await agent.closed()


async def test_who_waits_is_told_when_the_event_loop_ends(agent: Agent) -> None:
    gate = Gate()
    agent.model.reply(text("Half.", gate))
    told: list[tuple[AsyncIterator[BackendEvent], MessageStream]] = []

    async def main() -> None:
        backend = agent.backend()
        session = await agent.open(backend)
        events, watch = backend.events(), session.messages()
        await session.send("Talk.")
        await gate.reached()
        told.append((events, watch))

    await anyio.to_thread.run_sync(lambda: anyio.run(main))
    [(events, watch)] = told
    with anyio.fail_after(30):
        assert [event.kind async for event in events][-1] == "dead"
        assert [message async for message in watch if isinstance(message, ResultMessage)]


@pytest.mark.parametrize("other", ["asyncio", "trio"])
async def test_the_event_loop_of_another_thread_is_refused_at_once(agent: Agent, other: str) -> None:
    agent.model.otherwise(text("Fine."))
    async with agent.backend() as backend, await agent.open(backend) as session:

        async def elsewhere() -> None:
            for name in CALLS:
                await refused(session, name)
            for close in (session.aclose, session.kill, backend.aclose):
                with anyio.fail_after(30), pytest.raises(InvalidRequestError, match="event loop"):
                    await close()

        await anyio.to_thread.run_sync(lambda: anyio.run(elsewhere, backend=other))
        assert (await session.query("Talk.").wait()).result == "Fine."


@needs("list_sessions", "edit_sessions")
async def test_another_event_loop_is_refused_stored_sessions_too(agent: Agent) -> None:
    agent.model.otherwise(text("Fine."))
    async with agent.backend() as backend, await agent.open(backend) as session:
        await session.query("Talk.").wait()

        async def elsewhere() -> None:
            for call in STORED.values():
                with anyio.fail_after(30), pytest.raises(InvalidRequestError, match="event loop"):
                    await call(session)

        await anyio.to_thread.run_sync(lambda: anyio.run(elsewhere))
        assert len(await session.history()) > 0
