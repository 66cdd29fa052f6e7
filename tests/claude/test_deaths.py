from __future__ import annotations

import json
import signal
from pathlib import Path

import anyio
import pytest
from anyio.streams.text import TextReceiveStream
from tests.claude.driving import Claude, agent, by_child

from agent_sdk_core import (
    DEFER,
    ProcessExitedError,
    RequestOpened,
    RequestResolved,
    ResultMessage,
    StreamEvent,
    TaskNotification,
    UserMessage,
)
from agent_sdk_testing import Gate, text
from agent_sdk_testing.contract.watching import result_of, run, until
from claude_sdk import ClaudeSession
from claude_sdk.store import project_key

pytestmark = pytest.mark.anyio


async def test_a_killed_claude_is_reported_with_its_signal_and_its_last_words(claude: Claude) -> None:
    script = claude.executable.read_text().replace("exec '", "echo 'my last words' >&2\nexec '")
    claude.executable.write_text(script)
    gate = Gate()
    claude.model.reply(text("Half ", gate, "of it."))
    async with claude.backend() as backend:
        events = backend.events()
        session = await claude.open(backend)
        turn = session.query("Talk.")
        await until(turn, StreamEvent, lambda event: event.text)
        claude.kill(session)
        error = (await turn.wait()).error
        assert isinstance(error, ProcessExitedError)
        assert "SIGKILL" in str(error)
        with pytest.raises(ProcessExitedError) as caught:
            session.driver.link.today.peer.require_open()
        assert (caught.value.signal, caught.value.exit_code) == (signal.SIGKILL, None)
        assert "my last words" in (caught.value.stderr_tail or "")
        while (event := await anext(events)).kind != "exited":
            pass
        assert event.details["session_id"] == session.session_id
        assert session.pid is None


async def test_a_claude_that_ends_by_itself_is_reported_with_its_code(claude: Claude) -> None:
    async with claude.backend() as backend:
        session = await claude.open(backend)
        events = backend.events()
        # A line that claude cannot take ends it.
        await session.driver.link.today.peer.send({"type": "user", "message": {"role": "assistant", "content": "No."}})
        while (event := await anext(events)).kind != "exited":
            pass
        assert session.state == "disconnected"
        with pytest.raises(ProcessExitedError) as caught:
            session.driver.link.today.peer.require_open()
        assert caught.value.exit_code == 1
        assert "Expected message role 'user'" in (caught.value.stderr_tail or "")
        assert event.details["exit"] == "ended with exit code 1"


async def test_a_claude_that_dies_while_it_asks_withdraws_the_request(claude: Claude) -> None:
    claude.model.reply(claude.command("touch asked.txt"))
    async with claude.session(can_use_tool=DEFER) as session:
        stream, results = session.messages(), session.messages()
        uuid = await session.send("Act.")
        opened = await until(stream, RequestOpened)
        claude.kill(session)
        resolved = await until(stream, RequestResolved)
        assert (resolved.request_id, resolved.outcome, resolved.by) == (opened.request_id, "withdrawn", "agent")
        [closed] = (await until(results, UserMessage, lambda message: message.tool_results)).tool_results
        assert closed.is_error
        assert (await result_of(results, uuid)).outcome == "failed"
        assert not session.pending


async def test_a_claude_that_dies_between_turns_ends_its_background_work(claude: Claude) -> None:
    pipe = claude.pipe("command")
    claude.model.reply(claude.command(f"exec 8>'{pipe.path}'; echo begun >&8; sleep 600", wait=0))
    claude.model.reply(text("It runs."))
    async with claude.session(permission_mode="bypass") as session:
        stream = session.messages()
        await run(session, "Run it.")
        assert await pipe.line() == "begun"
        claude.kill(session)
        assert (await until(stream, TaskNotification)).status == "stopped"
        await session.wait_idle()
        await pipe.gone()


async def test_a_conversation_goes_on_after_its_claude_was_killed(claude: Claude) -> None:
    gate = Gate()
    claude.model.reply(text("Apples.")).reply(text("Half ", gate, "of it.")).reply(text("On."))
    async with claude.backend() as backend:
        session = await claude.open(backend)
        await run(session, "First.")
        turn = session.query("Second.")
        await until(turn, StreamEvent, lambda event: event.text)
        claude.kill(session)
        assert (await turn.wait()).outcome == "failed"
        async with await claude.open(backend, resume=session.resolved_session_id) as again:
            ran = await run(again, "Go on.")
            assert ran.result.result == "On."
            assert again.session_id == session.session_id
    assert "Apples." in claude.model.requests[2].text


async def die(claude: Claude, session: ClaudeSession) -> None:
    """Kill a session's claude, and return when that is known."""
    events = session.backend.events()
    claude.kill(session)
    while (await anext(events)).kind != "exited":
        pass


def leave_unbegun(claude: Claude, session: ClaudeSession) -> Path:
    """Leave what a claude leaves that is killed while it writes the first lines of a session; return the file."""
    session_id = session.resolved_session_id
    path = claude.config / "projects" / project_key(claude.workspace) / f"{session_id}.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    line = {"type": "queue-operation", "operation": "enqueue", "sessionId": session_id, "content": "Hello."}
    path.write_text(json.dumps(line) + "\n")
    return path


async def test_a_session_goes_on_after_its_claude_was_killed_before_it_had_stored_the_first_prompt(
    claude: Claude,
) -> None:
    claude.model.reply(text("Hello."))
    async with claude.session() as session:
        await die(claude, session)
        path = leave_unbegun(claude, session)
        left = path.read_text()
        assert (await run(session, "Hello?")).result.result == "Hello."
        assert session.resolved_session_id == session.session_id
        assert len(await session.history()) == 2
    [kept] = path.with_suffix("").glob("unbegun-*.jsonl")
    assert kept.read_text() == left


async def test_a_cleared_session_goes_on_after_its_claude_was_killed_before_it_had_stored_the_next_prompt(
    claude: Claude,
) -> None:
    claude.model.reply(text("Apples.")).reply(text("New."))
    async with claude.session() as session:
        claude.recorder.forget(session)  # The messages of two sessions.
        await run(session, "Apples?")
        await run(session, "/clear")
        await die(claude, session)
        cleared = session.resolved_session_id
        leave_unbegun(claude, session)
        assert (await run(session, "And now?")).result.result == "New."
        assert session.resolved_session_id == cleared != session.session_id
    assert "Apples" not in claude.model.requests[1].text


async def test_closing_in_mid_stream_ends_the_request_to_the_model(claude: Claude) -> None:
    gate = Gate()
    claude.model.reply(text("Half ", gate, "of it."))
    async with claude.backend() as backend:
        session = await claude.open(backend)
        stream = session.messages()
        await session.send("Talk.")
        await until(stream, StreamEvent, lambda event: event.text)
        await session.aclose()
        assert (await until(stream, ResultMessage)).outcome == "interrupted"
        assert await claude.model.requests[0].finished() == "client_gone"
        await claude.lifeline.gone()


HOST = """
import anyio
from agent_sdk_core import SessionOptions, create_backend

async def main():
    async with create_backend(SETTINGS["backend"], executable=SETTINGS["executable"]) as backend:
        options = SessionOptions(cwd=SETTINGS["workspace"], permission_mode="bypass")
        async with await backend.create_session(options) as session:
            await session.query("Run it.").wait()
            print("ready", flush=True)
            await anyio.sleep_forever()

anyio.run(main, backend=SETTINGS["anyio_backend"])
"""


@pytest.mark.parametrize("what", ["command", "sub-agent"])
async def test_a_killed_host_leaves_no_background_work(claude: Claude, anyio_backend: str, what: str) -> None:
    pipe = claude.pipe("command")
    command = f"exec 8>'{pipe.path}'; echo begun >&8; sleep 600"
    claude.model.when(by_child).reply(claude.command(command))
    claude.model.reply(claude.command(command, wait=0) if what == "command" else agent()).reply(text("It runs."))
    script = claude.host_command(HOST, anyio_backend)
    async with await anyio.open_process(script, env=claude.env, stderr=None) as host:
        assert host.stdout is not None
        assert "ready" in await anext(TextReceiveStream(host.stdout))
        assert await pipe.line() == "begun"
        host.send_signal(signal.SIGKILL)
        await claude.lifeline.gone()
        await pipe.gone()
