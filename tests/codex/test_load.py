"""Many sessions on one app-server."""

from __future__ import annotations

import anyio
import pytest
from tests.codex.driving import Codex

from agent_sdk_core import AgentSession, ResultMessage
from agent_sdk_testing import Gate, text

pytestmark = pytest.mark.anyio

SESSIONS = 300
RUNNING = 50


async def test_three_hundred_sessions_share_one_process_and_fifty_of_them_run_at_once(codex: Codex) -> None:
    gate = Gate()
    codex.model.otherwise(text("Still"), gate, text(" here."))
    sessions: list[AgentSession] = []
    results: list[ResultMessage] = []
    async with codex.backend() as backend:

        async def open_one() -> None:
            sessions.append(await codex.open(backend))

        async def ask(session: AgentSession) -> None:
            results.append(await session.run("Talk."))

        async with anyio.create_task_group() as tasks:
            for _ in range(SESSIONS):
                tasks.start_soon(open_one)
        async with anyio.create_task_group() as tasks:
            for session in sessions[:RUNNING]:
                tasks.start_soon(ask, session)
            await codex.model.wait_for_requests(RUNNING, timeout=60.0)
            assert [session.state for session in sessions[:RUNNING]] == ["running"] * RUNNING
            gate.open()
        assert [(result.is_error, result.result) for result in results] == [(False, "Still here.")] * RUNNING
        assert len({session.session_id for session in sessions}) == SESSIONS
        assert (await sessions[-1].run("And you?")).result == "Still here."
