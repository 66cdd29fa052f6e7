from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import anyio
import pytest

from agent_sdk_core import (
    AgentError,
    InvalidRequestError,
    PermissionRequest,
    ProcessExitedError,
    ProtocolError,
    RequestResolved,
    ResultMessage,
    SDKMessage,
    SessionBusyError,
    SessionClosedError,
    SessionNotFoundError,
    SessionOptions,
    UnsupportedOptionError,
)
from agent_sdk_core.asking.permissions import DEFER, Allow
from agent_sdk_testing import FakeClaude, FakeControl, FakePrompt
from claude_sdk.backend import ClaudeBackend
from claude_sdk.session import ClaudeSession

pytestmark = pytest.mark.anyio

Json = dict[str, Any]
MakeBackend = Callable[..., ClaudeBackend]
ID = "00000001-0000-4000-8000-000000000001"


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


async def settle(session: ClaudeSession) -> None:
    """Return when everything that the fake has sent before is handled."""
    await session.control("get_settings")


@pytest.fixture
async def session(backend: ClaudeBackend) -> AsyncIterator[ClaudeSession]:
    with anyio.fail_after(30):
        yield await backend.create_session(SessionOptions(session_id=ID))


class TestTurns:
    async def test_a_prompt_is_a_turn_with_its_messages_in_order(
        self, fake: FakeClaude, session: ClaudeSession
    ) -> None:
        turn = session.query("Hi")
        kinds = [message.type async for message in turn]
        assert kinds[0] == "system"
        assert kinds[-1] == "result"
        assert turn.text == "Hello."
        (prompt,) = fake.prompts
        assert (prompt.uuid, prompt.content) == (turn.uuid, "Hi")
        assert session.resumable

    async def test_a_whole_turn_that_comes_in_one_piece_is_one_batch(
        self, fake: FakeClaude, session: ClaudeSession
    ) -> None:
        seen: list[SDKMessage] = []
        messages = session.messages()
        await session.query("Hi").wait()
        await session.aclose()
        seen = [message async for message in messages]
        assert [message.type for message in seen if message.type != "command_lifecycle"] == [
            "system", "user", "assistant", "result"
        ]  # fmt: skip

    async def test_a_session_that_changes_its_id_is_called_by_the_new_one(
        self, fake: FakeClaude, session: ClaudeSession
    ) -> None:
        fake.process.frame("conversation_reset", new_conversation_id="new")
        await settle(session)
        assert (session.session_id, session.resolved_session_id) == (ID, "new")

    async def test_it_is_idle_when_claude_says_so(self, fake: FakeClaude, session: ClaudeSession) -> None:
        fake.process.frame("system", subtype="session_state_changed", state="running")
        await settle(session)
        idle = anyio.Event()

        async def wait() -> None:
            await session.wait_idle()
            idle.set()

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(wait)
            await settle(session)
            assert not idle.is_set()
            fake.process.frame("system", subtype="session_state_changed", state="idle")
            await idle.wait()

    async def test_a_steering_prompt_that_claude_lets_go_of_ends_as_cancelled(
        self, fake: FakeClaude, session: ClaudeSession
    ) -> None:
        def hold(prompt: FakePrompt) -> None:
            if prompt.frame.get("priority") == "next":
                prompt.lifecycle("queued")
                prompt.lifecycle("cancelled")
            else:
                prompt.accept()

        fake.on_prompt(hold)
        messages = session.messages()
        async with session.query("Hi") as turn:
            steered = await session.send("faster", priority="steer")
            fake.prompts[0].result()
            await turn.wait()
        await session.aclose()
        results = [message async for message in messages if isinstance(message, ResultMessage)]
        assert {result.user_message_uuids[0]: result.outcome for result in results} == {
            turn.uuid: "completed", steered: "cancelled"
        }  # fmt: skip


class TestControls:
    async def test_any_request_can_be_sent(self, fake: FakeClaude, session: ClaudeSession) -> None:
        fake.on("get_thing", lambda request: request.answer({"thing": request.fields}))
        assert await session.control("get_thing", name="x") == {"thing": {"name": "x"}}
        assert await session.settings() == {}

    async def test_a_refusal_is_an_error_with_claudes_code(self, fake: FakeClaude, session: ClaudeSession) -> None:
        fake.on("get_thing", lambda request: request.refuse("Unknown", code="unsupported_request"))
        with pytest.raises(ProtocolError, match="claude refused get_thing: Unknown") as caught:
            await session.control("get_thing")
        assert caught.value.details["error_code"] == "unsupported_request"

    async def test_a_model_is_used_when_claude_has_confirmed_it(self, fake: FakeClaude, session: ClaudeSession) -> None:
        await session.set_model("opus")
        assert session.info.model == "opus"
        assert (await fake.request("set_model")).fields == {"model": "opus"}
        await session.set_model(None)
        assert session.info.model == "fake-model"

        def refuse(request: FakeControl) -> None:
            request.refuse("Model 'x' not found", code="not_found")

        fake.on("set_model", refuse)
        with pytest.raises(InvalidRequestError, match="Model 'x' not found"):
            await session.set_model("x")
        assert session.info.model == "fake-model"

    async def test_an_effort_is_a_setting(self, fake: FakeClaude, session: ClaudeSession) -> None:
        await session.set_reasoning_effort("high")
        assert session.info.reasoning_effort == "high"
        await session.set_reasoning_effort(None)
        assert session.info.reasoning_effort is None
        assert [each.fields for each in fake.requests if each.subtype == "apply_flag_settings"] == [
            {"settings": {"effortLevel": "high"}}, {"settings": {"effortLevel": None}}
        ]  # fmt: skip

    async def test_a_mode_is_spelt_as_claude_does_and_none_is_the_configured_one(
        self, fake: FakeClaude, session: ClaudeSession
    ) -> None:
        await session.set_permission_mode("accept_edits")
        assert session.info.permission_mode == "accept_edits"
        await session.set_permission_mode(None)
        assert session.info.permission_mode == "default"
        assert [each.fields for each in fake.requests if each.subtype == "set_permission_mode"] == [
            {"mode": "acceptEdits"}, {"mode": "default"}
        ]  # fmt: skip

        def refuse(request: FakeControl) -> None:
            request.refuse("Cannot set permission mode", code="bypass_not_launched")

        fake.on("set_permission_mode", refuse)
        with pytest.raises(UnsupportedOptionError, match="opened with permission_mode='bypass'"):
            await session.set_permission_mode("bypass")

    async def test_a_closed_session_takes_none(self, session: ClaudeSession) -> None:
        await session.aclose()
        calls: list[Callable[[], Any]] = [
            lambda: session.control("get_settings"),
            lambda: session.set_model("m"),
            session.background_tasks,
            lambda: session.stop_task("t"),
            session.fork,
            session.compact,
        ]
        for call in calls:
            with pytest.raises(SessionClosedError):
                await call()


class TestBackgroundTasks:
    def start(self, fake: FakeClaude, task_id: str, tool_use_id: str, *, background: bool = True) -> None:
        fake.process.frame(
            "system", subtype="task_started", task_id=task_id, tool_use_id=tool_use_id, description="serve",
            is_backgrounded=background,
        )  # fmt: skip

    @pytest.mark.parametrize("name", ["task-1", "toolu_1"])
    async def test_one_is_stopped_by_its_id_or_its_tool_uses(
        self, fake: FakeClaude, session: ClaudeSession, name: str
    ) -> None:
        self.start(fake, "task-1", "toolu_1")
        self.start(fake, "task-2", "toolu_2", background=False)
        await settle(session)
        assert [(task.task_id, task.command) for task in await session.background_tasks()] == [("task-1", "serve")]
        await session.stop_task(name)
        assert (await fake.request("stop_task")).fields == {"task_id": "task-1"}

    @pytest.mark.parametrize("name", ["task-9", "toolu_2", ""])
    async def test_one_that_does_not_run_in_the_background_is_not_stopped(
        self, fake: FakeClaude, session: ClaudeSession, name: str
    ) -> None:
        self.start(fake, "task-1", "toolu_1")
        self.start(fake, "task-2", "toolu_2", background=False)
        await settle(session)
        with pytest.raises(InvalidRequestError, match="No background task"):
            await session.stop_task(name)
        assert "stop_task" not in [request.subtype for request in fake.requests]


class TestForks:
    @pytest.fixture
    async def resumed(self, backend: ClaudeBackend, stored: Callable[..., Path]) -> ClaudeSession:
        stored(ID)
        return await backend.create_session(SessionOptions(resume=ID, model="m", max_turns=3))

    async def test_a_fork_is_a_copy_with_what_was_set_since(
        self, fake: FakeClaude, resumed: ClaudeSession, backend: ClaudeBackend
    ) -> None:
        with anyio.fail_after(30):
            await resumed.set_model("opus")
            await resumed.set_permission_mode("plan")
            await resumed.set_reasoning_effort("low")
            fork = await resumed.fork()
            assert fork.session_id not in (ID, "")
            assert backend.sessions == (resumed, fork)
            assert {
                f"--resume={ID}", "--fork-session", f"--session-id={fork.session_id}", "--model=opus", "--max-turns=3",
                "--permission-mode=plan", "--effort=low",
            } <= set(fake.process.arguments)  # fmt: skip
            assert fake.process.flag("--resume-session-at=") is None

    async def test_options_of_the_fork_replace_the_sessions(self, fake: FakeClaude, resumed: ClaudeSession) -> None:
        with anyio.fail_after(30):
            await resumed.set_model("opus")
            await resumed.fork(options=SessionOptions(model="haiku"))
            assert (fake.process.flag("--model="), fake.process.flag("--max-turns=")) == ("haiku", None)

    @pytest.mark.parametrize("at", ["asked", "answered"])
    async def test_it_is_made_at_the_end_of_the_turn_that_is_named(
        self, fake: FakeClaude, resumed: ClaudeSession, at: str
    ) -> None:
        with anyio.fail_after(30):
            await resumed.fork(at=at)
            assert fake.process.flag("--resume-session-at=") == "answered"

    async def test_a_message_that_is_not_there_is_refused(self, fake: FakeClaude, resumed: ClaudeSession) -> None:
        with anyio.fail_after(30):
            with pytest.raises(InvalidRequestError, match="no message 'unknown'"):
                await resumed.fork(at="unknown")
            assert len(fake.processes) == 1

    async def test_before_its_first_prompt_it_has_the_history_that_it_copies(self, resumed: ClaudeSession) -> None:
        with anyio.fail_after(30):
            fork = await resumed.fork()
            assert [message.uuid for message in await fork.history()] == ["asked", "answered"]

    async def test_before_its_first_prompt_a_new_session_has_no_history(self, session: ClaudeSession) -> None:
        assert list(await session.history()) == []

    async def test_a_session_that_is_not_stored_cannot_be_forked(self, session: ClaudeSession) -> None:
        with pytest.raises(SessionNotFoundError):
            await session.fork()


class TestCompaction:
    async def test_it_is_a_prompt_that_no_result_lists(self, fake: FakeClaude, session: ClaudeSession) -> None:
        def compact(prompt: FakePrompt) -> None:
            prompt.accept()
            prompt.process.frame("system", subtype="compact_boundary", compact_metadata={"trigger": "manual"})
            prompt.result("")

        fake.on_prompt(compact)
        messages = session.messages()
        await session.compact()
        assert (fake.prompts[0].content, session.state) == ("/compact", "idle")
        await session.aclose()
        seen = [message async for message in messages]
        assert not [message for message in seen if message.type == "user"]

    @pytest.mark.parametrize("why", ["Not enough messages to compact.", None])
    async def test_one_that_was_not_needed_is_an_error(
        self, fake: FakeClaude, session: ClaudeSession, why: str | None
    ) -> None:
        def refuse(prompt: FakePrompt) -> None:
            prompt.accept()
            if why is not None:
                prompt.process.frame(
                    "system", subtype="status", status=None, compact_result="failed", compact_error=why
                )
            prompt.result("")

        fake.on_prompt(refuse)
        with pytest.raises(AgentError, match=why or "nothing to compact"):
            await session.compact()
        assert session.state == "idle"

    async def test_its_failure_is_raised(self, fake: FakeClaude, session: ClaudeSession) -> None:
        def fail(prompt: FakePrompt) -> None:
            prompt.accept()
            prompt.result("Not enough messages", is_error=True, terminal_reason="api_error")

        fake.on_prompt(fail)
        with pytest.raises(AgentError, match="Not enough messages"):
            await session.compact()
        fake.on_prompt(fake.answer_prompt)
        assert (await session.query("Hi").wait()).result == "Hello."


class TestTheEndOfTheProcess:
    async def test_the_turn_ends_with_the_reason_and_what_waits_is_sent_to_the_next(
        self, fake: FakeClaude, session: ClaudeSession
    ) -> None:
        fake.on_prompt(FakePrompt.accept)
        messages = session.messages()
        async with session.query("Hi") as turn:
            queued = await session.send("then")
            fake.on_prompt(fake.answer_prompt)
            fake.process.exit(3, log="no memory")
            result = await turn.wait()
        assert (result.error_code, result.terminal_reason) == ("process_exited", "agent_exited")
        assert "no memory" in result.errors[0]
        assert session.state in ("starting", "running")
        results: list[ResultMessage] = []
        while len(results) < 2:
            message = await anext(messages)
            results += [message] if isinstance(message, ResultMessage) else []
        assert [result.user_message_uuids for result in results] == [[turn.uuid], [queued]]
        assert [result.outcome for result in results] == ["failed", "completed"]

    async def test_without_a_prompt_it_stays_away(self, fake: FakeClaude, backend: ClaudeBackend) -> None:
        events = backend.events()
        session = await backend.create_session()
        fake.process.exit(3)
        while (await anext(events)).kind != "exited":
            pass
        await anyio.wait_all_tasks_blocked()
        assert (session.state, session.pid, len(fake.processes)) == ("disconnected", None, 1)
        assert (await session.query("Hi").wait()).outcome == "completed"
        assert (session.state, session.pid, len(fake.processes)) == ("idle", fake.process.pid, 2)

    async def test_the_next_one_has_the_settings_of_then(self, fake: FakeClaude, backend: ClaudeBackend) -> None:
        events = backend.events()
        options = SessionOptions(model="m", settings={"model": "x", "theme": "dark"}, append_system_prompt="Be brief.")
        session = await backend.create_session(options)
        await session.set_model("n")
        await session.set_permission_mode("accept_edits")
        fake.process.exit(3)
        while (await anext(events)).kind != "exited":
            pass
        await session.query("Hi").wait()
        arguments = fake.process.arguments
        assert {"--model=n", "--permission-mode=acceptEdits", f"--session-id={session.session_id}"} <= set(arguments)
        (_, again) = [request for request in fake.requests if request.subtype == "initialize"]
        assert again.fields["appendSystemPrompt"] == "Be brief."
        (_, told) = [request for request in fake.requests if request.subtype == "apply_flag_settings"]
        assert told.fields["settings"] == {"theme": "dark"}

    async def test_the_next_one_counts_as_a_process(self, fake: FakeClaude, make_backend: MakeBackend) -> None:
        backend = make_backend(max_processes=1)
        events = backend.events()
        session = await backend.create_session()
        fake.process.exit(3)
        while (await anext(events)).kind != "exited":
            pass
        other = await backend.create_session()
        with pytest.raises(SessionBusyError, match="max_processes"):
            await session.send("Hi")
        await other.aclose()
        assert (await session.query("Hi").wait()).outcome == "completed"

    async def test_what_is_pending_is_withdrawn(self, fake: FakeClaude, backend: ClaudeBackend) -> None:
        with anyio.fail_after(30):
            session = await backend.create_session(SessionOptions(can_use_tool=DEFER))
            messages = session.messages()
            fake.process.ask("can_use_tool", tool_name="Bash", input={"command": "ls"})
            await anext(messages)
            assert len(session.pending) == 1
            fake.process.kill()
            resolved = await anext(messages)
            assert isinstance(resolved, RequestResolved)
            assert (resolved.outcome, session.pending) == ("withdrawn", ())

    async def test_what_it_said_last_comes_first(self, fake: FakeClaude, session: ClaudeSession) -> None:
        def last_words(prompt: FakePrompt) -> None:
            prompt.accept()
            prompt.say("Farewell.")
            prompt.process.exit(1)

        fake.on_prompt(last_words)
        turn = session.query("Hi")
        kinds = [message.type async for message in turn]
        assert kinds[-2:] == ["assistant", "result"]
        assert turn.text == "Farewell."

    async def test_a_request_that_waits_fails_at_once(self, fake: FakeClaude, session: ClaudeSession) -> None:
        fake.on("get_settings", lambda request: request.process.exit(5))
        with pytest.raises(ProcessExitedError) as caught:
            await session.settings()
        assert caught.value.exit_code == 5

    async def test_it_can_be_closed_and_resumed(
        self, fake: FakeClaude, backend: ClaudeBackend, stored: Callable[..., Path], locks: Path
    ) -> None:
        stored(ID)
        with anyio.fail_after(30):
            session = await backend.create_session(SessionOptions(resume=ID))
            events = backend.events()
            fake.process.kill()
            while (await anext(events)).kind != "exited":
                pass
            await session.aclose()
            assert (backend.sessions, list(locks.iterdir())) == ((), [])
            again = await backend.create_session(SessionOptions(resume=ID))
            assert (await again.query("Hi").wait()).result == "Hello."

    async def test_a_process_that_only_closes_its_stdout_counts_as_gone(
        self, fake: FakeClaude, session: ClaudeSession, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("agent_sdk_core.rpc.connection._EXIT", 0.05)
        fake.on_prompt(lambda prompt: prompt.process.close_stdout())
        result = await session.query("Hi").wait()
        assert result.error_code == "process_exited"


class TestClosing:
    async def test_a_running_turn_is_interrupted_and_what_is_pending_denied(
        self, fake: FakeClaude, backend: ClaudeBackend
    ) -> None:
        fake.on_prompt(FakePrompt.accept)
        with anyio.fail_after(30):
            session = await backend.create_session(SessionOptions(can_use_tool=DEFER))
            async with session.query("Hi") as turn:
                asked = fake.process.ask("can_use_tool", tool_name="Bash", input={})
                messages = session.messages()
                await anext(messages)
                await session.aclose()
            assert turn.result is not None
            assert turn.result.outcome == "interrupted"
            assert (await asked.answered())["response"]["behavior"] == "deny"
            assert gone(fake.process.pid)

    async def test_a_callback_may_close_its_own_session(self, fake: FakeClaude, backend: ClaudeBackend) -> None:
        async def close(request: PermissionRequest) -> Allow:
            await backend.sessions[0].aclose()
            return Allow()

        with anyio.fail_after(30):
            session = await backend.create_session(SessionOptions(can_use_tool=close))
            messages = session.messages()
            fake.process.ask("can_use_tool", tool_name="Bash", input={})
            resolved = [message async for message in messages if isinstance(message, RequestResolved)]
            assert [(message.outcome, message.by) for message in resolved] == [("denied", "close")]
            await session.aclose()
            assert gone(fake.process.pid)

    async def test_a_kill_is_at_once_and_ends_the_turn(self, fake: FakeClaude, backend: ClaudeBackend) -> None:
        fake.on_prompt(FakePrompt.accept)
        with anyio.fail_after(30):
            session, other = await backend.create_session(), await backend.create_session()
            async with session.query("Hi") as turn:
                await session.kill()
            assert turn.result is not None
            assert turn.result.outcome != "completed"
            assert (gone(fake.processes[0].pid), backend.sessions) == (True, (other,))
            assert "end_session" not in [request.subtype for request in fake.requests]
