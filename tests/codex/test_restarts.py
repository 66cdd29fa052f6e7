from __future__ import annotations

import time
from datetime import UTC, datetime

import anyio
import pytest
from tests.codex.driving import Codex

from agent_sdk_core import AgentError, BackendEvent, ExecutableNotFoundError, ResultMessage, Stream, TurnOptions
from agent_sdk_testing import text
from agent_sdk_testing.contract.watching import run
from codex_sdk import CodexSession

pytestmark = pytest.mark.anyio

_SESSIONS = 50
_FRESH = 10
"""So many of them never had a turn."""

_SECONDS = 60.0
"""After which every session of a killed app-server can be used: some three."""

_TIMES = 20
"""How many times as long as the same prompts took before that may take: what tells on a machine that is loaded."""


async def told(events: Stream[BackendEvent], kind: str) -> BackendEvent:
    while (event := await anext(events)).kind != kind:
        pass
    return event


async def all_at_once(sessions: list[CodexSession], prompt: str) -> list[ResultMessage]:
    results: dict[str, ResultMessage] = {}

    async def ask(session: CodexSession) -> None:
        results[session.session_id] = await session.query(prompt).wait()

    async with anyio.create_task_group() as tasks:
        for session in sessions:
            tasks.start_soon(ask, session)
    return [results[session.session_id] for session in sessions]


async def test_fifty_sessions_are_usable_within_seconds_of_the_death_of_their_app_server(codex: Codex) -> None:
    codex.model.otherwise(text("Fine."))
    async with codex.backend() as backend:
        events = backend.events()
        sessions: list[CodexSession] = [await codex.open(backend) for _ in range(_SESSIONS)]
        old, fresh = sessions[_FRESH:], sessions[:_FRESH]
        began = time.monotonic()
        assert all(result.outcome == "completed" for result in await all_at_once(old, "Remember the word apple."))
        before = time.monotonic() - began
        began = time.monotonic()
        codex.kill(sessions[0])
        await told(events, "exited")
        results = await all_at_once(sessions, "Go on.")
        took = time.monotonic() - began
        assert [result.outcome for result in results] == ["completed"] * _SESSIONS
        assert [session.state for session in sessions] == ["idle"] * _SESSIONS
        assert all(session.resolved_session_id == session.session_id for session in old)
        assert all(session.resolved_session_id != session.session_id for session in fresh)
        assert took < max(_SECONDS, _TIMES * before), (took, before)
    again = [request for request in codex.model.requests if request.last_user_text == "Go on."]
    assert sum("Remember the word apple." in request.text for request in again) == len(old)


async def test_what_one_turn_changed_does_not_stay_after_the_death_of_an_app_server(codex: Codex) -> None:
    codex.model.otherwise(text("Fine."))
    elsewhere = codex.workspace / "elsewhere"
    elsewhere.mkdir()
    async with codex.backend() as backend:
        events = backend.events()
        session = await codex.open(backend)
        await run(session, "First.")
        before = session.info
        await session.query("Second.", options=TurnOptions(cwd=elsewhere, model=codex.other_models[0])).wait()
        codex.kill(session)
        await told(events, "exited")
        await run(session, "Third.")
        assert session.info == before
        assert codex.model.requests[-1].json["model"] == before.model


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_a_session_goes_on_after_its_app_server_was_killed_before_it_had_stored_the_first_line(
    codex: Codex,
) -> None:
    codex.model.otherwise(text("Fine."))
    async with codex.backend() as backend:
        events = backend.events()
        session = await codex.open(backend)
        codex.kill(session)
        await told(events, "exited")
        now = datetime.now(UTC)
        file = codex.home / f"sessions/{now:%Y/%m/%d}/rollout-{now:%Y-%m-%dT%H-%M-%S}-{session.session_id}.jsonl"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
        assert (await run(session, "Go on.")).result.result == "Fine."
        assert session.resolved_session_id != session.session_id
        with pytest.raises(AgentError, match="cannot be read: is empty"):
            await codex.open(backend, resume=session.session_id)


async def test_an_app_server_that_cannot_be_started_again_is_dead(codex: Codex) -> None:
    async with codex.backend(max_restarts=2) as backend:
        events = backend.events()
        session = await codex.open(backend)
        codex.executable.unlink()
        codex.kill(session)
        assert "There is no codex executable" in (await told(events, "dead")).message
        with pytest.raises(ExecutableNotFoundError):
            await session.send("Go on.")
        with pytest.raises(ExecutableNotFoundError):
            await codex.open(backend)
