from __future__ import annotations

import sys
from pathlib import Path

import anyio
import pytest
from tests.codex.driving import SERVER, Codex, backend_of

from agent_sdk_core import SessionOptions
from agent_sdk_testing import text
from agent_sdk_testing.contract.pipes import Lifeline
from agent_sdk_testing.contract.watching import run
from codex_sdk import CodexSession

pytestmark = pytest.mark.anyio


async def test_a_resumed_session_keeps_to_the_options_it_is_given(codex: Codex) -> None:
    codex.model.reply(text("One."))
    async with codex.session(permission_mode="accept_edits", reasoning_effort="high") as session:
        await run(session, "First.")
        before, stored = session.info, session.resolved_session_id
    async with codex.session(permission_mode="accept_edits", reasoning_effort="high", resume=stored) as session:
        assert (session.info.sandbox, session.info.approval_policy) == (before.sandbox, before.approval_policy)
        assert (session.info.permission_mode, session.info.reasoning_effort) == ("accept_edits", "high")
        assert session.resumable


async def test_a_resumed_session_stays_in_its_folder(codex: Codex, monkeypatch: pytest.MonkeyPatch) -> None:
    codex.model.reply(text("One."))
    elsewhere = Path(codex.workspace).parent / "elsewhere"
    elsewhere.mkdir()
    async with codex.session() as session:
        await run(session, "First.")
        stored = session.resolved_session_id
    monkeypatch.chdir(elsewhere)
    async with codex.backend() as backend, await backend.create_session(SessionOptions(resume=stored)) as session:
        assert session.info.cwd == str(codex.workspace)


async def test_a_closed_session_leaves_nothing_loaded(codex: Codex) -> None:
    codex.model.otherwise(text("Fine."))
    servers: list[Lifeline] = []
    async with codex.backend() as backend:
        for number in range(3):
            servers.append(pipe := codex.pipe(f"server-{number}"))
            command = f"exec 8>'{pipe.path}'; exec '{sys.executable}' -B '{SERVER}'"
            server = {"command": "/bin/sh", "args": ["-c", command]}
            async with await codex.open(backend, mcp_servers={"bench": server}) as session:
                if number:  # Nor does one that never had a turn.
                    await run(session, "Talk.")
                await alone(session)
            await pipe.gone()
        again = await codex.open(backend)
        await alone(again)


async def alone(session: CodexSession) -> None:
    """Wait until no other session is loaded: closing waits for that, but on a busy machine not long enough."""
    backend = backend_of(session)
    while (await backend.request("thread/loaded/list", {})).data != [session.session_id]:
        await anyio.sleep(0.02)


async def test_an_ephemeral_thread_is_not_resumable(codex: Codex) -> None:
    codex.model.otherwise(text("Fine."))
    async with codex.session(native={"ephemeral": True}) as session:
        await run(session, "Talk.")
        assert not session.resumable
