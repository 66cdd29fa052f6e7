from __future__ import annotations

import errno

import anyio
import pytest

from agent_sdk_core.errors import AgentError, HandshakeError, SpawnError, StartupTimeoutError
from agent_sdk_core.transport.process import patience
from agent_sdk_core.transport.process.patience import is_passing, start_patiently

pytestmark = pytest.mark.anyio

LOCKED = HandshakeError("database is locked", retryable=True)
BUSY = SpawnError("text file busy", retryable=True, details={"errno": errno.ETXTBSY})


@pytest.fixture(autouse=True)
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "_FIRST_PAUSE", 0.0)


class Start:
    """Fails with each of these errors, then succeeds."""

    def __init__(self, *errors: AgentError) -> None:
        self.errors = list(errors)
        self.left: list[float] = []

    async def __call__(self, left: float) -> str:
        await anyio.lowlevel.checkpoint()
        self.left.append(left)
        if self.errors:
            raise self.errors.pop(0)
        return "started"


async def test_what_passes_is_tried_again_in_the_time_that_is_left() -> None:
    start = Start(LOCKED, BUSY)
    assert await start_patiently(start, seconds=10) == "started"
    assert len(start.left) == 3
    assert 10 >= start.left[0] >= start.left[1] >= start.left[2] > 0


@pytest.mark.parametrize(
    "error",
    [
        HandshakeError("no licence"),
        SpawnError("too many files", retryable=True, details={"errno": errno.EMFILE}),
        StartupTimeoutError("too slow"),
    ],
)
async def test_what_does_not_pass_is_told_at_once(error: AgentError) -> None:
    start = Start(error)
    with pytest.raises(type(error)) as caught:
        await start_patiently(start, seconds=10)
    assert caught.value is error
    assert len(start.left) == 1


async def test_it_ends_after_some_tries_and_when_the_time_is_over() -> None:
    start = Start(*[LOCKED] * 100)
    with pytest.raises(HandshakeError) as caught:
        await start_patiently(start, seconds=10)
    assert caught.value.retryable
    assert len(start.left) == 8
    late = Start(LOCKED)
    with pytest.raises(HandshakeError):
        await start_patiently(late, seconds=0)
    assert len(late.left) == 1


async def test_of_a_start_whose_time_ran_out_on_the_way_the_reason_is_told_and_not_the_rest_of_the_time() -> None:
    with pytest.raises(HandshakeError) as caught:
        await start_patiently(Start(LOCKED, StartupTimeoutError("did not answer within 0.7 s")), seconds=10)
    assert caught.value is LOCKED


@pytest.mark.parametrize(
    ("words", "passing"),
    [
        ("Error: failed to initialize sqlite state runtime under /x: failed to initialize", True),
        ("(code: 5) database is locked", True),
        ("sh: 1: /x/codex: Text file busy", True),
        ("No licence.", False),
        ("", False),
    ],
)
def test_what_passes_is_known_by_its_words(words: str, passing: bool) -> None:
    assert is_passing(words) is passing
