from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import anyio
import pytest

from agent_sdk_core import AgentError, HandshakeError, SessionBusyError, SessionOptions
from agent_sdk_core.rpc.receiver import Receiver
from agent_sdk_core.runtime.host import Host
from agent_sdk_testing import FakeClaude
from claude_sdk.process.launching import launch_plan
from claude_sdk.process.link import ClaudeLink

pytestmark = pytest.mark.anyio

ID = "00000001-0000-4000-8000-000000000001"
MakeLink = Callable[[], ClaudeLink]


class Exits(Receiver):
    """Tells a link of the end of its claude, and notes it."""

    def __init__(self, link: ClaudeLink) -> None:
        self.link = link
        self.told: list[str] = []
        self.ended = anyio.Event()
        link.when_lost.append(self.lost)

    def on_exit(self, ended: object | None, error: AgentError, /) -> None:
        self.link.lose(ended, error)

    def lost(self, ended: object | None, error: AgentError) -> None:
        self.told.append(str(ended))
        self.ended.set()


@pytest.fixture
async def make_link(
    fake: FakeClaude, child_env: dict[str, str], config: Path, workspace: Path, anyio_backend: object
) -> AsyncIterator[MakeLink]:
    del anyio_backend
    made: list[ClaudeLink] = []

    async def stop() -> None:
        for one in made:
            await one.close(grace=0)

    host = Host("the test", on_stop=stop, on_abort=lambda error: None)
    await host.start()

    def make() -> ClaudeLink:
        launch = launch_plan(SessionOptions(cwd=workspace), env=child_env, session_id=ID)
        link = ClaudeLink(host, fake.executable, launch, seconds=60, locks=config)
        made.append(link)
        return link

    with anyio.fail_after(30):
        yield make
        await host.aclose()


async def test_its_session_is_locked_while_it_runs(fake: FakeClaude, make_link: MakeLink, locks: Path) -> None:
    link = make_link()
    assert link.pid is None
    process = await link.connect()
    assert (process.version, link.pid, (locks / f"{ID}.lock").exists()) == (fake.version, fake.process.pid, True)
    await link.dismiss()
    assert (link.pid, list(locks.iterdir())) == (None, [])
    assert [request.subtype for request in fake.requests] == ["initialize", "end_session"]


async def test_a_lock_that_is_held_starts_no_process(fake: FakeClaude, make_link: MakeLink) -> None:
    await make_link().connect()
    with pytest.raises(SessionBusyError):
        await make_link().connect()
    assert len(fake.processes) == 1


async def test_a_start_that_fails_leaves_no_lock(fake: FakeClaude, make_link: MakeLink, locks: Path) -> None:
    fake.on("initialize", lambda request: request.process.exit(3))
    with pytest.raises(HandshakeError):
        await make_link().connect()
    assert list(locks.iterdir()) == []


async def test_the_lock_of_a_dead_claude_is_free_when_its_end_is_told(
    fake: FakeClaude, make_link: MakeLink, locks: Path
) -> None:
    link = make_link()
    exits = link.receiver = Exits(link)
    await link.connect()
    fake.process.kill()
    await exits.ended.wait()
    assert (exits.told, link.is_over, list(locks.iterdir())) == (["was ended by SIGKILL"], True, [])


async def test_one_that_is_killed_because_it_is_stuck_is_lost(fake: FakeClaude, make_link: MakeLink) -> None:
    link = make_link()
    exits = link.receiver = Exits(link)
    await link.connect()
    link.doubt()
    await exits.ended.wait()
    assert len(exits.told) == 1


async def test_it_can_be_killed_without_a_loop(fake: FakeClaude, make_link: MakeLink, locks: Path) -> None:
    link = make_link()
    link.kill_now()
    await link.connect()
    link.kill_now()
    await fake.wait_until(lambda: fake.process.gone, "the end of the process")
    assert list(locks.iterdir()) == []
