# pyright: reportPrivateUsage=false, reportUnknownLambdaType=false, reportPossiblyUnboundVariable=false
from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import anyio
import anyio.to_thread
import pytest

from agent_sdk_core.asking.permissions import DEFER, Allow, Deny, PermissionRequest, Settled
from agent_sdk_core.asking.questions import Answers, ElicitationAnswer, ElicitationRequest, Question, QuestionRequest
from agent_sdk_core.asking.requests import refusal_of
from agent_sdk_core.errors import InvalidRequestError, PolicyDeniedError, UnsupportedOptionError
from agent_sdk_core.messages.base import Source
from agent_sdk_core.messages.system import RequestOpened, RequestResolved
from agent_sdk_core.runtime.asking.pending import Resolution
from agent_sdk_core.runtime.asking.policing import Ruling

pytestmark = pytest.mark.anyio

PERMISSION = PermissionRequest("Bash", {"command": "ls"}, "p", "session-1", source=Source("memory", request_id="7"))
QUESTION = QuestionRequest((Question("Which?", "1"),), "q", "session-1")
ELICITATION = ElicitationRequest("Please", "server", "form", "e", "session-1", deadline=12.5)
REQUESTS = {"permission": PERMISSION, "question": QUESTION, "elicitation": ELICITATION}
REFUSALS = {
    "permission": Deny("Nobody allowed it."),
    "question": Answers({}),
    "elicitation": ElicitationAnswer("decline"),
}
GOOD = {
    "permission": (Allow(), "allowed"),
    "question": (Answers({"1": ("this",)}), "answered"),
    "elicitation": (ElicitationAnswer("accept", {"a": 1}), "answered"),
}
BAD = {"permission": Answers({}), "question": Allow(), "elicitation": True}
REFUSED = {"permission": "denied", "question": "declined", "elicitation": "declined"}


async def never(_: object) -> Any:
    await anyio.sleep_forever()


def giving(answer: object) -> Callable[[object], Any]:
    async def callback(_: object) -> Any:
        await anyio.lowlevel.checkpoint()
        return answer

    return callback


def refuse(error: Exception) -> Callable[[object], object]:
    """A check that lets refusals pass only."""

    def check(answer: object) -> object:
        if answer == Deny("Nobody allowed it."):
            return "refusal"
        raise error

    return check


async def told(session: Any, stream: Any) -> list[RequestResolved]:
    await session.aclose()
    return [message async for message in stream if isinstance(message, RequestResolved)]


@pytest.mark.parametrize("kind", REQUESTS)
async def test_the_callback_answers(session: Any, agent: Any, kind: str) -> None:
    stream = session.messages()
    answer, outcome = GOOD[kind]
    with anyio.fail_after(30):
        resolution = await agent.ask(giving(answer), request=REQUESTS[kind], check=lambda given: {"wire": given})
        resolved = await told(session, stream)
    assert resolution == Resolution(answer, {"wire": answer}, "callback")
    assert [(message.kind, message.outcome, message.by) for message in resolved] == [(kind, outcome, "callback")]


@pytest.mark.parametrize("kind", REQUESTS)
async def test_without_a_callback_it_is_refused(session: Any, agent: Any, kind: str) -> None:
    stream = session.messages()
    with anyio.fail_after(30):
        resolution = await agent.ask(None, request=REQUESTS[kind])
        resolved = await told(session, stream)
    assert resolution == Resolution(REFUSALS[kind], REFUSALS[kind], "no_callback")
    assert refusal_of(REQUESTS[kind]) == REFUSALS[kind]
    assert [(message.outcome, message.by) for message in resolved] == [(REFUSED[kind], "no_callback")]


@pytest.mark.parametrize("kind", REQUESTS)
async def test_a_callback_that_raises_or_answers_nonsense_denies_and_is_logged(
    session: Any, agent: Any, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def fail(_: object) -> Any:
        raise ZeroDivisionError("oops")

    with anyio.fail_after(30):
        for callback in (fail, giving(BAD[kind]), giving(None)):
            resolution = await agent.ask(callback, request=REQUESTS[kind])
            assert resolution == Resolution(REFUSALS[kind], REFUSALS[kind], "callback_error")
    assert "oops" in caplog.text
    assert "not NoneType" in caplog.text
    assert session.pending == ()


async def test_a_callback_that_is_not_async_after_all_denies(agent: Any) -> None:
    with anyio.fail_after(30):
        resolution = await agent.ask(lambda _: Allow())
    assert (resolution.by, resolution.answer) == ("callback_error", REFUSALS["permission"])


@pytest.mark.parametrize("error", [UnsupportedOptionError("no edits"), KeyError("bug")])
async def test_an_answer_that_the_agent_cannot_honour_is_a_denial(agent: Any, error: Exception) -> None:
    with anyio.fail_after(30):
        resolution = await agent.ask(giving(Allow(updated_input={})), check=refuse(error))
    assert resolution == Resolution(REFUSALS["permission"], "refusal", "callback_error")


@pytest.mark.parametrize("callback", [None, giving(Allow()), DEFER], ids=["none", "async", "defer"])
async def test_a_check_that_refuses_refusals_too_does_not_hang(agent: Any, callback: Any) -> None:
    def check(_: object) -> object:
        raise KeyError("bug")

    with anyio.fail_after(30):
        try:
            resolution = await agent.ask(callback, check=check, timeout=0.05)
        except KeyError:
            return
    assert resolution.answer == REFUSALS["permission"]
    assert resolution.encoded is None


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_a_callback_that_awaits_something_cancelled_denies_and_harms_nobody(
    backend: Any, agent: Any, caplog: pytest.LogCaptureFixture
) -> None:
    async def callback(_: object) -> Any:
        future = asyncio.get_running_loop().create_future()
        future.cancel()
        await future

    with anyio.fail_after(30):
        resolution = await agent.ask(callback)
        assert resolution.by == "callback_error"
        assert backend.host.running
        assert (await agent.ask(giving(Allow()))).answer == Allow()
    assert "CancelledError" in caplog.text


async def test_a_request_is_pending_until_it_is_answered_from_elsewhere(session: Any, agent: Any) -> None:
    stream = session.messages()
    outcome: list[Resolution] = []

    async def ask() -> None:
        outcome.append(await agent.ask(DEFER, request=PERMISSION))

    with anyio.fail_after(30):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(ask)
            opened = await anext(stream)
            assert session.pending == (PERMISSION,)
            with pytest.raises(InvalidRequestError, match="Allow or Deny"):
                await session.answer("p", Answers({}))
            assert session.pending == (PERMISSION,)
            await session.answer("p", Allow("session"))
            with pytest.raises(InvalidRequestError, match="'p'"):
                await session.answer("p", Deny())
        with pytest.raises(InvalidRequestError, match="'p'"):
            await session.answer("p", Deny())
        resolved = await told(session, stream)
    assert isinstance(opened, RequestOpened)
    assert (opened.request_id, opened.kind, opened.request["tool_name"]) == ("p", "permission", "Bash")
    assert opened.source == Source("memory", request_id="7", synthetic=True)
    assert "deadline" not in opened.to_wire()
    assert outcome == [Resolution(Allow("session"), Allow("session"), "answer")]
    assert [(message.outcome, message.by) for message in resolved] == [("allowed", "answer")]


async def test_an_answer_that_cannot_be_honoured_leaves_the_request_open(session: Any, agent: Any) -> None:
    with anyio.fail_after(30):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(lambda: agent.ask(DEFER, check=refuse(UnsupportedOptionError("no edits"))))
            await anyio.wait_all_tasks_blocked()
            with pytest.raises(UnsupportedOptionError):
                await session.answer("r1", Allow(updated_input={}))
            assert len(session.pending) == 1
            await session.answer("r1", Deny("Nobody allowed it."))


async def test_an_answer_from_elsewhere_cancels_the_callback(session: Any, agent: Any) -> None:
    ended = anyio.Event()

    async def callback(_: object) -> Any:
        try:
            await anyio.sleep_forever()
        finally:
            ended.set()

    with anyio.fail_after(30):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(lambda: agent.ask(callback))
            await anyio.wait_all_tasks_blocked()
            await session.answer("r1", Allow())
        await ended.wait()


async def test_a_callback_that_shields_itself_cannot_change_what_was_decided(session: Any, agent: Any) -> None:
    release, ended = anyio.Event(), anyio.Event()
    outcome: list[Resolution] = []

    async def callback(_: object) -> Any:
        with anyio.CancelScope(shield=True):
            await release.wait()
        ended.set()
        return Allow()

    async def ask() -> None:
        outcome.append(await agent.ask(callback))

    with anyio.fail_after(30):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(ask)
            await anyio.wait_all_tasks_blocked()
            await session.answer("r1", Deny("no"))
        release.set()
        await ended.wait()
        await anyio.wait_all_tasks_blocked()
    assert outcome == [Resolution(Deny("no"), Deny("no"), "answer")]


@pytest.mark.parametrize("kind", REQUESTS)
@pytest.mark.parametrize("how", ["answer", "withdrawn", "deadline", "close", "cancelled"])
async def test_a_thread_learns_that_nobody_waits_for_an_answer_any_more(
    session: Any, agent: Any, kind: str, how: str
) -> None:
    request = replace(REQUESTS[kind], settled=Settled())
    learned: list[bool] = []
    ended = anyio.Event()

    async def callback(request: Any) -> Any:
        with anyio.CancelScope(shield=True):  # As a thread, which nobody can cancel.
            learned.append(await anyio.to_thread.run_sync(request.settled.wait, 30))
        ended.set()

    with anyio.fail_after(30):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(lambda: agent.ask(callback, request=request, timeout=1.0 if how == "deadline" else None))
            await anyio.wait_all_tasks_blocked()
            [pending] = session.pending or (request,)
            if how == "answer":
                assert not pending.settled
                await session.answer(request.request_id, GOOD[kind][0])
            elif how == "withdrawn":
                session.requests.withdraw()
            elif how == "close":
                await session.aclose()
            elif how == "cancelled":
                tasks.cancel_scope.cancel()
        assert pending.settled
        await ended.wait()
    assert learned == [True]


async def test_who_answers_is_not_told_before_the_answer_counts(agent: Any) -> None:
    seen: list[bool] = []
    request = replace(PERMISSION, settled=Settled())

    async def callback(request: Any) -> Any:
        seen.append(bool(request.settled))
        return Allow()

    with anyio.fail_after(30):
        await agent.ask(callback, request=request)
    assert (seen, bool(request.settled)) == ([False], True)


async def test_the_deadline_denies_and_cancels_the_callback(session: Any, agent: Any) -> None:
    stream, began = session.messages(), time.time()
    with anyio.fail_after(30):
        resolution = await agent.ask(never, request=ELICITATION, timeout=0.05)
        opened = await anext(stream)
        resolved = await told(session, stream)
    assert resolution == Resolution(REFUSALS["elicitation"], REFUSALS["elicitation"], "deadline")
    assert began + 0.05 <= opened.deadline <= time.time() + 0.05, "not the one it came with, which is over"
    assert opened.request["deadline"] == opened.deadline
    assert resolved[0].by == "deadline"


async def test_a_withdrawn_request_has_no_answer(session: Any, agent: Any) -> None:
    stream = session.messages()
    outcome: list[Resolution] = []

    async def ask(request: Any, callback: Any) -> None:
        outcome.append(await agent.ask(callback, request=request))

    with anyio.fail_after(30):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(ask, PERMISSION, never)
            tasks.start_soon(ask, QUESTION, DEFER)
            await anyio.wait_all_tasks_blocked()
            session.requests.withdraw(native_id="unknown")
            session.requests.withdraw(native_id="7")
            session.requests.withdraw(native_id="7")
            await anyio.wait_all_tasks_blocked()
            assert session.pending == (QUESTION,)
            session.requests.withdraw()
        resolved = await told(session, stream)
    assert outcome == [Resolution(None, None, "agent")] * 2
    assert [(message.outcome, message.by) for message in resolved] == [("withdrawn", "agent")] * 2


async def test_a_withdrawal_before_the_callback_runs_does_not_call_it(
    session: Any, agent: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    called: list[object] = []

    async def callback(request: object) -> Any:
        called.append(request)

    def withdraw_first(run: Any, *args: Any, context: Any) -> None:
        session.requests.withdraw()
        start_soon(run, *args, context=context)

    start_soon = session.requests._host.start_soon
    monkeypatch.setattr(session.requests._host, "start_soon", withdraw_first)
    with anyio.fail_after(30):
        assert (await agent.ask(callback)).by == "agent"
        await anyio.wait_all_tasks_blocked()
    assert called == []


async def test_a_resolver_that_is_cancelled_takes_the_request_back(session: Any, agent: Any) -> None:
    stream = session.messages()
    with anyio.fail_after(30):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(lambda: agent.ask(never))
            await anyio.wait_all_tasks_blocked()
            tasks.cancel_scope.cancel()
        assert session.pending == ()
        resolved = await told(session, stream)
    assert [(message.outcome, message.by) for message in resolved] == [("withdrawn", "close")]


async def test_several_requests_wait_at_once_and_hold_nothing_up(session: Any, agent: Any) -> None:
    outcome: dict[str, str] = {}

    async def ask(number: int) -> None:
        request = PermissionRequest("Bash", {}, str(number), "session-1")
        outcome[str(number)] = (await agent.ask(DEFER, request=request)).answer.scope

    with anyio.fail_after(30):
        async with session.query("hi") as turn, anyio.create_task_group() as tasks:
            agent.emit(agent.init())
            for number in range(5):
                tasks.start_soon(ask, number)
                await anyio.wait_all_tasks_blocked()
            assert [request.request_id for request in session.pending] == list("01234")
            agent.emit(agent.delta("x"))
            assert [(await anext(turn)).type for _ in range(7)] == ["system"] * 6 + ["stream_event"]
            for number in reversed(range(5)):
                await session.answer(str(number), Allow())
    assert len(outcome) == 5


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [(Answers({}), "declined"), (ElicitationAnswer("cancel"), "declined"), (Deny(), "denied")],
)
async def test_the_resolution_says_what_was_decided(session: Any, agent: Any, answer: Any, outcome: str) -> None:
    request = {Answers: QUESTION, ElicitationAnswer: ELICITATION, Deny: PERMISSION}[type(answer)]
    stream = session.messages()
    with anyio.fail_after(30):
        await agent.ask(giving(answer), request=request)
        resolved = await told(session, stream)
    assert [message.outcome for message in resolved] == [outcome]


async def test_what_is_asked_of_a_closed_session_is_refused_unasked(backend: Any, session: Any) -> None:
    with anyio.fail_after(30):
        await backend.aclose()
        resolution = await session.driver.ask(never)
    assert (resolution.by, resolution.answer) == ("close", REFUSALS["permission"])
    assert session.pending == ()


async def test_the_agent_hears_of_what_a_close_refused_only_once_it_is_released(session: Any, agent: Any) -> None:
    outcome: list[Resolution] = []

    async def ask(request: Any, callback: Any) -> None:
        outcome.append(await agent.ask(callback, request=request))

    with anyio.fail_after(30):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(ask, PERMISSION, never)
            tasks.start_soon(ask, ELICITATION, DEFER)
            await anyio.wait_all_tasks_blocked()
            session.requests.refuse_all()
            tasks.start_soon(ask, QUESTION, never)
            await anyio.wait_all_tasks_blocked()
            assert (session.pending, outcome) == ((), [])
            session.requests.release()
    assert {resolution.by for resolution in outcome} == {"close"}
    assert len(outcome) == 3


@pytest.mark.parametrize("ruled", [Deny("The policy refuses it."), None])
async def test_an_answer_from_elsewhere_waits_for_the_policy(session: Any, ruled: Deny | None) -> None:
    stream, looked, decide = session.messages(), anyio.Event(), anyio.Event()
    refused: list[InvalidRequestError] = []

    async def judge(_: object) -> Ruling:
        looked.set()
        await decide.wait()
        return Ruling(ruled)

    async def ask() -> None:
        await session.requests.resolve(PERMISSION, callback=DEFER, check=lambda given: given, timeout=None, judge=judge)

    async def allow() -> None:
        try:
            await session.answer("p", Allow())
        except InvalidRequestError as error:
            refused.append(error)

    with anyio.fail_after(60):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(ask)
            await looked.wait()
            tasks.start_soon(allow)
            await anyio.wait_all_tasks_blocked()
            assert session.pending == (PERMISSION,)
            decide.set()
        [resolved] = await told(session, stream)
    assert (resolved.outcome, resolved.by) == (("allowed", "answer") if ruled is None else ("denied", "policy"))
    assert len(refused) == (0 if ruled is None else 1)


@pytest.mark.parametrize("by", ["callback", "answer"])
async def test_what_the_policy_refuses_of_an_answer_is_told_as_refused(session: Any, by: str) -> None:
    stream, reviewed = session.messages(), anyio.Event()
    changed = Allow(updated_input={"command": "rm x"})

    async def review(answer: Any) -> Ruling:
        reviewed.set()
        return Ruling(Deny("The policy refuses it.") if answer == changed else None, "Bash(rm *)")

    async def callback(_: object) -> Allow:
        return changed

    async def ask() -> None:
        how = callback if by == "callback" else DEFER
        await session.requests.resolve(PERMISSION, callback=how, check=lambda given: given, timeout=None, review=review)

    with anyio.fail_after(60):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(ask)
            if by == "answer":
                await anyio.wait_all_tasks_blocked()
                with pytest.raises(PolicyDeniedError, match="The policy refuses it"):
                    await session.answer("p", changed)
                await session.answer("p", Allow())
        [resolved] = await told(session, stream)
    assert reviewed.is_set()
    if by == "callback":
        assert (resolved.outcome, resolved.by, resolved.rule) == ("denied", "policy", "Bash(rm *)")
    else:
        assert (resolved.outcome, resolved.by) == ("allowed", "answer")


async def test_who_is_asked_is_told_by_which_rule(session: Any) -> None:
    stream, asked = session.messages(), list[PermissionRequest]()

    async def judge(_: object) -> Ruling:
        return Ruling(None, "Bash(git *)")

    async def callback(request: PermissionRequest) -> Allow:
        asked.append(request)
        return Allow()

    with anyio.fail_after(60):
        await session.requests.resolve(
            PERMISSION, callback=callback, check=lambda given: given, timeout=None, judge=judge
        )
        [resolved] = await told(session, stream)
    assert [request.rule for request in asked] == ["Bash(git *)"]
    assert resolved.rule == "Bash(git *)"


async def test_how_a_request_ended_is_told_before_the_close_ends_what_it_is_told_on(session: Any, agent: Any) -> None:
    stream = session.messages()
    with anyio.fail_after(60):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(agent.ask, DEFER)
            await anext(stream)
            [resolved] = await told(session, stream)
    assert resolved.outcome == "denied"
