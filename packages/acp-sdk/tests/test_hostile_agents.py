"""Agents that do what they should not: nothing hangs, nothing is left, and the next turn works."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
import pytest

from acp_sdk import abandoned
from acp_sdk.backend import AcpBackend
from acp_sdk.routing import receiver
from agent_sdk_core import (
    AgentBackend,
    AgentError,
    AgentSession,
    Allow,
    AssistantMessage,
    HandshakeError,
    InvalidRequestError,
    PermissionRequest,
    RuntimeConfig,
    SessionBusyError,
    SessionOptions,
    StartupTimeoutError,
    UserMessage,
    create_backend,
)
from agent_sdk_core.runtime.turns import runner
from agent_sdk_testing.contract.rules import check_rules
from agent_sdk_testing.fakes.acp import FakeAcp
from agent_sdk_testing.fakes.codex_exchanges import FakeRequest

pytestmark = pytest.mark.anyio

MakeBackend = Callable[..., AcpBackend]
CALL = {"toolCallId": "c1", "title": "ls", "kind": "execute", "rawInput": {"command": "ls"}}
OPTIONS = [{"optionId": "x1", "name": "Go", "kind": "allow_once"}, {"optionId": "x3", "name": "No", "kind": "perhaps"}]


async def watched(session: AgentSession, prompt: str = "Hi") -> list[Any]:
    with anyio.fail_after(60):
        async with session.query(prompt) as turn:
            return [message async for message in turn]


@pytest.mark.parametrize(
    ("program", "error", "words"),
    [
        ("print('Welcome!')", HandshakeError, "ended during its start|during the handshake"),
        ("print('{')", HandshakeError, "ended during its start|during the handshake"),
        (
            "import sys; sys.stdin.readline(); sys.exit(3)",
            HandshakeError,
            "ended during its start|during the handshake",
        ),
        ("while True: print('garbage ' * 9)", StartupTimeoutError, "answer within"),
        ("while True: print(end='garbage' * 9)", StartupTimeoutError, "answer within"),
        ("import sys; print('[' * 99999); sys.stdin.read()", StartupTimeoutError, "answer within"),
        ('print(\'{"jsonrpc":"2.0","id":1,"result":[]}\'); input(); input()', HandshakeError, "does not speak"),
    ],
)
async def test_a_command_that_is_no_agent(
    make_backend: MakeBackend, program: str, error: type[AgentError], words: str
) -> None:
    seconds = 2 if error is StartupTimeoutError else 60
    backend = make_backend(command=[sys.executable, "-c", program], startup_timeout=seconds)
    with anyio.fail_after(90):
        with pytest.raises(error, match=words) as caught:
            await backend.create_session()
        assert "\n" not in caught.value.message
        await backend.aclose()
    assert not backend.pids


async def test_a_backend_without_a_command_says_what_it_wants(tmp_path: Path) -> None:
    wrong: Any
    with pytest.raises(InvalidRequestError, match="needs command"):
        create_backend("acp", config=RuntimeConfig())
    for wrong in ("", [], [""], ["a\0b"], [3], None, {"a": 1}):
        with pytest.raises(InvalidRequestError, match="command"):
            create_backend("acp", config=RuntimeConfig(), command=wrong)
    made: AgentBackend = create_backend("acp", config=RuntimeConfig(), command=[str(tmp_path)])
    with pytest.raises(AgentError, match="cannot be started"):
        await made.create_session()
    await made.aclose()


async def test_a_prompt_that_is_answered_twice(fake: FakeAcp, backend: AcpBackend) -> None:
    def prompt(request: FakeRequest) -> None:
        fake.say("session-1", "One.")
        request.answer()
        request.answer({"stopReason": "refusal"})
        request.refuse("No.")

    fake.on("session/prompt", prompt)
    async with backend, backend.create_session() as session:
        told = session.messages()
        for _ in range(2):
            assert (await watched(session))[-1].outcome == "completed"
    check_rules([message async for message in told], session.session_id)


async def test_what_is_told_after_the_end_breaks_no_rule(fake: FakeAcp, backend: AcpBackend) -> None:
    async def decide(request: PermissionRequest) -> Allow:
        return Allow()

    async with backend, backend.create_session(SessionOptions(can_use_tool=decide)) as session:
        told = session.messages()
        await watched(session)
        fake.say("session-1", "Late.")
        fake.update("session-1", "tool_call", **CALL, status="in_progress")
        fake.update("session-1", "plan", entries=[{"content": "Go", "priority": "high", "status": "pending"}])
        asked = fake.ask("session/request_permission", sessionId="session-1", toolCall=CALL, options=OPTIONS)
        await asked.answered()
        unknown = fake.ask("session/request_permission", request_id=1, sessionId="nobody", toolCall=CALL, options=[])
        assert (await unknown.answered())["result"]["outcome"] == {"outcome": "cancelled"}
        assert (await watched(session))[-1].result == "Hello."
        fake.update("session-1", "tool_call_update", toolCallId="c1", status="completed")
        fake.update("session-1", "tool_call", toolCallId="c2", title="More", kind="read", status="pending")
        assert (await watched(session))[-1].result == "Hello."
    messages = [message async for message in told]
    check_rules(messages, session.session_id)
    assert "Late." in [message.text for message in messages if isinstance(message, AssistantMessage)]
    assert [
        result.tool_use_id
        for message in messages
        if isinstance(message, UserMessage)
        for result in message.tool_results
        if result.tool_use_id == "c1"
    ] == ["c1"]


@pytest.mark.parametrize("kind", ["agent_message_chunk", "agent_thought_chunk"])
async def test_an_empty_piece_is_nothing(fake: FakeAcp, backend: AcpBackend, kind: str) -> None:
    def prompt(request: FakeRequest) -> None:
        for text in ("", "One.", "", "Two."):
            fake.update("session-1", kind, messageId="m", content={"type": "text", "text": text})
        fake.update("session-1", kind, messageId="n", content={"type": "text", "text": ""})
        request.answer()

    fake.on("session/prompt", prompt)
    async with backend, backend.create_session() as session:
        told = session.messages()
        messages = await watched(session)
        said = [message.message.content[0].to_wire() for message in messages if isinstance(message, AssistantMessage)]
        assert [block.get("text") or block.get("thinking") for block in said] == ["One.Two."]
    check_rules([message async for message in told], session.session_id)


async def test_what_is_told_of_closed_sessions_takes_no_place_from_new_ones(
    fake: FakeAcp, backend: AcpBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(receiver, "_EARLY", 3)

    def opening(request: FakeRequest) -> None:
        fake.update("other", "available_commands_update", availableCommands=[{"name": "go", "description": ""}])
        request.answer({"sessionId": "other"})

    async with backend:
        async with backend.create_session() as session:
            await watched(session)
        events = backend.events()
        for number in range(9):
            fake.say("session-1", f"Late {number}.")
        fake.notify("_vendor/last")
        while "_vendor/last" not in (await anext(events)).message:
            pass
        fake.on("session/new", opening)
        async with backend.create_session() as other:
            assert [command.name for command in await other.commands()] == ["go"]


async def test_an_id_that_another_session_has_is_refused(fake: FakeAcp, backend: AcpBackend) -> None:
    async with backend, backend.create_session() as session:
        fake.on("session/new", lambda request: request.answer({"sessionId": "session-1"}))
        with pytest.raises(HandshakeError, match="an id that another open one has: session-1"):
            await backend.create_session()
        assert list(backend.sessions) == [session]
        assert (await watched(session))[-1].result == "Hello."


async def test_a_session_that_two_ask_for_at_once_is_one(fake: FakeAcp, make_backend: MakeBackend) -> None:
    fake.greeting = {"agentCapabilities": {"loadSession": True}}
    errors: list[AgentError] = []
    async with make_backend() as backend:

        async def resume() -> None:
            try:
                await backend.resume("old", SessionOptions(cwd="."))
            except SessionBusyError as error:
                errors.append(error)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(resume)
            tasks.start_soon(resume)
        assert (len(errors), len(backend.sessions)) == (1, 1)


async def test_an_agent_of_version_2_that_ends_late_is_free_again(
    child_env: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "INTERRUPT_SECONDS", 0.1)
    monkeypatch.setattr(abandoned, "FREE_SECONDS", 60.0)
    with FakeAcp(version=2) as fake, anyio.fail_after(90):
        fake.on("session/prompt", lambda request: request.answer())
        backend = AcpBackend(command=fake.command, env=child_env, protocol_version=2)
        async with backend, backend.create_session() as session:
            turn = session.query("Talk.")
            async with turn:
                fake.update("session-1", "state_update", state="running")
                await fake.request("session/prompt")
            assert turn.result is not None
            assert turn.result.outcome == "interrupted"
            fake._handlers.clear()  # pyright: ignore[reportPrivateUsage]  # a fake forgets no answer otherwise
            outcomes: list[str] = []

            async def ask() -> None:
                outcomes.append((await session.run("Again.")).outcome)

            async with anyio.create_task_group() as tasks:
                tasks.start_soon(ask)
                await fake.told("session/cancel", 2)
                fake.update("session-1", "state_update", state="idle", stopReason="cancelled")
            assert outcomes == ["completed"]
