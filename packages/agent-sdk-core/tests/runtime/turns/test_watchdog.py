# pyright: reportPrivateUsage=false
from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

import anyio
import pytest

from agent_sdk_core.messages.base import Source
from agent_sdk_core.messages.parse import SDKMessage, parse_message
from agent_sdk_core.messages.system import ApiRetry
from agent_sdk_core.options import SessionOptions
from agent_sdk_core.runtime.turns import watchdog
from agent_sdk_core.runtime.turns.records import Ending, RunningTurn
from agent_sdk_core.runtime.turns.watchdog import Watchdog

pytestmark = pytest.mark.anyio

SOURCE = Source("memory", thread_id="t")


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(watchdog, "clock", clock)
    return clock


class Clock:
    """Time as the watchdog sees it, which passes when a test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Watched:
    """A turn under a watchdog."""

    def __init__(self, **options: Any) -> None:
        self.turn = RunningTurn()
        self.warnings: list[str] = []
        self.endings: list[Ending] = []
        self.waits = False
        self.dog = Watchdog(
            SessionOptions(**options),
            waits_for_us=lambda: self.waits,
            warn=self.warnings.append,
            cut=self.cut,
        )

    def cut(self, ending: Ending) -> None:
        if self.turn.limit is None:
            self.turn.limit = ending
            self.endings.append(ending)

    async def watch(self, meanwhile: Callable[[], Coroutine[Any, Any, object]] | None = None) -> Ending | None:
        """Watch until the turn is ended."""
        with anyio.fail_after(30):
            async with anyio.create_task_group() as tasks:
                if meanwhile is not None:
                    tasks.start_soon(meanwhile)
                await self.dog.watch(self.turn)
        return self.endings[0] if self.endings else None

    async def after(self, seconds: float, clock: Clock) -> None:
        """Let time pass, and the watchdog look."""
        clock.now += seconds
        self.dog._changed.set()
        await anyio.wait_all_tasks_blocked()

    def end(self) -> None:
        self.turn.ended.reached = True
        self.turn.ended.event.set()

    def retry(self, **fields: object) -> None:
        message = ApiRetry.synthesize(SOURCE, session_id="s", **fields)
        self.dog.take([message])
        self.dog.take_retry(message)


def text() -> SDKMessage:
    wire = {"type": "assistant", "message": {"role": "assistant", "content": [{"type": "text", "text": "Hi"}]}}
    return parse_message(wire, source=SOURCE)


async def test_a_turn_that_ends_in_time_is_left_alone() -> None:
    watched = Watched(turn_timeout=60, stall_timeout=60)

    async def end() -> None:
        await anyio.wait_all_tasks_blocked()
        watched.end()

    assert await watched.watch(end) is None


async def test_a_turn_that_takes_too_long_is_a_limit() -> None:
    ending = await Watched(turn_timeout=0.02).watch()
    assert ending is not None
    assert (ending.code, ending.fields["subtype"], ending.limit) == (
        "limit_reached",
        "error_turn_timeout",
        "turn_timeout",
    )


@pytest.mark.parametrize(("status", "code"), [(None, "connection_failed"), (401, "authentication_failed")])
async def test_retries_in_vain_end_with_their_reason(status: int | None, code: str) -> None:
    watched = Watched(retry_timeout=0.05)

    async def retry() -> None:
        await anyio.wait_all_tasks_blocked()
        watched.retry(error="waiting for network.", error_status=status)
        watched.retry(error="waiting for network.", error_status=status)

    ending = await watched.watch(retry)
    assert ending is not None
    assert ending.code == code
    assert "could not be reached for 0.05 s (waiting for network)" in ending.message


async def test_what_the_model_says_ends_its_retries(clock: Clock) -> None:
    watched = Watched(retry_timeout=60)

    async def retry() -> None:
        watched.retry(error="busy")
        watched.dog.take([text()])
        await watched.after(1000, clock)
        watched.end()

    assert await watched.watch(retry) is None


async def test_without_a_limit_retries_go_on(clock: Clock) -> None:
    watched = Watched(retry_timeout=None)

    async def retry() -> None:
        watched.retry(error="busy")
        await watched.after(100_000, clock)
        watched.end()

    assert await watched.watch(retry) is None


async def test_silence_is_warned_of_and_then_ended() -> None:
    watched = Watched(stall_timeout=0.05)
    ending = await watched.watch()
    assert watched.warnings == ["The agent has shown no sign of life for 0.05 s."]
    assert ending is not None
    assert (ending.code, ending.limit) == ("turn_stalled", "stall_timeout")


async def test_a_sign_of_life_begins_the_silence_anew(clock: Clock) -> None:
    watched = Watched(stall_timeout=60)

    async def speak() -> None:
        await anyio.wait_all_tasks_blocked()
        for _ in range(4):
            await watched.after(59, clock)
            watched.dog.take([text()])
        assert watched.warnings == []
        await watched.after(60, clock)
        assert len(watched.warnings) == 1
        watched.dog.take([text()])
        await watched.after(119, clock)
        assert len(watched.warnings) == 2
        watched.end()

    assert await watched.watch(speak) is None


async def test_an_agent_that_waits_for_us_may_be_silent(clock: Clock) -> None:
    watched = Watched(stall_timeout=60)
    watched.waits = True

    async def end() -> None:
        await anyio.wait_all_tasks_blocked()
        await watched.after(1000, clock)
        watched.end()

    assert await watched.watch(end) is None
    assert watched.warnings == []
