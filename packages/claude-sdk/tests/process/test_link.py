from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import anyio
import pytest

from agent_sdk_core import HandshakeError, PermissionRequest, SessionBusyError, SessionOptions
from agent_sdk_core.asking.permissions import Allow
from agent_sdk_core.runtime.host import Host
from agent_sdk_testing import FakeAsked, FakeClaude, FakeControl
from claude_sdk.process.launching import launch_plan
from claude_sdk.process.link import Opening
from claude_sdk.store.stored_sessions import StoredSessions

pytestmark = pytest.mark.anyio

ID = "00000001-0000-4000-8000-000000000001"


class Backend:
    """What an opening tells its backend."""

    def __init__(self) -> None:
        self.exits: list[str] = []
        self.unknown: Counter[str] = Counter()
        self.released: list[Opening] = []
        self.ended = anyio.Event()

    def emit(self, kind: str, message: str, details: Any = None) -> None:
        if kind == "exited":
            self.exits.append(details["session_id"])
            self.ended.set()

    def take_log_line(self, line: str) -> None:
        """Nobody reads the log."""


@pytest.fixture
def told() -> Backend:
    return Backend()


@pytest.fixture
async def opening(
    child_env: dict[str, str], workspace: Path, told: Backend, anyio_backend: object
) -> AsyncIterator[Callable[..., Opening]]:
    del anyio_backend
    made: list[Opening] = []

    async def stop() -> None:
        for one in made:
            await one.abort()

    host = Host("the test", on_stop=stop, on_abort=lambda error: None)
    await host.start()

    def make(**fields: Any) -> Opening:
        options = SessionOptions(cwd=workspace, **fields)
        launch = launch_plan(options, env=child_env, session_id=ID)
        backend: Any = told
        made.append(
            Opening(
                options, launch, host, backend=backend, unknown=told.unknown, tap=None, on_closed=told.released.append
            )
        )
        return made[-1]

    with anyio.fail_after(30):
        yield make
        await host.aclose()


@pytest.fixture
def store(child_env: dict[str, str]) -> StoredSessions:
    return StoredSessions(child_env)


async def test_a_session_is_open_once_it_was_greeted(
    fake: FakeClaude, opening: Callable[..., Opening], store: StoredSessions, told: Backend, locks: Path
) -> None:
    one = opening()
    with pytest.raises(RuntimeError, match="was not opened"):
        _ = one.session
    process = await one.start(fake.executable, store, timeout=10)
    assert (process.version, one.session.session_id) == (fake.version, ID)
    assert (locks / f"{ID}.lock").exists()
    fake.process.frame("surprise")
    await one.session.control("get_settings")
    assert told.unknown == {"surprise": 1}
    await one.session.aclose()
    assert (told.released, list(locks.iterdir()), told.exits) == ([one], [], [])


async def test_requests_during_the_greeting_are_answered(
    fake: FakeClaude, opening: Callable[..., Opening], store: StoredSessions
) -> None:
    asked: list[FakeAsked] = []

    async def allow(request: PermissionRequest) -> Allow:
        return Allow()

    def greet(request: FakeControl) -> None:
        asked.append(request.process.ask("can_use_tool", tool_name="Bash", input={}))
        request.answer()

    fake.on("initialize", greet)
    await opening(can_use_tool=allow).start(fake.executable, store, timeout=10)
    assert (await asked[0].answered())["response"]["behavior"] == "allow"


async def test_a_lock_that_is_held_starts_no_process(
    fake: FakeClaude, opening: Callable[..., Opening], store: StoredSessions
) -> None:
    await opening().start(fake.executable, store, timeout=10)
    with pytest.raises(SessionBusyError):
        await opening().start(fake.executable, store, timeout=10)
    assert len(fake.processes) == 1


async def test_an_end_before_the_greeting_is_no_exit_of_a_session(
    fake: FakeClaude, opening: Callable[..., Opening], store: StoredSessions, told: Backend, locks: Path
) -> None:
    fake.on("initialize", lambda request: request.process.exit(3))
    one = opening()
    with pytest.raises(HandshakeError):
        await one.start(fake.executable, store, timeout=10)
    await one.abort()
    assert (told.exits, told.released, list(locks.iterdir())) == ([], [one], [])


async def test_an_end_after_it_is_told_with_the_session(
    fake: FakeClaude, opening: Callable[..., Opening], store: StoredSessions, told: Backend
) -> None:
    one = opening()
    await one.start(fake.executable, store, timeout=10)
    fake.process.kill()
    await told.ended.wait()
    assert (told.exits, one.session.state) == ([ID], "disconnected")


async def test_it_can_be_killed_without_a_loop(
    fake: FakeClaude, opening: Callable[..., Opening], store: StoredSessions
) -> None:
    one = opening()
    one.kill_now()
    await one.start(fake.executable, store, timeout=10)
    one.kill_now()
    await fake.wait_until(lambda: fake.process.gone, "the end of the process")


async def test_an_opening_that_never_began_can_be_aborted(opening: Callable[..., Opening], told: Backend) -> None:
    one = opening()
    await one.abort()
    assert told.released == [one]
