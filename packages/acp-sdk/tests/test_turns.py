"""Turns: what is told in one, and how it ends."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anyio
import pytest

from acp_sdk import abandoned
from acp_sdk.backend import AcpBackend
from agent_sdk_core import (
    AgentSession,
    AssistantMessage,
    ResultMessage,
    SessionBusyError,
    SessionOptions,
    UnknownMessage,
    UserMessage,
)
from agent_sdk_core.runtime.turns import runner
from agent_sdk_testing.fakes.acp import FakeAcp
from agent_sdk_testing.fakes.codex_exchanges import FakeRequest

pytestmark = pytest.mark.anyio

CALL = {"toolCallId": "c1", "title": "ls", "kind": "execute", "rawInput": {"command": "ls"}}


def results(messages: list[Any]) -> list[Any]:
    return [result for message in messages if isinstance(message, UserMessage) for result in message.tool_results]


async def watched(session: AgentSession, prompt: str = "Hi") -> list[Any]:
    with anyio.fail_after(60):
        async with session.query(prompt) as turn:
            return [message async for message in turn]


async def test_a_turn(fake: FakeAcp, backend: AcpBackend, workspace: Path) -> None:
    async with backend, backend.create_session(SessionOptions(cwd=workspace)) as session:
        messages = await watched(session)
        assert messages[-1].outcome == "completed"
        assert messages[-1].result == "Hello."
        assert session.session_id == "session-1"
        assert session.info.cwd == str(workspace)
        assert fake.process.cwd == str(workspace)
        assert backend.version == "1.0"
        assert [message.type for message in await session.history()] == ["user", "assistant"]
        assert len(backend.pids) == 1
        assert not session.resumable
        assert backend.greeting is not None
    sent = (await fake.request("initialize")).params
    assert sent["protocolVersion"] == 1
    assert "fs" not in sent["clientCapabilities"], "files are not lent"
    assert "terminal" not in sent["clientCapabilities"]


async def test_what_nobody_knows_passes(fake: FakeAcp, backend: AcpBackend) -> None:
    def prompt(request: FakeRequest) -> None:
        fake.update("session-1", "hologram", of="a cat")
        fake.notify("_vendor/thing", sessionId="session-1", x=1)
        fake.update("session-1", "tool_call_update", toolCallId="t", status="completed", title="Look")
        fake.update("session-1", "tool_call_update", toolCallId="t", status="completed", title="Look again")
        fake.say("session-1", "Well.")
        request.answer({"stopReason": "surprise"})

    fake.on("session/prompt", prompt)
    async with backend, backend.create_session() as session:
        messages = await watched(session)
    unknown = {message.type for message in messages if isinstance(message, UnknownMessage)}
    assert unknown == {"acp/hologram", "acp/_vendor/thing", "acp/tool_call_update"}
    assert (messages[-1].outcome, messages[-1].result) == ("completed", "Well.")
    assert messages[-1].to_wire()["stop_reason"] == "surprise"


async def test_what_comes_after_a_turn_is_not_lost(fake: FakeAcp, backend: AcpBackend) -> None:
    async with backend, backend.create_session() as session:
        told = session.messages()
        await watched(session)
        fake.say("session-1", "By the way.")
        with anyio.fail_after(60):
            async for message in told:
                if isinstance(message, AssistantMessage) and message.text == "By the way.":
                    break


async def test_an_interrupt(fake: FakeAcp, backend: AcpBackend) -> None:
    def prompt(request: FakeRequest) -> None:
        fake.update("session-1", "tool_call", **{**CALL, "status": "in_progress"})
        fake.say("session-1", "I am ")

    fake.on("session/prompt", prompt)
    async with backend, backend.create_session() as session:
        async with session.query("Hi") as turn:
            async for message in turn:
                if message.type == "stream_event":
                    await session.interrupt()
                    break
            result = await turn.wait()
        assert result.outcome == "interrupted"
        said = [message for message in await session.history() if isinstance(message, AssistantMessage)]
        assert any(message.aborted for message in said if message.text)
        assert len(results(list(await session.history()))) == 1
    await fake.told("session/cancel")


async def test_an_agent_that_ignores_an_interrupt(
    fake: FakeAcp, backend: AcpBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "INTERRUPT_SECONDS", 0.2)
    monkeypatch.setattr(abandoned, "FREE_SECONDS", 0.1)
    fake.hold("session/prompt", "session/cancel")
    async with backend, backend.create_session() as session:
        turn = session.query("Hi")
        async with turn:
            prompt = await fake.request("session/prompt")
            await session.interrupt()
        assert (await turn.wait()).outcome == "interrupted"
        with pytest.raises(SessionBusyError, match="still runs the turn"):
            await session.query("More").wait()
        monkeypatch.setattr(abandoned, "FREE_SECONDS", 20.0)
        async with anyio.create_task_group() as tasks:
            again = session.query("More")
            tasks.start_soon(again.wait)
            await fake.told("session/cancel", 3)
            prompt.answer({"stopReason": "cancelled"})
            fake.on("session/prompt", lambda request: request.answer())
            assert (await again.wait()).outcome == "completed"


@pytest.mark.parametrize(
    ("error", "kind", "words"),
    [
        ({"code": -32000, "message": "Authentication required"}, "authentication_failed", "Authentication required"),
        ({"code": -32603, "message": "Internal error", "data": {"details": "It broke."}}, "turn_failed", "It broke"),
        ({"code": -32603, "message": "No.", "data": {"statusCode": 429}}, "rate_limited", "No."),
        (
            {"code": -32603, "message": "Big", "data": {"errorName": "ContextOverflowError"}},
            "context_window_exceeded",
            "Big",
        ),
        (
            {"code": -32603, "message": "Key", "data": {"errorName": "ProviderAuthError"}},
            "authentication_failed",
            "Key",
        ),
        ({"code": 400, "message": '{"error":{"code":400,"message":"It is so."}}'}, "invalid_request", "It is so."),
        ({"code": 400, "message": '{"error":{"code":400}}'}, "invalid_request", '{"error":{"code":400}}'),
        ({"code": 400, "message": "{No."}, "invalid_request", "{No."),
    ],
)
async def test_a_prompt_that_is_answered_with_an_error(
    fake: FakeAcp, backend: AcpBackend, error: dict[str, Any], kind: str, words: str
) -> None:
    told: dict[str, Any] = {"code": error["code"], "data": error.get("data")}
    fake.on("session/prompt", lambda request: request.refuse(error["message"], **told))
    async with backend, backend.create_session() as session:
        result: ResultMessage = (await watched(session))[-1]
    assert result.outcome == "failed"
    assert result.error is not None
    assert result.error.code == kind
    assert words in result.error.message
    assert '"message"' not in result.error.message


@pytest.mark.parametrize(
    ("reason", "outcome"),
    [("max_tokens", "limit"), ("max_turn_requests", "limit"), ("refusal", "failed"), ("cancelled", "interrupted")],
)
async def test_stop_reasons(fake: FakeAcp, backend: AcpBackend, reason: str, outcome: str) -> None:
    fake.on("session/prompt", lambda request: request.answer({"stopReason": reason}))
    async with backend, backend.create_session() as session:
        assert (await watched(session))[-1].outcome == outcome
