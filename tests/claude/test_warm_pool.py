from __future__ import annotations

import os
import signal

import anyio
import pytest
from tests.claude.driving import Claude

from agent_sdk_core import SessionBusyError
from agent_sdk_testing import text
from agent_sdk_testing.contract.watching import run
from claude_sdk import ClaudeBackend

pytestmark = pytest.mark.anyio


async def warm(backend: ClaudeBackend, count: int) -> None:
    """Return when so many processes wait."""
    with anyio.fail_after(60):
        while len(backend.warm) < count:
            await anyio.sleep(0.02)


async def test_a_session_takes_a_process_that_was_started_ahead(claude: Claude) -> None:
    claude.model.otherwise(text("Fine."))
    async with claude.backend(prewarm=1) as backend:
        await claude.open(backend)
        for _ in range(2):
            await warm(backend, 1)
            started = len(claude.started)
            session = await claude.open(backend)
            assert session.pid in claude.started[:started]
            assert (await run(session, "Talk.")).result.result == "Fine."
            assert session.resolved_session_id == session.session_id


async def test_other_options_start_another_process_and_what_waits_is_changed(claude: Claude) -> None:
    claude.model.otherwise(text("Fine."))
    async with claude.backend(prewarm=1) as backend:
        await claude.open(backend)
        await warm(backend, 1)
        before = len(claude.started)
        session = await claude.open(backend, append_system_prompt="Be brief.")
        assert session.pid not in claude.started[:before]
        await warm(backend, 1)
        again = await claude.open(backend, append_system_prompt="Be brief.")
        assert again.pid != session.pid
        await run(again, "Talk.")
        assert "Be brief." in str(claude.model.requests[-1].json)


async def test_one_that_dies_while_it_waits_is_not_handed_out(claude: Claude) -> None:
    claude.model.otherwise(text("Fine."))
    async with claude.backend(prewarm=1) as backend:
        await claude.open(backend)
        await warm(backend, 1)
        os.kill(backend.warm[0], signal.SIGKILL)
        with anyio.fail_after(30):
            while backend.warm:
                await anyio.sleep(0.01)
        assert (await run(await claude.open(backend), "Talk.")).result.result == "Fine."


async def test_what_waits_gives_way_to_sessions(claude: Claude) -> None:
    async with claude.backend(prewarm=1, max_processes=2) as backend:
        await claude.open(backend)
        await warm(backend, 1)
        await claude.open(backend, append_system_prompt="Be brief.")
        with pytest.raises(SessionBusyError):
            await claude.open(backend)
