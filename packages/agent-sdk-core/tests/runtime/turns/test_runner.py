# pyright: reportPossiblyUnboundVariable=false, reportUnknownLambdaType=false, reportUnknownArgumentType=false
from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

import anyio
import pytest

from agent_sdk_core.errors import AgentError, InvalidRequestError, ProcessExitedError, SessionClosedError
from agent_sdk_core.interfaces.session import InterruptReceipt
from agent_sdk_core.interfaces.turn import Turn
from agent_sdk_core.messages.conversation import AssistantMessage
from agent_sdk_core.messages.result import ResultMessage
from agent_sdk_core.runtime.turns import runner
from agent_sdk_core.runtime.turns.records import PromptRecord

pytestmark = pytest.mark.anyio


class Gate:
    """A driver method that waits until the test lets it go on."""

    def __init__(self, then: Callable[..., Any]) -> None:
        self.reached = anyio.Event()
        self.opened = anyio.Event()
        self._then = then

    async def __call__(self, *args: Any) -> Any:
        self.reached.set()
        await self.opened.wait()
        return self._then(*args)


def raising(error: Exception) -> Callable[..., Any]:
    def fail(*_: Any) -> Any:
        raise error

    return fail


async def collect(turn: Turn, into: list[Any]) -> None:
    async for message in turn:
        into.append(message)


def results(messages: list[Any]) -> list[ResultMessage]:
    return [message for message in messages if isinstance(message, ResultMessage)]


def texts(messages: list[Any]) -> list[str]:
    return [message.text for message in messages if isinstance(message, AssistantMessage)]


async def test_a_turn_yields_its_messages_and_ends_with_its_result(session: Any, agent: Any) -> None:
    turn = session.query("hi")
    seen: list[Any] = []
    with anyio.fail_after(30):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(collect, turn, seen)
            await anyio.wait_all_tasks_blocked()
            assert session.state == "running"
            agent.emit(agent.init(), agent.delta("he"), agent.delta("llo"))
            agent.finish("hello")
    assert [message.type for message in seen] == ["system", "stream_event", "stream_event", "assistant", "result"]
    assert seen[-1].user_message_uuids == [turn.uuid]
    assert turn.result is seen[-1]
    assert turn.text == "hello"
    assert session.state == "idle"
    assert session.resumable


ORDERS = {
    "response, init, result": ("respond", "init", "result"),
    "init, response, result": ("init", "respond", "result"),
    "init, result, response": ("init", "result", "respond"),
    "result without init, response": ("result", "respond"),
    "response, result without init": ("respond", "result"),
}


@pytest.mark.parametrize("order", ORDERS.values(), ids=ORDERS)
async def test_response_and_messages_may_come_in_any_order(session: Any, agent: Any, order: tuple[str, ...]) -> None:
    gate = agent.hooks["start_turn"] = Gate(lambda _, uuid: "turn-1")
    turn = session.query("hi")
    seen: list[Any] = []
    with anyio.fail_after(30):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(collect, turn, seen)
            await gate.reached.wait()
            for step in order:
                if step == "respond":
                    gate.opened.set()
                elif step == "init":
                    agent.emit(agent.init("turn-1"))
                else:
                    agent.emit(agent.result("turn-1", [turn.uuid]))
                await anyio.wait_all_tasks_blocked()
    assert [message.user_message_uuids for message in results(seen)] == [[turn.uuid]]
    assert isinstance(seen[-1], ResultMessage)
    assert session.state == "idle"


OVERLAPS = {
    "before the response": ("begin", "end", "respond", "ours"),
    "around the response": ("begin", "respond", "end", "ours"),
    "after the response": ("respond", "begin", "end", "ours"),
    "two of them before the response": ("begin", "end", "begin2", "end2", "respond", "ours"),
}


@pytest.mark.parametrize("order", OVERLAPS.values(), ids=OVERLAPS)
async def test_a_turn_nobody_prompted_does_not_end_ours(session: Any, agent: Any, order: tuple[str, ...]) -> None:
    gate = agent.hooks["start_turn"] = Gate(lambda _, uuid: "ours")
    turn = session.query("hi")
    seen: list[Any] = []
    everything = session.messages()
    with anyio.fail_after(30):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(collect, turn, seen)
            await gate.reached.wait()
            for step in order:
                match step:
                    case "respond":
                        gate.opened.set()
                    case "ours":
                        agent.emit(agent.init("ours"), agent.text("mine", "ours"))
                        agent.emit(agent.result("ours", [turn.uuid], result="mine"))
                    case _ if step.startswith("begin"):
                        agent.emit(agent.init("other" + step[5:]))
                    case _:
                        agent.emit(agent.result("other" + step[3:], []))
                await anyio.wait_all_tasks_blocked()
        await session.aclose()
        everywhere = [message async for message in everything]
    assert [message.user_message_uuids for message in results(seen)] == [[turn.uuid]]
    assert texts(seen) == ["mine"]
    assert [turn.uuid] in [message.user_message_uuids for message in results(everywhere)]
    assert [] in [message.user_message_uuids for message in results(everywhere)]


async def test_our_turn_that_ended_unlisted_before_another_ends_when_the_response_tells(
    session: Any, agent: Any
) -> None:
    gate = agent.hooks["start_turn"] = Gate(lambda _, uuid: "ours")
    turn = session.query("hi")
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(turn.wait)
        with anyio.fail_after(30):
            await gate.reached.wait()
            for turn_id in ("ours", "other"):
                agent.emit(agent.init(turn_id), agent.result(turn_id, []))
            assert turn.result is None
            gate.opened.set()
            result = await turn.wait()
    assert result.outcome == "cancelled"
    assert result.source.synthetic
    assert session.state == "idle"


async def test_text_of_another_turn_is_not_ours(session: Any, agent: Any) -> None:
    async with session.query("hi") as turn:
        agent.emit(agent.text("stale", "old"), agent.text("mine"), agent.text("a child's", parent_tool_use_id="t1"))
        agent.emit(agent.text(""))
        assert turn.text == "mine"
        agent.emit(agent.result())
        assert turn.text == "mine"


async def test_a_result_that_lists_two_prompts_ends_both(session: Any, agent: Any) -> None:
    with anyio.fail_after(30):
        async with session.query("one") as turn:
            steered = await session.send("two", priority="steer")
            assert agent.calls == ["start_turn", "steer"]
            agent.finish()
            result = await turn.wait()
            await session.wait_idle()
    assert result.user_message_uuids == [turn.uuid, steered]


async def test_a_result_without_turn_ends_only_what_it_lists(session: Any, agent: Any) -> None:
    async def start(_: Any, uuid: str) -> None:
        agent.uuids = [uuid]

    async def steer(*_: Any) -> bool:
        return True

    agent.hooks.update(start_turn=start, steer=steer)
    with anyio.fail_after(30):
        async with session.query("one") as turn:
            steered = await session.send("two", priority="steer")
            agent.emit(agent.result(uuids=[turn.uuid]))
            assert (await turn.wait()).outcome == "completed"
            assert session.state == "running"
            agent.emit(agent.result(uuids=[]))
            assert session.state == "running"
            agent.emit(agent.result(uuids=[steered]))
            await session.wait_idle()


async def test_a_result_of_our_turn_that_lists_nothing_still_ends_the_prompt(session: Any, agent: Any) -> None:
    seen: list[Any] = []
    with anyio.fail_after(30):
        async with session.query("one") as turn:
            agent.emit(agent.init(), agent.result(uuids=[]))
            await collect(turn, seen)
    assert [message.user_message_uuids for message in results(seen)] == [[turn.uuid]]
    assert turn.result.outcome == "cancelled"


async def test_a_late_result_and_messages_between_turns_are_told_to_everybody_only(session: Any, agent: Any) -> None:
    everything = session.messages()
    with anyio.fail_after(30):
        async with session.query("one"):
            agent.finish()
        agent.emit(agent.text("late", "turn-1"), agent.result("turn-1", []))
        await session.aclose()
        seen = [message async for message in everything]
    assert [message.type for message in seen] == ["assistant", "result", "assistant", "result"]


async def test_a_turn_nobody_prompted_makes_the_session_busy_and_can_be_interrupted(session: Any, agent: Any) -> None:
    agent.open("nobody")
    agent.uuids = []
    agent.emit(agent.init())
    assert session.state == "running"
    with anyio.fail_after(30):
        receipt = await session.interrupt()
        await session.wait_idle()
    assert receipt == InterruptReceipt(interrupted=True)
    assert session.state == "idle"


async def test_a_prompt_behind_a_running_turn_waits_and_then_runs(session: Any, agent: Any) -> None:
    with anyio.fail_after(30):
        async with session.query("one") as first:
            second = await session.send("two")
            third = await session.send("three", uuid="three")
            assert [(prompt.uuid, prompt.prompt) for prompt in session.queue] == [(second, "two"), ("three", "three")]
            assert third == "three"
            agent.finish()
            await first.wait()
            await anyio.wait_all_tasks_blocked()
            assert agent.uuids == [second]
            agent.finish()
            await anyio.wait_all_tasks_blocked()
            assert agent.uuids == ["three"]
            agent.finish()
            await session.wait_idle()


async def test_a_reused_uuid_raises(session: Any, agent: Any) -> None:
    with anyio.fail_after(30):
        await session.send("one", uuid="same")
        agent.finish()
        with pytest.raises(InvalidRequestError, match="same"):
            await session.send("two", uuid="same")


async def test_steer_on_an_idle_session_starts_a_turn(session: Any, agent: Any) -> None:
    with anyio.fail_after(30):
        await session.send("one", priority="steer")
    assert agent.calls == ["start_turn"]


async def test_steer_that_the_turn_does_not_take_waits_for_its_end(session: Any, agent: Any) -> None:
    async def refuse(*_: Any) -> bool:
        return False

    agent.hooks["steer"] = refuse
    with anyio.fail_after(30):
        async with session.query("one"):
            uuid = await session.send("two", priority="steer")
            assert [prompt.uuid for prompt in session.queue] == [uuid]
            agent.finish()
            await anyio.wait_all_tasks_blocked()
            assert agent.uuids == [uuid]
            agent.finish()
            await session.wait_idle()


@pytest.mark.parametrize("joined", [True, False])
@pytest.mark.parametrize("listed", [True, False])
async def test_steer_whose_turn_ends_meanwhile_has_exactly_one_result(
    session: Any, agent: Any, joined: bool, listed: bool
) -> None:
    gate = agent.hooks["steer"] = Gate(lambda *_: joined)
    everything = session.messages()
    with anyio.fail_after(30):
        async with session.query("one") as turn:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(lambda: session.send("two", priority="steer", uuid="two"))
                await gate.reached.wait()
                agent.emit(agent.result(uuids=[turn.uuid, "two"] if listed else [turn.uuid]))
                gate.opened.set()
            await anyio.wait_all_tasks_blocked()
            if not listed and not joined:
                assert agent.uuids == ["two"]
                agent.finish()
            await session.wait_idle()
        await session.aclose()
        ends = [message for message in results([m async for m in everything]) if "two" in message.user_message_uuids]
    expected = "cancelled" if joined and not listed else "completed"
    assert [message.outcome for message in ends] == [expected]


async def test_steer_sent_while_the_turn_starts_waits_for_its_start(session: Any, agent: Any) -> None:
    gate = agent.hooks["start_turn"] = Gate(lambda _, uuid: agent.open(uuid))
    with anyio.fail_after(30):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(lambda: session.send("one", uuid="one"))
            await gate.reached.wait()
            tasks.start_soon(lambda: session.send("two", uuid="two", priority="steer"))
            await anyio.wait_all_tasks_blocked()
            assert agent.calls == ["start_turn"]
            gate.opened.set()
        assert agent.uuids == ["one", "two"]


async def test_steer_on_a_turn_that_could_not_start_runs_on_its_own(session: Any, agent: Any) -> None:
    gate = agent.hooks["start_turn"] = Gate(raising(InvalidRequestError("no")))
    with anyio.fail_after(30):
        async with anyio.create_task_group() as tasks:
            turn = session.query("one")

            async def first() -> None:
                with pytest.raises(InvalidRequestError):
                    await turn.wait()

            tasks.start_soon(first)
            await gate.reached.wait()
            tasks.start_soon(lambda: session.send("two", uuid="two", priority="steer"))
            await anyio.wait_all_tasks_blocked()
            del agent.hooks["start_turn"]
            gate.opened.set()
        await anyio.wait_all_tasks_blocked()
        assert agent.uuids == ["two"]


@pytest.mark.parametrize(
    ("error", "expected"), [(InvalidRequestError("no"), InvalidRequestError), (OSError("broken"), AgentError)]
)
@pytest.mark.parametrize("closed_first", [False, True])
async def test_steer_that_fails_refuses_the_prompt(
    session: Any, agent: Any, error: Exception, expected: type[AgentError], closed_first: bool
) -> None:
    gate = agent.hooks["steer"] = Gate(raising(error))
    outcome: list[object] = []

    async def steer() -> None:
        try:
            outcome.append(await session.send("two", priority="steer", uuid="two"))
        except AgentError as failure:
            outcome.append(type(failure))

    with anyio.fail_after(30):
        async with session.query("one"), anyio.create_task_group() as tasks:
            tasks.start_soon(steer)
            await gate.reached.wait()
            if closed_first:
                session.disconnected(ProcessExitedError("gone"))
            gate.opened.set()
            await anyio.wait_all_tasks_blocked()
    assert outcome == ["two" if closed_first else expected]


@pytest.mark.parametrize("ending", ["disconnected", "aclose", "kill"])
async def test_a_prompt_that_is_being_steered_ends_with_the_session(session: Any, agent: Any, ending: str) -> None:
    async def never(*_: Any) -> None:
        await anyio.sleep_forever()

    agent.hooks["steer"] = never
    everything = session.messages()
    with anyio.fail_after(30):
        async with session.query("one"), anyio.create_task_group() as tasks:
            tasks.start_soon(lambda: session.send("two", priority="steer", uuid="two"))
            await anyio.wait_all_tasks_blocked()
            if ending == "disconnected":
                session.disconnected(ProcessExitedError("gone"))
            else:
                await getattr(session, ending)()
        await session.wait_idle()
        await session.aclose()
        ends = [message for message in results([m async for m in everything]) if "two" in message.user_message_uuids]
    assert len(ends) == 1


async def test_a_refused_steer_does_not_start_a_turn_in_a_closing_session(session: Any, agent: Any) -> None:
    steer = agent.hooks["steer"] = Gate(lambda *_: False)
    close = agent.hooks["close"] = Gate(lambda: None)
    everything = session.messages()
    with anyio.fail_after(30):
        async with session.query("one"), anyio.create_task_group() as tasks:
            tasks.start_soon(lambda: session.send("two", priority="steer", uuid="two"))
            await steer.reached.wait()
            tasks.start_soon(session.aclose)
            await close.reached.wait()
            steer.opened.set()
            await anyio.wait_all_tasks_blocked()
            close.opened.set()
        ends = [message for message in results([m async for m in everything]) if "two" in message.user_message_uuids]
    assert [message.outcome for message in ends] == ["cancelled"]
    assert agent.calls.count("start_turn") == 1


async def test_a_start_that_fails_refuses_the_prompt_and_frees_the_session(session: Any, agent: Any) -> None:
    agent.hooks["start_turn"] = Gate(raising(InvalidRequestError("too long")))
    agent.hooks["start_turn"].opened.set()
    turn = session.query("one")
    with anyio.fail_after(30):
        with pytest.raises(InvalidRequestError, match="too long"):
            await turn.wait()
        with pytest.raises(InvalidRequestError, match="too long"):
            await anext(turn)
        with pytest.raises(InvalidRequestError, match="too long"):
            async with turn:
                pass
        with pytest.raises(InvalidRequestError, match="too long"):
            await session.send("two")
    assert session.state == "idle"
    assert turn.result is None


async def test_a_start_that_breaks_is_an_agent_error(session: Any, agent: Any) -> None:
    agent.hooks["start_turn"] = Gate(raising(OSError("pipe")))
    agent.hooks["start_turn"].opened.set()
    with anyio.fail_after(30), pytest.raises(AgentError, match="pipe"):
        await session.query("one").wait()


async def test_a_queued_prompt_whose_start_fails_has_a_result_that_says_so(session: Any, agent: Any) -> None:
    with anyio.fail_after(30):
        async with session.query("one") as first, anyio.create_task_group() as tasks:
            second = session.query("two")
            tasks.start_soon(second.wait)
            await anyio.wait_all_tasks_blocked()
            agent.hooks["start_turn"] = Gate(raising(InvalidRequestError("too long")))
            agent.hooks["start_turn"].opened.set()
            agent.finish()
            await first.wait()
    assert second.result.terminal_reason == "turn_setup_failed"
    assert isinstance(second.result.error, InvalidRequestError)
    assert session.state == "idle"


async def test_a_start_that_fails_after_its_prompt_was_ended_changes_nothing(session: Any, agent: Any) -> None:
    gate = agent.hooks["start_turn"] = Gate(raising(InvalidRequestError("late")))
    with anyio.fail_after(30):
        async with anyio.create_task_group() as tasks:
            turn = session.query("one")
            tasks.start_soon(turn.wait)
            await gate.reached.wait()
            session.disconnected(ProcessExitedError("gone"))
            gate.opened.set()
    assert turn.result.error_code == "process_exited"


async def test_a_failed_start_leaves_a_joined_prompt_running(session: Any, agent: Any) -> None:
    gate = agent.hooks["start_turn"] = Gate(raising(InvalidRequestError("late")))
    with anyio.fail_after(30):
        async with anyio.create_task_group() as tasks:

            async def first() -> None:
                with pytest.raises(InvalidRequestError):
                    await session.send("one", uuid="one")

            tasks.start_soon(first)
            await gate.reached.wait()
            agent.emit(agent.init("other"))
            gate.opened.set()
    assert session.state == "idle"


async def test_interrupt_ends_the_turn_and_cancels_the_queue(session: Any, agent: Any) -> None:
    with anyio.fail_after(30):
        async with session.query("one") as turn:
            second = session.query("two")
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(second.wait)
                await anyio.wait_all_tasks_blocked()
                receipt = await session.interrupt()
    assert receipt == InterruptReceipt(interrupted=True, cancelled=(second.uuid,))
    assert turn.result.outcome == "interrupted"
    assert second.result.outcome == "cancelled"
    assert second.result.error is None
    assert agent.calls == ["start_turn", "interrupt", "interrupted"]


async def test_interrupt_can_spare_the_queue_which_goes_on(session: Any, agent: Any) -> None:
    with anyio.fail_after(30):
        async with session.query("one"):
            second = await session.send("two")
            third = await session.send("three")
            receipt = await session.interrupt(cancel_queued=False)
            await anyio.wait_all_tasks_blocked()
    assert receipt == InterruptReceipt(interrupted=True, still_queued=(second, third))
    assert agent.uuids == [second]


async def test_interrupt_of_an_idle_session_does_nothing(session: Any, agent: Any) -> None:
    with anyio.fail_after(30):
        assert await session.interrupt() == InterruptReceipt(interrupted=False)
    assert agent.calls == []


async def test_several_interrupts_ask_the_agent_once(session: Any, agent: Any) -> None:
    gate = agent.hooks["interrupt"] = Gate(lambda _: agent.emit(agent.result(terminal_reason="aborted_streaming")))
    with anyio.fail_after(30):
        async with session.query("one") as turn, anyio.create_task_group() as tasks:
            for _ in range(3):
                tasks.start_soon(session.interrupt)
            tasks.start_soon(turn.interrupt)
            await gate.reached.wait()
            await anyio.wait_all_tasks_blocked()
            gate.opened.set()
    assert agent.calls.count("interrupt") == 1


async def test_an_interrupt_during_the_start_waits_for_the_turn(session: Any, agent: Any) -> None:
    gate = agent.hooks["start_turn"] = Gate(lambda _, uuid: agent.open(uuid))
    with anyio.fail_after(30):
        async with anyio.create_task_group() as tasks:
            turn = session.query("one")
            tasks.start_soon(turn.wait)
            await gate.reached.wait()
            tasks.start_soon(session.interrupt)
            await anyio.wait_all_tasks_blocked()
            assert agent.calls == ["start_turn"]
            gate.opened.set()
    assert turn.result.outcome == "interrupted"


async def test_an_interrupt_of_a_turn_that_ends_while_it_starts_does_not_reach_the_agent(
    session: Any, agent: Any
) -> None:
    gate = agent.hooks["start_turn"] = Gate(lambda _, uuid: "turn-1")
    with anyio.fail_after(30):
        async with anyio.create_task_group() as tasks:
            turn = session.query("one")
            tasks.start_soon(turn.wait)
            await gate.reached.wait()
            tasks.start_soon(session.interrupt)
            await anyio.wait_all_tasks_blocked()
            agent.emit(agent.result("turn-1", [turn.uuid]))
    assert "interrupt" not in agent.calls


@pytest.mark.parametrize("hook", ["start_turn", "interrupt", "interrupted"])
async def test_an_interrupt_that_is_never_confirmed_ends_the_turn_all_the_same(
    session: Any, agent: Any, hook: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "INTERRUPT_SECONDS", 0.05)

    async def never(*_: Any) -> None:
        await anyio.sleep_forever()

    agent.hooks[hook] = never
    with anyio.fail_after(30):
        async with anyio.create_task_group() as tasks:
            turn = session.query("one")
            tasks.start_soon(turn.wait)
            await anyio.wait_all_tasks_blocked()
            assert await session.interrupt() == InterruptReceipt(interrupted=True)
    assert turn.result.outcome == "interrupted"
    assert session.state == "idle"


@pytest.mark.parametrize("error", [InvalidRequestError("no"), OSError("pipe")])
async def test_an_interrupt_that_fails_ends_the_turn_on_our_side(session: Any, agent: Any, error: Exception) -> None:
    agent.hooks["interrupt"] = Gate(raising(error))
    agent.hooks["interrupt"].opened.set()
    with anyio.fail_after(30):
        async with session.query("one") as turn:
            await turn.interrupt()
    assert turn.result.outcome == "interrupted"
    assert session.state == "idle"


async def test_a_driver_that_cannot_abandon_does_not_keep_the_prompt(
    session: Any, agent: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(agent, "abandon", raising(KeyError("card")))
    with anyio.fail_after(30):
        async with session.query("one") as turn:
            session.disconnected(ProcessExitedError("gone"))
            with pytest.raises(ProcessExitedError):
                (await turn.wait()).raise_for_error()


async def test_a_turn_that_the_driver_abandons_without_a_result_is_ended_by_us(session: Any, agent: Any) -> None:
    with anyio.fail_after(30):
        async with session.query("one") as turn:
            agent.turn_id = None
            session.disconnected(ProcessExitedError("gone"))
            result = await turn.wait()
    assert result.terminal_reason == "agent_exited"
    assert isinstance(result.error, ProcessExitedError)


async def test_an_abandoned_start_that_answers_late_leaves_the_session_idle(
    session: Any, agent: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "INTERRUPT_SECONDS", 0.05)
    gate = agent.hooks["start_turn"] = Gate(lambda _, uuid: agent.open(uuid))
    with anyio.fail_after(30):
        async with anyio.create_task_group() as tasks:
            turn = session.query("one")
            tasks.start_soon(turn.wait)
            await gate.reached.wait()
            await session.interrupt()
            gate.opened.set()
        await anyio.wait_all_tasks_blocked()
        assert session.state == "idle"
        agent.emit(agent.init())
        assert session.state == "running"
        agent.emit(agent.result())
        await session.wait_idle()
        del agent.hooks["start_turn"]
        async with session.query("two") as second:
            agent.finish()
            assert (await second.wait()).outcome == "completed"


async def test_leaving_a_queued_turn_takes_it_out_of_the_queue(session: Any, agent: Any) -> None:
    with anyio.fail_after(30):
        async with session.query("one") as first:
            async with session.query("two") as second:
                assert len(session.queue) == 1
            assert not session.queue
            assert second.result.outcome == "cancelled"
            agent.finish()
            assert (await first.wait()).outcome == "completed"
    assert agent.calls == ["start_turn"]


async def test_a_turn_that_a_disconnected_agent_still_announces_is_not_one(session: Any, agent: Any) -> None:
    session.disconnected(ProcessExitedError("gone"))
    agent.emit(agent.init("ghost"))
    with anyio.fail_after(30):
        await session.wait_idle()
    assert session.state == "disconnected"


async def test_closing_ends_what_runs_and_what_waits(session: Any, agent: Any) -> None:
    with anyio.fail_after(30):
        async with session.query("one") as first:
            second = await session.send("two")
            everything = session.messages()
            await session.aclose()
            ends = results([message async for message in everything])
    assert first.result.outcome == "interrupted"
    assert {uuid for message in ends for uuid in message.user_message_uuids} == {first.uuid, second}
    with pytest.raises(SessionClosedError):
        session.query("three")


@pytest.mark.parametrize("outcome", ["joined", "refused", "failed"])
async def test_a_prompt_sent_between_the_end_of_a_turn_and_the_answer_to_a_steer_runs(
    session: Any, agent: Any, outcome: str
) -> None:
    answers: dict[str, Callable[..., Any]] = {
        "joined": lambda *_: True,
        "refused": lambda *_: False,
        "failed": raising(InvalidRequestError("no")),
    }
    steer = agent.hooks["steer"] = Gate(answers[outcome])

    async def send_two() -> None:
        with contextlib.suppress(InvalidRequestError):
            await session.send("two", priority="steer", uuid="two")

    with anyio.fail_after(30):
        async with session.query("one"), anyio.create_task_group() as tasks:
            tasks.start_soon(send_two)
            await steer.reached.wait()
            agent.finish()
            assert session.state == "idle"
            third = session.query("three")
            tasks.start_soon(third.wait)
            await anyio.wait_all_tasks_blocked()
            assert third.uuid not in agent.uuids  # What was said before it goes first.
            steer.opened.set()
            await anyio.wait_all_tasks_blocked()
            if outcome == "refused":
                assert agent.uuids[-1] == "two"
                agent.finish()
                await anyio.wait_all_tasks_blocked()
            assert agent.uuids[-1] == third.uuid
            agent.finish()
        await session.wait_idle()
    assert third.result.outcome == "completed"


async def test_a_prompt_that_ended_before_it_was_sent_never_reaches_the_agent(session: Any, agent: Any) -> None:
    everything = session.messages()
    with anyio.fail_after(30):
        session._turns.submit(PromptRecord("one", "one"))
        session.disconnected(ProcessExitedError("gone"))
        await anyio.wait_all_tasks_blocked()
        await session.aclose()
        ends = results([message async for message in everything])
    assert agent.calls == ["abandon"]
    assert [message.user_message_uuids for message in ends] == [["one"]]


async def test_what_precedes_the_init_is_shown_after_it(session: Any, agent: Any) -> None:
    with anyio.fail_after(30):
        async with session.query("one") as turn:
            agent.emit(agent.delta("early"))
            agent.emit(agent.text("x"), agent.init(), agent.text("y"))
            agent.emit(agent.result())
            seen = [message async for message in turn]
    assert [message.type for message in seen] == ["system", "stream_event", "assistant", "assistant", "result"]


async def test_a_turn_that_ends_without_an_init_shows_what_it_had(session: Any, agent: Any) -> None:
    with anyio.fail_after(30):
        async with session.query("one") as turn:
            agent.emit(agent.text("early"))
            session.disconnected(ProcessExitedError("gone"))
            seen = [message async for message in turn]
    assert [message.type for message in seen] == ["assistant", "result"]


async def test_a_late_result_does_not_list_a_prompt_that_has_ended(
    session: Any, agent: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "INTERRUPT_SECONDS", 0.05)
    gate = agent.hooks["start_turn"] = Gate(lambda _, uuid: agent.open(uuid))
    everything = session.messages()
    with anyio.fail_after(30):
        async with anyio.create_task_group() as tasks:
            turn = session.query("one")
            tasks.start_soon(turn.wait)
            await gate.reached.wait()
            await session.interrupt()
            gate.opened.set()  # The agent takes the prompt after all.
        await anyio.wait_all_tasks_blocked()
        agent.emit(agent.init("late"), agent.result("late", [turn.uuid, turn.uuid, "a stranger's"]))
        await session.aclose()
        listed = [message.user_message_uuids for message in results([m async for m in everything])]
    assert turn.result.source.synthetic
    assert [uuids for uuids in listed if uuids] == [[turn.uuid], ["a stranger's"]]


async def test_two_results_at_once_end_a_prompt_once(session: Any, agent: Any) -> None:
    everything = session.messages()
    with anyio.fail_after(30):
        async with session.query("one") as turn:
            agent.emit(agent.init(), agent.result("turn-1", [turn.uuid]), agent.result("turn-1", [turn.uuid]))
        await session.aclose()
        listed = [message.user_message_uuids for message in results([m async for m in everything])]
    assert listed == [[turn.uuid], []]


async def test_a_backend_that_has_ended_refuses_what_would_start_next(
    session: Any, agent: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def closed(*_: Any, **__: Any) -> None:
        raise SessionClosedError("The backend is closed.")

    with anyio.fail_after(30):
        async with session.query("one"):
            waiting = await session.send("two")
            everything = session.messages()
            with monkeypatch.context() as patched:
                patched.setattr(session._host, "start_soon", closed)
                agent.finish()
                with pytest.raises(SessionClosedError):
                    await session.send("three")
        await session.aclose()
        ends = results([message async for message in everything])
    assert [message.terminal_reason for message in ends if waiting in message.user_message_uuids] == [
        "turn_setup_failed"
    ]


async def test_what_cannot_be_done_does_not_keep_the_rest_from_being_done(
    session: Any, agent: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(agent, "forget", raising(KeyError("prompt")))
    with anyio.fail_after(30):
        async with session.query("one") as turn:
            agent.turn_id = None
            session.disconnected(ProcessExitedError("gone"))
            assert (await turn.wait()).terminal_reason == "agent_exited"
