"""Commands that the agent runs: their output, their failures, and those that go on in the background."""

from __future__ import annotations

import pytest

from agent_sdk_core import (
    AssistantMessage,
    InvalidRequestError,
    TaskNotification,
    TaskStarted,
    ToolProgress,
    UnsupportedOptionError,
    UserMessage,
)
from agent_sdk_testing import text
from agent_sdk_testing.contract.agent import Agent
from agent_sdk_testing.contract.traits import lacks, needs
from agent_sdk_testing.contract.watching import finish, result_of, run, until

pytestmark = pytest.mark.anyio


async def test_a_command_that_succeeds_has_its_output_as_result(agent: Agent) -> None:
    agent.model.reply(agent.command("echo one; echo two")).reply(text("Ran."))
    async with agent.session(permission_mode="bypass") as session:
        ran = await run(session, "Run it.")
    [use] = ran.uses
    assert (use.name, use.kind) == ("Bash", "execute")
    assert use.input["command"] == "echo one; echo two"
    [result] = ran.results
    assert (result.tool_use_id, result.text.strip(), result.is_error) == (use.id, "one\ntwo", False)
    outcome = ran.outcome_of(use)
    assert (outcome["stdout"].strip(), outcome["interrupted"]) == ("one\ntwo", False)
    assert "one\ntwo" in agent.model.requests[1].tool_outputs[0].text
    assert (ran.result.outcome, ran.result.result) == ("completed", "Ran.")
    assert ran.result.num_turns in (2, None)  # None: the agent does not tell.


async def test_what_a_command_says_on_stderr_is_in_its_result(agent: Agent) -> None:
    agent.model.reply(agent.command("echo one; echo two >&2")).reply(text("Ran."))
    async with agent.session(permission_mode="bypass") as session:
        ran = await run(session, "Run it.")
    assert sorted(ran.results[0].text.split()) == ["one", "two"]


async def test_a_command_that_fails_is_an_error_with_its_exit_code_and_the_turn_goes_on(agent: Agent) -> None:
    agent.model.reply(agent.command("echo broken; exit 3")).reply(text("It failed."))
    async with agent.session(permission_mode="bypass") as session:
        ran = await run(session, "Run it.")
    [result] = ran.results
    assert result.is_error is True
    assert "broken" in result.text.splitlines()
    assert not agent.tells_exit_codes or "3" in agent.model.requests[1].tool_outputs[0].text
    assert ran.result.outcome == "completed"


@needs("mode:dont_ask")
async def test_a_refused_command_is_a_tool_pair_and_a_denial(agent: Agent) -> None:
    agent.model.reply(agent.command("touch refused.txt")).reply(text("Then not."))
    async with agent.session(permission_mode="dont_ask") as session:
        ran = await run(session, "Run it.")
    [use], [result] = ran.uses, ran.results
    assert (use.name, use.input["command"]) == ("Bash", "touch refused.txt")
    assert (result.tool_use_id, result.is_error) == (use.id, True)
    [denial] = ran.result.permission_denials
    assert (denial["tool_use_id"], denial["tool_name"]) == (use.id, "Bash")
    assert not agent.exists("refused.txt")
    assert ran.result.outcome == "completed"


@needs("output_streams")
async def test_the_output_of_a_command_streams_while_it_runs(agent: Agent) -> None:
    feed = agent.feed("feed")
    # What a command says in its first moments may not stream, so this one goes on until some of it did.
    agent.model.reply(agent.command(f"until read -t 0.05 line <'{feed.path}'; do echo tick; done; echo \"got $line\""))
    agent.model.reply(text("Ran."))
    async with agent.session(permission_mode="bypass") as session:
        turn = session.query("Run it.")
        seen = await until(turn, ToolProgress, lambda progress: progress.output)
        feed.line("word")
        rest = [message async for message in turn]
    [result] = [result for message in rest if isinstance(message, UserMessage) for result in message.tool_results]
    progress = "".join(message.output or "" for message in (seen, *rest) if isinstance(message, ToolProgress))
    assert seen.tool_use_id == result.tool_use_id
    assert result.text.endswith("tick\ngot word\n")
    assert progress.startswith("tick\n")
    assert result.text.endswith(progress)


async def test_commands_called_together_each_get_their_own_result(agent: Agent) -> None:
    agent.model.reply(*[agent.command(f"echo {word}") for word in ("a", "b", "c")]).reply(text("Ran."))
    async with agent.session(permission_mode="bypass") as session:
        ran = await run(session, "Run them.")
    assert len(ran.uses) == 3
    for use in ran.uses:
        assert f"echo {ran.result_of(use).text.strip()}" == use.input["command"]


async def test_a_long_output_is_whole_in_the_result_or_says_that_it_is_not(agent: Agent) -> None:
    agent.model.reply(agent.command("seq 20000")).reply(text("Ran."))
    async with agent.session(permission_mode="bypass") as session:
        ran = await run(session, "Count.")
    told = ran.results[0].text
    whole = told.split() == [str(number) for number in range(1, 20_001)]
    assert whole or any(word in told.lower() for word in ("too large", "truncated", "omitted"))


@needs("background")
async def test_a_command_that_outlives_its_turn_has_a_result_at_once_and_tells_its_end(agent: Agent) -> None:
    feed = agent.feed("feed")
    agent.model.reply(agent.command(f"read line <'{feed.path}'; echo \"got $line\"", wait=0.25))
    # An agent may answer the end of a command without being asked.
    agent.model.reply(text("It runs.")).otherwise(text("I see."))
    async with agent.session(permission_mode="bypass") as session:
        watch = session.messages()
        ran = await finish(session.query("Start it."))
        [use] = ran.uses
        assert "background" in ran.results[0].text
        started = await until(watch, TaskStarted)
        assert started.tool_use_id == use.id
        assert session.state == "idle"
        feed.line("word")
        ended = await until(watch, TaskNotification)
        assert (ended.task_id, ended.tool_use_id, ended.status) == (started.task_id, use.id, "completed")
        await session.wait_idle()


@needs("background")
async def test_the_conversation_goes_on_while_a_command_runs_in_the_background(agent: Agent) -> None:
    feed = agent.feed("feed")
    agent.model.reply(agent.command(f"read line <'{feed.path}'; echo \"got $line\"", wait=0.25)).reply(text("It runs."))
    agent.model.reply(text("Still here.")).otherwise(text("I see."))
    async with agent.session(permission_mode="bypass") as session:
        watch = session.messages()
        await run(session, "Start it.")
        uuid = await session.send("Are you there?")
        assert (await result_of(watch, uuid)).result == "Still here."
        feed.line("word")
        await until(watch, TaskNotification)


@needs("background")
async def test_a_command_in_the_background_is_listed_and_stopped(agent: Agent) -> None:
    pipe = agent.pipe("command")
    agent.model.reply(agent.command(f"exec 8>'{pipe.path}'; echo begun >&8; sleep 600", wait=0.25))
    agent.model.reply(text("It runs.")).otherwise(text("I see."))
    async with agent.session(permission_mode="bypass") as session:
        watch = session.messages()
        await run(session, "Start it.")
        assert await pipe.line() == "begun"
        started = await until(watch, TaskStarted)
        [task] = await session.background_tasks()
        assert task.task_id == started.task_id
        assert "echo begun" in task.command
        with pytest.raises(InvalidRequestError):
            await session.stop_task("no-such-task")
        await session.stop_task(task.task_id)
        ended = await until(watch, TaskNotification)
        assert (ended.task_id, ended.status) == (task.task_id, "stopped")
        await pipe.gone()
        assert await session.background_tasks() == []


@needs("background")
@pytest.mark.parametrize("how", ["close", "kill", "backend"])
async def test_a_command_in_the_background_is_stopped_by_the_end_of_its_session(agent: Agent, how: str) -> None:
    pipe = agent.pipe("command")
    agent.model.reply(agent.command(f"exec 8>'{pipe.path}'; echo begun >&8; sleep 600", wait=0.25))
    agent.model.reply(text("It runs.")).otherwise(text("I see."))
    async with agent.session(permission_mode="bypass") as session:
        watch = session.messages()
        await run(session, "Start it.")
        assert await pipe.line() == "begun"
        started = await until(watch, TaskStarted)
        await {"close": session.aclose, "kill": session.kill, "backend": session.backend.aclose}[how]()
        ended = await until(watch, TaskNotification)
        assert (ended.task_id, ended.status) == (started.task_id, "stopped")
        await pipe.gone()


@lacks("background")
async def test_an_agent_without_background_commands_says_so(agent: Agent) -> None:
    async with agent.session() as session:
        with pytest.raises(UnsupportedOptionError, match="background"):
            await session.background_tasks()
        with pytest.raises(UnsupportedOptionError, match="background"):
            await session.stop_task("no-such-task")


async def test_text_and_commands_alternate_in_the_order_in_which_the_model_made_them(agent: Agent) -> None:
    agent.model.reply(text("First I look."), agent.command("echo looked")).reply(text("Then I answer."))
    async with agent.session(permission_mode="bypass") as session:
        ran = await run(session, "Look.")
    order = [
        message.text or message.tool_uses[0].name for message in ran.messages if isinstance(message, AssistantMessage)
    ]
    assert order == ["First I look.", "Bash", "Then I answer."]
