from __future__ import annotations

import pytest
from tests.codex.driving import Codex

from agent_sdk_core import CompactBoundary, ResultMessage, SessionBusyError, StatusMessage
from agent_sdk_testing import Gate, Tokens, call, http_error, text
from agent_sdk_testing.contract.watching import run, until

pytestmark = pytest.mark.anyio


async def test_a_session_is_compacted_on_request_and_goes_on_with_the_summary(codex: Codex) -> None:
    codex.model.reply(text("A long story.")).reply(text("The summary.")).reply(text("On."))
    async with codex.session() as session:
        await run(session, "Tell me a story.")
        stream = session.messages()
        await session.compact()
        assert session.state == "idle"
        assert (await until(stream, StatusMessage, lambda message: message.status == "compacting")).uuid
        assert isinstance(await until(stream, CompactBoundary), CompactBoundary)
        assert (await until(stream, ResultMessage)).user_message_uuids == []
        await run(session, "Go on.")
    assert "The summary." in codex.model.requests[2].text
    assert "A long story." not in codex.model.requests[2].text


async def test_a_compaction_that_fails_raises_and_the_session_goes_on(codex: Codex) -> None:
    codex.model.reply(text("Hi.")).reply(http_error(400, "No summary today.")).reply(text("On."))
    async with codex.session() as session:
        await run(session, "Hello.")
        with pytest.raises(Exception, match="No summary today"):
            await session.compact()
        assert (await run(session, "Go on.")).result.outcome == "completed"


async def test_a_session_that_runs_is_not_compacted(codex: Codex) -> None:
    gate = Gate()
    codex.model.reply(text("Wait", gate, "ed."))
    async with codex.session() as session, session.query("Wait.") as turn:
        await gate.reached()
        with pytest.raises(SessionBusyError):
            await session.compact()
        gate.open()
        assert (await turn.wait()).outcome == "completed"


async def test_codex_compacts_by_itself_within_a_turn_that_outgrows_its_window(codex: Codex) -> None:
    codex.settings(model_auto_compact_token_limit=1000)
    codex.model.reply(call("exec_command", cmd="echo hi; sleep 0.2"), usage=Tokens(input=5000))
    codex.model.reply(text("The summary.")).reply(text("Done."))
    async with codex.session() as session:
        ran = await run(session, "Work.")
    assert len(ran.all(CompactBoundary)) == 1
    assert ran.result.result == "Done."
