from __future__ import annotations

import anyio
import pytest

from agent_sdk_core import HandshakeError, PermissionRequest, SessionOptions
from agent_sdk_core.asking.permissions import Allow
from agent_sdk_testing import FakeAsked, FakeClaude, FakeControl
from claude_sdk.backend import ClaudeBackend

pytestmark = pytest.mark.anyio


async def test_frames_that_nobody_knows_are_counted_and_told_once_a_kind(
    fake: FakeClaude, backend: ClaudeBackend
) -> None:
    with anyio.fail_after(30):
        session = await backend.create_session()
        events = backend.events()
        for _ in range(2):
            fake.process.frame("surprise")
        await session.control("get_settings")
        assert backend.unknown_frames == {"surprise": 2}
        await backend.aclose()
        told = [event.message async for event in events if event.kind == "warning"]
        assert told == ["claude sent a frame that this SDK does not know: surprise."]


async def test_requests_during_the_greeting_are_answered(fake: FakeClaude, backend: ClaudeBackend) -> None:
    asked: list[FakeAsked] = []

    async def allow(request: PermissionRequest) -> Allow:
        return Allow()

    def greet(request: FakeControl) -> None:
        asked.append(request.process.ask("can_use_tool", tool_name="Bash", input={}))
        request.answer()

    fake.on("initialize", greet)
    with anyio.fail_after(30):
        await backend.create_session(SessionOptions(can_use_tool=allow))
        assert (await asked[0].answered())["response"]["behavior"] == "allow"


async def test_what_a_failed_start_asked_is_settled(fake: FakeClaude, backend: ClaudeBackend) -> None:
    held: list[FakeControl] = []
    ended = anyio.Event()

    async def wait(request: PermissionRequest) -> Allow:
        held[0].refuse("no")
        try:
            await anyio.sleep_forever()
        finally:
            ended.set()
        raise AssertionError

    def greet(request: FakeControl) -> None:
        held.append(request)
        request.process.ask("can_use_tool", tool_name="Bash", input={})

    fake.on("initialize", greet)
    with anyio.fail_after(30):
        with pytest.raises(HandshakeError, match="refused the handshake"):
            await backend.create_session(SessionOptions(can_use_tool=wait))
        await ended.wait()
        assert backend.sessions == ()


async def test_an_end_before_the_greeting_is_no_exit_of_a_session(fake: FakeClaude, backend: ClaudeBackend) -> None:
    fake.on("initialize", lambda request: request.process.exit(3))
    with anyio.fail_after(30):
        events = backend.events()
        with pytest.raises(HandshakeError, match="code 3"):
            await backend.create_session()
        await backend.aclose()
        assert [event.kind async for event in events] == ["started"]


async def test_an_end_after_it_is_told_with_the_session(fake: FakeClaude, backend: ClaudeBackend) -> None:
    with anyio.fail_after(30):
        session = await backend.create_session()
        events = backend.events()
        fake.process.kill()
        told = [await anext(events) for _ in range(2)][-1]
        assert (told.kind, told.details["session_id"], session.state) == ("exited", session.session_id, "disconnected")
