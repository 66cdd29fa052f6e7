from __future__ import annotations

from pathlib import Path

import pytest
from tests.codex.driving import Codex

from agent_sdk_core import SessionOptions
from agent_sdk_testing import text
from agent_sdk_testing.contract.watching import run

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
