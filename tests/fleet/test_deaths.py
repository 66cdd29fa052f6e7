"""Deaths: whatever is killed, nothing is sent twice, nothing accepted is lost, nothing is left, the session goes on."""

from __future__ import annotations

from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from uuid import uuid4

import anyio
import anyio.to_thread
import pytest
from tests.fleet.cluster import gone, kill
from tests.fleet.driving import FleetAgent, ended, result_of, until
from tests.fleet.moments import MOMENTS, Middle, ends_interrupted, goes_on, reach, started, until_asked, until_text
from tests.postgresql import PostgreSQL

from agent_fleet import FleetBackend, FleetSession, FleetStore, HostLostError
from agent_sdk_core import Allow, ResultMessage, SessionBusyError, SessionClosedError, Turn
from agent_sdk_testing import Gate, text


def kill_workers(agent: FleetAgent) -> list[int]:
    """Kill the actors of a host, and return the processes of their agents, which end with them."""
    agents = agent.cluster.agents("one")
    workers = agent.cluster.workers("one")
    assert workers
    assert agents
    for pid in workers:
        kill(pid)
    return agents


async def all_gone(pids: list[int]) -> bool:
    return all([await anyio.to_thread.run_sync(gone, pid) for pid in pids])


def may_ask_on(agent: FleetAgent) -> None:
    """Let an agent whose worker is killed ask its model what comes after its call: it hears of that before it ends."""
    agent.model.when(lambda request: bool(request.tool_outputs) and "Go on." not in request.last_user_text).reply(
        text("Nobody hears this.")
    )


def sent(agent: FleetAgent, words: str) -> int:
    """How often the model was asked with this as the last thing that the user said."""
    return sum(words in request.last_user_text for request in agent.model.requests)


async def test_a_worker_killed_in_text_ends_its_prompt_and_the_session_goes_on(
    agent: FleetAgent, database: PostgreSQL
) -> None:
    agent.store = database.url
    agent.model.reply(text("Ready."))
    gate = Gate()
    agent.model.reply(text("Begun"), gate, text(" and on."))
    async with agent.backend() as backend, await agent.open(backend) as session:
        await session.query("First.")
        async with session.query("Second.") as turn:
            await until_text(turn)
            left = await anyio.to_thread.run_sync(kill_workers, agent)
            result = await ends_interrupted(turn)
        gate.open()
        assert result.error is not None
        assert result.error.details["in_history"] in (True, False)
        assert await all_gone(left)
        await goes_on(agent, session)
        assert sum("Second." in request.text for request in agent.model.requests[:2]) == 1
        rows = await backend.store.prompts(session.key)
        assert [row.state for row in rows] == ["ended"] * 3


async def test_a_worker_killed_in_a_command_takes_the_command_along(agent: FleetAgent) -> None:
    marker = agent.workspace / "pid"
    agent.model.reply(agent.asks(f"echo $$ > {marker}; sleep 300"))
    async with agent.backend() as backend, await agent.open(backend) as session:
        async with session.query("Wait.") as turn:
            await session.answer(await until_asked(turn), Allow())
            command = await started(marker)
            may_ask_on(agent)
            left = await anyio.to_thread.run_sync(kill_workers, agent)
            await ends_interrupted(turn)
        assert await all_gone([*left, command])
        await goes_on(agent, session)


async def test_a_worker_killed_during_an_approval_withdraws_it(agent: FleetAgent) -> None:
    agent.model.reply(agent.asks("echo hi > there.txt"))
    async with agent.backend() as backend, await agent.open(backend) as session:
        async with session.query("Write it.") as turn:
            await until_asked(turn)
            may_ask_on(agent)
            await anyio.to_thread.run_sync(kill_workers, agent)
            await ends_interrupted(turn)
        assert list(session.pending) == []
        assert not (agent.workspace / "there.txt").exists()
        await goes_on(agent, session)


async def test_prompts_that_wait_are_sent_after_a_death_once_each(codex: FleetAgent) -> None:
    gate = Gate()
    codex.model.reply(text("Ready."))
    codex.model.reply(text("Begun"), gate)
    async with codex.backend() as backend, await codex.open(backend) as session:
        await session.query("Zero.")
        async with session.query("One.") as turn:
            await until_text(turn)
            codex.model.reply(text("Two is here."))
            messages = session.messages()
            second = await session.send("Two.")
            await anyio.to_thread.run_sync(kill_workers, codex)
            await ends_interrupted(turn)
        gate.open()
        async for message in messages:
            if isinstance(message, ResultMessage) and second in message.user_message_uuids:
                assert message.result == "Two is here."
                break
        rows = {row.uuid: row for row in await backend.store.prompts(session.key)}
        assert (rows[second].state, rows[second].generation) == ("ended", 2)


async def test_a_host_whose_raylet_is_killed_ends_and_once_replaced_has_its_sessions_again(codex: FleetAgent) -> None:
    await anyio.to_thread.run_sync(codex.cluster.add, "three")
    middles: dict[str, Middle] = {}
    turns: dict[str, tuple[FleetSession, Turn]] = {}
    async with AsyncExitStack() as stack, anyio.create_task_group() as tasks:
        backend = await stack.enter_async_context(codex.backend(hosts=["three"]))
        for moment in MOMENTS:
            session = await ready(codex, stack, backend)
            middles[moment] = Middle(moment, codex)
            turn = await stack.enter_async_context(session.query(f"In {moment}."))
            await reach(moment, session, turn, middles[moment].marker)
            turns[moment] = (session, turn)
        idle = await ready(codex, stack, backend)
        command = await started(middles["command"].marker)
        assert await anyio.to_thread.run_sync(codex.cluster.kill_raylet, "three")
        codex.model.reply(text("Late, and once."))
        messages, uuid = idle.messages(), str(uuid4())
        tasks.start_soon(partial(idle.send, "While it is gone.", uuid=uuid))
        await until(idle, uuid, "accepted")
        await anyio.to_thread.run_sync(codex.cluster.add, "three")
        assert (await result_of(messages, uuid)).result == "Late, and once."
        assert await ended(idle, uuid) == 2
        for session, turn in turns.values():
            await ends_interrupted(turn)
            assert list(session.pending) == []
        assert await all_gone([command])
        assert not any(middle.made.exists() for middle in middles.values())
        for session, _ in turns.values():
            await goes_on(codex, session)
        for words in (*(f"In {moment}." for moment in MOMENTS), "While it is gone."):
            assert sent(codex, words) == 1
    await anyio.to_thread.run_sync(codex.cluster.remove, "three")


async def ready(agent: FleetAgent, stack: AsyncExitStack, backend: FleetBackend) -> FleetSession:
    """Open a session, which has had a turn."""
    session = await stack.enter_async_context(await agent.open(backend))
    agent.model.reply(text("Ready."))
    await session.query("First.")
    return session


async def test_a_host_that_is_gone_for_good_is_told_and_a_shared_one_goes_on_elsewhere(codex: FleetAgent) -> None:
    for _ in range(3):
        codex.model.reply(text("Ready."))
    await anyio.to_thread.run_sync(codex.cluster.add, "four")
    alone = codex.backend(hosts=["four"], recovery_seconds=3.0)
    shared = codex.backend(hosts=["four", "two"], recovery_seconds=6.0, shared=True)
    async with alone, shared:
        moved = await codex.open(shared)  # Of two hosts without sessions the first by name.
        assert moved.host == "four"
        await moved.query("First.")
        lost = await codex.open(alone)
        await lost.query("First.")
        await anyio.to_thread.run_sync(codex.cluster.kill, "four")
        result = await lost.query("Second.")
        assert result.error is not None
        assert result.error.code == "host_lost"
        with pytest.raises(HostLostError) as raised:
            lost.query("Third.")
        assert not raised.value.resumable
        assert "on that host alone" in raised.value.reason
        assert (await moved.query("Second.")).result == "Ready."
        assert moved.host == "two"


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
async def test_of_two_claimants_of_a_lease_one_wins_and_the_other_is_told(
    kind: str, anyio_backend: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    url = str(tmp_path / "fleet.db") if kind == "sqlite" else request.getfixturevalue("database").url
    stores = [FleetStore(url) for _ in range(2)]
    key = await stores[0].create(backend="codex", tenant="t", host="one", workspace=None, options={})
    won: list[int] = []
    told: list[SessionBusyError] = []

    async def claim(number: int) -> None:
        try:
            won.append((await stores[number].claim(key, f"owner {number}", seconds=300))[0])
        except SessionBusyError as error:
            told.append(error)

    async with anyio.create_task_group() as tasks:
        for number in range(2):
            tasks.start_soon(claim, number)
    assert won == [1]
    assert [error.code for error in told] == ["lease_held"]
    await stores[0].accept(key, uuid := str(uuid4()), {})
    with pytest.raises(SessionClosedError, match="another host"):
        await stores[1].dispatch(key, uuid, 0)
    for store in stores:
        await store.aclose()


async def test_a_session_that_a_host_has_is_given_to_no_other_one(codex: FleetAgent) -> None:
    codex.model.reply(text("Ready.")).reply(text("Still here."))
    # Another length of leases is another worker on the same host, which claims what the first one has.
    other = codex.backend(lease_seconds=4.0, recovery_seconds=0.5)
    async with codex.backend() as backend, other, await codex.open(backend) as session:
        await session.query("First.")
        with pytest.raises(SessionBusyError) as raised:
            await codex.open(other, resume=session.resolved_session_id)
        assert raised.value.code == "lease_held"
        assert (await session.query("Go on.")).result == "Still here."
