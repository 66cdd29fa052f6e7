from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from typing import Any

import anyio
import anyio.lowlevel
import pytest

from agent_sdk_core.errors import (
    AgentError,
    AuthenticationError,
    HandshakeError,
    ProcessExitedError,
    SessionClosedError,
)
from agent_sdk_core.rpc.correlation import Correlation
from agent_sdk_core.rpc.receiver import Receiver
from agent_sdk_core.runtime.host import Host
from agent_sdk_core.runtime.link import Link, look_through
from agent_sdk_core.runtime.supervisor import Restarts, Revival
from agent_sdk_core.telemetry import metrics
from agent_sdk_core.telemetry.reporting import error_reporter

pytestmark = pytest.mark.anyio


class Channel:
    """An agent that is no process."""

    name = "The agent"
    pid = 7

    def __init__(self) -> None:
        self.exit: object | None = None
        self.stops: list[tuple[float, float]] = []
        self.killed = False
        self.stopped = anyio.Event()
        self.unwilling = False

    async def read(self) -> bytes:
        return b""

    async def write(self, data: bytes, /) -> None:
        del data

    def close_input(self) -> None:
        """Nothing is open."""

    async def wait(self) -> object:
        return self.exit

    def exit_error(self) -> AgentError:
        return ProcessExitedError("It went.")

    async def stop(self, grace: float = 1.0, term: float = 2.0) -> None:
        self.stops.append((grace, term))
        if self.unwilling:
            raise KeyboardInterrupt
        self.exit = "stopped"
        self.stopped.set()

    def kill_now(self) -> None:
        self.killed = True


class Peer(Correlation):
    """A conversation in which nothing is said."""

    def receive(self, values: Iterable[object]) -> None:
        del values


class Agent:
    """One started agent."""

    def __init__(self) -> None:
        self.channel = Channel()
        self.peer = Peer(self.channel.write, Receiver())


async def _at_once(agent: Agent) -> None:
    await anyio.lowlevel.checkpoint()


class TestLink(Link[Agent]):
    """A link to agents that a test prepares."""

    __test__ = False

    def __init__(self, host: Host, seconds: float = 5, revival: Revival = None) -> None:
        super().__init__(host, owner="session", seconds=seconds, revival=revival)
        self.agents: list[Agent] = []
        self.told: list[tuple[object | None, str]] = []
        self.let_go = 0
        self.spawning: Callable[[], Awaitable[object]] = anyio.lowlevel.checkpoint
        self.greeting: Callable[[Agent], Awaitable[object]] = _at_once
        self.when_lost.append(lambda ended, error: self.told.append((ended, error.message)))
        self.restarts: list[int] = []
        self.when_restarted.append(lambda: self.restarts.append(self.generation))
        self.dead: list[tuple[object | None, str]] = []
        self.when_dead.append(lambda ended, error: self.dead.append((ended, error.message)))

    async def _spawn(self) -> Agent:
        await self.spawning()
        self.agents.append(Agent())
        return self.agents[-1]

    async def _greet(self, connection: Agent, seconds: float) -> None:
        assert seconds > 0
        await self.greeting(connection)

    def _let_go(self) -> None:
        self.let_go += 1


@pytest.fixture
async def host(anyio_backend: object) -> AsyncIterator[Host]:
    del anyio_backend

    async def stop() -> None:
        """Nothing is to be ended."""

    host = Host("the test", on_stop=stop, on_abort=lambda error: None)
    with anyio.fail_after(30):
        await host.start()
        yield host
        await host.aclose()


@pytest.fixture
def link(host: Host) -> TestLink:
    return TestLink(host)


async def test_a_connection_is_made_once_for_all_who_wait(link: TestLink) -> None:
    with pytest.raises(SessionClosedError, match="is not connected"):
        _ = link.today
    got: list[Agent] = []

    async def connect() -> None:
        got.append(await link.connect())

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(connect)
        tasks.start_soon(connect)
    assert got == [link.agents[0]] * 2
    assert (link.today, link.generation, link.is_over, link.pid) == (link.agents[0], 1, False, 7)


async def test_a_connection_that_is_greeted_is_that_of_today_already(link: TestLink) -> None:
    async def greet(agent: Agent) -> None:
        assert link.today is agent
        assert link.generation == 0

    link.greeting = greet
    await link.connect()


async def test_nobody_gets_a_connection_in_doubt_before_its_end(host: Host) -> None:
    link = TestLink(host, revival="on_demand")
    first = await link.connect()
    link.doubt()
    link.doubt()
    assert link.in_doubt
    got: list[Agent] = []

    async def connect() -> None:
        got.append(await link.connect())

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(connect)
        await first.channel.stopped.wait()
        await anyio.wait_all_tasks_blocked()
        assert got == []
        link.lose("killed", ProcessExitedError("It was killed."))
    assert got == [link.agents[1]]
    assert (link.in_doubt, first.channel.stops[0]) == (False, (0, 0))


async def test_a_connection_that_is_found_sound_goes_on(link: TestLink) -> None:
    looked: list[Agent] = []

    async def look(agent: Agent) -> bool:
        looked.append(agent)
        await anyio.lowlevel.checkpoint()
        return True

    first = await link.connect()
    link.doubt(look)
    assert await link.connect() is first
    assert (looked, link.in_doubt, first.channel.stops, link.told) == ([first], False, [], [])


async def test_a_link_that_is_closed_in_doubt_says_so_to_who_waits(link: TestLink) -> None:
    async def look(agent: Agent) -> bool:
        await anyio.sleep_forever()
        return True

    await link.connect()
    link.doubt(look)

    async def connect() -> None:
        with pytest.raises(SessionClosedError):
            await link.connect()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(connect)
        await anyio.wait_all_tasks_blocked()
        await link.close()
    assert not link.in_doubt


@pytest.mark.parametrize("told", [True, False], ids=["told", "never_told"])
async def test_nobody_gets_an_agent_that_has_ended_before_its_reader_says_so(
    host: Host, told: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = TestLink(host, revival="on_demand")
    first = await link.connect()
    first.channel.exit = "killed"
    assert link.in_doubt
    if not told:
        monkeypatch.setattr("agent_sdk_core.runtime.link._LOSS_SECONDS", 0.0)
    got: list[Agent] = []

    async def connect() -> None:
        got.append(await link.connect())

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(connect)
        if told:
            await first.channel.stopped.wait()
            await anyio.wait_all_tasks_blocked()
            assert got == []
            link.lose("killed", ProcessExitedError("It was killed."))
    assert (got, link.in_doubt, len(link.told)) == ([link.agents[1]], False, 1)


async def test_nobody_waits_for_a_verdict_where_nobody_judges(host: Host) -> None:
    link = TestLink(host)
    first = await link.connect()
    await host.aclose()
    first.channel.exit = "killed"
    for _ in range(2):
        with pytest.raises(SessionClosedError), anyio.fail_after(60):
            await link.connect()


async def test_what_is_not_there_is_not_doubted(link: TestLink) -> None:
    link.doubt()
    assert not link.in_doubt


async def test_a_start_that_fails_leaves_nothing_and_may_succeed_later(link: TestLink) -> None:
    async def refuse(agent: Agent) -> None:
        raise HandshakeError("No.")

    link.greeting = refuse
    with pytest.raises(HandshakeError, match="No"):
        await link.connect()
    (failed,) = link.agents
    assert (failed.channel.exit, failed.peer.failed, link.let_go, link.told) == ("stopped", True, 1, [])
    with pytest.raises(SessionClosedError, match="is not connected"):
        _ = link.today
    link.greeting = _at_once
    await link.connect()
    assert (len(link.agents), link.generation) == (2, 1)


async def test_a_start_that_fails_for_a_passing_reason_is_tried_again(link: TestLink) -> None:
    async def refuse_once(agent: Agent) -> None:
        if len(link.agents) == 1:
            raise HandshakeError("Busy.", retryable=True)

    link.greeting = refuse_once
    assert await link.connect() is link.agents[1]
    assert link.generation == 1


async def test_an_end_right_after_the_greeting_is_a_failed_start(link: TestLink) -> None:
    async def leave(agent: Agent) -> None:
        agent.peer.fail(ProcessExitedError("It went."))
        link.lose("code 3", ProcessExitedError("It went."))

    link.greeting = leave
    with pytest.raises(ProcessExitedError, match="It went"):
        await link.connect()
    assert (link.told, link.generation) == ([], 0)


async def test_a_close_keeps_a_connection_from_being_made(host: Host, link: TestLink) -> None:
    await link.close()
    with pytest.raises(SessionClosedError, match="The session was closed meanwhile"):
        await link.connect()
    assert link.agents == []


@pytest.mark.parametrize("step", ["spawning", "greeting"])
async def test_a_close_in_the_middle_of_a_start_leaves_nothing(link: TestLink, step: str) -> None:
    arrived, gate = anyio.Event(), anyio.Event()

    async def wait(*agent: Agent) -> None:
        arrived.set()
        await gate.wait()
        for one in agent:
            one.peer.require_open()

    setattr(link, step, wait)
    raised: list[str] = []

    async def connect() -> None:
        with pytest.raises(SessionClosedError) as caught:
            await link.connect()
        raised.append(caught.value.message)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(connect)
        await arrived.wait()
        await link.close()
        gate.set()
    assert raised == ["The session was closed meanwhile."]
    assert [agent.channel.exit for agent in link.agents] == ["stopped"]
    assert link.generation == 0


async def test_a_cancelled_start_leaves_nothing(link: TestLink) -> None:
    arrived = anyio.Event()

    async def wait(agent: Agent) -> None:
        arrived.set()
        await anyio.sleep_forever()

    link.greeting = wait
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(link.connect)
        await arrived.wait()
        tasks.cancel_scope.cancel()
    assert link.agents[0].channel.exit == "stopped"


async def test_an_agent_that_cannot_be_stopped_in_an_ending_loop_is_killed(link: TestLink) -> None:
    async def refuse(agent: Agent) -> None:
        agent.channel.unwilling = True
        raise HandshakeError("No.")

    link.greeting = refuse
    with pytest.raises(KeyboardInterrupt):
        await link.connect()
    assert link.agents[0].channel.killed


async def test_a_loss_is_told_once_and_what_the_agent_left_is_ended(link: TestLink) -> None:
    agent = await link.connect()
    agent.peer.fail(ProcessExitedError("It went."))
    link.lose("code 3", ProcessExitedError("It went."))
    assert (link.told, link.is_over, link.pid, link.let_go) == ([("code 3", "It went.")], True, None, 1)
    assert link.dead == link.told
    link.lose("code 3", ProcessExitedError("It went."))
    assert len(link.told) == 1
    await agent.channel.stopped.wait()
    with pytest.raises(ProcessExitedError, match="It went"):
        await link.connect()
    assert link.today is agent


async def test_one_that_lives_and_says_nothing_more_is_let_go_once_it_has_ended(link: TestLink) -> None:
    agent = await link.connect()
    link.lose(None, ProcessExitedError("It closed its output."))
    assert (link.told, link.let_go) == ([(None, "It closed its output.")], 0)
    await agent.channel.stopped.wait()
    await anyio.wait_all_tasks_blocked()
    assert link.let_go == 1


async def test_a_close_ends_the_agent_and_is_no_loss(link: TestLink) -> None:
    agent = await link.connect()
    await link.close(grace=0.5, term=0.25)
    link.lose("stopped", ProcessExitedError("It went."))
    assert (agent.channel.stops, link.told, link.let_go) == ([(0.5, 0.25)], [], 1)
    with pytest.raises(SessionClosedError, match="The session was closed meanwhile"):
        agent.peer.require_open()


async def test_it_can_be_killed_without_a_loop(link: TestLink) -> None:
    link.kill_now()
    agent = await link.connect()
    link.kill_now()
    assert (agent.channel.killed, link.let_go) == (True, 2)


async def test_an_agent_is_looked_at_and_ended() -> None:
    made: list[TestLink] = []

    def make(host: Host) -> TestLink:
        made.append(TestLink(host))
        return made[-1]

    async def look(agent: Agent) -> Agent:
        return agent

    assert await look_through(make, "the look", look, backend="x") is made[0].agents[0]
    assert made[0].agents[0].channel.exit == "stopped"


async def test_an_agent_that_is_looked_at_dies_with_its_host() -> None:
    made: list[TestLink] = []
    hosts: list[Any] = []

    def make(host: Host) -> TestLink:
        hosts.append(host)
        made.append(TestLink(host))
        return made[-1]

    async def look(agent: Agent) -> bool:
        hosts[0]._tasks.cancel_scope.cancel()
        await anyio.wait_all_tasks_blocked()
        return agent.channel.killed

    assert await look_through(make, "the look", look, backend="x") is True


def policy(*, longest: float = 0.0, limit: int = 5) -> Restarts:
    return Restarts(longest=longest, limit=limit)


async def test_a_lost_connection_is_made_again_when_it_is_asked_for(host: Host) -> None:
    link = TestLink(host, revival="on_demand")
    first = await link.connect()
    first.peer.fail(ProcessExitedError("It went."))
    link.lose("code 3", ProcessExitedError("It went."))
    assert (link.is_up, link.is_over, link.dead) == (False, True, [])
    assert link.today is first
    await anyio.wait_all_tasks_blocked()
    assert len(link.agents) == 1
    second = await link.connect()
    assert (link.today, link.generation, link.is_up) == (second, 2, True)
    assert second is not first


async def test_nothing_is_started_beside_an_agent_that_still_lives(host: Host) -> None:
    link = TestLink(host, revival="on_demand")
    first = await link.connect()
    link.lose(None, ProcessExitedError("It closed its output."))
    assert not first.channel.stopped.is_set()
    second = await link.connect()
    assert first.channel.stopped.is_set()
    assert not second.channel.stopped.is_set()
    assert link.let_go == 1


async def test_a_lost_connection_is_made_again_by_itself_and_who_asks_meanwhile_waits(host: Host) -> None:
    link = TestLink(host, revival=policy(longest=0.01))
    first = await link.connect()
    link.lose("code 3", ProcessExitedError("It went."))
    assert await link.connect() is link.agents[1] is not first
    assert (link.restarts, link.dead, link.generation) == ([2], [], 2)


async def test_a_restart_that_fails_is_tried_as_often_as_the_policy_has_it(host: Host) -> None:
    link = TestLink(host, revival=policy(limit=3))
    await link.connect()
    link.greeting = refuse
    link.lose("code 3", ProcessExitedError("It went."))
    with pytest.raises(HandshakeError, match="No"):
        await link.connect()
    assert len(link.agents) == 4
    assert (link.restarts, link.dead) == ([], [("code 3", "No.")])
    assert not link.is_up
    with pytest.raises(HandshakeError, match="No"):
        _ = link.today


async def test_a_restart_that_an_account_forbids_is_not_tried_again(host: Host) -> None:
    link = TestLink(host, revival=policy())
    await link.connect()

    async def forbid(agent: Agent) -> None:
        raise AuthenticationError("Who are you?")

    link.greeting = forbid
    link.lose("code 3", ProcessExitedError("It went."))
    with pytest.raises(AuthenticationError):
        await link.connect()
    assert len(link.agents) == 2


async def test_a_close_ends_the_wait_for_a_restart(host: Host) -> None:
    link = TestLink(host, revival=Restarts(first=1e9, longest=1e9))
    await link.connect()
    link.lose("code 3", ProcessExitedError("It went."))
    raised: list[AgentError] = []

    async def connect() -> None:
        with pytest.raises(SessionClosedError) as caught:
            await link.connect()
        raised.append(caught.value)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(connect)
        await anyio.wait_all_tasks_blocked()
        await link.close()
    assert len(raised) == 1
    assert (len(link.agents), link.dead) == (1, [])


async def test_a_parked_connection_is_no_loss_and_comes_back(host: Host) -> None:
    link = TestLink(host, revival="on_demand")
    await link.park(lambda: True)
    first = await link.connect()
    await link.park(lambda: False)
    assert link.is_up
    await link.park(lambda: True, grace=0.5, term=0.25)
    assert (first.channel.stops, link.told, link.let_go, link.is_over) == ([(0.5, 0.25)], [], 1, True)
    with pytest.raises(SessionClosedError, match="parked"):
        first.peer.require_open()
    assert await link.connect() is link.agents[1]
    assert link.generation == 2
    await link.close()
    await link.park(lambda: True)
    assert link.let_go == 2


async def refuse(agent: Agent) -> None:
    raise HandshakeError("No.")


async def test_starts_ends_and_restarts_are_counted_and_errors_reported(host: Host, anyio_backend_name: str) -> None:
    async def refuse(agent: Agent) -> None:
        raise HandshakeError("No.")

    host.backend = name = f"of the link on {anyio_backend_name}"
    link = TestLink(host, revival="on_demand")
    link.greeting = refuse
    with pytest.raises(HandshakeError):
        await link.connect()
    link.greeting = _at_once
    first = await link.connect()
    first.peer.fail(ProcessExitedError("It went."))
    link.lose("code 3", ProcessExitedError("It went."))
    await link.connect()
    counts = (metrics.STARTS, metrics.RESTARTS, metrics.EXITS)
    assert [each.value(backend=name) for each in counts] == [2, 1, 1]
    records = [record for record in error_reporter().records() if record.backend == name]
    assert [(record.error, record.where) for record in records] == [
        ("ProcessExitedError", "agent"),
        ("HandshakeError", "start"),
    ]
