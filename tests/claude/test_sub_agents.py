from __future__ import annotations

import pytest
from tests.claude.driving import Claude, agent, by_child, names, stands

from agent_sdk_core import (
    Allow,
    AssistantMessage,
    Deny,
    RequestResolved,
    StreamEvent,
    TaskNotification,
    TaskStarted,
    TaskUpdated,
    UserMessage,
)
from agent_sdk_testing import Gate, text
from agent_sdk_testing.contract.watching import Asker, Waiter, run, until

pytestmark = pytest.mark.anyio


async def test_a_turn_waits_for_a_sub_agent_in_the_foreground(claude: Claude) -> None:
    claude.model.when(by_child).reply(claude.command("echo found")).reply(text("I found it."))
    claude.model.reply(agent(run_in_background=False)).reply(text("All done."))
    async with claude.session(permission_mode="bypass") as session:
        ran = await run(session, "Delegate.")
        [(named, used)] = (await session.usage()).by_agent.items()
        everything = (await session.usage()).by_model.values()
    assert ran.result.result == "All done."
    task, command = ran.uses
    assert (task.kind, command.name) == ("agent", "Bash")
    assert named == task.id
    assert ran.result.usage is not None
    assert used.total_tokens == sum(each.total_tokens for each in everything) - ran.result.usage.total_tokens > 0
    assert ran.result_of(command).text == "found"
    assert "I found it." in ran.result_of(task).text
    children = [message for message in ran.messages if message.parent_tool_use_id is not None]
    assert {message.parent_tool_use_id for message in children} == {task.id}
    said = [message.text for message in children if isinstance(message, AssistantMessage)]
    assert said == ["", "I found it."]
    [prompt] = [message for message in children if isinstance(message, UserMessage) and message.text]
    assert prompt.text == "The child's task."
    assert not [event for event in ran.all(StreamEvent) if event.parent_tool_use_id is not None]


async def test_a_task_is_told_from_its_start_to_its_end(claude: Claude) -> None:
    claude.model.when(by_child).reply(claude.command("echo found")).reply(text("I found it."))
    claude.model.reply(agent(run_in_background=False)).reply(text("All done."))
    async with claude.session(permission_mode="bypass") as session:
        ran = await run(session, "Delegate.")
    task = ran.uses[0]
    [started], [ended] = ran.all(TaskStarted), ran.all(TaskNotification)
    assert (started.tool_use_id, started.task_type) == (task.id, "local_agent")
    assert (ended.tool_use_id, ended.task_id, ended.status) == (task.id, started.task_id, "completed")
    assert {update.task_id for update in ran.all(TaskUpdated)} == {started.task_id}


async def test_what_a_sub_agent_wants_to_do_is_asked_in_the_name_of_its_task(claude: Claude) -> None:
    asker = Asker([Allow()])
    claude.model.when(by_child).reply(claude.command("echo asked > asked.txt")).reply(text("Child done."))
    claude.model.reply(agent(run_in_background=False)).reply(text("All done."))
    async with claude.session(permission_mode="default", can_use_tool=asker) as session:
        ran = await run(session, "Delegate.")
    [request] = asker.requests
    assert (request.tool_name, request.parent_tool_use_id) == ("Bash", ran.uses[0].id)
    assert request.tool_use_id == ran.uses[1].id
    assert claude.read("asked.txt") == "asked\n"


async def test_what_a_sub_agent_was_denied_fails_its_tool_and_it_goes_on(claude: Claude) -> None:
    asker = Asker([Deny("Not you.")])
    claude.model.when(by_child).reply(claude.command("echo asked > asked.txt")).reply(text("Then not."))
    claude.model.reply(agent(run_in_background=False)).reply(text("All done."))
    async with claude.session(permission_mode="default", can_use_tool=asker) as session:
        ran = await run(session, "Delegate.")
    task, command = ran.uses
    assert "Not you." in ran.result_of(command).text
    assert "Then not." in ran.result_of(task).text
    assert not claude.exists("asked.txt")


async def test_an_interrupt_ends_a_sub_agent_in_the_foreground_and_closes_every_card(claude: Claude) -> None:
    pipe = claude.pipe("command")
    claude.model.when(by_child).reply(claude.command(f"exec 8>'{pipe.path}'; echo begun >&8; sleep 600"))
    claude.model.reply(agent(run_in_background=False))
    async with claude.session(permission_mode="bypass") as session:
        stream = session.messages()
        turn = session.query("Delegate.")
        async with turn:
            assert await pipe.line() == "begun"
            await turn.interrupt()
            result = await turn.wait()
        assert result.outcome == "interrupted"
        await pipe.gone()
        assert (await until(stream, TaskNotification)).status in ("stopped", "killed")
        await session.wait_idle()
        claude.model.reply(text("On."))
        assert (await run(session, "Go on.")).result.result == "On."


async def test_an_interrupt_withdraws_what_a_sub_agent_asks(claude: Claude) -> None:
    waiter = Waiter()
    claude.model.when(by_child).reply(claude.command("echo asked > asked.txt"))
    claude.model.reply(agent(run_in_background=False))
    async with claude.session(permission_mode="default", can_use_tool=waiter) as session:
        stream = session.messages()
        turn = session.query("Delegate.")
        async with turn:
            await waiter.asked.wait()
            await turn.interrupt()
        await waiter.cancelled.wait()
        assert (await until(stream, RequestResolved)).outcome == "withdrawn"
        assert not session.pending
    assert not claude.exists("asked.txt")


async def test_the_session_is_idle_when_its_sub_agents_are(claude: Claude) -> None:
    gate = Gate()
    claude.model.when(by_child).reply(gate, text("Child done."))
    claude.model.reply(agent()).reply(text("It works.")).reply(text("It is done."))
    async with claude.session(permission_mode="bypass") as session:
        stream = session.messages()
        ran = await run(session, "Delegate.")
        [task] = await session.background_tasks()
        [started] = ran.all(TaskStarted)
        assert task.task_id == started.task_id
        gate.open()
        await session.wait_idle()
        assert (await until(stream, TaskNotification)).status == "completed"
        assert await session.background_tasks() == []
    assert claude.model.replies_left == 0


async def test_a_sub_agent_in_the_background_is_stopped(claude: Claude) -> None:
    gate = Gate()
    claude.model.when(by_child).reply(text("Child ", gate, "done."))
    claude.model.reply(agent()).reply(text("It works.")).otherwise(text("It was stopped."))
    async with claude.session(permission_mode="bypass") as session:
        stream = session.messages()
        ran = await run(session, "Delegate.")
        await gate.reached()
        await session.stop_task(ran.uses[0].id)
        ended = await until(stream, TaskNotification)
        assert (ended.tool_use_id, ended.status) == (ran.uses[0].id, "stopped")
        await session.wait_idle()
        assert await session.background_tasks() == []
        [child] = [request for request in claude.model.requests if by_child(request)]
        assert await child.finished() == "client_gone"


async def test_closing_ends_a_sub_agent_that_still_runs(claude: Claude) -> None:
    pipe = claude.pipe("command")
    claude.model.when(by_child).reply(claude.command(f"exec 8>'{pipe.path}'; echo begun >&8; sleep 600"))
    claude.model.reply(agent()).reply(text("It works."))
    async with claude.session(permission_mode="bypass") as session:
        stream = session.messages()
        await session.query("Delegate.").wait()
        assert await pipe.line() == "begun"
        await session.aclose()
        assert (await until(stream, TaskNotification)).status == "stopped"
        await pipe.gone()


async def test_two_sub_agents_at_once_keep_their_messages_apart(claude: Claude) -> None:
    claude.model.when(lambda request: by_child(request) and "the first task" in request.text).reply(text("One."))
    claude.model.when(lambda request: by_child(request) and "the second task" in request.text).reply(text("Two."))
    first, second = (agent(f"Do the {which} task.", run_in_background=False) for which in ("first", "second"))
    claude.model.reply(first, second).reply(text("Both done."))
    async with claude.session(permission_mode="bypass") as session:
        ran = await run(session, "Delegate.")
    assert names(ran) == ["Agent", "Agent"]
    said = {
        message.parent_tool_use_id: message.text
        for message in ran.all(AssistantMessage)
        if message.parent_tool_use_id is not None
    }
    assert said == {ran.uses[0].id: "One.", ran.uses[1].id: "Two."}


async def test_a_prompt_steered_while_a_sub_agent_works_is_for_the_main_thread(claude: Claude) -> None:
    gate = Gate()
    claude.model.when(by_child).reply(gate, text("Child done."))
    claude.model.reply(agent(run_in_background=False)).reply(text("Both."))
    async with claude.session(permission_mode="bypass") as session:
        stream = session.messages()
        first = await session.send("Delegate.")
        await gate.reached()
        second = await session.send("And hurry.", priority="steer")
        gate.open()
        await stands(stream, second, "started")
        await stands(stream, second, "completed")
        await session.wait_idle()
    assert "And hurry." in claude.model.requests[2].text
    assert first != second
