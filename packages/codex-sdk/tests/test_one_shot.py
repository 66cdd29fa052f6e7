from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, cast

import anyio
import pytest

from agent_sdk_core import HandshakeError, InvalidRequestError, SessionOptions
from agent_sdk_testing import FakeCodex
from codex_sdk import query
from codex_sdk.backend import CodexBackend

pytestmark = pytest.mark.anyio


@pytest.fixture(autouse=True)
def fake_is_the_codex(fake: FakeCodex, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever starts codex without naming one gets the fake."""
    monkeypatch.setenv("AGENT_SDK_CODEX_PATH", str(fake.executable))


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


async def test_waiting_is_all_it_takes(fake: FakeCodex) -> None:
    with anyio.fail_after(30):
        turn = query("Hi")
        assert (turn.result, turn.text) == (None, "")
        await turn.interrupt()
        result = await turn.wait()
        assert (result.result, turn.text, turn.result) == ("Hello.", "Hello.", result)
        assert result.user_message_uuids == [turn.uuid]
        assert gone(fake.pids[0])


async def test_iterating_ends_the_backend_with_the_turn(fake: FakeCodex) -> None:
    with anyio.fail_after(30):
        kinds = [message.type async for message in query("Hi", options=SessionOptions(cwd="/"))]
        assert kinds[-1] == "result"
        assert gone(fake.pids[0])
        assert (await fake.request("thread/start")).params["cwd"] == "/"


async def test_leaving_the_block_early_interrupts_and_ends_the_backend(fake: FakeCodex) -> None:
    with anyio.fail_after(30):
        fake.on("turn/start", fake.accept)
        async with query("Hi") as turn:
            async for _ in turn:
                break
        assert turn.result is not None
        assert turn.result.terminal_reason == "aborted_streaming"
        assert gone(fake.pids[0])


async def test_an_interrupt_ends_the_turn(fake: FakeCodex) -> None:
    with anyio.fail_after(30):
        fake.on("turn/start", fake.accept)
        async with query("Hi") as turn:
            await turn.interrupt()
            assert turn.result is not None
        assert gone(fake.pids[0])


async def iterate(turn: Any) -> None:
    async for _ in turn:
        pass


async def enter(turn: Any) -> None:
    async with turn:
        pytest.fail("nothing was accepted")


WAYS: list[Callable[[Any], Any]] = [lambda turn: turn.wait(), iterate, enter]


@pytest.mark.parametrize("use", WAYS, ids=["wait", "iterate", "enter"])
@pytest.mark.parametrize(
    ("method", "error"),
    [("initialize", HandshakeError), ("thread/start", InvalidRequestError), ("turn/start", InvalidRequestError)],
)
async def test_a_failure_ends_the_backend_too(
    fake: FakeCodex, use: Callable[[Any], Any], method: str, error: type[Exception]
) -> None:
    with anyio.fail_after(30):
        fake.on(method, lambda request: request.refuse("not like this"))
        with pytest.raises(error, match="not like this"):
            await use(query("Hi"))
        assert gone(fake.pids[0])


@pytest.mark.parametrize("method", ["initialize", "thread/start", "turn/start"])
async def test_a_cancelled_wait_ends_the_backend(fake: FakeCodex, method: str) -> None:
    with anyio.fail_after(30):
        if method == "turn/start":
            fake.on(method, fake.accept)
        else:
            fake.hold(method)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(query("Hi").wait)
            await fake.request(method)
            tasks.cancel_scope.cancel()
        assert gone(fake.pids[0])


async def test_a_backend_of_the_callers_stays(fake: FakeCodex, backend: CodexBackend) -> None:
    with anyio.fail_after(30):
        for _ in range(2):
            assert (await query("Hi", backend=backend).wait()).result == "Hello."
        assert backend.sessions == ()
        assert backend.pid is not None
        fake.on("turn/start", lambda request: request.refuse("not like this"))
        with pytest.raises(InvalidRequestError):
            await iterate(query("Hi", backend=backend))
        assert backend.sessions == ()
        assert backend.pid is not None


async def test_its_session_can_be_reached(fake: FakeCodex, backend: CodexBackend) -> None:
    with anyio.fail_after(30):
        async with query("Hi", backend=backend) as turn:
            assert cast("Any", turn).session is backend.sessions[0]


def test_an_empty_prompt_is_refused_at_once(fake: FakeCodex) -> None:
    with pytest.raises(InvalidRequestError):
        query([])
    assert fake.pids == []
