from __future__ import annotations

import os
import signal
from typing import Any
from uuid import uuid4

import anyio
import pytest
from tests.codex.driving import Codex, backend_of, told

from agent_sdk_core import (
    AssistantMessage,
    GoalChanged,
    Informational,
    InitMessage,
    InvalidRequestError,
    ResultMessage,
    UserMessage,
)
from agent_sdk_testing import Gate, call, text
from agent_sdk_testing.contract.watching import run, until

pytestmark = pytest.mark.anyio


async def test_a_review_is_told_like_any_turn_and_answers_no_prompt(codex: Codex) -> None:
    codex.model.reply(text('{"findings": [], "overall_explanation": "All is well.", "overall_correctness": "correct"}'))
    async with codex.session() as session:
        stream = session.messages()
        target = {"type": "custom", "instructions": "Look for bugs."}
        await backend_of(session).request("review/start", {"threadId": session.thread_id, "target": target})
        entered = await until(stream, Informational, lambda message: getattr(message, "review", None) == "entered")
        assert "Look for bugs." in entered.content
        await until(stream, Informational, lambda message: getattr(message, "review", None) == "exited")
        result = await until(stream, ResultMessage)
        assert (result.outcome, result.user_message_uuids) == ("completed", [])
        assert session.state == "idle"
        codex.model.reply(text("On."))
        assert (await run(session, "Go on.")).result.result == "On."


async def test_a_goal_starts_turns_that_answer_no_prompt(codex: Codex) -> None:
    codex.settings(features={"goals": True})
    codex.model.reply(text("Half way.", phase="final_answer"))
    codex.model.reply(call("update_goal", status="complete")).reply(text("There."))
    async with codex.session() as session:
        stream, backend = session.messages(), backend_of(session)
        watch = backend.notifications()
        goal: dict[str, Any] = {"threadId": session.thread_id, "objective": "Get there."}
        await backend.request("thread/goal/set", goal)
        assert isinstance(await until(stream, InitMessage), InitMessage)
        first = await until(stream, ResultMessage)
        assert (first.result, first.user_message_uuids) == ("Half way.", [])
        await told(watch, "thread/goal/updated", lambda params: params["goal"]["status"] == "complete")
        second = await until(stream, ResultMessage)
        assert (second.result, second.user_message_uuids) == ("There.", [])
        await session.wait_idle()


async def test_a_goal_is_one_run_with_all_its_turns(codex: Codex) -> None:
    codex.settings(features={"goals": True})
    codex.model.reply(text("Half way.", phase="final_answer"))
    codex.model.reply(call("update_goal", status="complete")).reply(text("There."))
    async with codex.session() as session:
        stream = session.messages()
        assert session.goal is None
        results: list[str | None] = []
        async with await session.set_goal("Get there.", token_budget=1_000_000) as run_:
            async for message in run_:
                if isinstance(message, ResultMessage):
                    results.append(message.result)
        assert results == ["Half way.", "There."]
        assert run_.result is not None
        assert (run_.goal.objective, run_.goal.status) == ("Get there.", "complete")
        assert (run_.goal.token_budget, run_.goal.tokens_used > 0) == (1_000_000, True)
        assert session.goal == run_.goal
        assert await run_.wait() == run_.goal
    told = [message for message in [message async for message in stream] if isinstance(message, GoalChanged)]
    assert (told[0].status, told[-1].status) == ("active", "complete")


async def test_a_goal_that_is_left_early_is_taken_away_and_its_turn_interrupted(codex: Codex) -> None:
    codex.settings(features={"goals": True})
    gate = Gate()
    codex.model.reply(text("Half", gate, " way."))
    async with codex.session() as session:
        async with await session.set_goal("Get there.") as run_:
            await gate.reached()
        gate.open()
        assert session.state == "idle"
        assert (await run_.wait()).status == "cleared"
        assert session.goal is None
        await session.clear_goal()


async def test_a_goal_whose_turn_is_interrupted_is_paused_and_its_run_ends(codex: Codex) -> None:
    codex.settings(features={"goals": True})
    gate = Gate()
    codex.model.reply(text("Half", gate, " way."))
    async with codex.session() as session:
        run_ = await session.set_goal("Get there.")
        await gate.reached()
        await session.interrupt()
        gate.open()
        with anyio.fail_after(30):
            assert (await run_.wait()).status == "paused"
        assert (run_.result and run_.result.outcome, session.goal) == ("interrupted", run_.goal)
        codex.model.reply(text("Hello."))
        assert (await session.run("Hi")).result == "Hello."


async def test_a_turn_of_a_goal_is_held_to_the_limits_of_turns(codex: Codex) -> None:
    codex.settings(features={"goals": True})
    gate = Gate()
    codex.model.reply(text("Half", gate, " way."))
    async with codex.session(turn_timeout=0.5) as session:
        run_ = await session.set_goal("Get there.")
        with anyio.fail_after(30):
            assert (await run_.wait()).status == "paused"
        gate.open()
        assert run_.result is not None
        assert run_.result.outcome == "limit"


async def test_a_goal_whose_agent_dies_ends_its_run(codex: Codex) -> None:
    codex.settings(features={"goals": True})
    gate = Gate()
    codex.model.reply(text("Half", gate, " way."))
    async with codex.session() as session:
        run_ = await session.set_goal("Get there.")
        await gate.reached()
        os.kill(backend_of(session).pid or 0, signal.SIGKILL)
        assert (await run_.wait()).status == "lost"
        assert run_.result is not None
        assert run_.result.outcome == "failed"
    gate.open()


async def test_a_goal_that_is_none_is_refused(codex: Codex) -> None:
    async with codex.session() as session:
        for objective, budget in ((" ", None), ("x", 0)):
            with pytest.raises(InvalidRequestError):
                await session.set_goal(objective, token_budget=budget)


async def test_a_prompt_in_codexs_own_queue_runs_after_the_turn(codex: Codex) -> None:
    gate = Gate()
    codex.model.reply(text("One", gate, ".")).reply(text("Two."))
    async with codex.session() as session:
        stream, backend = session.messages(), backend_of(session)
        uuid = await session.send("First.")
        await gate.reached()
        entry: dict[str, Any] = {
            "threadId": session.thread_id,
            "input": [{"type": "text", "text": "Second.", "text_elements": []}],
            "clientUserMessageId": str(uuid4()),
        }
        await backend.request("thread/queue/add", entry)
        gate.open()
        first = await until(stream, ResultMessage)
        assert (first.result, first.user_message_uuids) == ("One.", [uuid])
        assert (await until(stream, UserMessage, lambda message: message.text)).text == "Second."
        second = await until(stream, ResultMessage)
        assert second.result == "Two."
        assert uuid not in second.user_message_uuids
        assert session.state == "idle"


async def test_a_shell_command_of_the_user_is_a_tool_use(codex: Codex) -> None:
    async with codex.session() as session:
        stream = session.messages()
        command = {"threadId": session.thread_id, "command": "echo mine; sleep 0.2"}
        await backend_of(session).request("thread/shellCommand", command)
        [use] = (await until(stream, AssistantMessage, lambda message: message.tool_uses)).tool_uses
        assert use.name == "Bash"
        [result] = (await until(stream, UserMessage, lambda message: message.tool_results)).tool_results
        assert result.text.strip() == "mine"
        assert (await until(stream, ResultMessage)).user_message_uuids == []


async def test_a_turn_that_another_client_starts_while_one_runs_joins_it(codex: Codex) -> None:
    gate = Gate()
    codex.model.reply(text("One", gate, ".")).reply(text("Both."))
    async with codex.session() as session:
        stream = session.messages()
        uuid, other = await session.send("First."), str(uuid4())
        await gate.reached()
        entry: dict[str, Any] = {
            "threadId": session.thread_id,
            "input": [{"type": "text", "text": "Second.", "text_elements": []}],
            "clientUserMessageId": other,
        }
        await backend_of(session).request("turn/start", entry)
        await codex.model.wait_for_requests(2)
        gate.open()
        result = await until(stream, ResultMessage)
        assert result.user_message_uuids == [uuid, other]
        assert result.result == "Both."
