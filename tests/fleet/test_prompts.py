"""Prompts on their way: stored, noted before the agent hears of them, and sent once, whatever dies in between."""

from __future__ import annotations

import signal
from functools import partial
from uuid import uuid4

import anyio
import anyio.to_thread
import pytest
from tests.fleet.cluster import kill
from tests.fleet.driving import FleetAgent, ended, result_of, until, until_handed
from tests.postgresql import PostgreSQL

from agent_fleet import FleetStoreError
from agent_sdk_core import StreamEvent
from agent_sdk_testing import Gate, text


async def test_a_worker_killed_before_it_dispatched_a_prompt_sends_it_when_it_is_back(agent: FleetAgent) -> None:
    agent.model.reply(text("Ready.")).reply(text("Second is here."))
    async with agent.backend() as backend, await agent.open(backend) as session, anyio.create_task_group() as tasks:
        await session.query("First.")
        messages, uuid = session.messages(), str(uuid4())
        workers = agent.cluster.workers("one")
        for pid in workers:
            kill(pid, signal.SIGSTOP)
        tasks.start_soon(partial(session.send, "Second.", uuid=uuid))
        await until(session, uuid, "accepted")
        for pid in workers:
            kill(pid)
        assert (await result_of(messages, uuid)).result == "Second is here."
        assert await ended(session, uuid) == 2
    assert len(agent.model.requests) == 2


@pytest.mark.parametrize("redeliver", ["never", "if_absent"])
async def test_a_prompt_that_the_agent_never_read_is_sent_again_where_that_is_asked_for(
    agent: FleetAgent, redeliver: str
) -> None:
    agent.model.reply(text("Ready.")).reply(text("Here."))
    backend = agent.backend(redeliver=redeliver)
    async with backend, await agent.open(backend) as session, anyio.create_task_group() as tasks:
        await session.query("First.")
        messages, uuid = session.messages(), str(uuid4())
        agents, workers = agent.cluster.agents("one"), agent.cluster.workers("one")
        for pid in agents:
            kill(pid, signal.SIGSTOP)
        tasks.start_soon(partial(session.send, "Second.", uuid=uuid))
        await until(session, uuid, "dispatched")
        for pid in workers:  # They shall not see their agents die.
            kill(pid, signal.SIGSTOP)
        for pid in (*agents, *workers):
            kill(pid)
        result = await result_of(messages, uuid)
        if redeliver == "never":
            assert result.error is not None
            assert (result.error.code, result.error.details["in_history"]) == ("prompt_interrupted", False)
            assert await ended(session, uuid) == 1
            assert (await session.query("Go on.")).result == "Here."
        else:
            assert result.result == "Here."
            assert await ended(session, uuid) == 2
    assert len(agent.model.requests) == 2


async def test_a_store_that_is_killed_loses_no_prompt_and_no_result(
    codex: FleetAgent, database: PostgreSQL, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = Gate()
    codex.store = database.url
    codex.model.reply(text("Begun"), gate, text(" and done.")).reply(text("Second is here."))
    async with codex.backend() as backend, await codex.open(backend) as session, anyio.create_task_group() as tasks:
        async with session.query("First.") as turn:
            async for message in turn:
                if isinstance(message, StreamEvent) and message.text:
                    break
            await anyio.to_thread.run_sync(database.stop)
            gate.open()  # The result is told although it cannot be noted now.
            assert (await turn.wait()).result == "Begun and done."
        with pytest.raises(FleetStoreError):
            await session.send("Not stored.")
        await anyio.to_thread.run_sync(database.start)
        messages, uuid = session.messages(), str(uuid4())
        [worker] = codex.cluster.workers("one")
        kill(worker, signal.SIGSTOP)
        handed = until_handed(session, monkeypatch)
        tasks.start_soon(partial(session.send, "Second.", uuid=uuid))
        await handed.wait()
        await anyio.to_thread.run_sync(database.stop)
        kill(worker, signal.SIGCONT)
        while "waits for the store" not in caplog.text:
            await anyio.sleep(0.02)
        await anyio.to_thread.run_sync(database.start)
        assert (await result_of(messages, uuid)).result == "Second is here."
        await until(session, turn.uuid, "ended")  # It is noted with the next renewal of the lease.
        rows = await session.store.prompts(session.key)
        assert [(row.state, row.result["message"]["result"]) for row in rows] == [
            ("ended", "Begun and done."),
            ("ended", "Second is here."),
        ]
    assert len(codex.model.requests) == 2
