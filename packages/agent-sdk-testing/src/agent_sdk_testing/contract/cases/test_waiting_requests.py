"""Requests that wait for an answer: beside each other, answered late, withdrawn, and closed."""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any, Final, cast

import anyio
import anyio.from_thread
import pytest
from anyio.lowlevel import current_token

from agent_sdk_core import (
    DEFER,
    AgentSession,
    Allow,
    Answers,
    AssistantMessage,
    Deny,
    InvalidRequestError,
    PermissionRequest,
    RequestOpened,
    RequestResolved,
    ResultMessage,
    SessionClosedError,
    StreamEvent,
    UserMessage,
    request_from_wire,
)
from agent_sdk_core.sync.user_code import off_the_loop
from agent_sdk_testing import text
from agent_sdk_testing.contract.agent import Agent
from agent_sdk_testing.contract.traits import needs
from agent_sdk_testing.contract.watching import Asker, Waiter, finish, result_of, run, until

pytestmark = pytest.mark.anyio

_BOUND: Final = 60.0
"""Seconds for what has to end soon, on a machine that is busy."""


def ask(agent: Agent, *, then: str | None = "Went on.") -> None:
    """Script one turn that asks for a command."""
    agent.model.reply(agent.command("echo done >> done.txt", escalate=True))
    if then is not None:
        agent.model.reply(text(then))


async def test_a_deferred_request_waits_for_an_answer_from_anywhere(agent: Agent) -> None:
    ask(agent)
    async with agent.session(permission_mode="default", can_use_tool=DEFER) as session:
        watch = session.messages()
        uuid = await session.send("Act.")
        opened = await until(watch, RequestOpened)
        [request] = session.pending
        assert request == request_from_wire(opened.request)
        assert session.state == "requires_action"
        await session.answer(opened.request_id, Allow())
        resolved = await until(watch, RequestResolved)
        assert (resolved.outcome, resolved.by) == ("allowed", "answer")
        assert (await result_of(watch, uuid)).outcome == "completed"
        assert not session.pending
    assert agent.read("done.txt") == "done\n"


async def test_an_answer_of_the_wrong_type_raises_and_the_request_stays_open(agent: Agent) -> None:
    ask(agent)
    async with agent.session(permission_mode="default", can_use_tool=DEFER) as session:
        watch = session.messages()
        uuid = await session.send("Act.")
        opened = await until(watch, RequestOpened)
        for wrong in (Answers({}), True, None):
            with pytest.raises(InvalidRequestError, match=r"Allow.*Deny"):
                await session.answer(opened.request_id, cast("Any", wrong))
        with pytest.raises(InvalidRequestError, match="no such option"):
            await session.answer(opened.request_id, Allow(option="nonsense"))
        assert len(session.pending) == 1
        await session.answer(opened.request_id, Deny())
        await result_of(watch, uuid)
    assert not agent.exists("done.txt")


async def test_a_stale_or_unknown_request_id_raises(agent: Agent) -> None:
    ask(agent)
    async with agent.session(permission_mode="default", can_use_tool=DEFER) as session:
        watch = session.messages()
        uuid = await session.send("Act.")
        opened = await until(watch, RequestOpened)
        await session.answer(opened.request_id, Deny())
        with pytest.raises(InvalidRequestError, match=opened.request_id):
            await session.answer(opened.request_id, Allow())
        await result_of(watch, uuid)
        with pytest.raises(InvalidRequestError, match="0"):
            await session.answer("0", Allow())
    assert not agent.exists("done.txt")


@needs("parallel_requests")
async def test_two_requests_at_once_may_be_answered_in_reverse_order(agent: Agent) -> None:
    agent.model.reply(*agent.asking(2)).reply(text("Both."))
    async with agent.session(permission_mode="default", can_use_tool=DEFER) as session:
        watch = session.messages()
        turn = session.query("Act.")
        denied: list[str | None] = []
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(turn.wait)
            await until(watch, RequestOpened)
            await until(watch, RequestOpened)
            first, second = session.pending
            await session.answer(second.request_id, Allow())
            resolved = await until(watch, RequestResolved)
            assert resolved.request_id == second.request_id
            assert [request.request_id for request in session.pending] == [first.request_id]
            await session.answer(first.request_id, Deny())
            assert isinstance(first, PermissionRequest)
            denied.append(first.tool_use_id)
        ran = await finish(turn)
    assert {use.id: bool(ran.result_of(use).is_error) for use in ran.uses} == {
        use.id: use.id in denied for use in ran.uses
    }


@needs("parallel_requests")
async def test_a_callback_may_run_beside_itself(agent: Agent) -> None:
    agent.model.reply(*agent.asking(2)).reply(text("Both."))
    together = anyio.Event()
    waiting: list[PermissionRequest] = []

    async def callback(request: PermissionRequest) -> Allow:
        waiting.append(request)
        if len(waiting) == 2:
            together.set()
        await together.wait()
        return Allow()

    async with agent.session(permission_mode="default", can_use_tool=callback) as session:
        ran = await run(session, "Act.")
    assert [bool(result.is_error) for result in ran.results] == [False, False]


async def test_a_waiting_callback_does_not_hold_up_another_session(agent: Agent) -> None:
    agent.model.when("Act.").reply(agent.command("echo done > done.txt", escalate=True)).reply(text("Acted."))
    agent.model.when("Talk.").reply(text("Talked."))
    waiter = Waiter()
    async with (
        agent.backend() as backend,
        await agent.open(backend, permission_mode="default", can_use_tool=waiter) as waiting,
        await agent.open(backend) as talking,
    ):
        watch = waiting.messages()
        uuid = await waiting.send("Act.")
        await waiter.asked.wait()
        assert (await run(talking, "Talk.")).result.result == "Talked."
        assert not waiter.cancelled.is_set()
        waiter.go.set()
        assert (await result_of(watch, uuid)).outcome == "completed"
    assert agent.exists("done.txt")


async def test_a_waiting_callback_does_not_hold_up_deltas_of_its_own_session(agent: Agent) -> None:
    agent.model.reply(agent.command("echo done > done.txt", escalate=True), text("Mean", "while."))
    agent.model.reply(text("Done."))
    waiter = Waiter()
    async with agent.session(permission_mode="default", can_use_tool=waiter) as session:
        watch = session.messages()
        uuid = await session.send("Act.")
        await waiter.asked.wait()
        await until(watch, StreamEvent, lambda event: event.text == "while.")
        waiter.go.set()
        assert (await result_of(watch, uuid)).result == "Done."


async def test_an_interrupt_withdraws_a_request_and_cancels_its_callback(agent: Agent) -> None:
    ask(agent, then=None)
    waiter = Waiter()
    async with agent.session(permission_mode="default", can_use_tool=waiter) as session:
        watch = session.messages()
        turn = session.query("Act.")
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(finish, turn)
            await waiter.asked.wait()
            assert (await session.interrupt()).interrupted
        await waiter.cancelled.wait()
        resolved = await until(watch, RequestResolved)
        assert resolved.outcome == "withdrawn"
        assert turn.result is not None
        assert turn.result.outcome == "interrupted"
        assert not session.pending
        assert session.state == "idle"
    assert not agent.exists("done.txt")


@pytest.mark.parametrize("how", ["answer", "interrupt", "deadline", "close"])
async def test_a_plain_callback_learns_in_its_thread_that_nobody_waits_for_it_any_more(agent: Agent, how: str) -> None:
    ask(agent)
    asked, learned = anyio.Event(), anyio.Event()
    soon = current_token()

    def callback(request: PermissionRequest) -> Allow:
        seen.append(request)
        anyio.from_thread.run_sync(asked.set, token=soon)
        if request.settled.wait(_BOUND):
            anyio.from_thread.run_sync(learned.set, token=soon)
        return Allow()  # Too late, whatever it is.

    seen: list[PermissionRequest] = []
    options: dict[str, Any] = {"permission_mode": "default", "can_use_tool": off_the_loop(callback)}
    async with agent.session(**options, request_timeout=2.0 if how == "deadline" else None) as session:
        watch, results = session.messages(), session.messages()  # Either may come first.
        uuid = await session.send("Act.")
        await asked.wait()
        [request] = seen
        if how == "answer":
            await session.answer(request.request_id, Deny())
        elif how == "interrupt":
            await session.interrupt()
        elif how == "close":
            await session.aclose()
        with anyio.fail_after(_BOUND):
            await learned.wait()
        assert request.settled
        resolved = await until(watch, RequestResolved)
        assert resolved.by == {"answer": "answer", "interrupt": "agent", "deadline": "deadline", "close": "close"}[how]
        await result_of(results, uuid)
    assert not agent.exists("done.txt")


async def test_an_interrupt_during_a_deferred_request_closes_its_card(agent: Agent) -> None:
    ask(agent, then=None)
    async with agent.session(permission_mode="default", can_use_tool=DEFER) as session:
        watch = session.messages()
        uuid = await session.send("Act.")
        await until(watch, RequestOpened)
        await session.interrupt()
        user = await until(watch, UserMessage, lambda message: message.tool_results)
        assert user.tool_results[0].is_error is True
        assert (await result_of(watch, uuid)).outcome == "interrupted"
    assert not agent.exists("done.txt")


@pytest.mark.parametrize("how", ["aclose", "kill"])
async def test_closing_a_session_denies_what_is_pending(agent: Agent, how: str) -> None:
    ask(agent, then=None)
    agent.model.otherwise(text("Too late."))
    waiter = Waiter()
    async with agent.session(permission_mode="default", can_use_tool=waiter) as session:
        watch = session.messages()
        uuid = await session.send("Act.")
        await waiter.asked.wait()
        await getattr(session, how)()
        assert waiter.cancelled.is_set()
        resolved = await until(watch, RequestResolved)
        assert (resolved.outcome, resolved.by) == ("denied", "close")
        assert (await result_of(watch, uuid)).outcome == "interrupted"
        rest = [message async for message in watch]
        assert not [message for message in rest if isinstance(message, AssistantMessage | ResultMessage)]
    assert not agent.exists("done.txt")


async def test_a_callback_may_answer_by_itself_while_it_runs(agent: Agent) -> None:
    ask(agent)
    holder: list[AgentSession] = []

    async def callback(request: PermissionRequest) -> Deny:
        await holder[0].answer(request.request_id, Allow())
        return Deny()

    async with agent.session(permission_mode="default", can_use_tool=callback) as session:
        holder.append(session)
        await run(session, "Act.")
    assert agent.exists("done.txt")


@pytest.mark.parametrize("what", ["session", "backend"])
async def test_a_callback_may_close_what_it_belongs_to(agent: Agent, what: str) -> None:
    ask(agent, then=None)
    agent.model.otherwise(text("Too late."))
    holder: list[AgentSession] = []
    returned = anyio.Event()

    async def callback(request: PermissionRequest) -> Allow:
        closing = holder[0] if what == "session" else holder[0].backend
        try:
            await closing.aclose()
        finally:
            returned.set()
        return Allow()

    async with agent.backend() as backend:
        session = await agent.open(backend, permission_mode="default", can_use_tool=callback)
        holder.append(session)
        turn = session.query("Act.")
        result = await turn.wait()
        assert result.outcome == "interrupted"
        assert result.user_message_uuids == [turn.uuid]
        await returned.wait()
        await session.aclose()
        assert session.state == "closed"
        with pytest.raises(SessionClosedError):
            session.query("More.")
    assert not agent.exists("done.txt")


async def test_a_callback_may_interrupt_its_own_turn(agent: Agent) -> None:
    ask(agent, then=None)
    holder: list[AgentSession] = []

    async def callback(request: PermissionRequest) -> Allow:
        await holder[0].interrupt()
        return Allow()

    async with agent.session(permission_mode="default", can_use_tool=callback) as session:
        holder.append(session)
        assert (await run(session, "Act.")).result.outcome == "interrupted"
    assert not agent.exists("done.txt")


async def test_a_callback_sees_the_context_in_which_its_session_was_made(agent: Agent) -> None:
    variable: ContextVar[str] = ContextVar("variable", default="none")
    seen: list[str] = []

    async def callback(request: PermissionRequest) -> Deny:
        seen.append(variable.get())
        return Deny()

    ask(agent)
    async with agent.backend() as backend:
        variable.set("creation")
        async with await agent.open(backend, permission_mode="default", can_use_tool=callback) as session:
            variable.set("query")
            await run(session, "Act.")
    assert seen == ["creation"]


async def test_the_ids_of_requests_are_ours_and_differ(agent: Agent) -> None:
    ask(agent, then=None)
    ask(agent)
    asker = Asker()
    async with agent.session(permission_mode="default", can_use_tool=asker) as session:
        await run(session, "Act twice.")
    first, second = asker.requests
    assert first.request_id != second.request_id
    assert len(first.request_id) == 36
