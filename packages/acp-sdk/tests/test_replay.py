"""What an agent tells of a stored session behind the answer that opened it, as Gemini CLI does."""

from __future__ import annotations

from pathlib import Path

import anyio
import pytest

from acp_sdk import replay
from acp_sdk.backend import AcpBackend
from acp_sdk.protocol import methods
from agent_sdk_core import ConnectionLostError, SessionOptions
from agent_sdk_testing.fakes.acp import FakeAcp
from agent_sdk_testing.fakes.codex_exchanges import FakeRequest

pytestmark = pytest.mark.anyio

TURNS = 5


@pytest.fixture(autouse=True)
def _stores(fake: FakeAcp) -> None:
    fake.greeting = {"agentCapabilities": {"loadSession": True}}


def tell(fake: FakeAcp, turn: int, session_id: str = "s") -> None:
    fake.update(session_id, "user_message_chunk", content={"type": "text", "text": f"Question {turn}"})
    fake.say(session_id, f"Answer {turn}")


def tells_late(fake: FakeAcp, session_id: str = "s") -> None:
    """Tell one turn before the answer, one behind it and behind each refusal, and into a turn what is left then."""
    rest = list(range(1, TURNS))

    def load(request: FakeRequest) -> None:
        tell(fake, 0, session_id)
        request.answer({})
        tell(fake, rest.pop(0), session_id)

    def barrier(request: FakeRequest) -> None:
        if rest:
            tell(fake, rest.pop(0), session_id)
        request.refuse("Method not found")

    def prompt(request: FakeRequest) -> None:
        while rest:
            tell(fake, rest.pop(0), session_id)
        fake.say(session_id, "Hello.")
        request.answer()

    fake.on("session/load", load)
    fake.on(methods.BARRIER, barrier)
    fake.on("session/prompt", prompt)


async def test_a_history_that_comes_behind_the_answer_is_whole(fake: FakeAcp, backend: AcpBackend) -> None:
    tells_late(fake)
    async with backend, backend.resume("s") as session:
        told = await session.history()
        assert [message.type for message in told] == ["user", "assistant"] * TURNS


async def test_and_is_no_part_of_the_turn_that_follows(fake: FakeAcp, backend: AcpBackend) -> None:
    tells_late(fake)
    async with backend, backend.resume("s") as session:
        assert (await session.run("Hi")).result == "Hello."
        assert len(await session.history()) == 2 * TURNS + 2


async def test_a_stored_session_is_read_whole(fake: FakeAcp, backend: AcpBackend) -> None:
    tells_late(fake)
    async with backend:
        assert len(await backend.read_history("s")) == 2 * TURNS


async def test_a_session_that_is_opened_again_after_a_loss_is_not_told_again(
    fake: FakeAcp, backend: AcpBackend, workspace: Path
) -> None:
    async with backend, backend.create_session(SessionOptions(cwd=workspace)) as session:
        await session.run("Hi")
        events = backend.events()
        fake.on("session/prompt", lambda request: fake.kill())
        assert (await session.run("Are you there?")).outcome == "failed"
        while (await anext(events)).kind != "restarted":
            pass
        before = len(await session.history())
        tells_late(fake, session.session_id)
        assert (await session.run("And?")).result == "Hello."
        assert len(await session.history()) == before + 2


async def test_an_agent_that_answers_nothing_strange_opens_it_nevertheless(
    fake: FakeAcp, backend: AcpBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replay, "BARRIER_SECONDS", 0.05)
    fake.on("session/load", lambda request: (tell(fake, 0), request.answer({})))
    fake.hold(methods.BARRIER)
    async with backend, backend.resume("s") as session:
        assert len(await session.history()) == 2


async def test_an_agent_that_never_ends_telling_opens_it_nevertheless(
    fake: FakeAcp, backend: AcpBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replay, "REPLAY_SECONDS", 0.2)

    def barrier(request: FakeRequest) -> None:
        tell(fake, request.id)
        request.refuse("Method not found")

    fake.on(methods.BARRIER, barrier)
    async with backend, backend.resume("s") as session:
        assert await session.history()


async def test_an_agent_that_dies_while_it_tells_is_an_error(fake: FakeAcp, backend: AcpBackend) -> None:
    fake.on(methods.BARRIER, lambda request: fake.kill())
    async with backend:
        with anyio.fail_after(30), pytest.raises(ConnectionLostError):
            await backend.resume("s")


async def test_what_the_agent_said_in_the_users_name_is_no_prompt(fake: FakeAcp, backend: AcpBackend) -> None:
    def load(request: FakeRequest) -> None:
        for words in ("<session_context>\nToday is Friday.\n</session_context>", "[Function Response: read_file]"):
            fake.update("s", "user_message_chunk", content={"type": "text", "text": words})
        tell(fake, 0)
        request.answer({})

    fake.on("session/load", load)
    async with backend, backend.resume("s") as session:
        told = await session.history()
    assert [message.type for message in told] == ["user", "assistant"]
    assert "Question 0" in str(told[0])
