# pyright: reportPrivateUsage=false, reportPossiblyUnboundVariable=false
from __future__ import annotations

import gc
import weakref
from typing import Any

import anyio
import pytest

from agent_sdk_core.errors import InvalidRequestError, ProcessExitedError, SessionClosedError
from agent_sdk_core.runtime.turns import runner

pytestmark = pytest.mark.anyio


async def never(*_: Any) -> None:
    await anyio.sleep_forever()


async def refuse(*_: Any) -> None:
    raise InvalidRequestError("no")


async def test_a_turn_that_is_never_sent_leaves_no_trace_but_a_warning(
    session: Any, agent: Any, caplog: pytest.LogCaptureFixture
) -> None:
    turn = session.query("hi")
    assert turn.uuid
    assert turn.result is None
    assert turn.text == ""
    assert repr(turn) == f"<SessionTurn {turn.uuid} unsent>"
    await turn.interrupt()
    await turn.__aexit__(None, None, None)
    with pytest.warns(ResourceWarning, match=r"never sent\. Await it, iterate over it, or enter it") as caught:
        del turn
    assert caught[0].filename == __file__
    assert f"{__file__}:{caught[0].lineno}: " in caplog.text
    assert agent.calls == []


async def test_a_turn_can_be_awaited(session: Any, agent: Any) -> None:
    turn = session.query("hi")

    async def read() -> None:
        assert (await turn).result == "yes"

    with anyio.fail_after(30):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(read)
            await anyio.wait_all_tasks_blocked()
            assert repr(turn) == f"<SessionTurn {turn.uuid} running>"
            queued = session.query("more")
            tasks.start_soon(queued.wait)
            await anyio.wait_all_tasks_blocked()
            assert repr(queued).endswith(" queued>")
            agent.finish("yes")
            await anyio.wait_all_tasks_blocked()
            agent.finish()
    assert repr(turn).endswith(" completed>")


async def test_run_returns_the_result_and_interrupts_where_it_is_cancelled(session: Any, agent: Any) -> None:
    results: list[Any] = []

    async def run() -> None:
        results.append(await session.run("hi"))

    with anyio.fail_after(30):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(run)
            await anyio.wait_all_tasks_blocked()
            agent.finish("yes")
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(run)
            await anyio.wait_all_tasks_blocked()
            tasks.cancel_scope.cancel()
    assert [result.result for result in results] == ["yes"]
    assert agent.calls == ["start_turn", "start_turn", "interrupt", "interrupted"]
    assert session.state == "idle"


async def test_the_texts_of_a_turn_are_read_as_they_come(session: Any, agent: Any) -> None:
    turn = session.query("hi")
    told: list[str] = []

    async def read() -> None:
        async for piece in turn.texts():
            told.append(piece)

    with anyio.fail_after(30):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(read)
            await anyio.wait_all_tasks_blocked()
            agent.emit(agent.init(), agent.delta("He"))
            await anyio.wait_all_tasks_blocked()
            assert told == ["He"]
            agent.emit(agent.delta("llo."))
            agent.finish("Bye.")
    assert told == ["He", "llo.", "\n\nBye."]
    assert turn.result.result == "Bye."


async def test_a_refused_turn_says_so(session: Any, agent: Any) -> None:
    agent.hooks["start_turn"] = refuse
    turn = session.query("hi")
    with pytest.raises(InvalidRequestError, match="no"):
        await turn
    assert repr(turn).endswith(" refused>")
    late = session.query("late")
    await session.aclose()
    with pytest.raises(SessionClosedError):
        await late
    assert repr(late).endswith(" refused>")


async def test_wait_sends_and_returns_the_result(session: Any, agent: Any) -> None:
    turn = session.query("hi")
    with anyio.fail_after(30):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(turn.wait)
            await anyio.wait_all_tasks_blocked()
            agent.finish("yes")
        assert (await turn.wait()).result == "yes"
    assert agent.calls == ["start_turn"]


async def test_a_turn_may_be_entered_twice_and_is_sent_once(session: Any, agent: Any) -> None:
    turn = session.query("hi")
    with anyio.fail_after(30):
        async with turn, turn:
            agent.finish()
            first = [message.type async for message in turn]
        async with turn:
            again = [message.type async for message in turn]
    assert first == ["assistant", "result"]
    assert again == []
    assert agent.calls == ["start_turn"]


async def test_a_turn_iterated_by_two_tasks_gives_each_message_to_one_of_them(session: Any, agent: Any) -> None:
    turn = session.query("hi")
    seen: list[str] = []

    async def read() -> None:
        async for message in turn:
            seen.append(message.type)

    with anyio.fail_after(30):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(read)
            tasks.start_soon(read)
            await anyio.wait_all_tasks_blocked()
            agent.emit(agent.init(), *[agent.delta(str(number)) for number in range(10)])
            await anyio.wait_all_tasks_blocked()
            agent.finish()
    assert sorted(seen) == ["assistant", "result", *["stream_event"] * 10, "system"]
    assert agent.calls == ["start_turn"]


async def test_break_leaves_the_turn_running_and_frees_its_buffer(session: Any, agent: Any) -> None:
    with anyio.fail_after(30):
        turn = session.query("hi")
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(turn.__anext__)
            await anyio.wait_all_tasks_blocked()
            agent.emit(agent.init(), agent.delta("x"))
        buffer = weakref.ref(turn._buffer)
        del turn
        gc.collect()
        assert buffer() is None
        agent.emit(agent.delta("y"))
        assert session.state == "running"
        agent.finish()
        await session.wait_idle()
    assert "interrupt" not in agent.calls


async def test_leaving_the_block_early_interrupts_and_waits_for_the_result(session: Any, agent: Any) -> None:
    with anyio.fail_after(30):
        async with session.query("hi") as turn:
            agent.emit(agent.init(), agent.delta("x"))
            async for _ in turn:
                break
    assert turn.result.outcome == "interrupted"


async def test_leaving_the_block_by_an_exception_keeps_the_exception(session: Any, agent: Any) -> None:
    with anyio.fail_after(30):
        with pytest.raises(ZeroDivisionError):
            async with session.query("hi") as turn:
                raise ZeroDivisionError
    assert turn.result.outcome == "interrupted"


async def test_leaving_the_block_by_cancellation_interrupts_and_stays_cancelled(session: Any, agent: Any) -> None:
    turn = session.query("hi")
    with anyio.fail_after(30):
        with anyio.CancelScope() as scope:
            async with turn:
                scope.cancel()
                await anyio.sleep_forever()
    assert scope.cancelled_caught
    assert turn.result.outcome == "interrupted"


async def test_cancelled_while_entering_nothing_goes_on_running(session: Any, agent: Any) -> None:
    reached, opened = anyio.Event(), anyio.Event()

    async def start(_: Any, uuid: str) -> str:
        reached.set()
        await opened.wait()
        return agent.open(uuid)

    agent.hooks["start_turn"] = start
    turn = session.query("hi")
    with anyio.fail_after(30):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(turn.__aenter__)
            await reached.wait()
            tasks.cancel_scope.cancel()
            opened.set()
    assert turn.result.outcome == "interrupted"
    assert session.state == "idle"


async def test_a_cancelled_anext_leaves_the_turn_running_and_loses_nothing(session: Any, agent: Any) -> None:
    turn = session.query("hi")
    with anyio.fail_after(30):
        for _ in range(3):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(turn.__anext__)
                await anyio.wait_all_tasks_blocked()
                tasks.cancel_scope.cancel()
        agent.emit(agent.delta("x"))
        agent.finish()
        assert [message.type async for message in turn] == ["stream_event", "assistant", "result"]
    assert "interrupt" not in agent.calls


async def test_entering_a_turn_of_a_closed_session_raises(session: Any, agent: Any) -> None:
    turn = session.query("hi")
    with anyio.fail_after(30):
        await session.aclose()
        with pytest.raises(SessionClosedError):
            async with turn:
                pass
        with pytest.raises(SessionClosedError):
            await turn.wait()


async def test_entering_a_turn_of_a_disconnected_session_raises_why(session: Any) -> None:
    turn = session.query("hi")
    session.disconnected(ProcessExitedError("gone", exit_code=3))
    with pytest.raises(ProcessExitedError, match="gone") as caught:
        await turn.wait()
    assert caught.value.exit_code == 3


async def test_leaving_a_turn_whose_backend_is_gone_does_not_raise(
    session: Any, agent: Any, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def gone(*_: Any) -> None:
        raise SessionClosedError("closed")

    monkeypatch.setattr(runner.Turns, "cancel", gone)
    with anyio.fail_after(30), pytest.raises(ZeroDivisionError):
        async with session.query("hi"):
            raise ZeroDivisionError
    assert "could not be interrupted" in caplog.text


async def test_text_is_what_was_said_last_until_the_result_tells(session: Any, agent: Any) -> None:
    with anyio.fail_after(30):
        async with session.query("hi") as turn:
            agent.emit(agent.text("one"), agent.text("two"))
            assert turn.text == "two"
            agent.emit(agent.result(result="final"))
            await turn.wait()
    assert turn.text == "final"


async def test_a_refused_prompt_has_no_result_and_wait_raises_in_every_task(session: Any, agent: Any) -> None:
    async def refuse(*_: Any) -> None:
        raise InvalidRequestError("no")

    agent.hooks["start_turn"] = refuse
    turn = session.query("hi")
    raised: list[str] = []

    async def wait() -> None:
        try:
            await turn.wait()
        except InvalidRequestError as error:
            raised.append(error.message)

    with anyio.fail_after(30):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(wait)
            tasks.start_soon(wait)
    assert raised == ["no", "no"]
    assert turn.result is None
    assert turn.text == ""


@pytest.mark.parametrize("way", ["enter", "iterate", "wait"])
@pytest.mark.parametrize("nth", range(12))
async def test_cancelled_at_any_point_a_turn_leaves_the_session_usable(
    session: Any, agent: Any, way: str, nth: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "INTERRUPT_SECONDS", 0.5)
    turn = session.query("hi")

    async def use() -> None:
        match way:
            case "enter":
                async with turn:
                    await turn.wait()
            case "iterate":
                async for _ in turn:
                    pass
            case _:
                await turn.wait()

    with anyio.fail_after(30):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(use)
            for _ in range(nth):
                await anyio.lowlevel.checkpoint()
            tasks.cancel_scope.cancel()
        if way == "enter":
            assert turn.result is None or turn.result.outcome == "interrupted"
        await anyio.wait_all_tasks_blocked()
        if session.state == "running":
            agent.finish()
        await session.wait_idle()
        async with session.query("again") as second:
            agent.finish()
            assert (await second.wait()).outcome == "completed"
