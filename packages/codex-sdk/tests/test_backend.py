from __future__ import annotations

import contextvars
import os
import select
import signal
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, cast

import anyio
import anyio.lowlevel
import pytest

from agent_sdk_core import (
    AgentError,
    BackendEvent,
    HandshakeError,
    InvalidRequestError,
    ProcessExitedError,
    ProtocolError,
    RateLimitEvent,
    RequestTimeoutError,
    ResultMessage,
    RuntimeConfig,
    Secret,
    SessionBusyError,
    SessionClosedError,
    SessionNotFoundError,
    SessionOptions,
    UnknownMessage,
    UnsupportedOptionError,
    create_backend,
)
from agent_sdk_core.wire_log import WireLog
from agent_sdk_testing import FakeCodex, FakeRequest
from codex_sdk.backend import CodexBackend
from codex_sdk.drift import Drift
from codex_sdk.process.app_server import AppServer
from codex_sdk.protocol.methods import SERVER_NOTIFICATIONS
from codex_sdk.routing.receiver import Notification

pytestmark = pytest.mark.anyio

MakeBackend = Callable[..., CodexBackend]


def from_now(backend: CodexBackend) -> AsyncIterator[BackendEvent]:
    """Return an iterator over later events: the first one begins with those before."""
    backend.events()
    return backend.events()


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def ends(pid: int, seconds: float = 60) -> bool:
    """Wait until a process has ended, whether or not its exit code was read."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        poll = select.poll()
        poll.register(descriptor, select.POLLIN)
        return bool(poll.poll(seconds * 1000))
    finally:
        os.close(descriptor)


async def settle(backend: CodexBackend) -> None:
    """Return when everything that the fake has sent before is handled."""
    await backend.request("thread/read", {})


class TestRemote:
    @pytest.mark.parametrize(
        ("option", "value"), [("executable", "codex"), ("env", {}), ("config_overrides", {"model": "gpt-5.5"})]
    )
    def test_how_an_app_server_is_started_says_nothing_of_one_that_runs(self, option: str, value: object) -> None:
        with pytest.raises(InvalidRequestError, match=f"somebody else started: leave {option} out") as caught:
            CodexBackend(url="ws://127.0.0.1:1", **{option: value})  # pyright: ignore[reportArgumentType]  # options by name
        assert caught.value.details == {"option": option}

    def test_a_token_needs_an_address(self) -> None:
        with pytest.raises(InvalidRequestError, match="CodexBackend\\(url=…\\), which is missing"):
            CodexBackend(token=Secret("token"))

    def test_a_token_over_a_network_in_the_clear_is_refused(self) -> None:
        with pytest.raises(InvalidRequestError, match="in the clear"):
            CodexBackend(url="ws://agents.example.org", token=Secret("token"))

    def test_what_is_configured_for_a_process_is_left_out(self, tmp_path: Path) -> None:
        config = RuntimeConfig.model_validate({"backends": {"codex": {"executable": tmp_path / "none"}}})
        backend = create_backend("codex", config=config, url="unix:///run/codex.sock")
        assert isinstance(backend, CodexBackend)


class TestStarting:
    async def test_it_starts_on_first_use_and_tells(self, fake: FakeCodex, backend: CodexBackend) -> None:
        with anyio.fail_after(30):
            events = backend.events()
            assert (backend.version, backend.pid, backend.sessions) == (None, None, ())
            assert await backend.list_models() == []
            assert backend.pid is not None
            assert (backend.version, backend.pid) == (fake.version, fake.pids[0])
            assert await anext(events) == BackendEvent(
                "started", f"codex app-server {fake.version} is running.", {"pid": backend.pid}
            )

    async def test_concurrent_starts_make_one_process(self, fake: FakeCodex, backend: CodexBackend) -> None:
        with anyio.fail_after(30):
            async with anyio.create_task_group() as tasks:
                for _ in range(5):
                    tasks.start_soon(backend.start)
            await backend.start()
            assert len(fake.pids) == 1

    async def test_a_newer_version_is_a_warning(self, make_backend: MakeBackend) -> None:
        with anyio.fail_after(30), FakeCodex(version="99.0.0") as new:
            backend = make_backend(executable=new.executable)
            events = backend.events()
            await backend.start()
            assert [(await anext(events)).kind, (await anext(events)).kind] == ["started", "warning"]
            await backend.aclose()

    async def test_it_may_be_started_and_closed_by_different_tasks(
        self, fake: FakeCodex, backend: CodexBackend
    ) -> None:
        with anyio.fail_after(30):
            for step in (backend.start, backend.create_session, backend.aclose):
                async with anyio.create_task_group() as tasks:
                    tasks.start_soon(step)
            assert gone(fake.pids[0])

    async def test_a_failed_start_says_why_and_may_be_tried_again(self, fake: FakeCodex, backend: CodexBackend) -> None:
        with anyio.fail_after(30):
            events = backend.events()
            fake.on("initialize", lambda request: fake.exit(3, log="no disk"))
            for _ in range(2):
                with pytest.raises(HandshakeError, match="no disk"):
                    await backend.start()
            fake.on("initialize", lambda request: request.answer())
            await backend.start()
            assert (await anext(events)).kind == "started"

    async def test_a_failed_start_as_context_manager_leaves_nothing(
        self, fake: FakeCodex, backend: CodexBackend
    ) -> None:
        with anyio.fail_after(30):
            fake.on("initialize", lambda request: request.refuse("no"))
            with pytest.raises(HandshakeError):
                async with backend:
                    pytest.fail("it did start")
            assert gone(fake.pids[0])
            with pytest.raises(SessionClosedError):
                await backend.start()

    async def test_a_cancelled_start_leaves_nothing_and_may_be_repeated(
        self, fake: FakeCodex, backend: CodexBackend
    ) -> None:
        with anyio.fail_after(30):
            fake.hold("initialize")
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(backend.start)
                await fake.request("initialize")
                tasks.cancel_scope.cancel()
            fake.release("initialize")
            (await fake.request("initialize")).answer()
            await backend.start()
            await fake.wait_until(lambda: fake.processes[0].stdin_closed, "the end of the first one's stdin")
            assert backend.pid == fake.pids[1]
            async with await backend.create_session() as session:
                assert (await session.query("Hi").wait()).result == "Hello."

    async def test_a_close_ends_a_start_that_hangs(self, fake: FakeCodex, backend: CodexBackend) -> None:
        with anyio.fail_after(30):
            fake.hold("initialize")
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(closed, backend.start)
                await fake.request("initialize")
                await backend.aclose()
            assert gone(fake.pids[0])

    async def test_the_environment_is_the_whole_one(
        self, fake: FakeCodex, make_backend: MakeBackend, tmp_path: Path, child_env: dict[str, str]
    ) -> None:
        seen = tmp_path / "env"
        wrapper = tmp_path / "codex"
        wrapper.write_text(f'#!/bin/sh\nenv > "{seen}"\nexec "{fake.executable}" "$@"\n')
        wrapper.chmod(0o700)
        with anyio.fail_after(30):
            await make_backend(executable=None, env={**child_env, "AGENT_SDK_CODEX_PATH": str(wrapper)}).start()
            names = {line.partition("=")[0] for line in seen.read_text().splitlines()}
            assert names - {"PWD", "SHLVL", "_", "OLDPWD"} == {
                "PATH", "LC_ALL", "AGENT_SDK_CODEX_PATH", "AGENT_SDK_SESSION"
            }  # fmt: skip

    async def test_the_protocol_of_an_installed_codex_can_be_compared(
        self, fake: FakeCodex, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        checked: list[object] = []

        async def check(executable: Path) -> Drift:
            checked.append(executable)
            return drift

        drift = Drift("1.2.3", fake.version)
        monkeypatch.setattr("codex_sdk.drift.checking.check", check)
        monkeypatch.setenv("AGENT_SDK_CODEX_PATH", str(fake.executable))
        assert await CodexBackend.check_protocol() == drift.summary()
        await CodexBackend.check_protocol(Path("/other"))
        assert checked == [fake.executable, Path("/other")]

    async def test_a_wire_log_can_be_told_again_without_codex(self, make_backend: MakeBackend, tmp_path: Path) -> None:
        path = tmp_path / "wire.jsonl"
        with anyio.fail_after(30), WireLog(path) as log:
            session = await make_backend(wire_log=log).create_session()
            assert (await session.query("Hi").wait()).result == "Hello."
        results = [message.result for message in CodexBackend.replay(path) if isinstance(message, ResultMessage)]
        assert results == ["Hello."]

    async def test_without_an_environment_it_takes_ours(
        self, fake: FakeCodex, make_backend: MakeBackend, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("AGENT_SDK_CODEX_PATH", str(fake.executable))
        with anyio.fail_after(30):
            assert CodexBackend.locate() == fake.executable
            await make_backend(executable=None, env=None).start()
            assert len(fake.pids) == 1

    async def test_a_wire_log_sees_both_directions_and_cannot_break_it(self, make_backend: MakeBackend) -> None:
        seen: list[tuple[str, object]] = []

        def log(direction: str, message: dict[str, object]) -> None:
            seen.append((direction, message.get("method", "answer")))
            raise RuntimeError("the disk is full")

        with anyio.fail_after(30):
            await make_backend(wire_log=log).start()
            assert seen == [
                ("out", "initialize"),
                ("in", "answer"),
                ("out", "initialized"),
                ("out", "config/read"),
                ("in", "answer"),
            ]


async def closed(call: Callable[[], Any]) -> None:
    with pytest.raises(SessionClosedError):
        await call()


class TestOpening:
    async def test_a_session_is_a_thread(self, fake: FakeCodex, backend: CodexBackend, workspace: Path) -> None:
        with anyio.fail_after(30):
            session = await backend.create_session(SessionOptions(cwd=workspace, model="m"))
            assert (session.session_id, session.resolved_session_id, session.thread_id) == ("thread-1",) * 3
            assert session.backend is backend
            assert backend.sessions == (session,)
            assert (session.info.cwd, session.info.model) == (str(workspace), "m")
            assert (await fake.request("thread/start")).params == {
                "cwd": str(workspace), "model": "m", "approvalPolicy": "on-request", "sandbox": "read-only",
                "config": {"projects": {str(workspace): {"trust_level": "untrusted"}}},
                "experimentalRawEvents": True,
            }  # fmt: skip
            await session.aclose()
            assert backend.sessions == ()
            assert [request.method for request in fake.requests[-3:]] == [
                "thread/backgroundTerminals/clean", "thread/unsubscribe", "thread/loaded/list"
            ]  # fmt: skip

    async def test_one_that_codex_cannot_store_is_told_of_and_cannot_be_resumed(
        self, fake: FakeCodex, backend: CodexBackend, tmp_path: Path
    ) -> None:
        (tmp_path / "sessions").touch()
        fake.on(
            "initialize", lambda request: request.answer({**fake.usual_result(request), "codexHome": str(tmp_path)})
        )
        with anyio.fail_after(30):
            async with backend.create_session() as session, backend.create_session() as other:
                await session.run("Hi")
                assert not session.resumable
                assert not other.resumable
                assert list(await session.history()) == []
            await backend.aclose()
            warnings = [event.message async for event in backend.events() if event.kind == "warning"]
        told = f"nothing can be written to {tmp_path}/sessions: Not a directory."
        assert warnings == [f"Codex goes on without storing what is said: {told}"]

    async def test_bad_options_start_no_process(self, fake: FakeCodex, backend: CodexBackend, tmp_path: Path) -> None:
        with pytest.raises(InvalidRequestError):
            await backend.create_session(SessionOptions(cwd=tmp_path / "missing"))
        with pytest.raises(UnsupportedOptionError):
            await backend.create_session(SessionOptions(session_id="mine"))
        assert fake.pids == []

    async def test_a_stored_session_is_resumed_without_its_turns(self, fake: FakeCodex, backend: CodexBackend) -> None:
        with anyio.fail_after(30):
            session = await backend.create_session(SessionOptions(resume="stored"))
            assert (session.session_id, session.resumable) == ("stored", True)
            params = (await fake.request("thread/resume")).params
            assert (params["threadId"], params["excludeTurns"]) == ("stored", True)

    async def test_a_session_is_open_once(self, fake: FakeCodex, backend: CodexBackend) -> None:
        with anyio.fail_after(30):
            session = await backend.create_session(SessionOptions(resume="stored"))
            with pytest.raises(SessionBusyError, match="stored is open in this backend already"):
                await backend.create_session(SessionOptions(resume="stored"))
            await session.aclose()
            await backend.create_session(SessionOptions(resume="stored"))

    async def test_two_calls_that_resume_at_once_make_one_session(self, fake: FakeCodex, backend: CodexBackend) -> None:
        outcomes: list[object] = []

        async def resume() -> None:
            try:
                outcomes.append(await backend.create_session(SessionOptions(resume="stored")))
            except SessionBusyError as error:
                outcomes.append(error)

        with anyio.fail_after(30):
            fake.hold("thread/resume")
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(resume)
                tasks.start_soon(resume)
                second = await fake.request("thread/resume", 2)
                second.answer()
                (await fake.request("thread/resume", 1)).answer()
            assert sorted(type(outcome).__name__ for outcome in outcomes) == ["CodexSession", "SessionBusyError"]
            assert len(backend.sessions) == 1
            assert (await backend.sessions[0].query("Hi").wait()).result == "Hello."

    async def test_a_session_that_is_not_stored_is_not_found(self, fake: FakeCodex, backend: CodexBackend) -> None:
        with anyio.fail_after(30):
            fake.on("thread/resume", lambda request: request.refuse("no rollout found for thread id x"))
            with pytest.raises(SessionNotFoundError, match="stored"):
                await backend.create_session(SessionOptions(resume="stored"))

    @pytest.mark.parametrize("answer", [[], {}, {"thread": None}, {"thread": {"id": ""}}, "thread"])
    async def test_an_answer_without_a_thread_is_a_protocol_error(
        self, fake: FakeCodex, backend: CodexBackend, answer: object
    ) -> None:
        with anyio.fail_after(30):
            fake.on("thread/start", lambda request: request.answer(answer))
            with pytest.raises(ProtocolError, match="without a thread"):
                await backend.create_session()
            assert backend.sessions == ()

    async def test_a_cancelled_call_leaves_no_session(self, fake: FakeCodex, backend: CodexBackend) -> None:
        with anyio.fail_after(30):
            fake.hold("thread/start")
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(backend.create_session)
                await fake.request("thread/start")
                tasks.cancel_scope.cancel()
            (await fake.request("thread/start")).answer()
            assert (await fake.request("thread/unsubscribe")).params == {"threadId": "thread-1"}
            while backend.sessions:
                await anyio.lowlevel.checkpoint()

    async def test_a_close_ends_an_opening_that_hangs(self, fake: FakeCodex, backend: CodexBackend) -> None:
        with anyio.fail_after(30):
            await backend.start()
            fake.hold("thread/start")
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(closed, backend.create_session)
                await fake.request("thread/start")
                await backend.aclose()

    async def test_what_comes_before_the_answer_is_not_lost(self, fake: FakeCodex, backend: CodexBackend) -> None:
        def start(request: FakeRequest) -> None:
            fake.notify("thread/settings/updated", threadId="thread-1", threadSettings={"model": "early"})
            request.answer()

        with anyio.fail_after(30):
            fake.on("thread/start", start)
            session = await backend.create_session()
            assert session.info.model == "early"

    async def test_callbacks_see_the_context_in_which_the_session_was_made(
        self, fake: FakeCodex, backend: CodexBackend
    ) -> None:
        user: contextvars.ContextVar[str] = contextvars.ContextVar("user", default="nobody")
        seen: list[str] = []

        async def note(request: object) -> Any:
            seen.append(user.get())
            raise RuntimeError("denied")

        with anyio.fail_after(30):
            user.set("Ada")
            session = await backend.create_session(SessionOptions(can_use_tool=note))
            user.set("Bob")
            await fake.ask("item/commandExecution/requestApproval", threadId=session.thread_id).answered()
            assert seen == ["Ada"]


class TestRequests:
    async def test_any_request_can_be_sent(self, fake: FakeCodex, backend: CodexBackend) -> None:
        with anyio.fail_after(30):
            fake.on("some/method", lambda request: request.answer({"params": request.params}))
            assert await backend.request("some/method", None) == {"params": {}}
            assert await backend.request("some/method", {"a": 1}) == {"params": {"a": 1}}

    async def test_a_refusal_is_translated(self, fake: FakeCodex, backend: CodexBackend) -> None:
        with anyio.fail_after(30):
            fake.on("some/method", lambda request: request.refuse("thread not found: t"))
            with pytest.raises(InvalidRequestError):
                await backend.request("some/method", {})
            with pytest.raises(SessionNotFoundError):
                await backend.request("some/method", {"threadId": "t"})

    async def test_no_answer_is_a_timeout(self, fake: FakeCodex, backend: CodexBackend) -> None:
        with anyio.fail_after(30):
            fake.hold("some/method")
            with pytest.raises(RequestTimeoutError, match="some/method"):
                await backend.request("some/method", {}, timeout=0.05)

    async def test_an_answer_that_comes_late_or_twice_harms_nobody(
        self, fake: FakeCodex, backend: CodexBackend
    ) -> None:
        with anyio.fail_after(30):
            fake.hold("some/method")
            with pytest.raises(RequestTimeoutError):
                await backend.request("some/method", {}, timeout=0.05)
            late = await fake.request("some/method")
            late.answer({"late": True})
            late.answer({"late": True})
            fake.on("some/method", lambda request: request.answer({"new": True}))
            assert await backend.request("some/method", {}) == {"new": True}

    async def test_an_overloaded_server_is_asked_again_where_that_is_harmless(
        self, fake: FakeCodex, backend: CodexBackend
    ) -> None:
        asked: list[FakeRequest] = []

        def overloaded_once(request: FakeRequest) -> None:
            asked.append(request)
            if len(asked) == 1:
                request.refuse("Server overloaded; retry later.", code=-32001)
            else:
                request.answer()

        with anyio.fail_after(30):
            fake.on("model/list", overloaded_once)
            assert await backend.list_models() == []
            asked.clear()
            fake.on("thread/start", overloaded_once)
            with pytest.raises(ProtocolError) as caught:
                await backend.create_session()
            assert (caught.value.code, caught.value.retryable, caught.value.backend) == ("overloaded", True, "codex")

    async def test_stored_sessions_can_be_changed(self, fake: FakeCodex, backend: CodexBackend) -> None:
        with anyio.fail_after(30):
            await backend.rename_session("s", "Title")
            await backend.archive_session("s")
            await backend.delete_session("s")
            asked = [request for request in fake.requests if request.method != "thread/turns/list"]  # Is it there?
            assert [(request.method, request.params) for request in asked[-3:]] == [
                ("thread/name/set", {"threadId": "s", "name": "Title"}),
                ("thread/archive", {"threadId": "s"}),
                ("thread/delete", {"threadId": "s"}),
            ]


class TestWatching:
    async def test_every_notification_can_be_watched(self, fake: FakeCodex, backend: CodexBackend) -> None:
        with anyio.fail_after(30):
            await backend.start()
            watched = backend.notifications()
            fake.notify("turn/diff/updated", threadId="nobody's", turnId="t", diff="")
            fake.notify("skills/changed")
            assert await anext(watched) == Notification(
                "turn/diff/updated", {"threadId": "nobody's", "turnId": "t", "diff": ""}
            )
            assert (await anext(watched)).method == "skills/changed"

    async def test_a_watcher_that_lags_is_told_how_much_it_lost(self, fake: FakeCodex, backend: CodexBackend) -> None:
        with anyio.fail_after(30):
            await backend.start()
            watched = backend.notifications()
            lines = [{"method": "skills/changed", "params": {"number": number}} for number in range(10_050)]
            fake.write(*lines)
            await settle(backend)
            assert watched.dropped == 50
            assert (await anext(watched)).params == {"number": 50}

    async def test_warnings_of_no_thread_are_events(self, fake: FakeCodex, backend: CodexBackend) -> None:
        with anyio.fail_after(30):
            await backend.start()
            events = from_now(backend)
            fake.notify("configWarning", summary="a key is not known")
            fake.notify("deprecationNotice", summary="old")
            fake.notify("warning", message="careful")
            fake.notify("warning")
            told = [await anext(events) for _ in range(4)]
            assert [(event.kind, event.message) for event in told] == [
                ("warning", "a key is not known"), ("warning", "old"), ("warning", "careful"), ("warning", "warning")
            ]  # fmt: skip

    async def test_rate_limits_are_told_when_they_change_also_to_the_sessions(
        self, fake: FakeCodex, backend: CodexBackend
    ) -> None:
        with anyio.fail_after(30):
            session = await backend.create_session()
            idle = await backend.create_session()
            events, messages, quiet = from_now(backend), session.messages(), idle.messages()

            def tell(*percents: int) -> None:
                for used in percents:
                    limits = {"primary": {"usedPercent": used, "windowDurationMins": 300, "resetsAt": 1}}
                    fake.notify("account/rateLimits/updated", rateLimits=limits)

            def limited_turn(request: FakeRequest) -> None:
                turn = fake.accept(request)
                tell(10, 10, 20)
                turn.completed()

            fake.on("turn/start", limited_turn)
            await session.query("Hi").wait()
            tell(20)
            await idle.query("Hi").wait()
            details = [cast("Any", (await anext(events)).details) for _ in range(2)]
            assert [detail["rateLimits"]["primary"]["usedPercent"] for detail in details] == [10, 20]
            await backend.aclose()
            for stream in (messages, quiet):
                told = [message async for message in stream if isinstance(message, RateLimitEvent)]
                limits = [cast("Any", message.rate_limit_info)["primary"]["usedPercent"] for message in told]
                assert limits == [10, 20]

    async def test_an_unknown_notification_is_counted_and_told_once(
        self, fake: FakeCodex, backend: CodexBackend
    ) -> None:
        with anyio.fail_after(30):
            session = await backend.create_session()
            events, messages = from_now(backend), session.messages()
            for _ in range(3):
                fake.notify("thread/newThing", threadId=session.thread_id, value=1)
            fake.notify("other/newThing")
            await settle(backend)
            assert backend.unknown_methods == {"thread/newThing": 3, "other/newThing": 1}
            told = [(await anext(events)).message for _ in range(2)]
            assert "thread/newThing" in told[0]
            assert "other/newThing" in told[1]
            message = await anext(messages)
            assert isinstance(message, UnknownMessage)
            assert message.raw == {
                "method": "thread/newThing", "params": {"threadId": session.thread_id, "value": 1}
            }  # fmt: skip

    async def test_unknown_fields_and_values_pass_through_counted_and_told_once(
        self, fake: FakeCodex, backend: CodexBackend
    ) -> None:
        with anyio.fail_after(30):
            session = await backend.create_session()
            events, notifications = from_now(backend), backend.notifications()
            status = {"type": "asleep", "since": 1}
            for _ in range(2):
                fake.notify("thread/status/changed", threadId=session.thread_id, status=status, deep=True)
            await settle(backend)
            assert backend.unknown_fields == {"ThreadStatusChangedNotification.deep": 2}
            assert backend.unknown_values == {'ThreadStatus "asleep"': 2}
            assert (backend.unknown_items, backend.unknown_methods) == ({}, {})
            assert (await anext(notifications)).params["status"] == status
            await session.query("Hi").wait()
            told = (await anext(events)).message
            assert "ThreadStatusChangedNotification.deep" in told
            assert 'ThreadStatus "asleep"' in told

    async def test_what_opens_a_session_is_looked_at_too(self, fake: FakeCodex, backend: CodexBackend) -> None:
        with anyio.fail_after(30):
            await backend.create_session()
            events = from_now(backend)
            assert backend.unknown_fields == {}
            fake.on("thread/start", lambda request: request.answer({"thread": {"id": "other", "flavour": "sweet"}}))
            await backend.create_session()
            assert backend.unknown_fields == {"Thread.flavour": 1}
            await backend.aclose()
            [told] = [event.message async for event in events]
            assert "Thread.flavour" in told

    async def test_every_known_notification_may_come_empty(self, fake: FakeCodex, backend: CodexBackend) -> None:
        with anyio.fail_after(30):
            session = await backend.create_session()
            for method in SERVER_NOTIFICATIONS:
                fake.notify(method)
                fake.notify(method, threadId=session.thread_id)
                fake.notify(method, threadId=7)
            await settle(backend)
            assert (backend.unknown_methods, backend.unknown_values) == ({}, {})
            assert (await session.query("Hi").wait()).result == "Hello."

    @pytest.mark.parametrize(
        ("line", "kind"),
        [
            (b"[1, 2]", "not_an_object"),
            (b"7", "not_an_object"),
            (b'{"id": 99, "result": {}}', "unknown_response"),
            (b'{"id": "x", "result": {}}', "unknown_response"),
            (b'{"hello": 1}', "unknown_shape"),
            (b'{"method": 7}', "unknown_shape"),
            (b'{"method": "a", "params": [1]}', "unknown_shape"),
            (b'{"method": "a", "id": {}, "params": {}}', "unknown_shape"),
        ],
    )
    async def test_a_message_of_no_known_shape_is_an_event_and_the_stream_goes_on(
        self, fake: FakeCodex, backend: CodexBackend, line: bytes, kind: str
    ) -> None:
        with anyio.fail_after(30):
            session = await backend.create_session()
            events = from_now(backend)
            fake.write(line)
            event = await anext(events)
            assert (event.kind, event.details["kind"]) == ("protocol_error", kind)
            assert (await session.query("Hi").wait()).result == "Hello."

    @pytest.mark.parametrize("line", [b"thread 'main' panicked", b"\xff\xfe\x00", b'{"method": "turn/sta'])
    async def test_a_line_that_is_no_json_is_a_log_line(
        self, fake: FakeCodex, backend: CodexBackend, line: bytes
    ) -> None:
        with anyio.fail_after(30):
            session = await backend.create_session()
            logs = backend.logs()
            fake.write(b"", line, b"   ")
            assert await anext(logs) == line.decode("utf-8", "replace")
            assert (await session.query("Hi").wait()).result == "Hello."

    async def test_a_line_beyond_the_limit_is_dropped_and_told(self, fake: FakeCodex, backend: CodexBackend) -> None:
        with anyio.fail_after(60):
            session = await backend.create_session()
            events = from_now(backend)
            fake.write_long_line(70 * 1024 * 1024)
            event = await anext(events)
            assert (event.kind, event.details["kind"]) == ("protocol_error", "oversized_line")
            assert (await session.query("Hi").wait()).result == "Hello."

    async def test_stderr_is_a_log(self, fake: FakeCodex, backend: CodexBackend) -> None:
        with anyio.fail_after(30):
            await backend.start()
            logs = backend.logs()
            fake.log("careful")
            assert await anext(logs) == "careful"

    async def test_iterators_end_with_the_backend_and_later_ones_at_once(self, backend: CodexBackend) -> None:
        with anyio.fail_after(30):
            await backend.start()
            streams: list[Any] = [from_now(backend), backend.notifications(), backend.server_requests(), backend.logs()]
            await backend.aclose()
            streams += [backend.events(), backend.notifications(), backend.server_requests(), backend.logs()]
            for stream in streams:
                with pytest.raises(StopAsyncIteration):
                    await anext(stream)


class TestEnding:
    @pytest.mark.parametrize(("code", "number"), [(3, None), (None, signal.SIGKILL), (0, None)])
    async def test_an_exit_is_noticed_by_everybody(
        self, fake: FakeCodex, make_backend: MakeBackend, code: int | None, number: int | None
    ) -> None:
        backend = make_backend(max_restarts=0)
        with anyio.fail_after(30):
            session = await backend.create_session()
            other = await backend.create_session()
            events = from_now(backend)
            fake.hold("turn/start", "some/method")
            results: list[Any] = []

            async def ask() -> None:
                with pytest.raises(ProcessExitedError):
                    await backend.request("some/method", {})

            async def query() -> None:
                results.append(await session.query("Hi").wait())

            async with anyio.create_task_group() as tasks:
                tasks.start_soon(ask)
                tasks.start_soon(query)
                turn = fake.accept(await fake.request("turn/start"))
                turn.item("commandExecution", open=True, command="make", status="inProgress")
                await fake.request("some/method")
                if code is None:
                    fake.kill(cast("int", number))
                else:
                    fake.exit(code, log="out of memory")
            dead = await anext(events)
            assert dead.kind == "dead"
            assert (session.state, other.state, backend.pid) == ("disconnected", "disconnected", None)
            (result,) = results
            assert (result.terminal_reason, result.error_code) == ("agent_exited", "process_exited")
            if code == 3:
                assert "out of memory" in result.errors[0]
            for call in (backend.start, backend.list_models, lambda: session.send("Hi")):
                with pytest.raises(ProcessExitedError) as caught:
                    await call()
                assert (caught.value.exit_code, caught.value.signal) == (code, number)
                assert caught.value.backend == "codex"
            with pytest.raises(ProcessExitedError):
                session.query("Hi")
            await session.aclose()
            assert backend.sessions == (other,)

    async def test_each_caller_gets_an_error_of_its_own(self, fake: FakeCodex, make_backend: MakeBackend) -> None:
        backend = make_backend(max_restarts=0)
        caught: list[AgentError] = []
        with anyio.fail_after(30):
            session = await backend.create_session()
            messages = session.messages()
            fake.exit(3)
            while session.state != "disconnected":
                await anyio.lowlevel.checkpoint()
            for _ in range(2):
                try:
                    await backend.start()
                except ProcessExitedError as error:
                    caught.append(error)
            assert caught[0] is not caught[1]
            assert caught[0].__traceback__ is not caught[1].__traceback__
            await session.aclose()
            with pytest.raises(StopAsyncIteration):
                await anext(messages)

    async def test_an_exit_right_after_the_greeting_is_noticed(self, fake: FakeCodex, backend: CodexBackend) -> None:
        def answer_and_leave(request: FakeRequest) -> None:
            request.answer()
            fake.exit(3)

        with anyio.fail_after(30):
            fake.on("config/read", answer_and_leave)
            with pytest.raises(AgentError):
                await backend.create_session()
            assert backend.pid is None

    async def test_an_exit_between_the_greeting_and_its_news_is_a_failed_start(
        self, fake: FakeCodex, backend: CodexBackend, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        greet = AppServer.greet

        async def greet_and_lose(server: AppServer, *args: Any, **options: Any) -> None:
            await greet(server, *args, **options)
            fake.exit(3)
            while not server.peer.failed:
                await anyio.lowlevel.checkpoint()

        with anyio.fail_after(30):
            events = backend.events()
            with monkeypatch.context() as patch:
                patch.setattr(AppServer, "greet", greet_and_lose)
                with pytest.raises(ProcessExitedError):
                    await backend.start()
            await backend.start()
            assert (await anext(events)).kind == "started"

    async def test_what_is_new_of_its_protocol_is_told_before_its_end(
        self, fake: FakeCodex, backend: CodexBackend
    ) -> None:
        with anyio.fail_after(30):
            session = await backend.create_session()
            events = from_now(backend)
            notifications = backend.notifications()
            fake.notify("thread/closed", threadId=session.session_id, brandNew=1)
            await anext(notifications)
            fake.exit(3)
            told = [await anext(events), await anext(events)]
        assert [event.kind for event in told] == ["warning", "exited"]
        assert "brandNew" in told[0].message

    async def test_a_closed_stdout_is_an_end_too(self, fake: FakeCodex, backend: CodexBackend) -> None:
        with anyio.fail_after(30):
            session = await backend.create_session()
            events = from_now(backend)
            fake.close_stdout()
            assert (await anext(events)).kind == "exited"
            assert session.state == "disconnected"
            await backend.aclose()
            assert gone(fake.pids[0])

    async def test_a_close_ends_everything_and_is_idempotent(self, fake: FakeCodex, backend: CodexBackend) -> None:
        with anyio.fail_after(30):
            session = await backend.create_session()
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(backend.aclose)
                tasks.start_soon(backend.aclose)
            await backend.aclose()
            assert (session.state, backend.sessions) == ("closed", ())
            assert gone(fake.pids[0])
            for call in (backend.start, backend.create_session, lambda: backend.request("x", {})):
                with pytest.raises(SessionClosedError):
                    await call()

    async def test_a_close_that_was_never_started_does_nothing(self, fake: FakeCodex, backend: CodexBackend) -> None:
        with anyio.fail_after(30):
            await backend.aclose()
            assert fake.pids == []

    async def test_a_close_tells_no_death(self, fake: FakeCodex, backend: CodexBackend) -> None:
        with anyio.fail_after(30):
            await backend.start()
            events = from_now(backend)
            await backend.aclose()
            assert [event.kind async for event in events] == []

    async def test_a_server_that_ignores_every_hint_is_killed(self, make_backend: MakeBackend) -> None:
        with anyio.fail_after(30), FakeCodex(ignore_eof=True, ignore_sigterm=True) as stubborn:
            backend = make_backend(executable=stubborn.executable)
            await backend.start()
            await backend.aclose()
            assert gone(stubborn.pids[0])


def test_an_event_loop_that_ends_takes_the_process_with_it(
    fake: FakeCodex, child_env: dict[str, str], anyio_backend_name: str
) -> None:
    backend = None

    async def main() -> None:
        nonlocal backend
        backend = CodexBackend(executable=fake.executable, env=child_env)
        await backend.start()

    anyio.run(main, backend=anyio_backend_name)
    assert backend is not None
    assert ends(fake.pids[0])


def test_an_event_loop_that_ends_during_the_start_takes_the_process_with_it(
    fake: FakeCodex, child_env: dict[str, str], anyio_backend_name: str
) -> None:
    backend = CodexBackend(executable=fake.executable, env=child_env)

    async def main() -> None:
        fake.hold("initialize")
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(backend.start)
            await fake.request("initialize")
            tasks.cancel_scope.cancel()

    anyio.run(main, backend=anyio_backend_name)
    assert ends(fake.pids[0])
