"""What the real claude does not show: deaths at odd moments, frames of odd types, answers that cannot be sent."""

from __future__ import annotations

import os
import select
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
import pytest

from agent_sdk_core import (
    AgentBackend,
    AgentError,
    AgentSession,
    Allow,
    PermissionRequest,
    ProcessExitedError,
    SessionClosedError,
    SessionOptions,
)
from agent_sdk_testing import FakeClaude, FakePrompt
from claude_sdk.backend import ClaudeBackend

pytestmark = pytest.mark.anyio

ID = "00000001-0000-4000-8000-000000000001"


async def crash(fake: FakeClaude, backend: AgentBackend) -> None:
    """Kill the newest process, and return when the backend knows."""
    events = backend.events()
    fake.process.kill()
    while (await anext(events)).kind != "exited":
        pass


async def test_a_session_can_be_resumed_after_a_crash_although_it_was_not_closed(
    fake: FakeClaude, backend: ClaudeBackend, stored: Callable[[str], object]
) -> None:
    stored(ID)
    with anyio.fail_after(30):
        await backend.create_session(SessionOptions(resume=ID))
        await crash(fake, backend)
        again = await backend.create_session(SessionOptions(resume=ID))
        assert (await again.query("Hi").wait()).result == "Hello."


async def test_a_crashed_session_takes_no_place_and_answers_for_no_models(
    fake: FakeClaude, make_backend: Callable[..., ClaudeBackend]
) -> None:
    backend = make_backend(max_processes=1)
    with anyio.fail_after(30):
        await backend.create_session()
        await crash(fake, backend)
        assert await backend.list_models()
        await backend.create_session()


def gone(pid: int) -> bool:
    """Whether a process is gone or a zombie, within a minute: nobody waits for what has left the family."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([handle], [], [], 60)[0])
    finally:
        os.close(handle)


async def test_what_a_crashed_claude_had_started_is_ended(
    fake: FakeClaude, make_backend: Callable[..., ClaudeBackend], tmp_path: Path
) -> None:
    wrapper, pid = tmp_path / "claude", tmp_path / "pid"
    wrapper.write_text(
        f'#!/bin/sh\nsetsid sleep 600 >/dev/null 2>&1 </dev/null &\necho $! > {pid}\nexec {fake.executable} "$@"\n'
    )
    wrapper.chmod(0o700)
    with anyio.fail_after(60):
        async with make_backend(executable=wrapper) as backend:
            session = await backend.create_session()
            await crash(fake, backend)
            await session.aclose()
    assert gone(int(pid.read_text()))


async def compact(session: AgentSession) -> None:
    await session.compact()


async def query(session: AgentSession) -> None:
    (await session.query("x").wait()).raise_for_error()


async def steer(session: AgentSession) -> None:
    await session.send("x", priority="steer")


@pytest.mark.parametrize("send", [compact, query, steer])
async def test_an_end_before_the_receipt_of_a_prompt_is_told_at_once(
    fake: FakeClaude, backend: ClaudeBackend, send: Callable[[AgentSession], Any]
) -> None:
    with anyio.fail_after(30):
        session = await backend.create_session()
        if send is steer:
            fake.on_prompt(FakePrompt.accept)
            await session.send("Hi")
        fake.on_prompt(lambda prompt: prompt.process.exit(3))
        if send is steer:
            await send(session)  # It was taken for sending, and has a result like any other.
            assert session.state == "disconnected"
            return
        with pytest.raises(AgentError) as caught:
            await send(session)
        assert caught.value.code == "process_exited"


async def test_a_cancelled_opening_ends_its_process_at_once(fake: FakeClaude, backend: ClaudeBackend) -> None:
    with anyio.fail_after(30):
        fake.hold("initialize")
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(backend.create_session)
            await fake.request("initialize")
            tasks.cancel_scope.cancel()
        await fake.wait_until(lambda: fake.process.gone, "end")


async def test_a_close_while_a_session_is_opened_is_told_as_one(fake: FakeClaude, backend: ClaudeBackend) -> None:
    async def open_session() -> None:
        with pytest.raises(SessionClosedError):
            await backend.create_session()

    with anyio.fail_after(30):
        fake.hold("initialize")
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(open_session)
            await fake.request("initialize")
            await backend.aclose()


async def test_an_answer_that_json_cannot_hold_is_a_refusal(fake: FakeClaude, backend: ClaudeBackend) -> None:
    async def odd(request: PermissionRequest) -> Allow:
        return Allow(updated_input={"command": float("nan")})

    with anyio.fail_after(30):
        await backend.create_session(SessionOptions(can_use_tool=odd))
        asked = fake.process.ask("can_use_tool", tool_name="Bash", input={"command": "x"})
        assert (await asked.answered())["response"]["behavior"] == "deny"


async def test_the_error_of_a_request_that_a_death_cut_off_names_the_backend(
    fake: FakeClaude, backend: ClaudeBackend
) -> None:
    with anyio.fail_after(30):
        session = await backend.create_session()
        fake.on("get_settings", lambda request: request.process.exit(5))
        with pytest.raises(ProcessExitedError) as caught:
            await session.settings()
        assert caught.value.backend == "claude"


@pytest.mark.parametrize("loop", ["asyncio", "trio"])
def test_a_loop_that_ends_lets_go_of_its_sessions(fake: FakeClaude, child_env: dict[str, str], loop: str) -> None:
    async def leave() -> None:
        await ClaudeBackend(executable=fake.executable, env=child_env).create_session(SessionOptions(session_id=ID))

    anyio.run(leave, backend=loop)
    anyio.run(leave, backend=loop)

    async def end() -> None:
        await fake.wait_until(lambda: all(process.gone for process in fake.processes), "their end")

    anyio.run(end, backend=loop)


ODD_FRAMES: list[dict[str, Any]] = [
    {"type": []},
    {"type": {}},
    {"type": "system", "subtype": []},
    {"type": "stream_event", "event": {"type": []}},
    {"type": "stream_event", "api_message_id": "m", "event": {"type": "content_block_delta", "index": []}},
    {"type": "assistant", "message": {"content": [{"type": [], "id": []}]}, "parent_tool_use_id": []},
    {"type": "user", "message": {"content": [{"type": "tool_result", "tool_use_id": []}]}, "parent_tool_use_id": []},
    {"type": "command_lifecycle", "command_uuid": []},
    {"type": "command_lifecycle", "command_uuid": "x", "state": []},
    {"type": "result", "subtype": [], "modelUsage": {"a": {"inputTokens": "x"}}, "usage": {"input_tokens": "y"}},
    {"type": "system", "subtype": "task_started", "task_id": [], "tool_use_id": {}},
    {"type": "system", "subtype": "task_notification", "task_id": []},
]


@pytest.mark.parametrize("frame", ODD_FRAMES, ids=range(len(ODD_FRAMES)))
async def test_a_frame_of_odd_types_passes_through_and_the_session_goes_on(
    fake: FakeClaude, backend: ClaudeBackend, frame: dict[str, Any]
) -> None:
    with anyio.fail_after(30):
        session = await backend.create_session()
        watch, events = session.messages(), backend.events()
        fake.process.write({"uuid": "u", "session_id": session.session_id, **frame})
        assert (await session.query("Hi").wait()).result == "Hello."
        await session.aclose()
        assert frame["type"] in [message.to_wire().get("type") async for message in watch]
    await backend.aclose()
    assert not [event async for event in events if event.kind == "protocol_error"]
