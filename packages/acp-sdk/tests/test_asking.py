"""Requests of an agent: permissions, forms, and what is refused unasked."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
import pytest

from acp_sdk.backend import AcpBackend
from agent_sdk_core import (
    DEFER,
    AgentSession,
    Allow,
    AssistantMessage,
    Deny,
    ElicitationAnswer,
    ElicitationRequest,
    PermissionRequest,
    SessionOptions,
    ToolUseBlock,
    UserMessage,
)
from agent_sdk_testing.fakes.acp import FakeAcp
from agent_sdk_testing.fakes.codex_exchanges import FakeRequest

pytestmark = pytest.mark.anyio

MakeBackend = Callable[..., AcpBackend]
OPTIONS = [
    {"optionId": "x1", "name": "Go", "kind": "allow_once"},
    {"optionId": "x2", "name": "Always", "kind": "allow_always"},
    {"optionId": "x3", "name": "Stop", "kind": "reject_once"},
    {"optionId": "x4", "name": "Never", "kind": "reject_always"},
]
CALL = {"toolCallId": "c1", "title": "ls", "kind": "execute", "rawInput": {"command": "ls"}}


def uses(messages: list[Any]) -> list[ToolUseBlock]:
    return [use for message in messages if isinstance(message, AssistantMessage) for use in message.tool_uses]


def results(messages: list[Any]) -> list[Any]:
    return [result for message in messages if isinstance(message, UserMessage) for result in message.tool_results]


async def watched(session: AgentSession, prompt: str = "Hi") -> list[Any]:
    with anyio.fail_after(60):
        async with session.query(prompt) as turn:
            return [message async for message in turn]


async def permitted(fake: FakeAcp, session: AgentSession, answer: Allow | Deny, **call: Any) -> tuple[Any, list[Any]]:
    """Have a turn ask for a permission, and return what the agent was answered, and the messages."""
    answers: list[Any] = []
    messages: list[Any] = []

    def prompt(request: FakeRequest) -> None:
        fake.ask("session/request_permission", sessionId=session.session_id, toolCall={**CALL, **call}, options=OPTIONS)

    fake.on("session/prompt", prompt)

    async def end() -> None:
        opened = await fake.request("session/prompt")
        await fake.wait_until(lambda: any(m.get("id") == 0 and "result" in m for m in fake.received), "an answer")
        answers.append(next(m["result"] for m in fake.received if m.get("id") == 0 and "result" in m))
        if not isinstance(answer, Deny) or not answer.interrupt:
            opened.answer()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(end)
        messages += await watched(session)
    return answers[0]["outcome"], messages


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (Allow(), {"outcome": "selected", "optionId": "x1"}),
        (Allow("always"), {"outcome": "selected", "optionId": "x2"}),
        (Allow("session"), {"outcome": "selected", "optionId": "x1"}),
        (Deny(), {"outcome": "selected", "optionId": "x3"}),
        (Deny(option="reject_always:x4"), {"outcome": "selected", "optionId": "x4"}),
        (Deny(interrupt=True), {"outcome": "cancelled"}),
        (Allow(updated_input={"command": "rm -rf /"}), {"outcome": "selected", "optionId": "x3"}),
        (Allow(option="nonsense"), {"outcome": "selected", "optionId": "x3"}),
    ],
)
async def test_options_are_chosen_by_their_kind(
    fake: FakeAcp, backend: AcpBackend, answer: Allow | Deny, outcome: dict[str, str]
) -> None:
    asked: list[PermissionRequest] = []

    async def decide(request: PermissionRequest) -> Allow | Deny:
        asked.append(request)
        return answer

    async with backend, backend.create_session(SessionOptions(can_use_tool=decide)) as session:
        told, messages = await permitted(fake, session, answer)
    assert told == outcome
    assert (asked[0].tool_name, asked[0].input, asked[0].tool_use_id) == ("Bash", {"command": "ls"}, "c1")
    assert not asked[0].requires_person
    assert [use.name for use in uses(messages)] == ["Bash"], "an agent may announce nothing before it asks"
    assert [result.tool_use_id for result in results(messages)] == ["c1"], "nor tell how it ended"
    refused = outcome.get("optionId") not in ("x1", "x2")
    assert bool(messages[-1].permission_denials) is refused
    assert messages[-1].outcome == ("interrupted" if isinstance(answer, Deny) and answer.interrupt else "completed")


async def test_nobody_is_a_no_and_a_title_is_for_a_person(fake: FakeAcp, make_backend: MakeBackend) -> None:
    async with make_backend() as backend, backend.create_session() as session:
        outcome, _ = await permitted(fake, session, Deny())
        assert outcome == {"outcome": "selected", "optionId": "x3"}
    asked: list[PermissionRequest] = []

    async def decide(request: PermissionRequest) -> Allow:
        asked.append(request)
        return Allow()

    async with make_backend() as backend, backend.create_session(SessionOptions(can_use_tool=decide)) as session:
        fake.received.clear()
        fake.requests.clear()
        await permitted(fake, session, Allow(), rawInput=None)
    assert asked[0].input == {"command": "ls"}
    assert asked[0].requires_person


async def test_an_edit_outside_says_so(fake: FakeAcp, backend: AcpBackend, workspace: Path) -> None:
    asked: list[PermissionRequest] = []

    async def decide(request: PermissionRequest) -> Deny:
        asked.append(request)
        return Deny()

    diff = {"type": "diff", "path": "/etc/hosts", "oldText": "a\n", "newText": "b\n"}
    async with backend, backend.create_session(SessionOptions(cwd=workspace, can_use_tool=decide)) as session:
        await permitted(fake, session, Deny(), kind="edit", title="Edit", rawInput={}, content=[diff])
    assert (asked[0].tool_name, asked[0].blocked_path) == ("Edit", "/etc/hosts")
    assert asked[0].escalates == {"path"}
    assert asked[0].input == {"file_path": "/etc/hosts", "old_string": "a\n", "new_string": "b\n"}
    assert asked[0].diff is not None
    assert "+b" in asked[0].diff


async def test_a_request_that_the_agent_withdraws(fake: FakeAcp, backend: AcpBackend) -> None:
    fake.hold("session/prompt")
    async with backend, backend.create_session(SessionOptions(can_use_tool=DEFER)) as session:
        await session.send("Hi")
        prompt = await fake.request("session/prompt")
        asked = fake.ask("session/request_permission", sessionId="session-1", toolCall=CALL, options=OPTIONS)
        while not session.pending:
            await anyio.sleep(0.01)
        fake.notify("$/cancel_request", requestId=0)
        assert (await asked.answered())["error"]["code"] == -32800
        while session.pending:
            await anyio.sleep(0.01)
        prompt.answer()
        await session.wait_idle()


async def test_what_is_asked_after_an_interrupt_is_refused_unasked(fake: FakeAcp, backend: AcpBackend) -> None:
    fake.hold("session/prompt", "session/cancel")
    async with backend, backend.create_session(SessionOptions(can_use_tool=DEFER)) as session:
        await session.send("Hi")
        prompt = await fake.request("session/prompt")
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(session.interrupt)
            await fake.told("session/cancel")
            asked = fake.ask("session/request_permission", sessionId="session-1", toolCall=CALL, options=OPTIONS)
            assert (await asked.answered())["result"]["outcome"] == {"outcome": "cancelled"}
            assert not session.pending
            prompt.answer({"stopReason": "cancelled"})
        await session.wait_idle()


async def test_forms_are_for_the_application(fake: FakeAcp, backend: AcpBackend) -> None:
    async def fill(request: ElicitationRequest) -> ElicitationAnswer:
        assert (request.message, request.mode) == ("Name?", "form")
        return ElicitationAnswer("accept", {"name": "Ada"})

    fake.hold("session/prompt")
    schema = {"type": "object", "properties": {"name": {"type": "string"}}}
    async with backend, backend.create_session(SessionOptions(on_elicitation=fill)) as session:
        await session.send("Hi")
        prompt = await fake.request("session/prompt")
        form = fake.ask(
            "elicitation/create", sessionId="session-1", mode="form", message="Name?", requestedSchema=schema
        )
        assert (await form.answered())["result"] == {"action": "accept", "content": {"name": "Ada"}}
        odd = fake.ask("elicitation/create", request_id=1, sessionId="session-1", mode="dance", message="?")
        assert (await odd.answered())["result"] == {"action": "decline"}
        nobodys = fake.ask("elicitation/create", request_id=2, requestId=3, mode="form", message="?")
        assert (await nobodys.answered())["result"] == {"action": "decline"}
        prompt.answer()
        await session.wait_idle()


@pytest.mark.parametrize("method", ["fs/read_text_file", "fs/write_text_file", "terminal/create", "_odd/thing"])
async def test_files_and_terminals_are_not_lent(fake: FakeAcp, backend: AcpBackend, method: str) -> None:
    async with backend, backend.create_session():
        asked = fake.ask(method, sessionId="session-1", path="/etc/passwd", content="x", command="sh")
        assert (await asked.answered())["error"]["code"] == -32601
        assert backend.unknown_methods == {method: 1}


async def test_a_request_that_is_none_is_refused(fake: FakeAcp, backend: AcpBackend) -> None:
    async with backend, backend.create_session():
        asked = fake.ask("session/request_permission", sessionId="session-1")
        fake.write({"jsonrpc": "2.0", "id": "odd", "method": "session/request_permission", "params": [1]})
        await fake.wait_until(lambda: any(each.get("id") == "odd" for each in fake.received), "an answer")
        assert (await asked.answered())["result"]["outcome"] == {"outcome": "cancelled"}
    assert next(each for each in fake.received if each.get("id") == "odd")["error"]["code"] == -32600
