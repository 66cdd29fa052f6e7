"""What Codex itself can take back: turns of a conversation, and no file."""

from __future__ import annotations

import pytest
from tests.codex.driving import Codex, backend_of

from agent_sdk_testing import text
from agent_sdk_testing.contract.watching import run

pytestmark = pytest.mark.anyio


async def test_a_reverted_thread_leaves_files_as_they_are(codex: Codex) -> None:
    codex.model.reply(*codex.patch(add={"new.txt": "one\n"})).reply(text("Edited."))
    async with codex.session(permission_mode="accept_edits") as session:
        await run(session, "Edit.")
        backend, thread = backend_of(session), {"threadId": session.session_id}
        [turn] = (await backend.request("thread/turns/list", thread)).data
        await backend.request("thread/revert", {**thread, "beforeTurnId": turn.id})
        assert (await backend.request("thread/turns/list", thread)).data == []
    assert codex.read("new.txt") == "one\n"
