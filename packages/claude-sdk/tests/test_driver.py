from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import anyio
import pytest

from agent_sdk_core import (
    BackgroundTask,
    ImageInput,
    InvalidRequestError,
    SessionBusyError,
    SessionOptions,
    TextInput,
    TurnOptions,
    UnsupportedOptionError,
)
from agent_sdk_testing import FakeClaude, FakePrompt
from claude_sdk.backend import ClaudeBackend
from claude_sdk.normalizer.closer import Closer
from claude_sdk.session import ClaudeSession

pytestmark = pytest.mark.anyio

REPORT = TurnOptions(output_schema={"type": "object"})


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


@pytest.fixture
async def session(backend: ClaudeBackend) -> AsyncIterator[ClaudeSession]:
    with anyio.fail_after(30):
        yield await backend.create_session()


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waits for the end of an interrupted turn are short."""
    monkeypatch.setattr("agent_sdk_core.runtime.turns.runner.INTERRUPT_SECONDS", 0.2)
    monkeypatch.setattr("claude_sdk.driver._INTERRUPT_SECONDS", 0.1)


class TestAnswersOfOneTurn:
    async def test_nothing_that_runs_in_the_background_is_ended_for_one(
        self, fake: FakeClaude, session: ClaudeSession, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        await session.run("Hi")
        with monkeypatch.context() as patch:
            patch.setattr(Closer, "background_tasks", [BackgroundTask("t", "make")])
            with pytest.raises(SessionBusyError, match="runs in the background"):
                await session.send("Report.", options=REPORT)
            assert (await session.run("Hi")).result == "Hello."
        assert len(fake.prompts) == 2

    async def test_a_conversation_that_is_not_stored_is_not_lost_for_one(
        self, fake: FakeClaude, backend: ClaudeBackend
    ) -> None:
        with anyio.fail_after(30):
            session = await backend.create_session(SessionOptions(ephemeral=True))
            await session.run("Hi")
            with pytest.raises(UnsupportedOptionError, match="not stored"):
                await session.send("Report.", options=REPORT)
            assert (await session.run("Hi")).result == "Hello."
        assert len(fake.prompts) == 2


async def test_a_session_that_claude_cannot_store_is_told_of_and_cannot_be_resumed(
    fake: FakeClaude, make_backend: Callable[..., ClaudeBackend], child_env: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    backend = make_backend(env={**child_env, "CLAUDE_CONFIG_DIR": str(tmp_path / "file" / "claude")})
    with anyio.fail_after(30):
        async with backend.create_session() as session, backend.create_session() as other:
            await session.run("Hi")
            assert not session.resumable
            assert not other.resumable
        await backend.aclose()
        warnings = [event.message async for event in backend.events() if event.kind == "warning"]
    [warning] = [message for message in warnings if "without storing" in message]
    assert warning.endswith(f"nothing can be written to {tmp_path}/file: Not a directory.")


class TestPrompts:
    async def test_a_prompt_is_a_user_frame_with_our_uuid(self, fake: FakeClaude, session: ClaudeSession) -> None:
        turn = session.query([TextInput("Look"), ImageInput(data=b"GIF89a", media_type="image/gif")])
        await turn.wait()
        image = {"type": "base64", "media_type": "image/gif", "data": "R0lGODlh"}
        assert fake.prompts[0].frame == {
            "type": "user",
            "message": {
                "role": "user",
                "content": [{"type": "text", "text": "Look"}, {"type": "image", "source": image}],
            },
            "parent_tool_use_id": None,
            "uuid": turn.uuid,
        }

    async def test_one_that_cannot_be_read_is_refused_and_the_next_one_runs(
        self, fake: FakeClaude, session: ClaudeSession, tmp_path: Path
    ) -> None:
        with pytest.raises(InvalidRequestError, match="missing"):
            await session.send([ImageInput(path=tmp_path / "missing.png")])
        assert (fake.prompts, session.state) == ([], "idle")
        assert (await session.query("Hi").wait()).result == "Hello."

    async def test_one_that_claude_passes_over_is_refused(
        self, fake: FakeClaude, session: ClaudeSession, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        fake.on_prompt(lambda prompt: None)
        with monkeypatch.context() as patch:
            patch.setattr("claude_sdk.driver._ACCEPT_SECONDS", 0.1)
            with pytest.raises(InvalidRequestError, match="another one had this uuid"):
                await session.send("Hi", uuid="used")
        fake.on_prompt(fake.answer_prompt)
        assert (await session.query("Hi").wait()).result == "Hello."

    async def test_a_steering_prompt_joins_the_running_turn(self, fake: FakeClaude, session: ClaudeSession) -> None:
        def hold(prompt: FakePrompt) -> None:
            if prompt.frame.get("priority") == "next":
                prompt.lifecycle("queued")
            else:
                prompt.accept()

        fake.on_prompt(hold)
        async with session.query("Hi") as turn:
            steered = await session.send("faster", priority="steer")
            first, second = fake.prompts
            assert (second.uuid, second.frame["priority"]) == (steered, "next")
            second.lifecycle("started")
            first.result(user_message_uuids=[first.uuid, second.uuid])
            assert (await turn.wait()).user_message_uuids == [first.uuid, steered]
        assert session.state == "idle"

    async def test_one_that_comes_too_late_has_a_turn_of_its_own(
        self, fake: FakeClaude, session: ClaudeSession
    ) -> None:
        def hold(prompt: FakePrompt) -> None:
            if prompt.frame.get("priority") == "next":
                prompt.lifecycle("queued")
            else:
                prompt.accept()

        fake.on_prompt(hold)
        messages = session.messages()
        async with session.query("Hi") as turn:
            steered = await session.send("faster", priority="steer")
            first, second = fake.prompts
            first.result()
            await turn.wait()
            assert session.state == "running"
            second.lifecycle("started")
            second.process.init()
            second.result("Done.")
            await session.wait_idle()
        await session.aclose()
        results = [message async for message in messages if message.type == "result"]
        assert [getattr(result, "user_message_uuids", None) for result in results] == [[turn.uuid], [steered]]

    async def test_a_result_that_lists_nothing_ends_the_prompt_that_began_its_turn(
        self, fake: FakeClaude, session: ClaudeSession
    ) -> None:
        def bare(prompt: FakePrompt) -> None:
            prompt.accept()
            prompt.process.result("Bare.")

        fake.on_prompt(bare)
        turn = session.query("Hi")
        assert (await turn.wait()).user_message_uuids == [turn.uuid]


class TestInterrupts:
    async def test_an_interrupt_is_a_request_and_the_result_tells_when_it_is_done(
        self, fake: FakeClaude, session: ClaudeSession
    ) -> None:
        fake.on_prompt(FakePrompt.accept)
        async with session.query("Hi") as turn:
            receipt = await session.interrupt()
            assert receipt.interrupted
            assert turn.result is not None
            assert turn.result.outcome == "interrupted"
        assert (await fake.request("interrupt")).fields == {"cancel_queued": True}

    async def test_what_waits_can_be_kept(self, fake: FakeClaude, session: ClaudeSession) -> None:
        fake.on_prompt(FakePrompt.accept)
        async with session.query("Hi") as turn:
            await anext(turn)  # Until it has begun, claude holds the prompt.
            queued = await session.send("then")
            fake.on_prompt(fake.answer_prompt)
            receipt = await session.interrupt(cancel_queued=False)
            assert receipt.still_queued == (queued,)
            await session.wait_idle()
        assert (await fake.request("interrupt")).fields == {"cancel_queued": False}
        assert [prompt.uuid for prompt in fake.prompts][1:] == [queued]

    @pytest.mark.usefixtures("hasty")
    @pytest.mark.parametrize("heard", [False, True])
    async def test_one_that_is_not_confirmed_ends_the_turn_and_the_process(
        self, fake: FakeClaude, session: ClaudeSession, backend: ClaudeBackend, heard: bool
    ) -> None:
        fake.on_prompt(FakePrompt.accept)
        events = backend.events()
        if heard:
            fake.on("interrupt", lambda request: request.answer())
        else:
            fake.hold("interrupt")
        async with session.query("Hi") as turn:
            await session.interrupt()
        assert turn.result is not None
        assert (turn.result.error_code, turn.result.terminal_reason) == ("request_timeout", "aborted_streaming")
        while (await anext(events)).kind != "exited":
            pass
        assert (session.state, gone(fake.process.pid)) == ("disconnected", True)
        await session.control("get_settings")
        assert (session.state, len(fake.processes)) == ("idle", 2)

    async def test_one_that_is_refused_waits_for_the_result_all_the_same(
        self, fake: FakeClaude, session: ClaudeSession
    ) -> None:
        fake.on_prompt(FakePrompt.accept)

        def refuse(request: Any) -> None:
            request.refuse("not now")
            request.process.running.aborted()

        fake.on("interrupt", refuse)
        async with session.query("Hi") as turn:
            await session.interrupt()
        assert turn.result is not None
        assert turn.result.outcome == "interrupted"

    async def test_an_idle_session_is_not_interrupted(self, fake: FakeClaude, session: ClaudeSession) -> None:
        assert not (await session.interrupt()).interrupted
        assert "interrupt" not in [request.subtype for request in fake.requests]

    async def test_open_tool_uses_get_a_result(self, fake: FakeClaude, session: ClaudeSession) -> None:
        def work(prompt: FakePrompt) -> None:
            prompt.accept()
            prompt.use("Bash", "toolu_1", command="sleep 9")

        fake.on_prompt(work)
        messages = session.messages()
        async with session.query("Hi"):
            await session.interrupt()
        await session.aclose()
        blocks: list[Any] = []
        async for message in messages:
            content = getattr(getattr(message, "message", None), "content", None)
            blocks += content if isinstance(content, list) else []
        assert [(block.type, getattr(block, "tool_use_id", None)) for block in blocks][-1] == ("tool_result", "toolu_1")


class TestClosing:
    async def test_a_close_says_goodbye(self, fake: FakeClaude, session: ClaudeSession) -> None:
        await session.aclose()
        assert [request.subtype for request in fake.requests] == ["initialize", "end_session"]
        assert gone(fake.process.pid)

    async def test_one_that_does_not_listen_is_ended(
        self, make_backend: Callable[..., ClaudeBackend], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("claude_sdk.process.claude_process._GOODBYE_SECONDS", 0.05)
        with anyio.fail_after(30), FakeClaude() as deaf:
            deaf.hold("end_session")
            session = await make_backend(executable=deaf.executable).create_session(SessionOptions())
            await session.aclose()
            assert gone(deaf.process.pid)

    async def test_usage_is_what_results_told(self, session: ClaudeSession) -> None:
        await session.query("Hi").wait()
        usage = await session.usage()
        assert (usage.total.input_tokens, usage.total.output_tokens, usage.cost_usd) == (1, 1, 0)
