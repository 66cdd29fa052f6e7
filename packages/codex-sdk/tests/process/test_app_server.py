from __future__ import annotations

import importlib.metadata
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import anyio
import pytest

from agent_sdk_core import (
    AgentError,
    ExecutableNotFoundError,
    HandshakeError,
    InvalidRequestError,
    ProcessExitedError,
    SpawnError,
    StartupTimeoutError,
    UnsupportedVersionError,
)
from agent_sdk_core.rpc.receiver import Receiver
from agent_sdk_core.runtime.host import Host
from agent_sdk_testing import FakeCodex, FakeRequest
from codex_sdk import protocol
from codex_sdk.process.app_server import AppServer
from codex_sdk.process.link import AppServerLink

pytestmark = pytest.mark.anyio


class LateLink(AppServerLink):
    """One that does something between the start of the process and the greeting, whose time begins then."""

    before: Callable[[], Awaitable[object]] | None = None

    async def _spawn(self) -> AppServer:
        server = await super()._spawn()
        if self.before is not None:
            await self.before()
        return server


class Heard(Receiver):
    """What a server told its owner."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.exits: list[AgentError] = []
        self.logged = anyio.Event()
        self.ended = anyio.Event()

    def on_exit(self, ended: object | None, error: AgentError, /) -> None:
        self.exits.append(error)
        self.ended.set()

    def on_log_line(self, line: str, /) -> None:
        self.lines.append(line)
        self.logged.set()


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture
async def launch(
    fake: FakeCodex, child_env: dict[str, str], heard: Heard, anyio_backend: object
) -> AsyncIterator[Callable[..., Any]]:
    del anyio_backend
    links: list[AppServerLink] = []

    async def stop() -> None:
        for link in links:
            await link.close(grace=0.5)

    host = Host("the test", on_stop=stop, on_abort=lambda error: None)
    await host.start()

    async def start(
        executable: Path | None = None, timeout: float = 30, before: Callable[[], Awaitable[object]] | None = None
    ) -> AppServer:
        path = executable or fake.executable
        link = LateLink(host, heard, executable=path, env=child_env, seconds=timeout)
        link.before = before
        links.append(link)
        return await link.connect()

    with anyio.fail_after(60):
        yield start
        await host.aclose()


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


async def test_it_is_greeted_in_the_protocols_words(fake: FakeCodex, launch: Callable[..., Any]) -> None:
    running = await launch()
    assert (running.version, running.warning) == (fake.version, None)
    assert [message["method"] for message in fake.received] == ["initialize", "initialized", "config/read"]
    introduction = protocol.InitializeParams.model_validate(fake.received[0]["params"])
    assert introduction.client_info.version == importlib.metadata.version("agent-sdk-codex")
    assert introduction.capabilities is not None
    assert introduction.capabilities.experimental_api is True


async def test_an_executable_that_is_not_there_is_not_found(launch: Callable[..., Any], tmp_path: Path) -> None:
    with pytest.raises(ExecutableNotFoundError):
        await launch(tmp_path / "missing")


async def test_a_file_that_cannot_be_run_is_a_spawn_error(launch: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "codex").write_text("no program")
    with pytest.raises(SpawnError):
        await launch(tmp_path / "codex")


async def test_silence_is_a_startup_timeout_and_leaves_no_process(
    fake: FakeCodex, launch: Callable[..., Any], heard: Heard
) -> None:
    async def complain() -> None:
        (await fake.started()).log("still loading")
        await heard.logged.wait()

    fake.hold("initialize")
    with pytest.raises(StartupTimeoutError, match=r"within [\d.]+ s. Try .* app-server") as caught:
        await launch(timeout=0.1, before=complain)
    assert str(caught.value.details["stderr"]).strip() == "still loading"
    assert gone(fake.pids[0])


async def test_silence_after_the_greeting_is_one_too(fake: FakeCodex, launch: Callable[..., Any]) -> None:
    fake.hold("config/read")
    with pytest.raises(StartupTimeoutError):
        await launch(timeout=0.5)


async def test_the_end_of_a_start_that_was_given_up_is_told_by_the_start_alone(
    fake: FakeCodex, launch: Callable[..., Any], heard: Heard
) -> None:
    fake.hold("initialize")
    with pytest.raises(StartupTimeoutError):
        await launch(timeout=0.5)
    fake.release("initialize")
    await launch()
    assert heard.exits == []


async def test_a_process_that_ignores_every_hint_is_killed(launch: Callable[..., Any]) -> None:
    with FakeCodex(ignore_eof=True, ignore_sigterm=True) as stubborn:
        stubborn.hold("initialize")
        with pytest.raises(StartupTimeoutError):
            await launch(stubborn.executable, timeout=0.1, before=stubborn.started)
        assert gone(stubborn.pids[0])


@pytest.mark.parametrize("answer", [{"userAgent": "something else"}, {"userAgent": None}, {}, [], "hello", 7])
async def test_an_introduction_without_a_version_is_a_failed_handshake(
    fake: FakeCodex, launch: Callable[..., Any], answer: object
) -> None:
    fake.on("initialize", lambda request: request.answer(answer))
    with pytest.raises(HandshakeError, match="did not introduce itself"):
        await launch()
    assert gone(fake.pids[0])


async def test_an_old_version_is_refused(launch: Callable[..., Any]) -> None:
    with FakeCodex(version="0.1.0") as old:
        with pytest.raises(UnsupportedVersionError, match=r"0\.1\.0"):
            await launch(old.executable)
        assert [request.method for request in old.requests] == ["initialize"]
        assert gone(old.pids[0])


async def test_a_newer_version_is_started_with_a_warning(launch: Callable[..., Any]) -> None:
    with FakeCodex(version="99.0.0") as new:
        running = await launch(new.executable)
        assert "99.0.0" in running.warning


async def test_a_refused_greeting_is_a_failed_handshake(fake: FakeCodex, launch: Callable[..., Any]) -> None:
    fake.on("initialize", lambda request: request.refuse("not today"))
    with pytest.raises(HandshakeError, match=r"refused the handshake: .*not today"):
        await launch()


async def test_a_configuration_that_cannot_be_read_is_named(fake: FakeCodex, launch: Callable[..., Any]) -> None:
    said = "failed to read configuration layers: /home/config.toml:3:7: expected `=`"
    fake.on("config/read", lambda request: request.refuse(said))
    with pytest.raises(InvalidRequestError, match=r"/home/config\.toml:3:7") as caught:
        await launch()
    assert caught.value.code == "config_invalid"


@pytest.mark.parametrize(
    ("log", "cls", "message"),
    [
        ("error: unrecognized subcommand 'app-server'", UnsupportedVersionError, "has no app-server"),
        ("error: unexpected argument 'app-server' found", UnsupportedVersionError, "has no app-server"),
        ("loading\n\x1b[31mError:\x1b[0m no such profile", HandshakeError, "during its start: no such profile$"),
        (None, HandshakeError, "during its start: .*code 3"),
    ],
)
async def test_an_end_during_the_start_tells_why(
    fake: FakeCodex, launch: Callable[..., Any], log: str | None, cls: type[AgentError], message: str
) -> None:
    fake.on("initialize", lambda request: fake.exit(3, log=log))
    with pytest.raises(cls, match=message) as caught:
        await launch()
    if cls is HandshakeError:
        assert caught.value.details["exit_code"] == 3


async def test_a_signal_during_the_start_is_named(fake: FakeCodex, launch: Callable[..., Any]) -> None:
    fake.on("config/read", lambda request: fake.kill(signal.SIGKILL))
    with pytest.raises(HandshakeError) as caught:
        await launch()
    assert (caught.value.details["exit_code"], caught.value.details["signal"]) == (None, signal.SIGKILL)


async def test_a_cancelled_start_leaves_no_process(fake: FakeCodex, launch: Callable[..., Any]) -> None:
    fake.hold("initialize")
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(launch)
        await fake.request("initialize")
        tasks.cancel_scope.cancel()
    assert gone(fake.pids[0])


async def test_colours_are_taken_out_of_the_log(fake: FakeCodex, launch: Callable[..., Any], heard: Heard) -> None:
    await launch()
    fake.log("\x1b[2m2026\x1b[0m \x1b[33mWARN\x1b[0m careful")
    await heard.logged.wait()
    assert heard.lines == ["2026 WARN careful"]


async def test_its_end_is_told_once_with_the_process(fake: FakeCodex, launch: Callable[..., Any], heard: Heard) -> None:
    running = await launch()
    fake.exit(4)
    with pytest.raises(AgentError):
        await running.peer.request("thread/start", {})
    with anyio.fail_after(30):
        await running.channel.wait()
        await heard.ended.wait()
    assert [error.exit_code for error in heard.exits if isinstance(error, ProcessExitedError)] == [4]


def test_the_fake_starts_a_thread_in_the_protocols_words(fake: FakeCodex) -> None:
    request = FakeRequest(1, "thread/start", {"cwd": "/"}, fake, fake.usual_result)
    protocol.ThreadStartResponse.model_validate(fake.usual_result(request))
    initialize = FakeRequest(2, "initialize", {}, fake, fake.usual_result)
    protocol.InitializeResponse.model_validate(fake.usual_result(initialize))
    turn = FakeRequest(3, "turn/start", {"threadId": "t"}, fake, fake.usual_result)
    protocol.TurnStartResponse.model_validate(fake.usual_result(turn))
