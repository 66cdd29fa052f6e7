from __future__ import annotations

import pytest
from tests.claude.driving import Claude

from agent_sdk_core import AgentError, CompactBoundary, ResultMessage, SessionBusyError, StatusMessage, UserMessage
from agent_sdk_testing import Gate, http_error, text
from agent_sdk_testing.contract.watching import run, until

pytestmark = pytest.mark.anyio

SUMMARY = text("<analysis>Short.</analysis><summary>They spoke of apples.</summary>")


async def test_compacting_replaces_the_conversation_by_its_summary(claude: Claude) -> None:
    claude.model.reply(text("Apples."))
    async with claude.session() as session:
        stream = session.messages()
        await run(session, "Talk.")
        await until(stream, ResultMessage)
        claude.model.reply(SUMMARY)
        await session.compact()
        assert session.state == "idle"
        await until(stream, StatusMessage, lambda message: message.status == "compacting")
        boundary = await until(stream, CompactBoundary)
        assert boundary.compact_metadata["trigger"] == "manual"
        result = await until(stream, ResultMessage)
        assert result.user_message_uuids != []
        claude.model.reply(text("Of apples."))
        assert (await run(session, "Of what did we speak?")).result.result == "Of apples."
    assert "They spoke of apples." in claude.model.requests[2].text
    assert "Talk." not in [message.text for message in claude.model.requests[2].messages]


async def test_a_session_compacts_only_when_it_is_idle(claude: Claude) -> None:
    gate = Gate()
    claude.model.reply(text("One", gate, "."))
    async with claude.session() as session:
        turn = session.query("Talk.")
        async with turn:
            await gate.reached()
            with pytest.raises(SessionBusyError):
                await session.compact()
            gate.open()
            await turn.wait()


async def test_a_compaction_that_fails_raises_and_the_conversation_stays(claude: Claude) -> None:
    claude.model.reply(text("Apples.")).reply(http_error(500, "It broke."))
    async with claude.session() as session:
        with pytest.raises(AgentError, match="nothing to compact"):
            await session.compact()
        await run(session, "Talk.")
        with pytest.raises(AgentError, match="It broke"):
            await session.compact()
        claude.model.reply(text("On."))
        assert (await run(session, "Go on.")).result.result == "On."
    assert "Apples." in claude.model.requests[-1].text


async def test_compact_as_a_prompt_has_one_result(claude: Claude) -> None:
    claude.model.reply(text("Apples.")).reply(SUMMARY)
    async with claude.session() as session:
        await run(session, "Talk.")
        ran = await run(session, "/compact")
        assert ran.result.outcome == "completed"
        assert len(ran.all(CompactBoundary)) == 1


async def test_a_command_of_claudes_own_answers_without_the_model(claude: Claude) -> None:
    async with claude.session() as session:
        ran = await run(session, "/context")
        assert ran.result.outcome == "completed"
        assert "ontext" in "".join(ran.text) + "".join(message.text for message in ran.all(UserMessage))
        await session.wait_idle()
    assert claude.model.requests == ()


async def test_an_unknown_command_is_for_the_model(claude: Claude) -> None:
    claude.model.reply(text("No idea."))
    async with claude.session() as session:
        ran = await run(session, "/nosuchcommand please")
    assert ran.result.outcome == "completed"
    assert "nosuchcommand" in claude.model.requests[0].text


async def test_clearing_the_conversation_gives_it_another_id(claude: Claude) -> None:
    claude.model.reply(text("One.")).reply(text("Two.")).reply(text("Three."))
    async with claude.backend() as backend:
        async with await claude.open(backend) as session:
            claude.recorder.forget(session)  # The messages of two sessions.
            await run(session, "First.")
            first = session.resolved_session_id
            assert (await run(session, "/clear")).result.outcome == "completed"
            second = session.resolved_session_id
            assert second != first == session.session_id
            ran = await run(session, "Second.")
            assert ran.result.session_id == second
            assert "First." not in claude.model.requests[1].text
            history = [message.text for message in await session.history() if isinstance(message, UserMessage)]
            assert "First." not in history
            assert "Second." in history
        async with await claude.open(backend, resume=second) as session:
            await run(session, "Third.")
    assert "Second." in claude.model.requests[2].text
