# pyright: reportPossiblyUnboundVariable=false
from __future__ import annotations

import contextvars
import gc
import weakref
from typing import Any

import anyio
import pytest

from agent_sdk_core.asking.permissions import DEFER, Allow, Deny
from agent_sdk_core.errors import InvalidRequestError, ProcessExitedError, SessionClosedError, UnsupportedOptionError
from agent_sdk_core.interfaces.session import InterruptReceipt, SessionInfo
from agent_sdk_core.messages.base import Source
from agent_sdk_core.messages.system import TaskNotification, TaskStarted
from agent_sdk_core.options import SessionOptions
from agent_sdk_core.runtime.asking.own_tools import OwnCall
from agent_sdk_core.runtime.driver import SessionDriver
from agent_sdk_core.runtime.turns import runner
from agent_sdk_core.tools.registry import ToolRegistry
from agent_sdk_core.tools.tool import tool

pytestmark = pytest.mark.anyio

color: contextvars.ContextVar[str] = contextvars.ContextVar("color", default="none")


async def never(*_: Any) -> Any:
    await anyio.sleep_forever()


async def test_a_new_session_is_idle_and_knows_its_backend(backend: Any, session: Any) -> None:
    assert session.state == "idle"
    assert session.backend is backend
    assert session.session_id == session.resolved_session_id == "session-1"
    assert session.pending == ()
    assert not session.queue
    assert session.info == SessionInfo()
    assert not session.resumable
    assert (await session.usage()).total.input_tokens == 0
    assert (await session.history(cursor="c")).cursor == "c"


async def test_what_a_backend_cannot_do_says_so(session: Any) -> None:
    with pytest.raises(UnsupportedOptionError, match="memory"):
        await session.compact()
    with pytest.raises(UnsupportedOptionError, match="memory"):
        await session.fork()
    with pytest.raises(UnsupportedOptionError, match="memory"):
        await session.background_tasks()
    with pytest.raises(UnsupportedOptionError, match="memory"):
        await session.stop_task("x")


@pytest.mark.parametrize("prompt", ["", [], None, 5, b"bytes", [5], iter("x")])
async def test_a_prompt_that_is_none_is_refused_at_once(session: Any, prompt: Any) -> None:
    with pytest.raises(InvalidRequestError):
        session.query(prompt)
    with pytest.raises(InvalidRequestError):
        await session.send(prompt)


async def test_messages_begin_when_they_are_asked_for_and_end_with_the_session(session: Any, agent: Any) -> None:
    agent.emit(agent.text("before"))
    one, two = session.messages(), session.messages()
    agent.emit(agent.text("after"))
    with anyio.fail_after(30):
        await session.aclose()
        assert [message.text async for message in one] == ["after"]
        assert [message.text async for message in two] == ["after"]
        assert [message async for message in session.messages()] == []


async def test_an_iterator_nobody_holds_takes_nothing(session: Any, agent: Any) -> None:
    stream = session.messages()
    alive = weakref.ref(stream)
    message = agent.text("x")
    agent.emit(message)
    del stream
    gc.collect()
    assert alive() is None


async def test_messages_after_the_close_reach_nobody(session: Any, agent: Any) -> None:
    stream = session.messages()
    with anyio.fail_after(30):
        await session.aclose()
        agent.emit(agent.text("late"))
        assert [message async for message in stream] == []


async def test_background_work_keeps_the_session_from_being_idle(session: Any, agent: Any) -> None:
    source = Source("memory")
    agent.emit(TaskStarted.synthesize(source, task_id="t"))
    done = anyio.Event()

    async def wait() -> None:
        await session.wait_idle()
        done.set()

    with anyio.fail_after(30):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(wait)
            await anyio.wait_all_tasks_blocked()
            assert not done.is_set()
            agent.emit(TaskNotification.synthesize(source, task_id="unknown"))
            await anyio.wait_all_tasks_blocked()
            assert not done.is_set()
            agent.emit(TaskNotification.synthesize(source, task_id="t"))


@pytest.mark.parametrize("ending", ["aclose", "kill", "disconnected"])
async def test_wait_idle_returns_when_the_session_ends(session: Any, agent: Any, ending: str) -> None:
    agent.emit(TaskStarted.synthesize(Source("memory"), task_id="t"))
    with anyio.fail_after(30):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(session.wait_idle)
            await anyio.wait_all_tasks_blocked()
            if ending == "disconnected":
                session.disconnected(ProcessExitedError("gone"))
            else:
                await getattr(session, ending)()


async def test_leaving_the_block_closes_the_session_but_not_the_backend(backend: Any) -> None:
    with anyio.fail_after(30):
        async with await backend.create_session() as session:
            assert session in backend.sessions
        assert session.state == "closed"
        assert not backend.sessions
        async with await backend.create_session() as other:
            assert other.state == "idle"


async def test_closing_asks_the_driver_once_however_often_it_is_called(session: Any, agent: Any) -> None:
    with anyio.fail_after(30):
        async with anyio.create_task_group() as tasks:
            for _ in range(3):
                tasks.start_soon(session.aclose)
        await session.aclose()
        await session.kill()
    assert agent.calls == ["close"]
    assert session.forgotten == 1
    for call in (session.send("x"), session.set_model("m")):
        with pytest.raises(SessionClosedError):
            await call


async def test_closing_interrupts_the_turn_first(session: Any, agent: Any) -> None:
    with anyio.fail_after(30):
        async with session.query("one") as turn:
            await session.aclose()
    assert agent.calls == ["start_turn", "interrupt", "interrupted", "close"]
    assert turn.result.outcome == "interrupted"


async def test_kill_does_not_interrupt(session: Any, agent: Any) -> None:
    with anyio.fail_after(30):
        async with session.query("one") as turn:
            await session.kill()
    assert agent.calls == ["start_turn", "kill", "abandon"]
    assert turn.result.terminal_reason == "aborted_streaming"


async def test_kill_overtakes_a_graceful_close_that_hangs(session: Any, agent: Any) -> None:
    agent.hooks["interrupt"] = never
    with anyio.fail_after(30):
        async with session.query("one") as turn, anyio.create_task_group() as tasks:
            tasks.start_soon(session.aclose)
            await anyio.wait_all_tasks_blocked()
            tasks.start_soon(session.kill)
            await session.kill()
    assert agent.calls.count("kill") == 1
    assert turn.result.outcome == "interrupted"
    assert session.forgotten == 1


async def test_closing_while_a_turn_starts_ends_it(session: Any, agent: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "INTERRUPT_SECONDS", 0.05)
    agent.hooks["start_turn"] = never
    turn = session.query("one")
    with anyio.fail_after(30):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(turn.wait)
            await anyio.wait_all_tasks_blocked()
            await session.aclose()
    assert turn.result.outcome == "interrupted"


@pytest.mark.parametrize("hook", ["interrupt", "interrupted", "close"])
async def test_a_driver_that_fails_to_close_does_not_keep_the_session_open(
    session: Any, agent: Any, hook: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def fail(*_: Any) -> None:
        raise OSError("broken")

    agent.hooks[hook] = fail
    with anyio.fail_after(30):
        async with session.query("one"):
            await session.aclose()
    assert session.state == "closed"
    assert session.forgotten == 1
    assert "broken" in caplog.text


@pytest.mark.parametrize("ending", ["aclose", "kill"])
async def test_closing_is_done_although_the_caller_is_cancelled(session: Any, agent: Any, ending: str) -> None:
    with anyio.fail_after(30):
        with anyio.CancelScope() as scope:
            scope.cancel()
            await getattr(session, ending)()
        async with anyio.create_task_group() as tasks:
            tasks.cancel_scope.cancel()
            await getattr(session, ending)()
    assert session.state == "closed"
    assert session.forgotten == 1


async def test_an_agent_that_dies_during_the_close_does_not_hold_it_up(session: Any, agent: Any) -> None:
    agent.hooks["interrupt"] = never
    with anyio.fail_after(30):
        async with session.query("one") as turn, anyio.create_task_group() as tasks:
            tasks.start_soon(session.aclose)
            await anyio.wait_all_tasks_blocked()
            session.disconnected(ProcessExitedError("gone"))
    assert "close" not in agent.calls
    assert turn.result.terminal_reason == "agent_exited"
    assert session.state == "closed"


async def test_disconnect_when_idle_makes_every_call_say_why(session: Any, agent: Any) -> None:
    error = ProcessExitedError("The agent ended.", exit_code=1)
    session.disconnected(error)
    session.disconnected(ProcessExitedError("again"))
    assert session.state == "disconnected"
    for _ in range(2):
        with pytest.raises(ProcessExitedError, match="The agent ended"):
            session.query("x")
    with anyio.fail_after(30):
        assert await session.interrupt() == InterruptReceipt(interrupted=False)
        await session.aclose()
        await session.wait_idle()
    assert session.state == "closed"
    assert agent.calls == []


async def test_disconnect_ends_the_turn_the_queue_and_the_requests(session: Any, agent: Any) -> None:
    with anyio.fail_after(30):
        async with session.query("one") as turn, anyio.create_task_group() as tasks:
            queued = session.query("two")
            tasks.start_soon(queued.wait)
            tasks.start_soon(lambda: agent.ask(DEFER))
            await anyio.wait_all_tasks_blocked()
            assert session.state == "requires_action"
            session.disconnected(ProcessExitedError("gone"))
    assert session.pending == ()
    assert turn.result.terminal_reason == "agent_exited"
    assert isinstance(queued.result.error, ProcessExitedError)


async def test_a_request_that_belongs_to_no_turn_requires_action(session: Any, agent: Any) -> None:
    with anyio.fail_after(30):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(lambda: agent.ask(DEFER))
            await anyio.wait_all_tasks_blocked()
            assert session.state == "requires_action"
            await session.answer(session.pending[0].request_id, Allow())
    assert session.state == "idle"


async def test_disconnect_while_a_turn_starts_or_is_interrupted_ends_it(session: Any, agent: Any) -> None:
    agent.hooks["start_turn"] = never
    turn = session.query("one")
    with anyio.fail_after(30):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(turn.wait)
            tasks.start_soon(session.interrupt)
            await anyio.wait_all_tasks_blocked()
            session.disconnected(ProcessExitedError("gone"))
    assert isinstance(turn.result.error, ProcessExitedError)


async def test_kill_after_a_disconnect_does_not_reach_the_driver(session: Any, agent: Any) -> None:
    session.disconnected(ProcessExitedError("gone"))
    with anyio.fail_after(30):
        await session.kill()
    assert agent.calls == []


async def test_a_session_closes_although_its_backend_has_closed(backend: Any, session: Any) -> None:
    with anyio.fail_after(30):
        await backend.aclose()
        assert session.state == "closed"
        await session.aclose()
        await session.kill()
        with pytest.raises(SessionClosedError):
            await backend.create_session()


async def test_a_session_whose_host_is_gone_releases_itself(backend: Any, session: Any) -> None:
    stream = session.messages()
    with anyio.fail_after(30):
        backend._sessions, sessions = [], backend._sessions
        await backend.host.aclose()
        backend._sessions = sessions
        await session.aclose()
        assert [message async for message in stream] == []
    assert session.state == "closed"


@pytest.mark.parametrize("closes", ["session", "backend", "kill"])
async def test_a_callback_may_close_its_own_session_or_backend(backend: Any, closes: str) -> None:
    finished = anyio.Event()

    async def callback(_: Any) -> Allow:
        match closes:
            case "session":
                await session.aclose()
            case "kill":
                await session.kill()
            case _:
                await backend.aclose()
        finished.set()
        return Allow()

    session = await backend.create_session(SessionOptions(can_use_tool=callback))
    with anyio.fail_after(30):
        async with session.query("one") as turn:
            resolution = await session.driver.ask(session.options.can_use_tool)
            await finished.wait()
    assert resolution.by == "close"
    assert isinstance(resolution.answer, Deny)
    assert turn.result.outcome == "interrupted"
    assert session.state == "closed"


async def test_closing_denies_what_is_pending(session: Any, agent: Any) -> None:
    outcome: list[Any] = []

    async def ask() -> None:
        outcome.append(await agent.ask(never))

    with anyio.fail_after(30):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(ask)
            await anyio.wait_all_tasks_blocked()
            await session.aclose()
    assert isinstance(outcome[0].answer, Deny)
    assert outcome[0].by == "close"


async def test_callbacks_see_the_context_in_which_the_session_was_made(backend: Any) -> None:
    seen: list[str] = []

    async def callback(_: Any) -> Allow:
        seen.append(color.get())
        color.set("the callback's")
        return Allow()

    color.set("red")
    session = await backend.create_session()
    color.set("blue")
    with anyio.fail_after(30):
        await session.driver.ask(callback)
        await session.driver.ask(callback)
    assert seen == ["red", "red"]
    assert color.get() == "blue"


async def test_a_cancelled_send_is_still_sent(session: Any, agent: Any) -> None:
    with anyio.fail_after(30):
        with anyio.CancelScope() as scope:
            scope.cancel()
            await session.send("one")
        await anyio.wait_all_tasks_blocked()
        assert agent.calls == ["start_turn"]
        agent.finish()
        await session.wait_idle()


async def test_sessions_of_one_backend_do_not_hear_each_other(backend: Any) -> None:
    one, two = await backend.create_session(), await backend.create_session()
    streams = one.messages(), two.messages()
    one.driver.emit(one.driver.text("one"))
    two.driver.emit(two.driver.text("two"))
    with anyio.fail_after(30):
        await backend.aclose()
        assert [message.text async for message in streams[0]] == ["one"]
        assert [message.text async for message in streams[1]] == ["two"]


@pytest.mark.parametrize("nth", range(14))
async def test_create_session_cancelled_anywhere_leaves_nothing_behind(make_backend: Any, nth: int) -> None:
    backend = make_backend()
    with anyio.fail_after(30):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(backend.create_session)
            for _ in range(nth):
                await anyio.lowlevel.checkpoint()
            done = bool(backend.sessions)
            tasks.cancel_scope.cancel()
        await anyio.wait_all_tasks_blocked()
        assert not backend.sessions or done
        await backend.aclose()
    assert not backend.sessions


async def test_a_result_in_the_middle_of_a_batch_goes_to_its_own_turn(session: Any, agent: Any) -> None:
    with anyio.fail_after(30):
        async with session.query("one") as first, anyio.create_task_group() as tasks:
            second = session.query("two")
            tasks.start_soon(second.wait)
            await anyio.wait_all_tasks_blocked()
            agent.emit(
                agent.text("1"),
                agent.result("turn-1", [first.uuid]),
                agent.init("turn-2"),
                agent.text("2", "turn-2"),
            )
            await anyio.wait_all_tasks_blocked()
            agent.finish("end")
        assert [getattr(message, "text", None) async for message in first] == ["1", None]
        assert [getattr(message, "text", None) async for message in second] == [None, "2", "end", None]


async def test_a_tool_runs_for_a_turn_and_is_cut_off_with_it(session: Any, agent: Any) -> None:
    outcome: list[Any] = []

    @tool
    async def five() -> int:
        """Say five."""
        return 5

    @tool
    async def forever() -> None:
        """Wait."""
        await never()

    registry = ToolRegistry("house", [five, forever])
    with anyio.fail_after(30):
        assert await session.run_tool(OwnCall(registry, "five", {}), asks=False) is None
        async with session.query("one"), anyio.create_task_group() as tasks:
            assert (await session.run_tool(OwnCall(registry, "five", {}), asks=False)).content == ("5",)

            async def work() -> None:
                outcome.append(await session.run_tool(OwnCall(registry, "forever", {}), asks=False))

            tasks.start_soon(work)
            await anyio.wait_all_tasks_blocked()
            agent.finish()
    assert outcome == [None]


async def test_a_driver_need_not_clean_up_after_an_interrupt(agent: Any) -> None:
    with anyio.fail_after(30):
        await SessionDriver.interrupted(agent)
    assert agent.calls == []
