"""A host: each session is opened once and closed once, whoever asks."""

from __future__ import annotations

from collections.abc import AsyncIterator

import anyio
import pytest

from agent_sdk_core.errors import AgentError, SessionClosedError
from agent_sdk_core.hosting.host import SessionHost
from agent_sdk_core.hosting.journal import Journal
from agent_sdk_core.hosting.served import ServedSession
from agent_sdk_core.messages.parse import SDKMessage
from agent_sdk_testing import MemoryBackend

pytestmark = pytest.mark.anyio


class Shell:
    """Opens sessions as a shell does, and counts them."""

    def __init__(self) -> None:
        self.agents: list[MemoryBackend] = []
        self.host: SessionHost[ServedSession] = SessionHost(self.make, lambda event: None)
        self.opened: list[str] = []
        self.begins = anyio.Event()
        self.may_begin = anyio.Event()

    def make(self) -> MemoryBackend:
        """Make another agent."""
        self.agents.append(MemoryBackend())
        return self.agents[-1]

    async def begin(self) -> ServedSession:
        """Open a session, once that may be."""
        self.opened.append("k")
        self.begins.set()
        await self.may_begin.wait()
        session = await (await self.host.backend()).create_session()
        return ServedSession("k", session, Journal(), self.take, lambda: None)

    async def take(self, message: SDKMessage) -> None:
        """Do nothing with a message."""


@pytest.fixture
async def shell() -> AsyncIterator[Shell]:
    made = Shell()
    yield made
    await made.host.aclose()


async def test_who_asks_while_a_session_is_opened_gets_the_same_one(shell: Shell) -> None:
    got: list[ServedSession] = []

    async def ask() -> None:
        got.append(await shell.host.open("k", shell.begin))

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(ask)
        tasks.start_soon(ask)
        await shell.begins.wait()
        await anyio.wait_all_tasks_blocked()
        shell.may_begin.set()
    assert shell.opened == ["k"]
    assert got[0] is got[1] is shell.host.sessions["k"]
    assert len(shell.agents) == 1


async def test_one_that_does_not_work_is_closed_before_another_is_opened(shell: Shell) -> None:
    shell.may_begin.set()
    first = await shell.host.open("k", shell.begin)
    assert await shell.host.open("k", shell.begin, works=lambda served: served is first) is first
    second = await shell.host.open("k", shell.begin, works=lambda served: served is not first)
    assert second is not first
    assert first.session.state == "closed"
    await second.session.kill()
    await second.ended.wait()
    third = await shell.host.open("k", shell.begin)
    assert third is not second
    assert shell.opened == ["k", "k", "k"]


async def test_an_opening_that_fails_or_is_cancelled_leaves_nothing_and_the_next_tries_again(shell: Shell) -> None:
    async def fail() -> ServedSession:
        raise AgentError("no")

    with pytest.raises(AgentError, match="no"):
        await shell.host.open("k", fail)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(shell.host.open, "k", shell.begin)
        await shell.begins.wait()
        tasks.cancel_scope.cancel()
    assert not shell.host.sessions
    shell.may_begin.set()
    assert (await shell.host.open("k", shell.begin)).session.state == "idle"


async def test_a_close_waits_for_the_opening_and_says_what_it_closed(shell: Shell) -> None:
    closed: list[ServedSession | None] = []

    async def close() -> None:
        closed.append(await shell.host.close("k"))

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(shell.host.open, "k", shell.begin)
        await shell.begins.wait()
        tasks.start_soon(close)
        await anyio.wait_all_tasks_blocked()
        assert not closed
        shell.may_begin.set()
    assert closed[0] is not None
    assert closed[0].session.state == "closed"
    assert await shell.host.close("k") is None


async def test_one_is_closed_only_where_the_condition_holds(shell: Shell) -> None:
    shell.may_begin.set()
    served = await shell.host.open("k", shell.begin)
    assert await shell.host.close("k", when=lambda each: each is not served) is None
    assert await shell.host.close("k", when=lambda each: each is served) is served


async def test_the_agent_rests_where_no_session_is_open_and_starts_again(shell: Shell) -> None:
    shell.may_begin.set()
    await shell.host.open("k", shell.begin)
    await shell.host.rest()
    assert await shell.host.backend() is shell.agents[0]
    await shell.host.close("k")
    await shell.host.rest()
    assert await shell.host.backend() is shell.agents[1]


async def test_a_host_that_is_closed_has_closed_its_sessions_and_opens_none(shell: Shell) -> None:
    shell.may_begin.set()
    served = await shell.host.open("k", shell.begin)
    await shell.host.aclose()
    assert served.session.state == "closed"
    assert not shell.host.sessions
    with pytest.raises(SessionClosedError):
        await shell.host.open("other", shell.begin)
