from __future__ import annotations

import pytest
from tests.codex.driving import Codex

from agent_sdk_core import InvalidRequestError, TaskNotification, TaskStarted
from agent_sdk_testing import call, text
from agent_sdk_testing.contract.watching import Asker, run, until

pytestmark = pytest.mark.anyio


async def test_a_background_terminal_is_listed_and_stopped(codex: Codex) -> None:
    feed, held = codex.feed("go"), codex.pipe("terminal")
    cmd = f"exec 8>'{held.path}'; echo up; echo begun >&8; read line < '{feed.path}'"
    codex.model.reply(codex.command(cmd, wait=0.3, escalate=True)).reply(text("It runs."))
    async with codex.session(can_use_tool=Asker()) as session:
        stream = session.messages()
        ran = await run(session, "Serve.")
        [use] = ran.uses
        started = await until(stream, TaskStarted)
        [task] = await session.background_tasks()
        assert task.task_id == started.task_id == use.id
        assert "echo up" in task.command
        assert task.cwd == str(codex.workspace)
        assert await held.line() == "begun"
        with pytest.raises(InvalidRequestError):
            await session.stop_task("no-such-task")
        await session.stop_task(task.task_id)
        ended = await until(stream, TaskNotification)
        assert (ended.task_id, ended.status) == (task.task_id, "stopped")
        await held.gone()
        assert await session.background_tasks() == []


async def test_what_the_model_types_into_a_terminal_is_no_tool_use_of_its_own(codex: Codex) -> None:
    greeter = "echo name?; read name; echo hello $name; sleep 0.2"
    codex.model.reply(call("exec_command", cmd=greeter, tty=True, yield_time_ms=300))
    codex.model.reply(
        lambda request: call("write_stdin", session_id=_session_of(request.tool_outputs[0].text), chars="Ada\n")
    )
    codex.model.reply(text("Greeted."))
    async with codex.session() as session:
        ran = await run(session, "Answer it.")
    assert [use.name for use in ran.uses] == ["Bash"]
    assert ran.result.result == "Greeted."


async def test_closing_a_session_tells_the_end_of_its_terminals(codex: Codex) -> None:
    feed, held = codex.feed("go"), codex.pipe("terminal")
    cmd = f"exec 8>'{held.path}'; echo begun >&8; read line < '{feed.path}'"
    codex.model.reply(codex.command(cmd, wait=0.3, escalate=True)).reply(text("It runs."))
    async with codex.backend() as backend:
        session = await codex.open(backend, can_use_tool=Asker())
        stream = session.messages()
        await run(session, "Serve.")
        started = await until(stream, TaskStarted)
        assert await held.line() == "begun"
        await session.aclose()
        assert (await until(stream, TaskNotification)).task_id == started.task_id
        await held.gone()


def _session_of(output: str) -> int:
    return int(output.split("session ID ")[1].split()[0])
