"""Processes of an agent: their starts, their ends, and the folders that they work in."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
import pytest

from acp_sdk.backend import AcpBackend
from agent_sdk_core import (
    AgentSession,
    AssistantMessage,
    AuthenticationError,
    ExecutableNotFoundError,
    HandshakeError,
    InvalidRequestError,
    SessionOptions,
    StartupTimeoutError,
    UnsupportedVersionError,
)
from agent_sdk_testing.contract.rules import check_rules
from agent_sdk_testing.fakes.acp import FakeAcp
from agent_sdk_testing.fakes.codex_exchanges import FakeRequest

pytestmark = pytest.mark.anyio

MakeBackend = Callable[..., AcpBackend]
STORED: dict[str, Any] = {
    "agentCapabilities": {"loadSession": True, "sessionCapabilities": {"list": {}, "close": {}, "resume": {}}}
}
MODES = {"currentModeId": "ask", "availableModes": [{"id": "ask", "name": "Ask"}, {"id": "yolo", "name": "All"}]}


async def watched(session: AgentSession, prompt: str = "Hi") -> list[Any]:
    with anyio.fail_after(60):
        async with session.query(prompt) as turn:
            return [message async for message in turn]


async def test_starts_that_fail(fake: FakeAcp, make_backend: MakeBackend) -> None:
    with pytest.raises(ExecutableNotFoundError, match="no program 'no-such-agent'"):
        await make_backend(command=["no-such-agent"]).start()
    with pytest.raises(InvalidRequestError, match=r"\['opencode', 'acp'\]"):
        make_backend(command="opencode acp")
    with pytest.raises(InvalidRequestError, match="started by a command"):
        make_backend(command=[])
    with pytest.raises(InvalidRequestError, match="protocol_version"):
        make_backend(protocol_version=3)
    fake.on("initialize", lambda request: request.answer({"hello": "world"}))
    with pytest.raises(HandshakeError, match="does not speak the Agent Client Protocol"):
        await make_backend().create_session()
    fake.on("initialize", lambda request: request.answer({"protocolVersion": 7}))
    with pytest.raises(UnsupportedVersionError, match="version 7"):
        await make_backend().create_session()
    fake.on("initialize", lambda request: request.refuse("Go away"))
    with pytest.raises(HandshakeError, match="Go away"):
        await make_backend().create_session()
    fake.on("initialize", lambda request: fake.exit(2, log="error: no such command: acp"))
    with pytest.raises(HandshakeError, match="no such command"):
        await make_backend().create_session()
    fake.hold("initialize")
    with pytest.raises(StartupTimeoutError):
        await make_backend(startup_timeout=0.3).create_session()
    fake.on("initialize", lambda request: request.answer())
    fake.on("session/new", lambda request: request.answer({"odd": 1}))
    with pytest.raises(HandshakeError, match="without telling its id"):
        await make_backend().create_session()


async def test_a_look_at_an_agent(fake: FakeAcp, make_backend: MakeBackend) -> None:
    found = await make_backend().diagnose()
    assert (found.backend, found.version, found.usable) == ("fake", "1.0", True)
    assert found.executable == str(fake.executable)
    assert not (await make_backend(command=["no-such-agent"]).diagnose()).usable
    fake.on("initialize", lambda request: request.refuse("Go away"))
    assert "Go away" in (await make_backend().diagnose()).problems[0].what


async def test_one_process_a_folder(fake: FakeAcp, backend: AcpBackend, tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / name).mkdir()
    async with backend:
        async with (
            backend.create_session(SessionOptions(cwd=tmp_path / "a")) as one,
            backend.create_session(SessionOptions(cwd=tmp_path / "a")) as two,
            backend.create_session(SessionOptions(cwd=tmp_path / "b")) as three,
        ):
            assert [process.cwd for process in fake.processes] == [str(tmp_path / name) for name in "ab"]
            assert len({one.session_id, two.session_id, three.session_id}) == 3
            fake.processes[1].kill()
            while three.state != "disconnected":
                await anyio.sleep(0.01)
            assert (one.state, two.state) == ("idle", "idle"), "another folder's agent is another"
        while len(backend.pids) > 1:
            await anyio.sleep(0.01)


async def test_a_killed_agent_ends_its_turn_and_the_session_goes_on_where_it_is_stored(
    make_backend: MakeBackend, fake: FakeAcp
) -> None:
    fake.greeting = STORED
    async with make_backend() as backend, backend.create_session() as session:
        events = backend.events()
        assert (await session.run("Hi")).outcome == "completed"
        assert session.resumable
        fake.on("session/prompt", lambda request: fake.kill())
        assert (await session.run("Hi")).outcome == "failed"
        while (await anext(events)).kind != "restarted":
            pass
        fake.on("session/prompt", lambda request: request.answer())
        assert (await session.run("Hi")).outcome == "completed"
        assert (await fake.request("session/resume")).params["sessionId"] == session.session_id
        assert len(fake.processes) == 2


@pytest.mark.parametrize("turns", [0, 1])
async def test_a_turn_that_its_agent_cut_off_tells_what_was_said_and_the_session_goes_on(
    fake: FakeAcp, make_backend: MakeBackend, turns: int
) -> None:
    """Nobody has asked before whether it can go on. A session without a finished turn goes on too, if need be anew."""
    fake.greeting = STORED

    def die(request: FakeRequest) -> None:
        fake.say(str(request.params["sessionId"]), "Half ")
        fake.kill()

    async with make_backend() as backend, backend.create_session() as session:
        told = session.messages()
        for _ in range(turns):
            await session.run("Hi")
        fake.on("session/prompt", die)
        messages = await watched(session)
        [cut] = [message for message in messages if isinstance(message, AssistantMessage)]
        assert (cut.text, cut.aborted) == ("Half ", True)
        error = messages[-1].error
        assert (error.retryable, error.details["session_goes_on"]) == (True, True)
        del fake._handlers["session/prompt"]  # pyright: ignore[reportPrivateUsage]  # a fake forgets no answer otherwise
        if not turns:
            fake.on("session/resume", lambda request: request.refuse("Unknown session", code=-32002))
        assert (await session.run("Hi")).result == "Hello."
        assert (session.session_id, session.resolved_session_id) == ("session-1", f"session-{1 if turns else 2}")
    check_rules([message async for message in told], "session-1")


async def test_a_killed_agent_ends_a_session_that_is_not_stored(backend: AcpBackend, fake: FakeAcp) -> None:
    async with backend, backend.create_session() as session:
        await watched(session)
        fake.on("session/prompt", lambda request: fake.kill())
        assert (await session.run("Hi")).outcome == "failed"
        assert session.state == "disconnected"
        fake.on("session/prompt", lambda request: request.answer())
        async with backend.create_session() as other:
            assert (await other.run("Hi")).outcome == "completed"


async def test_a_session_in_which_nothing_was_said_is_opened_anew(backend: AcpBackend, fake: FakeAcp) -> None:
    fake.opening = {"modes": MODES}
    async with backend, backend.create_session(SessionOptions(permission_mode="bypass")) as session:
        events = backend.events()
        fake.kill()
        while (await anext(events)).kind != "restarted":
            pass
        assert (await session.run("Hi")).outcome == "completed"
        assert (session.session_id, session.resolved_session_id) == ("session-1", "session-2")
        assert (await fake.request("session/set_mode", 2)).params == {"sessionId": "session-2", "modeId": "yolo"}


async def test_without_restarts_sessions_end_with_their_agent(make_backend: MakeBackend, fake: FakeAcp) -> None:
    async with make_backend(max_restarts=0) as backend, backend.create_session() as session:
        fake.on("session/prompt", lambda request: fake.exit(3))
        assert (await session.run("Hi")).outcome == "failed"
        assert session.state == "disconnected"
        fake.on("session/prompt", lambda request: request.answer())
        async with backend.create_session() as other:
            assert (await other.run("Hi")).outcome == "completed"


async def test_logins_say_what_to_do(fake: FakeAcp, backend: AcpBackend) -> None:
    fake.greeting = {
        "authMethods": [
            {"id": "key", "name": "Key", "description": "Set KEY."},
            {"id": "tty", "name": "Terminal", "type": "terminal", "args": ["login"]},
        ]
    }
    fake.on("session/new", lambda request: request.refuse("Authentication required", code=-32000))
    async with backend:
        with pytest.raises(AuthenticationError) as caught:
            await backend.create_session()
        assert "Key: Set KEY (authenticate('key'))" in caught.value.message
        assert "acp-agent login` in a terminal" in caught.value.message
        await backend.authenticate("key")
        assert (await fake.request("authenticate")).params == {"methodId": "key"}
        fake.on("authenticate", lambda request: request.refuse("No such key", code=-32000))
        with pytest.raises(AuthenticationError, match="No such key"):
            await backend.authenticate("key")
