from __future__ import annotations

from collections.abc import AsyncIterator
from math import inf
from typing import Any

import anyio
import pytest

from agent_sdk_core import AgentError, SessionClosedError, SessionOpening, SessionOptions, StreamEvent
from agent_sdk_core.hosting import session as hosted
from agent_sdk_core.hosting.journal import Claim, Journal
from agent_sdk_core.hosting.pace import FULL
from agent_sdk_core.hosting.remote import RemoteHost
from agent_sdk_core.hosting.runs import messages_from_wire
from agent_sdk_testing import Gate, MemoryBackend, text

pytestmark = pytest.mark.anyio


class Released(Journal):
    """Notes which sessions were given back; the first time it cannot."""

    def __init__(self) -> None:
        self.keys: list[str] = []

    async def release(self, key: str) -> None:
        self.keys.append(key)
        if len(self.keys) == 1:
            raise SessionClosedError("It is away.")


@pytest.fixture
async def agent(anyio_backend: str) -> MemoryBackend:
    return MemoryBackend()


@pytest.fixture
async def journal(anyio_backend: str) -> Released:
    return Released()


@pytest.fixture
async def host(agent: MemoryBackend, journal: Released) -> AsyncIterator[RemoteHost]:
    made = RemoteHost(lambda: agent, journal=journal)
    yield made
    await made.aclose()


async def opened(host: RemoteHost, key: str) -> dict[str, Any]:
    return await host.call("open", {"key": key, "client": "c", "options": {}})


async def test_a_session_is_closed_whose_client_is_silent_once_nothing_runs_in_it(
    host: RemoteHost, agent: MemoryBackend, journal: Released
) -> None:
    gate = Gate()
    agent.reply(text("Begun", gate, " and done."))
    for key in ("rests", "runs", "used"):
        await opened(host, key)
    await host.call("send", {"key": "runs", "uuid": "p", "prompt": [{"kind": "text", "text": "Go."}]})
    await gate.reached()
    for key in ("rests", "runs"):
        host.sessions[key].seen = -inf
    running = host.sessions["runs"].session
    await host.close_abandoned()
    assert (sorted(host.sessions), journal.keys) == (["runs", "used"], ["rests"])
    with pytest.raises(SessionClosedError) as raised:
        await host.call("poll", {"key": "rests", "client": "c", "cursor": "x.0"})
    assert raised.value.code == "not_hosted"
    assert (await opened(host, "rests"))["attached"] is False
    gate.open()
    await running.wait_idle()
    await host.close_abandoned()
    assert (sorted(host.sessions), journal.keys) == (["rests", "used"], ["rests", "runs"])
    assert running.state == "closed"


class Known(Journal):
    """Knows of each session what the agent called it before."""

    async def claim(self, key: str) -> Claim:
        return Claim(key)


class Unreadable(MemoryBackend):
    """An agent that was killed while it stored the first prompt of each session."""

    def create_session(self, options: SessionOptions | None = None) -> SessionOpening[Any]:
        if options is not None and options.resume is not None:
            raise AgentError("The session's file is empty.", code="session_unreadable")
        return super().create_session(options)


async def test_a_session_in_which_nothing_was_said_begins_again_where_its_agent_cannot_read_it() -> None:
    host = RemoteHost(Unreadable, journal=Known())
    try:
        with pytest.raises(AgentError, match="is empty"):
            await opened(host, "said")
        assert (await host.call("open", {"key": "new", "client": "c", "options": {}, "anew": True}))[
            "attached"
        ] is False
    finally:
        await host.aclose()


async def test_deltas_gather_that_come_between_two_polls_and_whatever_else_comes_is_told_with_them(
    host: RemoteHost, agent: MemoryBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hosted, "DELTA_SECONDS", 0.0)
    first, second, third = Gate(), Gate(), Gate()
    agent.reply(text("One", first, " two", second, " three", third, " four."))
    at: dict[str, Any] = {"key": "k", "client": "c", "cursor": (await opened(host, "k"))["cursor"], "seconds": 1000.0}
    await host.call("send", {"key": "k", "uuid": "p", "prompt": [{"kind": "text", "text": "Go."}]})
    told = [""]

    async def poll() -> None:
        batch = await host.call("poll", at)
        at["cursor"] = batch["cursor"]
        told.append("".join(map(_kind, batch["events"])))

    with anyio.fail_after(30):
        while not told[-1].endswith("d"):
            await poll()
        first.open()
        await poll()
        assert told[-1] == "d"
        monkeypatch.setattr(hosted, "DELTA_SECONDS", 1000.0)
        second.open()
        await third.reached()
        told.clear()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(poll)
            await anyio.wait_all_tasks_blocked()
            assert not told
            third.open()
    assert told[0].startswith("dd")
    assert told[0].strip("d")


async def test_as_many_deltas_as_fill_a_batch_are_told_at_once(
    host: RemoteHost, agent: MemoryBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hosted, "DELTA_SECONDS", 0.0)
    first, second = Gate(), Gate()
    agent.reply(text("One", first, " two", second, *[" more"] * (FULL + 5), Gate()))
    at: dict[str, Any] = {"key": "k", "client": "c", "cursor": (await opened(host, "k"))["cursor"], "seconds": 1000.0}
    await host.call("send", {"key": "k", "uuid": "p", "prompt": [{"kind": "text", "text": "Go."}]})

    async def poll() -> str:
        batch = await host.call("poll", at)
        at["cursor"] = batch["cursor"]
        return "".join(map(_kind, batch["events"]))

    with anyio.fail_after(30):
        while not (await poll()).endswith("d"):
            continue
        first.open()
        assert await poll() == "d"
        monkeypatch.setattr(hosted, "DELTA_SECONDS", 1000.0)
        second.open()
        assert await poll() == "d" * FULL


def _kind(told: dict[str, Any]) -> str:
    return "".join("d" if isinstance(each, StreamEvent) and each.text else "w" for each in messages_from_wire(told))


class Noticed(MemoryBackend):
    """An agent whose end can be waited for."""

    def __init__(self) -> None:
        super().__init__()
        self.ended = anyio.Event()

    async def aclose(self) -> None:
        await super().aclose()
        self.ended.set()


async def test_clients_are_watched_by_the_host_itself_which_ends_an_agent_that_nobody_uses() -> None:
    made: list[Noticed] = []

    def make() -> Noticed:
        made.append(Noticed())
        return made[-1]

    host = RemoteHost(make, abandoned_seconds=0.05)
    await opened(host, "k")
    await made[0].ended.wait()
    assert not host.sessions
    assert "models" in await host.call("list_models", {})
    assert len(made) == 2
    await host.aclose()


class Unnoted(Released):
    """Cannot note what the agent calls a session."""

    async def opened(self, key: str, session_id: str) -> None:
        raise SessionClosedError("Another host has it.")


async def test_a_session_whose_opening_cannot_be_noted_is_ended(agent: MemoryBackend) -> None:
    journal = Unnoted()
    host = RemoteHost(lambda: agent, journal=journal)
    with pytest.raises(SessionClosedError, match="Another host"):
        await opened(host, "k")
    assert (list(agent.sessions), journal.keys, dict(host.sessions)) == ([], ["k"], {})
    await host.aclose()
