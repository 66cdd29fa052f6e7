"""Turns that take too long or show no sign of life."""

from __future__ import annotations

import anyio
import pytest

from acp_sdk import abandoned
from acp_sdk.backend import AcpBackend
from agent_sdk_core import AgentError, Informational, SessionOptions
from agent_sdk_core.runtime.turns import runner
from agent_sdk_testing.fakes.acp import FakeAcp

pytestmark = pytest.mark.anyio


async def test_a_turn_that_takes_too_long_is_cancelled(fake: FakeAcp, backend: AcpBackend) -> None:
    fake.hold("session/prompt")
    with anyio.fail_after(30):
        async with backend, backend.create_session(SessionOptions(turn_timeout=0.2)) as session:
            result = await session.run("Talk.")
            assert (result.outcome, result.error_code) == ("limit", "limit_reached")
            await fake.told("session/cancel")
            assert session.state == "idle"


async def test_a_silent_turn_is_warned_of_and_then_cancelled(fake: FakeAcp, backend: AcpBackend) -> None:
    fake.hold("session/prompt")
    with anyio.fail_after(30):
        async with backend, backend.create_session(SessionOptions(stall_timeout=0.2)) as session:
            async with session.query("Talk.") as turn:
                messages = [message async for message in turn]
            [warning] = [message for message in messages if isinstance(message, Informational) and message.level]
            assert "no sign of life" in warning.content
            assert turn.result is not None
            assert (turn.result.outcome, turn.result.error_code) == ("failed", "turn_stalled")
            await fake.told("session/cancel")
            assert len(fake.processes) == 1


async def test_an_agent_that_does_not_even_cancel_is_killed_and_the_next_one_is_asked(
    fake: FakeAcp, backend: AcpBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "INTERRUPT_SECONDS", 0.2)
    fake.hold("session/prompt")
    fake.on("session/cancel", lambda request: None)
    with anyio.fail_after(30):
        async with backend, backend.create_session(SessionOptions(stall_timeout=0.2)) as session:
            result = await session.run("Talk.")
            assert isinstance(result.error, AgentError)
            assert (result.outcome, result.error_code, result.retryable) == ("failed", "turn_stalled", True)
            fake.on("session/prompt", lambda request: request.answer())
            async with backend.create_session() as other:  # A new start may take longer than this one may be silent.
                assert (await other.run("Go on.")).outcome == "completed"
            assert len(fake.processes) == 2
            await fake.wait_until(lambda: fake.processes[0].gone, "the end of the first one")


@pytest.mark.parametrize("lists", [True, False])
@pytest.mark.parametrize("hangs", [True, False])
async def test_an_agent_that_answers_nothing_after_an_interrupt_is_replaced(
    fake: FakeAcp, backend: AcpBackend, monkeypatch: pytest.MonkeyPatch, hangs: bool, lists: bool
) -> None:
    """One that answers something else is left alone: other sessions work with it."""
    monkeypatch.setattr(runner, "INTERRUPT_SECONDS", 0.05)
    monkeypatch.setattr(abandoned, "ALIVE_SECONDS", 0.05 if hangs else 30.0)
    asked = "session/list" if lists else "_agent_sdk/alive"
    if lists:
        fake.greeting = {"agentCapabilities": {"sessionCapabilities": {"list": {}}}}
    fake.hold("session/prompt")
    fake.on("session/cancel", lambda request: None)
    if hangs:
        fake.hold(asked)
    elif not lists:
        fake.on(asked, lambda request: request.refuse("Method not found", code=-32601))
    with anyio.fail_after(30):
        async with backend, backend.create_session() as session:
            async with session.query("Wait.") as turn:
                prompt = await fake.request("session/prompt")
                await session.interrupt()
                assert (await turn.wait()).outcome == "interrupted"
            await fake.request(asked)
            fake.on("session/prompt", lambda request: request.answer())
            if not hangs:
                prompt.answer({"stopReason": "cancelled"})
            assert (await session.run("Hi.")).outcome == "completed"
            assert len(fake.processes) == (2 if hangs else 1)
