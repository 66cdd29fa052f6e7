"""Version 2 of the protocol, a draft."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import anyio
import pytest

from acp_sdk.backend import AcpBackend
from agent_sdk_core import (
    AgentSession,
    Allow,
    PermissionRequest,
    ResultMessage,
    SessionOptions,
)
from agent_sdk_testing.fakes.acp import FakeAcp

pytestmark = pytest.mark.anyio

MakeBackend = Callable[..., AcpBackend]
OPTIONS = [
    {"optionId": "x1", "name": "Go", "kind": "allow_once"},
    {"optionId": "x2", "name": "Always", "kind": "allow_always"},
    {"optionId": "x3", "name": "Stop", "kind": "reject_once"},
    {"optionId": "x4", "name": "Never", "kind": "reject_always"},
]


async def watched(session: AgentSession, prompt: str = "Hi") -> list[Any]:
    with anyio.fail_after(60):
        async with session.query(prompt) as turn:
            return [message async for message in turn]


class TestVersion2:
    @pytest.fixture
    def fake(self) -> Any:
        with FakeAcp(version=2) as agent:
            yield agent

    async def test_a_turn_ends_with_the_state(self, fake: FakeAcp, make_backend: MakeBackend) -> None:
        async with make_backend(protocol_version=2) as backend, backend.create_session() as session:
            messages = await watched(session)
            assert (messages[-1].outcome, messages[-1].result) == ("completed", "Hello.")
            sent = (await fake.request("initialize")).params
            assert sent["protocolVersion"] == 2
            assert sent["info"] == sent["clientInfo"]
            assert session.resumable, "every agent of version 2 resumes"

    async def test_an_agent_begins_a_turn_by_itself(self, fake: FakeAcp, make_backend: MakeBackend) -> None:
        async with make_backend(protocol_version=2) as backend, backend.create_session() as session:
            told = session.messages()
            fake.update("session-1", "state_update", state="running")
            fake.update("session-1", "agent_message", messageId="m", content=[{"type": "text", "text": "News."}])
            fake.update("session-1", "state_update", state="idle", stopReason="end_turn")
            with anyio.fail_after(60):
                async for message in told:
                    if isinstance(message, ResultMessage):
                        assert (message.result, message.user_message_uuids) == ("News.", [])
                        break

    async def test_permissions_and_settings(self, fake: FakeAcp, make_backend: MakeBackend) -> None:
        option = {
            "configId": "model",
            "name": "M",
            "category": "model",
            "type": "select",
            "currentValue": "a",
            "options": [{"value": "a", "name": "A"}, {"value": "b", "name": "B"}],
        }
        fake.opening = {"configOptions": [option]}
        fake.on(
            "session/set_config_option",
            lambda request: request.answer({"configOptions": [{**option, "currentValue": request.params["value"]}]}),
        )
        fake.hold("session/prompt")

        async def decide(request: PermissionRequest) -> Allow:
            return Allow()

        options = SessionOptions(model="b", can_use_tool=decide)
        async with make_backend(protocol_version=2) as backend, backend.create_session(options) as session:
            assert session.info.model == "b"
            await session.send("Hi")
            await fake.request("session/prompt")
            subject = {"type": "command", "command": "ls", "cwd": "/"}
            asked = fake.ask(
                "session/request_permission", sessionId="session-1", title="List", subject=subject, options=OPTIONS
            )
            assert (await asked.answered())["result"]["outcome"]["optionId"] == "x1"
            bare = fake.ask("session/request_permission", request_id=1, sessionId="session-1", title="?", options=[])
            assert (await bare.answered())["result"]["outcome"] == {"outcome": "cancelled"}
            unreadable = fake.ask("session/request_permission", request_id=2, sessionId="session-1", options=3)
            assert (await unreadable.answered())["result"]["outcome"] == {"outcome": "cancelled"}
            fake.update("session-1", "state_update", state="idle", stopReason="end_turn")
            await session.wait_idle()
