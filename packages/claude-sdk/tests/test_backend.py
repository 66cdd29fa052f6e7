from __future__ import annotations

import contextvars
import os
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import anyio
import pytest

from agent_sdk_core import (
    BackendEvent,
    ExecutableNotFoundError,
    HandshakeError,
    InvalidRequestError,
    PermissionRequest,
    SessionBusyError,
    SessionClosedError,
    SessionNotFoundError,
    SessionOptions,
    StartupTimeoutError,
    UnknownMessage,
    UnsupportedOptionError,
    UnsupportedVersionError,
)
from agent_sdk_core.asking.permissions import Allow
from agent_sdk_testing import FakeClaude, FakeControl, FakePrompt
from claude_sdk.backend import ClaudeBackend

pytestmark = pytest.mark.anyio

MakeBackend = Callable[..., ClaudeBackend]
ID = "00000001-0000-4000-8000-000000000001"
OTHER = "00000001-0000-4000-8000-000000000002"


def from_now(backend: ClaudeBackend) -> AsyncIterator[BackendEvent]:
    """Return an iterator over later events: the first one begins with those before."""
    backend.events()
    return backend.events()


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


async def settle(backend: ClaudeBackend) -> None:
    """Return when everything that the fake has sent to the first session before is handled."""
    await backend.sessions[0].control("get_settings")


class TestStarting:
    async def test_it_starts_nothing_but_tells_where_claude_is(self, fake: FakeClaude, backend: ClaudeBackend) -> None:
        with anyio.fail_after(30):
            events = backend.events()
            await backend.start()
            await backend.start()
            assert (backend.version, backend.sessions, fake.processes) == (None, (), [])
            assert await anext(events) == BackendEvent("started", f"claude is ready to start: {fake.executable}", {})
            await backend.aclose()
            assert [event async for event in events] == []

    async def test_an_executable_that_is_missing_may_come_later(
        self, fake: FakeClaude, make_backend: MakeBackend, tmp_path: Path
    ) -> None:
        backend = make_backend(executable=tmp_path / "claude")
        with anyio.fail_after(30):
            with pytest.raises(ExecutableNotFoundError):
                await backend.start()
            (tmp_path / "claude").symlink_to(fake.executable)
            await backend.create_session()

    async def test_it_may_be_started_and_closed_by_different_tasks(
        self, fake: FakeClaude, backend: ClaudeBackend
    ) -> None:
        with anyio.fail_after(30):
            for step in (backend.start, backend.create_session, backend.aclose):
                async with anyio.create_task_group() as tasks:
                    tasks.start_soon(step)
            assert gone(fake.process.pid)

    async def test_a_closed_one_starts_nothing_any_more(self, fake: FakeClaude, backend: ClaudeBackend) -> None:
        await backend.aclose()
        for call in (backend.start, backend.create_session, backend.list_models):
            with pytest.raises(SessionClosedError):
                await call()
        await backend.aclose()
        assert fake.processes == []

    async def test_without_an_environment_it_takes_ours(
        self, fake: FakeClaude, make_backend: MakeBackend, monkeypatch: pytest.MonkeyPatch, child_env: dict[str, str]
    ) -> None:
        monkeypatch.setenv("AGENT_SDK_CLAUDE_PATH", str(fake.executable))
        monkeypatch.setenv("CLAUDE_CONFIG_DIR", child_env["CLAUDE_CONFIG_DIR"])
        with anyio.fail_after(30):
            assert ClaudeBackend.locate() == fake.executable
            await make_backend(executable=None, env=None).create_session()
            assert len(fake.processes) == 1

    async def test_the_environment_is_the_whole_one(
        self, fake: FakeClaude, make_backend: MakeBackend, tmp_path: Path, child_env: dict[str, str]
    ) -> None:
        seen, wrapper = tmp_path / "env", tmp_path / "claude"
        wrapper.write_text(f'#!/bin/sh\nenv > "{seen}"\nexec "{fake.executable}" "$@"\n')
        wrapper.chmod(0o700)
        with anyio.fail_after(30):
            options = SessionOptions(env={"MINE": "1"})
            await make_backend(executable=wrapper, env={**child_env, "CLAUDECODE": "1"}).create_session(options)
        names = {line.partition("=")[0] for line in seen.read_text().splitlines()}
        assert names - {"PWD", "SHLVL", "_", "OLDPWD"} == {
            *child_env, "MINE", "AGENT_SDK_SESSION", "CLAUDE_CODE_ENTRYPOINT", "CLAUDE_CODE_EMIT_SESSION_STATE_EVENTS",
            "CLAUDE_CODE_ENABLE_SDK_FILE_CHECKPOINTING",
        }  # fmt: skip

    async def test_a_relative_path_is_found_from_every_folder(
        self, fake: FakeClaude, make_backend: MakeBackend, workspace: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(fake.executable.parent)
        with anyio.fail_after(30):
            await make_backend(executable="./claude").create_session(SessionOptions(cwd=workspace))
        assert fake.process.cwd == str(workspace)

    async def test_a_wire_log_sees_both_directions_and_cannot_break_it(self, make_backend: MakeBackend) -> None:
        seen: list[tuple[str, object]] = []

        def log(direction: str, frame: dict[str, object]) -> None:
            seen.append((direction, frame["type"]))
            raise RuntimeError("the disk is full")

        with anyio.fail_after(30):
            session = await make_backend(wire_log=log).create_session()
            await session.query("Hi").wait()
        assert seen[:4] == [
            ("out", "control_request"), ("in", "control_response"), ("out", "user"), ("in", "command_lifecycle")
        ]  # fmt: skip


class TestOpening:
    async def test_a_session_is_a_process(
        self, fake: FakeClaude, backend: ClaudeBackend, workspace: Path, locks: Path
    ) -> None:
        with anyio.fail_after(30):
            session = await backend.create_session(SessionOptions(cwd=workspace, model="m", session_id=ID))
            assert (session.session_id, session.resolved_session_id, session.state) == (ID, ID, "idle")
            assert (session.backend, backend.sessions, backend.version) == (backend, (session,), fake.version)
            assert (session.info.cwd, session.info.model, session.info.version) == (str(workspace), "m", fake.version)
            assert (session.pid, session.resumable) == (fake.process.pid, False)
            assert [path.name for path in locks.iterdir()] == [f"{ID}.lock"]
            await session.aclose()
            assert (backend.sessions, session.pid, list(locks.iterdir())) == ((), None, [])
            assert gone(fake.process.pid)
            assert [request.subtype for request in fake.requests] == ["initialize", "end_session"]

    async def test_bad_options_start_no_process(
        self, fake: FakeClaude, backend: ClaudeBackend, tmp_path: Path, locks: Path
    ) -> None:
        for options, error in (
            (SessionOptions(cwd=tmp_path / "missing"), InvalidRequestError),
            (SessionOptions(session_id="../../../mine"), InvalidRequestError),
            (SessionOptions(resume=ID), SessionNotFoundError),
            (SessionOptions.model_validate({"sandbox": {"mode": "read-only"}}), UnsupportedOptionError),
        ):
            with pytest.raises(error):
                await backend.create_session(options)
        assert (fake.processes, locks.exists()) == ([], False)

    async def test_a_stored_session_is_resumed_where_it_was(
        self, fake: FakeClaude, backend: ClaudeBackend, stored: Callable[..., Path], workspace: Path
    ) -> None:
        stored(ID)
        with anyio.fail_after(30):
            session = await backend.create_session(SessionOptions(resume=ID))
            assert (session.session_id, session.resumable, session.info.cwd) == (ID, True, str(workspace))
            assert (fake.process.flag("--resume="), fake.process.cwd) == (ID, str(workspace))
            assert [message.uuid for message in await session.history()] == ["asked", "answered"]

    async def test_an_id_that_is_stored_is_not_given_again(
        self, fake: FakeClaude, backend: ClaudeBackend, stored: Callable[..., Path]
    ) -> None:
        stored(ID)
        with pytest.raises(SessionBusyError, match="resume it, or choose another id"):
            await backend.create_session(SessionOptions(session_id=ID))
        assert fake.processes == []

    async def test_one_id_has_one_live_session(
        self, backend: ClaudeBackend, make_backend: MakeBackend, stored: Callable[..., Path]
    ) -> None:
        stored(ID)
        with anyio.fail_after(30):
            session = await backend.create_session(SessionOptions(resume=ID))
            for other in (backend, make_backend()):
                with pytest.raises(SessionBusyError, match=f"Session {ID} is open already"):
                    await other.create_session(SessionOptions(resume=ID))
            assert backend.sessions == (session,)
            await session.aclose()
            await backend.create_session(SessionOptions(resume=ID))

    async def test_a_fork_of_a_live_session_is_another_one(
        self, fake: FakeClaude, backend: ClaudeBackend, stored: Callable[..., Path]
    ) -> None:
        stored(ID)
        with anyio.fail_after(30):
            await backend.create_session(SessionOptions(resume=ID))
            fork = await backend.create_session(SessionOptions(resume=ID, fork=True, session_id=OTHER))
            assert (fork.session_id, len(backend.sessions)) == (OTHER, 2)
            assert {"--fork-session", f"--resume={ID}"} <= set(fake.process.arguments)

    async def test_no_more_processes_than_allowed(self, fake: FakeClaude, make_backend: MakeBackend) -> None:
        backend = make_backend(max_processes=1)
        with anyio.fail_after(30):
            session = await backend.create_session()
            with pytest.raises(SessionBusyError, match="1 sessions are open, as many as max_processes") as caught:
                await backend.create_session()
            assert caught.value.retryable
            await session.aclose()
            fake.on("initialize", lambda request: request.refuse("no"))
            with pytest.raises(HandshakeError):
                await backend.create_session()
            fake.release("initialize")
            await backend.create_session()

    async def test_the_callers_context_reaches_its_callbacks(self, fake: FakeClaude, backend: ClaudeBackend) -> None:
        user = contextvars.ContextVar[str]("user")
        seen: list[str] = []

        async def allow(request: PermissionRequest) -> Allow:
            seen.append(user.get())
            return Allow()

        with anyio.fail_after(30):
            user.set("ada")
            await backend.create_session(SessionOptions(can_use_tool=allow))
            user.set("bob")
            await fake.process.ask("can_use_tool", tool_name="Bash", input={}).answered()
        assert seen == ["ada"]

    async def test_a_newer_version_is_a_warning(self, make_backend: MakeBackend) -> None:
        with anyio.fail_after(30), FakeClaude(version="99.0.0") as new:
            backend = make_backend(executable=new.executable)
            events = backend.events()
            await backend.create_session()
            assert [(await anext(events)).kind, (await anext(events)).kind] == ["started", "warning"]
            await backend.aclose()


class TestAFailedOpening:
    async def refused(self, backend: ClaudeBackend, error: type[Exception], **options: Any) -> None:
        with pytest.raises(error):
            await backend.create_session(SessionOptions(session_id=ID, **options))

    async def test_it_leaves_no_process_no_lock_and_no_session(
        self, fake: FakeClaude, backend: ClaudeBackend, locks: Path
    ) -> None:
        with anyio.fail_after(30):
            fake.on("initialize", lambda request: request.refuse("no"))
            await self.refused(backend, HandshakeError)
            fake.on("initialize", lambda request: request.process.exit(3))
            await self.refused(backend, HandshakeError)
            assert (backend.sessions, list(locks.iterdir())) == ((), [])
            assert [gone(process.pid) for process in fake.processes] == [True] * 2

    async def test_neither_does_one_that_takes_too_long(
        self, fake: FakeClaude, make_backend: MakeBackend, locks: Path
    ) -> None:
        with anyio.fail_after(30):
            fake.hold("initialize")
            await self.refused(make_backend(startup_timeout=0.1), StartupTimeoutError)
            assert list(locks.iterdir()) == []
            await fake.wait_until(lambda: all(process.gone for process in fake.processes), "the end of the process")

    async def test_neither_does_one_that_is_too_old(self, make_backend: MakeBackend, locks: Path) -> None:
        with anyio.fail_after(30), FakeClaude(version="2.0.1") as old:
            backend = make_backend(executable=old.executable)
            await self.refused(backend, UnsupportedVersionError)
            assert (gone(old.process.pid), list(locks.iterdir())) == (True, [])

    async def test_a_close_ends_what_is_being_opened(
        self, fake: FakeClaude, backend: ClaudeBackend, locks: Path
    ) -> None:
        async def opened() -> None:
            with pytest.raises((SessionClosedError, HandshakeError)):
                await backend.create_session(SessionOptions(session_id=ID))

        with anyio.fail_after(30):
            fake.hold("initialize")
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(opened)
                await fake.request("initialize")
                await backend.aclose()
            assert (gone(fake.process.pid), list(locks.iterdir())) == (True, [])

    async def test_a_cancelled_one_leaves_nothing(self, fake: FakeClaude, backend: ClaudeBackend, locks: Path) -> None:
        with anyio.fail_after(30):
            fake.hold("initialize")
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(backend.create_session)
                await fake.request("initialize")
                tasks.cancel_scope.cancel()
            fake.requests[0].answer()
            await fake.wait_until(lambda: fake.process.gone, "the end of the process")
            await backend.aclose()
            assert (gone(fake.process.pid), list(locks.iterdir())) == (True, [])


class TestWhatProcessesSay:
    async def test_unknown_frames_are_passed_on_counted_and_told_once_a_kind(
        self, fake: FakeClaude, backend: ClaudeBackend
    ) -> None:
        with anyio.fail_after(30):
            session = await backend.create_session()
            events, messages = from_now(backend), session.messages()
            for _ in range(2):
                fake.process.frame("surprise", n=1)
                fake.process.frame("system", subtype="surprise")
            await settle(backend)
            assert backend.unknown_frames == {"surprise": 2, "system/surprise": 2}
            assert [(await anext(events)).message for _ in range(2)] == [
                "claude sent a frame that this SDK does not know: surprise.",
                "claude sent a frame that this SDK does not know: system/surprise.",
            ]
            first = await anext(messages)
            assert isinstance(first, UnknownMessage)
            assert first.type == "surprise"
            fake.process.frame("auth_status")
            await backend.aclose()
            assert [event.kind async for event in events] == []

    async def test_rate_limits_are_an_event(self, fake: FakeClaude, backend: ClaudeBackend) -> None:
        with anyio.fail_after(30):
            await backend.create_session()
            events = from_now(backend)
            fake.process.frame("rate_limit_event", rate_limit_info={"status": "allowed_warning"})
            event = await anext(events)
            assert (event.kind, event.details) == ("rate_limits", {"status": "allowed_warning"})

    async def test_what_is_no_frame_is_an_event_or_a_log_line(self, fake: FakeClaude, backend: ClaudeBackend) -> None:
        with anyio.fail_after(30):
            await backend.create_session()
            events, logs = from_now(backend), backend.logs()
            fake.process.write(b"a stray line", [1], {"type": "control_response"})
            fake.process.log("a warning")
            assert {await anext(logs), await anext(logs)} == {"a stray line", "a warning"}
            found = [await anext(events) for _ in range(2)]
            assert [(event.kind, event.details["kind"]) for event in found] == [
                ("protocol_error", "not_an_object"), ("protocol_error", "unknown_shape")
            ]  # fmt: skip
            await backend.aclose()
            assert [line async for line in logs] == []

    async def test_a_line_of_70_megabytes_is_told_and_the_session_goes_on(
        self, fake: FakeClaude, backend: ClaudeBackend
    ) -> None:
        with anyio.fail_after(60):
            session = await backend.create_session()
            events = from_now(backend)
            fake.process.write_long_line(70_000_000)
            assert (await anext(events)).details["kind"] == "oversized_line"
            assert (await session.query("Hi").wait()).result == "Hello."

    async def test_an_end_by_itself_is_an_event_but_one_that_we_made_is_not(
        self, fake: FakeClaude, backend: ClaudeBackend
    ) -> None:
        with anyio.fail_after(30):
            closed, crashed = await backend.create_session(), await backend.create_session()
            events = from_now(backend)
            await closed.aclose()
            fake.process.exit(3, log="no disk")
            event = await anext(events)
            assert (event.kind, event.details["session_id"]) == ("exited", crashed.session_id)
            assert "no disk" in event.message
            await backend.aclose()
            assert [event.kind async for event in events] == []


class TestListing:
    async def test_models_are_those_of_the_greeting_of_a_process_of_its_own(
        self, fake: FakeClaude, backend: ClaudeBackend
    ) -> None:
        with anyio.fail_after(30):
            assert [model.id for model in await backend.list_models()] == ["default", "fake-model"]
            assert (backend.sessions, gone(fake.process.pid)) == ((), True)

    async def test_an_open_session_is_asked(self, fake: FakeClaude, backend: ClaudeBackend) -> None:
        with anyio.fail_after(30):
            await backend.create_session()
            fake.on("list_models", lambda request: request.answer({"models": [{"value": "new"}, {}]}))
            assert [model.id for model in await backend.list_models()] == ["new"]
            assert len(fake.processes) == 1

    async def test_stored_sessions_are_listed_read_and_archived_without_a_process(
        self, fake: FakeClaude, backend: ClaudeBackend, stored: Callable[..., Path]
    ) -> None:
        stored(ID)
        assert [each.session_id for each in (await backend.list_sessions()).sessions] == [ID]
        assert [message.uuid for message in await backend.read_history(ID)] == ["asked", "answered"]
        await backend.archive_session(ID)
        assert (await backend.list_sessions()).sessions == ()
        assert fake.processes == []

    async def test_an_open_session_is_renamed_by_claude_and_another_in_its_file(
        self, fake: FakeClaude, backend: ClaudeBackend, stored: Callable[..., Path]
    ) -> None:
        stored(ID)
        stored(OTHER)
        with anyio.fail_after(30):
            await backend.create_session(SessionOptions(resume=ID))
            await backend.rename_session(ID, "Mine")
            await backend.rename_session(OTHER, "Other")
            assert (await fake.request("rename_session")).fields == {"title": "Mine"}
            titles = {each.session_id: each.title for each in (await backend.list_sessions()).sessions}
            assert titles[OTHER] == "Other"

    async def test_only_a_session_that_is_not_open_is_deleted(
        self, backend: ClaudeBackend, stored: Callable[..., Path], locks: Path
    ) -> None:
        path = stored(ID)
        with anyio.fail_after(30):
            session = await backend.create_session(SessionOptions(resume=ID))
            with pytest.raises(SessionBusyError):
                await backend.delete_session(ID)
            await session.aclose()
            await backend.delete_session(ID)
            assert (path.exists(), list(locks.iterdir())) == (False, [])
            with pytest.raises(SessionNotFoundError):
                await backend.delete_session(ID)


class TestClosing:
    async def test_it_ends_every_session(self, fake: FakeClaude, backend: ClaudeBackend, locks: Path) -> None:
        with anyio.fail_after(30):
            fake.on_prompt(FakePrompt.accept)
            sessions = [await backend.create_session() for _ in range(3)]
            turn = sessions[0].query("Hi")
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(turn.wait)
                await fake.prompt()
                await backend.aclose()
            assert turn.result is not None
            assert turn.result.outcome == "interrupted"
            assert [session.state for session in sessions] == ["closed"] * 3
            assert [gone(process.pid) for process in fake.processes] == [True] * 3
            assert (backend.sessions, list(locks.iterdir())) == ((), [])

    @pytest.mark.parametrize("loop", ["asyncio", "trio"])
    def test_a_loop_that_ends_takes_the_processes_with_it(
        self, fake: FakeClaude, child_env: dict[str, str], loop: str
    ) -> None:
        async def leave() -> None:
            await ClaudeBackend(executable=fake.executable, env=child_env).create_session()

        anyio.run(leave, backend=loop)
        anyio.run(fake.wait_until, lambda: fake.process.gone, "the end of the process")

    async def test_a_failed_opening_keeps_what_is_open(self, fake: FakeClaude, backend: ClaudeBackend) -> None:
        def greet(request: FakeControl) -> None:
            request.refuse("no")

        with anyio.fail_after(30):
            session = await backend.create_session()
            fake.on("initialize", greet)
            with pytest.raises(HandshakeError):
                await backend.create_session()
            assert backend.sessions == (session,)
            assert (await session.query("Hi").wait()).result == "Hello."
