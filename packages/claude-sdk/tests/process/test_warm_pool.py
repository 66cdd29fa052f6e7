from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import cast

import anyio
import anyio.lowlevel
import pytest

from agent_sdk_core.rpc.receiver import Receiver
from agent_sdk_core.runtime.host import Host
from claude_sdk.process.launching import Launch
from claude_sdk.process.link import ClaudeLink
from claude_sdk.process.warm_pool import WarmPool

pytestmark = pytest.mark.anyio

LAUNCH = Launch(("--verbose", "--session-id=asked"), {}, Path("/"), {}, "asked", stored=False)


class Waiting:
    """The link of a claude that waits, as far as a pool uses it."""

    def __init__(self, launch: Launch) -> None:
        self.launch = launch
        self.pid = 1
        self.is_over = False
        self.receiver = Receiver()
        self.when_lost: list[Callable[..., object]] = []

    async def connect(self) -> None:
        await anyio.lowlevel.checkpoint()

    async def close(self, *, grace: float) -> None:
        await anyio.lowlevel.checkpoint()


@pytest.fixture
async def host(anyio_backend: object) -> AsyncIterator[Host]:
    del anyio_backend

    async def stop() -> None:
        """Nothing is to be ended."""

    host = Host("the test", on_stop=stop, on_abort=lambda error: None)
    await host.start()
    yield host
    await host.aclose()


async def test_one_that_ended_before_its_end_was_told_is_passed_over_and_forgotten(host: Host) -> None:
    made: list[Waiting] = []
    forgotten: list[object] = []

    def make(launch: Launch) -> ClaudeLink:
        made.append(Waiting(launch))
        return cast("ClaudeLink", made[-1])

    pool = WarmPool(2, host, make, forgotten.append)
    pool.want(LAUNCH)
    await anyio.wait_all_tasks_blocked()
    first, second = made
    first.is_over = True
    taken = pool.take(LAUNCH)
    assert taken is not None
    assert (taken[1], forgotten) == (second, [first])
    second.is_over = True
    assert pool.take(LAUNCH) is None
