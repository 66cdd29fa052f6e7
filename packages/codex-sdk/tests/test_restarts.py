from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import anyio
import pytest

from agent_sdk_core import (
    AgentError,
    BackendEvent,
    HandshakeError,
    InvalidRequestError,
    ProcessExitedError,
    ResultMessage,
    SessionOptions,
)
from agent_sdk_testing import FakeCodex, FakeRequest
from codex_sdk.backend import CodexBackend
from codex_sdk.session import CodexSession

pytestmark = pytest.mark.anyio

MakeBackend = Callable[..., CodexBackend]


async def told(events: AsyncIterator[BackendEvent], kind: str) -> BackendEvent:
    while (event := await anext(events)).kind != kind:
        pass
    return event


GONE = "no rollout found for thread id x"
TORN = "failed to read session metadata /x/rollout-x.jsonl: rollout at /x/rollout-x.jsonl is empty"
"""Of a thread whose app-server was killed while it wrote the first line (0.163)."""


def not_stored(fake: FakeCodex, words: str = GONE) -> None:
    fake.on("thread/resume", lambda request: request.refuse(words))


async def lost(fake: FakeCodex, events: AsyncIterator[BackendEvent]) -> None:
    """End the app-server, and return when another one runs."""
    fake.exit(3)
    await told(events, "exited")
    restarted = await told(events, "restarted")
    assert restarted.details["pid"] == fake.pids[-1]


async def turn(session: CodexSession) -> str:
    """Run one turn to its end."""
    with anyio.fail_after(60):
        return (await session.query("Hi").wait()).outcome


def asked(fake: FakeCodex, method: str) -> list[FakeRequest]:
    return [request for request in fake.requests if request.method == method]


async def test_a_session_is_resumed_with_its_options_when_it_is_next_asked(
    fake: FakeCodex, backend: CodexBackend
) -> None:
    events = backend.events()
    session = await backend.create_session(SessionOptions(model="m", append_system_prompt="Be brief."))
    assert await turn(session) == "completed"
    await lost(fake, events)
    assert [session.state, asked(fake, "thread/resume")] == ["idle", []]
    assert await turn(session) == "completed"
    (request,) = asked(fake, "thread/resume")
    assert request.params["threadId"] == session.session_id
    assert (request.params["model"], request.params["developerInstructions"]) == ("m", "Be brief.")
    assert await turn(session) == "completed"
    assert len(asked(fake, "thread/resume")) == 1


@pytest.mark.parametrize("words", [GONE, TORN])
async def test_a_thread_that_finished_no_turn_is_started_anew(
    fake: FakeCodex, backend: CodexBackend, words: str
) -> None:
    not_stored(fake, words)
    events = backend.events()
    session = await backend.create_session()
    before = session.session_id
    await lost(fake, events)
    assert await turn(session) == "completed"
    assert session.session_id == before
    assert session.resolved_session_id == session.thread_id != before
    assert len(asked(fake, "thread/start")) == 2


@pytest.mark.parametrize(("words", "code"), [(GONE, "session_not_found"), (TORN, "session_unreadable")])
async def test_a_stored_thread_that_is_gone_is_an_error_and_not_started_anew(
    fake: FakeCodex, backend: CodexBackend, words: str, code: str
) -> None:
    not_stored(fake, words)
    events = backend.events()
    session = await backend.create_session()
    await turn(session)
    await lost(fake, events)
    with anyio.fail_after(30), pytest.raises(AgentError) as caught:
        await session.send("Hi")
    assert caught.value.code == code
    assert len(asked(fake, "thread/start")) == 1


async def test_what_turns_changed_of_the_settings_is_said_with_the_next_one(
    fake: FakeCodex, backend: CodexBackend
) -> None:
    events = backend.events()
    session = await backend.create_session(SessionOptions(model="m"))
    await turn(session)
    settings = {"model": "n", "effort": "high", "approvalPolicy": "on-request"}
    fake.notify("thread/settings/updated", threadId=session.thread_id, threadSettings=settings)
    await backend.request("thread/read", {})
    await lost(fake, events)
    await turn(session)
    started = (await fake.request("turn/start", 2)).params
    assert (started["model"], started["effort"]) == ("n", "high")
    assert session.info.model == "n"


async def test_one_that_dies_while_a_thread_is_resumed_is_started_again(fake: FakeCodex, backend: CodexBackend) -> None:
    events = backend.events()
    session = await backend.create_session()
    await turn(session)
    deaths: list[FakeRequest] = []

    def die_once(request: FakeRequest) -> None:
        deaths.append(request)
        if len(deaths) == 1:
            fake.exit(3)
        else:
            request.answer(fake.thread(request.params["threadId"], request.params))

    fake.on("thread/resume", die_once)
    await lost(fake, events)
    assert await turn(session) == "completed"
    assert (len(fake.pids), len(deaths)) == (3, 2)


async def test_a_prompt_that_was_on_its_way_is_not_sent_again(fake: FakeCodex, backend: CodexBackend) -> None:
    events = backend.events()
    session = await backend.create_session()
    await turn(session)
    fake.hold("turn/start")
    results: list[ResultMessage] = []

    async def query() -> None:
        results.append(await session.query("Hi").wait())

    with anyio.fail_after(60):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(query)
            await fake.request("turn/start", 2)
            await lost(fake, events)
    error = results[0].error
    assert isinstance(error, ProcessExitedError)
    assert error.details["session_goes_on"] is True
    fake.release("turn/start")
    assert await turn(session) == "completed"
    assert len(asked(fake, "turn/start")) == 3


async def test_one_that_does_not_start_again_is_dead_and_says_why(fake: FakeCodex, make_backend: MakeBackend) -> None:
    backend = make_backend(max_restarts=1)
    events = backend.events()
    session = await backend.create_session()
    fake.on("initialize", lambda request: fake.exit(4, log="no more"))
    fake.exit(3)
    with anyio.fail_after(60):
        dead = await told(events, "dead")
        assert "no more" in dead.message
        assert session.state == "disconnected"
        with pytest.raises(HandshakeError, match="no more"):
            await session.send("Hi")
        with pytest.raises(HandshakeError, match="no more"):
            await backend.create_session()
    assert len(fake.pids) == 2


def test_a_number_of_restarts_is_not_negative() -> None:
    with pytest.raises(InvalidRequestError, match="max_restarts"):
        CodexBackend(max_restarts=-1)
