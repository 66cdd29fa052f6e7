"""The agent dies, or its host does, and nothing is left hanging or running."""

from __future__ import annotations

import signal

import anyio
import pytest
from anyio.streams.text import TextReceiveStream

from agent_sdk_core import (
    DEFER,
    AgentSession,
    AssistantMessage,
    BackendEvent,
    Block,
    Hooks,
    PreToolUseEvent,
    ProcessExitedError,
    RequestOpened,
    RequestResolved,
    ResultMessage,
    Stream,
    StreamEvent,
    UserMessage,
)
from agent_sdk_core.runtime.turns import runner
from agent_sdk_testing import Gate, text
from agent_sdk_testing.contract.process_agent import ProcessAgent
from agent_sdk_testing.contract.traits import lacks, needs
from agent_sdk_testing.contract.watching import result_of, run, until

pytestmark = [pytest.mark.anyio, needs("process")]


async def test_a_killed_agent_ends_the_turn_at_once_with_an_error_result(agent: ProcessAgent) -> None:
    gate = Gate()
    agent.model.reply(text("Half ", gate, "of it."))
    async with agent.session() as session:
        turn = session.query("Talk.")
        await until(turn, StreamEvent, lambda event: event.text)
        agent.kill(session)
        rest = [message async for message in turn]
    result = turn.result
    assert result is not None
    assert rest[-1] is result
    assert (result.outcome, result.is_error, result.user_message_uuids) == ("failed", True, [turn.uuid])
    assert isinstance(result.error, ProcessExitedError)
    with pytest.raises(ProcessExitedError, match=r"SIGKILL|signal 9"):
        result.raise_for_error()
    [cut] = [message for message in rest if isinstance(message, AssistantMessage)]
    assert (cut.text, cut.aborted) == ("Half ", True)


async def test_a_killed_agent_closes_open_cards_and_its_commands_are_gone(agent: ProcessAgent) -> None:
    pipe = agent.pipe("command")
    agent.model.reply(agent.command(f"exec 8>'{pipe.path}'; echo begun >&8; sleep 600"))
    async with agent.session(permission_mode="bypass") as session:
        watch = session.messages()
        uuid = await session.send("Run it.")
        await until(watch, AssistantMessage, lambda message: message.tool_uses)
        assert await pipe.line() == "begun"
        agent.kill(session)
        user = await until(watch, UserMessage, lambda message: message.tool_results)
        assert user.tool_results[0].is_error is True
        assert (await result_of(watch, uuid)).outcome == "failed"
        await pipe.gone()


@needs("steer")
async def test_a_killed_agent_ends_a_prompt_that_was_steered_in(agent: ProcessAgent) -> None:
    feed = agent.feed("feed")
    agent.model.reply(agent.command(f"read line <'{feed.path}'")).otherwise(text("Next."))
    async with agent.session(permission_mode="bypass") as session:
        watch = session.messages()
        await session.send("Run it.")
        await until(watch, AssistantMessage, lambda message: message.tool_uses)
        uuid = await session.send("And this.", priority="steer")
        agent.kill(session)
        result = await result_of(watch, uuid)
        assert (result.outcome, type(result.error)) == ("failed", ProcessExitedError)
        await session.wait_idle()
        assert (await run(session, "Again.")).result.result == "Next."


async def test_a_killed_agent_withdraws_what_it_asked(agent: ProcessAgent) -> None:
    agent.model.reply(agent.command("echo done", escalate=True))
    async with agent.session(permission_mode="default", can_use_tool=DEFER) as session:
        watch, results = session.messages(), session.messages()
        uuid = await session.send("Act.")
        await until(watch, RequestOpened)
        agent.kill(session)
        assert (await until(watch, RequestResolved)).outcome == "withdrawn"
        assert (await result_of(results, uuid)).outcome == "failed"
        assert not session.pending


async def test_a_killed_agent_keeps_queued_prompts_for_the_next_one(agent: ProcessAgent) -> None:
    gate = Gate()
    agent.model.reply(text("Half ", gate, "of it.")).reply(text("Here."))
    async with agent.session() as session:
        watch = session.messages()
        first = await session.send("First.")
        await gate.reached()
        second = await session.send("Second.")
        agent.kill(session)
        results = [await until(watch, ResultMessage), await until(watch, ResultMessage)]
        assert [result.user_message_uuids for result in results] == [[first], [second]]
        assert [result.outcome for result in results] == ["failed", "completed"]
        assert results[1].result == "Here."
        await session.wait_idle()


async def die(agent: ProcessAgent, session: AgentSession) -> ResultMessage:
    """Kill the agent in mid-turn, and return the turn's result when its session knows."""
    gate = Gate()
    agent.model.when("Talk.", times=1).reply(text("Half ", gate, "of it."))
    turn = session.query("Talk.")
    await until(turn, StreamEvent, lambda event: event.text)
    agent.kill(session)
    result = await turn.wait()
    assert result.outcome == "failed"
    assert session.state in ("disconnected", "idle")  # Another agent may have taken its place by now.
    return result


async def told(events: Stream[BackendEvent], kind: str) -> BackendEvent:
    """Return the next event of a kind."""
    while (event := await anext(events)).kind != kind:
        pass
    return event


async def test_after_the_death_of_an_agent_its_session_goes_on_and_replays_nothing(agent: ProcessAgent) -> None:
    agent.model.reply(text("Fine.")).reply(text("Next."))
    async with agent.session() as session:
        await run(session, "Remember the word apple.")
        result = await die(agent, session)
        assert result.error is not None
        assert (result.error.retryable, result.error.details["session_goes_on"]) == (True, True)
        assert "goes on with its next prompt" in result.error.message
        assert (await run(session, "Go on.")).result.result == "Next."
        assert session.state == "idle"
        assert session.resolved_session_id == session.session_id
    assert "Remember the word apple." in agent.model.requests[-1].text
    assert len(agent.model.requests) == 3, "The turn that was cut off is not asked again."


async def test_a_session_without_a_turn_goes_on_after_the_death_of_its_agent(agent: ProcessAgent) -> None:
    agent.model.reply(text("Hello."))
    async with agent.backend() as backend:
        events = backend.events()
        session = await agent.open(backend)
        before = session.session_id
        agent.kill(session)
        assert (await told(events, "exited")).message
        assert session.state == "disconnected"
        assert (await run(session, "Hello?")).result.result == "Hello."
        assert session.session_id == before
        assert session.resumable


async def test_what_was_set_since_holds_after_the_death_of_an_agent(agent: ProcessAgent) -> None:
    agent.model.otherwise(text("Fine."))
    model = agent.other_models[0]
    async with agent.session(permission_mode="default") as session:
        await session.set_model(model)
        await session.set_permission_mode("bypass" if agent.called == "codex" else "accept_edits")
        await run(session, "First.")
        before = session.info
        await die(agent, session)
        await run(session, "Go on.")
        assert agent.model_of(agent.model.requests[-1]) == model
        assert (session.info.model, session.info.permission_mode) == (before.model, before.permission_mode)


async def test_an_agent_may_die_again_and_again(agent: ProcessAgent) -> None:
    agent.model.otherwise(text("Fine."))
    async with agent.session() as session:
        for _ in range(3):
            await die(agent, session)
            assert (await run(session, "Go on.")).result.result == "Fine."


@needs("ephemeral")
async def test_a_session_that_is_not_stored_ends_with_its_agent(agent: ProcessAgent) -> None:
    agent.model.reply(text("Fine."))
    async with agent.session(ephemeral=True) as session:
        await run(session, "First.")
        result = await die(agent, session)
        assert result.error is not None
        assert (result.error.retryable, result.error.details["session_goes_on"]) == (False, False)
        assert "was not stored" in result.error.message
        with anyio.fail_after(30):
            with pytest.raises(ProcessExitedError, match="was not stored"):
                session.query("Again.")
            with pytest.raises(ProcessExitedError):
                await session.send("Again.")
            assert not (await session.interrupt()).interrupted
            await session.wait_idle()
        await session.aclose()
        assert session.state == "closed"


async def test_a_session_whose_agent_died_closes_at_once(agent: ProcessAgent) -> None:
    async with agent.backend() as backend:
        session = await agent.open(backend)
        await die(agent, session)
        with anyio.fail_after(30):
            await session.aclose()
        assert session.state == "closed"


@needs("shared_process")
async def test_every_session_of_a_killed_agent_learns_of_it_and_goes_on(agent: ProcessAgent) -> None:
    gate = Gate()
    agent.model.when("Talk.").reply(text("Half ", gate, "of it."))
    agent.model.otherwise(text("Fine."))
    async with agent.backend() as backend:
        events = backend.events()
        sessions = [await agent.open(backend) for _ in range(3)]
        turns = [session.query("Talk.") for session in sessions]
        for turn in turns:
            await until(turn, StreamEvent)
        agent.kill(sessions[0])
        for turn in turns:
            assert (await turn.wait()).outcome == "failed"
        await told(events, "exited")
        await told(events, "restarted")
        for session in sessions:
            await session.wait_idle()
            assert session.state == "idle"
            assert (await run(session, "Go on.")).result.result == "Fine."


@lacks("shared_process")
async def test_the_death_of_one_sessions_process_leaves_the_others_and_the_backend(agent: ProcessAgent) -> None:
    agent.model.otherwise(text("Fine."))
    async with agent.backend() as backend:
        one, two = await agent.open(backend), await agent.open(backend)
        await die(agent, one)
        assert (await run(two, "Go on.")).result.result == "Fine."
        async with await agent.open(backend) as three:
            assert (await run(three, "Go on.")).result.result == "Fine."


@needs("resume")
async def test_a_session_whose_agent_died_is_resumed_by_a_new_backend(agent: ProcessAgent) -> None:
    gate = Gate()
    agent.model.reply(text("Fine.")).reply(text("Half ", gate, "of it.")).reply(text("Next."))
    async with agent.session() as session:
        await run(session, "Remember the word apple.")
        turn = session.query("Talk.")
        await until(turn, StreamEvent, lambda event: event.text)
        agent.kill(session)
        assert (await turn.wait()).outcome == "failed"
    async with agent.backend() as backend, await agent.open(backend, resume=session.session_id) as resumed:
        assert (await run(resumed, "Go on.")).result.result == "Next."
    assert "Remember the word apple." in agent.model.requests[-1].text


async def test_an_agent_that_ends_by_itself_is_noticed(agent: ProcessAgent) -> None:
    gate = Gate()
    agent.model.reply(text("Half ", gate, "of it."))
    async with agent.session() as session:
        turn = session.query("Talk.")
        await until(turn, StreamEvent, lambda event: event.text)
        agent.kill(session, signal.SIGTERM)
        result = await turn.wait()
        assert result.outcome in ("failed", "interrupted")
        assert result.user_message_uuids == [turn.uuid]


async def test_an_agent_that_is_killed_while_a_prompt_is_sent_does_not_hang_it(agent: ProcessAgent) -> None:
    agent.model.otherwise(text("Well."))  # The prompt may be sent to the one that is started in its place.
    async with agent.session() as session:
        errors: list[BaseException] = []

        async def send() -> None:
            try:
                await run(session, "Talk.")
            except ProcessExitedError as error:
                errors.append(error)

        async with anyio.create_task_group() as tasks:
            with agent.frozen():
                tasks.start_soon(send)
                await anyio.wait_all_tasks_blocked()
                agent.kill(session)
        assert len(errors) <= 1


async def test_an_agent_that_dies_while_its_session_closes_is_noticed_at_once(
    agent: ProcessAgent, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "CLOSE_SECONDS", 120.0)  # What a close that does not notice it would wait.
    gate = Gate()
    agent.model.reply(text("Half ", gate, "of it."))
    async with agent.backend() as backend:
        session = await agent.open(backend)
        turn = session.query("Talk.")
        await until(turn, StreamEvent, lambda event: event.text)
        with anyio.fail_after(60), agent.frozen():
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(session.aclose)
                await anyio.wait_all_tasks_blocked()
                agent.kill(session)
        assert session.state == "closed"
        assert (await turn.wait()).outcome in ("failed", "interrupted")


HOST = """
import sys
import anyio
from agent_sdk_core import AssistantMessage, SessionOptions, create_backend

async def main():
    backend = create_backend(SETTINGS["backend"], executable=SETTINGS["executable"])
    async with backend:
        options = SessionOptions(cwd=SETTINGS["workspace"], permission_mode="bypass")
        async with await backend.create_session(options) as session:
            async with session.query("Run it.") as turn:
                async for message in turn:
                    if isinstance(message, AssistantMessage) and message.tool_uses:
                        print("running", flush=True)

anyio.run(main, backend=SETTINGS["anyio_backend"])
"""


@needs("installed")
async def test_a_host_killed_in_mid_turn_leaves_nothing_running(agent: ProcessAgent, anyio_backend: str) -> None:
    pipe = agent.pipe("command")
    agent.model.reply(agent.command(f"exec 8>'{pipe.path}'; echo begun >&8; sleep 600"))
    command = agent.host_command(HOST, anyio_backend)
    async with await anyio.open_process(command, env=agent.env, stderr=None) as host:
        assert host.stdout is not None
        assert await anext(TextReceiveStream(host.stdout)) in ("running", "running\n")
        assert await pipe.line() == "begun"
        assert agent.lifeline.held
        host.send_signal(signal.SIGKILL)
        await agent.lifeline.gone()
        await pipe.gone()


@needs("installed")
async def test_a_host_that_ends_without_closing_leaves_nothing_running(agent: ProcessAgent, anyio_backend: str) -> None:
    agent.model.otherwise(text("Fine."))
    script = HOST.replace("async with backend:", "await backend.start()\n    if True:").replace(
        "async with await backend.create_session(options) as session:",
        "session = await backend.create_session(options)\n        if True:",
    )
    command = agent.host_command(script, anyio_backend)
    async with await anyio.open_process(command, env=agent.env) as host:
        await host.wait()
        assert host.stderr is not None
        assert host.returncode == 0
    await agent.lifeline.gone()


@needs("hook:pre_tool_use")
async def test_hooks_bind_the_agent_that_comes_back_too(agent: ProcessAgent) -> None:
    async def block(event: PreToolUseEvent) -> Block:
        del event
        return Block("Not here.")

    async with agent.session(permission_mode="bypass", hooks=Hooks(pre_tool_use=[block])) as session:
        await die(agent, session)
        agent.model.reply(agent.command("echo done >> done.txt")).reply(text("Went on."))
        assert (await run(session, "Act.")).result.result == "Went on."
    assert not agent.exists("done.txt")
    assert "Not here." in str(agent.model.requests[-1].json)
