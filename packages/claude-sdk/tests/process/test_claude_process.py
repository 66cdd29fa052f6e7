from __future__ import annotations

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
    ProcessExitedError,
    SessionNotFoundError,
    SpawnError,
    StartupTimeoutError,
    UnsupportedVersionError,
)
from agent_sdk_core.rpc.receiver import ProtocolIssue, Receiver, RequestId, ServerRequest
from agent_sdk_core.runtime.host import Host
from agent_sdk_core.transport.process.child import ProcessExit
from agent_sdk_testing import FakeClaude, FakeControl
from claude_sdk.process.claude_process import ClaudeProcess
from claude_sdk.process.launching import Launch

pytestmark = pytest.mark.anyio

Json = dict[str, Any]
ID = "00000001-0000-4000-8000-000000000001"


class Heard(Receiver):
    """What a process told its owner, in order, and a way to wait for it."""

    def __init__(self) -> None:
        self.frames: list[Json] = []
        self.requests: list[ServerRequest] = []
        self.withdrawn: list[str] = []
        self.issues: list[ProtocolIssue] = []
        self.lines: list[str] = []
        self.exits: list[tuple[object | None, AgentError]] = []
        self.batches = 0
        self._changed = anyio.Event()

    def on_message(self, name: str, body: Json, raw: Json, /) -> None:
        self.frames.append(body)

    def on_request(self, request: ServerRequest, /) -> None:
        self.requests.append(request)

    def on_withdrawn(self, request_id: RequestId, /) -> None:
        self.withdrawn.append(str(request_id))

    def on_issue(self, issue: ProtocolIssue, /) -> None:
        self.issues.append(issue)

    def on_exit(self, ended: object | None, error: AgentError, /) -> None:
        self.exits.append((ended, error))
        self.changed()

    def on_log_line(self, line: str, /) -> None:
        self.lines.append(line)
        self.changed()

    def on_batch_end(self) -> None:
        self.batches += 1
        self.changed()

    def changed(self) -> None:
        self._changed.set()
        self._changed = anyio.Event()

    async def until(self, holds: Callable[[], object]) -> None:
        with anyio.fail_after(30):
            while not holds():
                await self._changed.wait()


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture
async def launch(
    fake: FakeClaude, child_env: dict[str, str], heard: Heard, workspace: Path, anyio_backend: object
) -> AsyncIterator[Callable[..., Any]]:
    del anyio_backend
    started: list[ClaudeProcess] = []

    async def stop() -> None:
        for running in started:
            await running.channel.stop(grace=0, term=0)

    host = Host("the test", on_stop=stop, on_abort=lambda error: None)
    await host.start()

    async def start(
        executable: Path | None = None,
        *,
        timeout: float = 30,
        stored: bool = False,
        before: Callable[[], Awaitable[object]] | None = None,
    ) -> ClaudeProcess:
        path = executable or fake.executable
        plan = Launch((f"--session-id={ID}",), child_env, workspace, {"forwardSubagentText": True}, ID, stored)
        process = await ClaudeProcess.spawn(path, plan, host=host, receiver=heard)
        started.append(process)
        if before is not None:
            await before()
        await process.greet(path, plan, timeout=timeout)
        return process

    with anyio.fail_after(30):
        yield start
        await host.aclose()


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


class TestGreeting:
    async def test_it_is_greeted_with_what_the_launch_says(
        self, fake: FakeClaude, launch: Callable[..., Any], workspace: Path
    ) -> None:
        process = await launch()
        assert (process.version, process.warning) == (fake.version, None)
        assert process.greeting["claude_code_version"] == fake.version
        assert [(request.subtype, request.fields) for request in fake.requests] == [
            ("initialize", {"forwardSubagentText": True})
        ]
        child = fake.process
        assert (child.pid, child.arguments, child.cwd) == (process.channel.pid, [f"--session-id={ID}"], str(workspace))

    async def test_what_comes_before_the_answer_is_served(
        self, fake: FakeClaude, launch: Callable[..., Any], heard: Heard
    ) -> None:
        def greet(request: FakeControl) -> None:
            request.process.frame("system", subtype="ui_invalidate")
            request.process.ask("mcp_message", request_id="shake", server_name="calc")
            request.answer()

        fake.on("initialize", greet)
        await launch()
        assert [frame["subtype"] for frame in heard.frames] == ["ui_invalidate"]
        assert [(request.id, request.method) for request in heard.requests] == [("shake", "mcp_message")]

    async def test_an_executable_that_is_not_there_is_not_found(
        self, launch: Callable[..., Any], tmp_path: Path
    ) -> None:
        with pytest.raises(ExecutableNotFoundError):
            await launch(tmp_path / "missing")

    async def test_a_file_that_cannot_be_run_is_a_spawn_error(self, launch: Callable[..., Any], tmp_path: Path) -> None:
        (tmp_path / "claude").write_text("no program")
        with pytest.raises(SpawnError):
            await launch(tmp_path / "claude")

    async def test_silence_is_a_startup_timeout(
        self, fake: FakeClaude, launch: Callable[..., Any], heard: Heard
    ) -> None:
        async def complain() -> None:
            (await fake.started()).log("still loading")
            await heard.until(lambda: heard.lines)

        fake.hold("initialize")
        with pytest.raises(StartupTimeoutError, match=r"within 0\.1 s. Try .*claude --version") as caught:
            await launch(timeout=0.1, before=complain)
        assert str(caught.value.details["stderr"]).strip() == "still loading"
        assert heard.lines == ["still loading"]

    @pytest.mark.parametrize("version", [None, "unreleased"])
    async def test_a_greeting_of_claudes_without_a_version_is_an_old_one(
        self, launch: Callable[..., Any], version: str | None
    ) -> None:
        words = "an old claude that does not tell its version"
        with FakeClaude(version=version) as old, pytest.raises(UnsupportedVersionError, match=words):
            await launch(old.executable)

    @pytest.mark.parametrize("payload", [{}, "hello"])
    async def test_a_greeting_that_is_not_claudes_is_a_failed_handshake(
        self, fake: FakeClaude, launch: Callable[..., Any], payload: object
    ) -> None:
        fake.on("initialize", lambda request: request.answer(payload))
        with pytest.raises(HandshakeError, match="did not introduce itself as claude"):
            await launch()

    async def test_an_old_version_is_refused(self, launch: Callable[..., Any]) -> None:
        with FakeClaude(version="2.0.1") as old, pytest.raises(UnsupportedVersionError, match=r"2\.0\.1"):
            await launch(old.executable)

    async def test_a_newer_version_is_taken_with_a_warning(self, launch: Callable[..., Any]) -> None:
        with FakeClaude(version="99.0.0") as new:
            process = await launch(new.executable)
            assert "99.0.0" in process.warning

    async def test_a_refused_greeting_is_a_failed_handshake(self, fake: FakeClaude, launch: Callable[..., Any]) -> None:
        fake.on("initialize", lambda request: request.refuse("not today"))
        with pytest.raises(HandshakeError, match=r"refused the handshake: .*not today"):
            await launch()


class TestAnEndDuringTheStart:
    @pytest.mark.parametrize(
        ("log", "cls", "message"),
        [
            ("error: unknown option '--new'", UnsupportedVersionError, "does not know the option --new"),
            ("loading\nError: no such profile", HandshakeError, "during its start: Error: no such profile$"),
            (None, HandshakeError, "during its start: .*code 3"),
        ],
    )
    async def test_stderr_tells_why(
        self, fake: FakeClaude, launch: Callable[..., Any], log: str | None, cls: type[AgentError], message: str
    ) -> None:
        fake.on("initialize", lambda request: request.process.exit(3, log=log))
        with pytest.raises(cls, match=message) as caught:
            await launch()
        assert caught.value.details["exit_code"] == 3

    @pytest.mark.parametrize(("stored", "cls"), [(True, SessionNotFoundError), (False, HandshakeError)])
    async def test_a_result_tells_why(
        self, fake: FakeClaude, launch: Callable[..., Any], stored: bool, cls: type[AgentError]
    ) -> None:
        def leave(request: FakeControl) -> None:
            errors = [f"No conversation found with session ID: {ID}"]
            request.process.result(None, "error_during_execution", errors=errors)
            request.process.exit(1, log="noise")

        fake.on("initialize", leave)
        with pytest.raises(cls, match=ID):
            await launch(stored=stored)

    async def test_a_result_without_errors_tells_it_as_text(self, fake: FakeClaude, launch: Callable[..., Any]) -> None:
        def leave(request: FakeControl) -> None:
            request.process.result("Please run /login")
            request.process.exit(1)

        fake.on("initialize", leave)
        with pytest.raises(HandshakeError, match="during its start: Please run /login"):
            await launch()

    async def test_a_signal_is_named(self, fake: FakeClaude, launch: Callable[..., Any]) -> None:
        fake.on("initialize", lambda request: request.process.kill(signal.SIGKILL))
        with pytest.raises(HandshakeError) as caught:
            await launch()
        assert (caught.value.details["exit_code"], caught.value.details["signal"]) == (None, signal.SIGKILL)

    async def test_so_does_a_process_that_only_closes_its_stdout(
        self, fake: FakeClaude, launch: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("agent_sdk_core.rpc.connection._EXIT", 0.05)
        fake.on("initialize", lambda request: request.process.close_stdout())
        with pytest.raises(HandshakeError, match="closed its input or output"):
            await launch()


class TestTalking:
    async def test_what_is_no_frame_is_told_and_the_rest_arrives(
        self, fake: FakeClaude, launch: Callable[..., Any], heard: Heard
    ) -> None:
        await launch()
        fake.process.write(b"a stray line", b"\xff\xfe", b"[1]", b'{"type":"result","text":"\xff"}', b"{}", {"n": 1})
        await heard.until(lambda: {"n": 1} in heard.frames)
        assert heard.lines == ["a stray line", "\ufffd\ufffd"]
        assert [issue.kind for issue in heard.issues] == ["not_an_object"]
        assert heard.frames == [{"type": "result", "text": "\ufffd"}, {}, {"n": 1}]

    async def test_a_result_after_the_greeting_is_no_reason_to_end(
        self, fake: FakeClaude, launch: Callable[..., Any], heard: Heard
    ) -> None:
        await launch()
        fake.process.result("Hello.")
        await heard.until(lambda: heard.frames)
        assert heard.frames[0]["result"] == "Hello."

    async def test_requests_are_taken_and_withdrawn(
        self, fake: FakeClaude, launch: Callable[..., Any], heard: Heard
    ) -> None:
        process = await launch()
        asked = fake.process.ask("can_use_tool", request_id="a")
        await heard.until(lambda: heard.requests)
        asked.withdraw()
        await heard.until(lambda: heard.withdrawn == ["a"])
        assert not await process.peer.respond("a", {})

    async def test_its_end_is_told_once(self, fake: FakeClaude, launch: Callable[..., Any], heard: Heard) -> None:
        process = await launch()
        fake.process.exit(4)
        with pytest.raises(ProcessExitedError):
            await process.peer.request("interrupt")
        await heard.until(lambda: heard.exits)
        ((ended, error),) = heard.exits
        assert (str(ended), getattr(error, "exit_code", None)) == ("ended with exit code 4", 4)


class TestStopping:
    async def test_a_goodbye_lets_it_end_by_itself(self, fake: FakeClaude, launch: Callable[..., Any]) -> None:
        process = await launch()
        await process.say_goodbye()
        await process.channel.stop()
        assert process.channel.exit == ProcessExit(0, None)
        assert [request.subtype for request in fake.requests] == ["initialize", "end_session"]

    async def test_a_goodbye_that_is_refused_or_not_heard_is_no_error(
        self, fake: FakeClaude, launch: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("claude_sdk.process.claude_process._GOODBYE_SECONDS", 0.05)
        process = await launch()
        fake.on("end_session", lambda request: request.refuse("no"))
        await process.say_goodbye()
        fake.hold("end_session")
        await process.say_goodbye()
        fake.process.exit()
        await process.channel.wait()
        await process.say_goodbye()

    async def test_one_that_ignores_every_hint_is_killed(self, launch: Callable[..., Any]) -> None:
        with FakeClaude(ignore_eof=True, ignore_sigterm=True) as stubborn:
            process = await launch(stubborn.executable)
            await process.channel.stop(grace=0.05, term=0.05)
            assert process.channel.exit == ProcessExit(None, signal.SIGKILL)
            assert gone(stubborn.process.pid)
