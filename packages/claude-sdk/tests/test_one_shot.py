from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import anyio
import pytest

from agent_sdk_core import HandshakeError, InvalidRequestError, SessionOptions
from agent_sdk_testing import FakeClaude, FakePrompt
from claude_sdk import query
from claude_sdk.backend import ClaudeBackend

pytestmark = pytest.mark.anyio


@pytest.fixture(autouse=True)
def fake_is_the_claude(fake: FakeClaude, config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever starts claude without naming one gets the fake."""
    monkeypatch.setenv("AGENT_SDK_CLAUDE_PATH", str(fake.executable))
    monkeypatch.setenv("CLAUDE_CONFIG_DIR", str(config))


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


async def test_waiting_is_all_it_takes(fake: FakeClaude) -> None:
    with anyio.fail_after(30):
        turn = query("Hi")
        assert (turn.result, turn.text) == (None, "")
        await turn.interrupt()
        result = await turn.wait()
        assert (result.result, turn.text, turn.result) == ("Hello.", "Hello.", result)
        assert result.user_message_uuids == [turn.uuid]
        assert gone(fake.process.pid)


async def test_iterating_ends_the_backend_with_the_turn(fake: FakeClaude) -> None:
    with anyio.fail_after(30):
        kinds = [message.type async for message in query("Hi", options=SessionOptions(cwd="/"))]
        assert kinds[-1] == "result"
        assert gone(fake.process.pid)
        assert fake.process.cwd == "/"


async def test_leaving_the_block_early_interrupts_and_ends_the_backend(fake: FakeClaude) -> None:
    with anyio.fail_after(30):
        fake.on_prompt(FakePrompt.accept)
        async with query("Hi") as turn:
            async for _ in turn:
                break
        assert turn.result is not None
        assert turn.result.terminal_reason == "aborted_streaming"
        assert gone(fake.process.pid)


async def test_an_interrupt_ends_the_turn(fake: FakeClaude) -> None:
    with anyio.fail_after(30):
        fake.on_prompt(FakePrompt.accept)
        async with query("Hi") as turn:
            await turn.interrupt()
            assert turn.result is not None
        assert gone(fake.process.pid)


async def iterate(turn: Any) -> None:
    async for _ in turn:
        pass


async def enter(turn: Any) -> None:
    async with turn:
        pytest.fail("nothing was accepted")


WAYS: list[Callable[[Any], Any]] = [lambda turn: turn.wait(), iterate, enter]


@pytest.mark.parametrize("use", WAYS, ids=["wait", "iterate", "enter"])
async def test_a_failure_ends_the_backend_too(fake: FakeClaude, use: Callable[[Any], Any]) -> None:
    with anyio.fail_after(30):
        fake.on("initialize", lambda request: request.refuse("not like this"))
        with pytest.raises(HandshakeError, match="not like this"):
            await use(query("Hi"))
        assert gone(fake.process.pid)


async def test_a_cancelled_wait_ends_the_backend(fake: FakeClaude) -> None:
    with anyio.fail_after(30):
        fake.on_prompt(FakePrompt.accept)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(query("Hi").wait)
            await fake.prompt()
            tasks.cancel_scope.cancel()
        assert gone(fake.process.pid)


async def test_a_backend_of_the_callers_stays(fake: FakeClaude, backend: ClaudeBackend) -> None:
    with anyio.fail_after(30):
        for _ in range(2):
            assert (await query("Hi", backend=backend).wait()).result == "Hello."
        assert backend.sessions == ()
        await backend.create_session()


async def test_its_session_can_be_reached(fake: FakeClaude, backend: ClaudeBackend) -> None:
    with anyio.fail_after(30):
        async with query("Hi", backend=backend) as turn:
            assert cast("Any", turn).session is backend.sessions[0]


def test_an_empty_prompt_is_refused_at_once(fake: FakeClaude) -> None:
    with pytest.raises(InvalidRequestError):
        query([])
    assert fake.processes == []
