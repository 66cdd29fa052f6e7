from __future__ import annotations

import pytest
from tests.codex.driving import Codex, backend_of

from agent_sdk_core import UserMessage
from agent_sdk_testing import text
from agent_sdk_testing.contract.watching import run

pytestmark = pytest.mark.anyio


async def test_a_fork_has_the_whole_conversation_and_goes_its_own_way(codex: Codex) -> None:
    codex.model.reply(text("One.")).reply(text("In the fork.")).reply(text("In the original."))
    async with codex.session() as session:
        await run(session, "First.")
        async with await session.fork() as fork:
            assert fork.session_id != session.session_id
            assert (await run(fork, "Second, forked.")).result.result == "In the fork."
            assert [message.text for message in codex.model.requests[1].messages if message.role == "user"] == [
                "First.",
                "Second, forked.",
            ]
        assert (await run(session, "Second.")).result.result == "In the original."
        assert "forked" not in codex.model.requests[2].text


@pytest.mark.parametrize("at", ["message", "turn"])
async def test_a_fork_at_a_turn_ends_with_it(codex: Codex, at: str) -> None:
    codex.model.reply(text("One.")).reply(text("Two.")).reply(text("Forked."))
    async with codex.session() as session:
        first = await run(session, "First.")
        await run(session, "Second.")
        source = first.result.source
        assert source is not None
        place = first.uuid if at == "message" else source.turn_id
        async with await session.fork(at=place) as fork:
            prompts = [
                message.text for message in await fork.history() if isinstance(message, UserMessage) and message.text
            ]
            assert prompts == ["First."]
            await run(fork, "Instead.")
        assert "Second." not in codex.model.requests[2].text


@pytest.mark.parametrize("mode", ["paginated", "legacy"])
async def test_a_history_is_read_in_either_mode_that_codex_stores_it_in(codex: Codex, mode: str) -> None:
    codex.model.reply(codex.command("echo hi; sleep 0.2")).reply(text("Done."))
    async with codex.session(native={"historyMode": mode}) as session:
        ran = await run(session, "Work.")
        history = await session.history()
        told = [getattr(message, "text", "") for message in history if getattr(message, "text", "")]
        assert told == ["Work.", "Done."]
        assert ran.uses
        assert backend_of(session).version
