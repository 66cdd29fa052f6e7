# pyright: reportUnknownLambdaType=false, reportUnknownArgumentType=false
from __future__ import annotations

from typing import Any

import anyio
import pytest

from agent_sdk_core.errors import InvalidRequestError, SessionClosedError
from agent_sdk_core.factory import one_shot
from agent_sdk_core.interfaces.turn import Turn
from agent_sdk_core.options import SessionOptions

pytestmark = pytest.mark.anyio


@pytest.fixture
def fresh(make_backend: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A backend that is not started, and what `query(backend="memory")` finds; its agent answers at once."""

    def prepare(session: Any) -> None:
        async def start(_: object, uuid: str) -> str:
            turn_id = session.driver.open(uuid)
            session.driver.emit(session.driver.init())
            session.driver.finish("done")
            return turn_id

        session.driver.hooks["start_turn"] = start

    backend = make_backend()
    backend.prepare = prepare
    monkeypatch.setattr(one_shot, "create_backend", lambda name, config: backend)
    return backend


async def test_iterated_to_its_end_it_closes_everything(fresh: Any) -> None:
    turn = one_shot.query("hi", backend="memory")
    with anyio.fail_after(30):
        assert [message.type async for message in turn] == ["system", "assistant", "result"]
        assert not fresh.sessions
        assert not fresh.host.running
        assert turn.text == "done"
        assert turn.result is not None
        assert turn.result.user_message_uuids == [turn.uuid]
        with pytest.raises(StopAsyncIteration):
            await anext(turn)


async def test_wait_returns_the_result_and_closes_everything(fresh: Any) -> None:
    turn = one_shot.query("hi", backend="memory", options=SessionOptions(model="m"))
    with anyio.fail_after(30):
        result = await turn.wait()
        assert await turn.wait() is result
    assert not fresh.host.running
    assert fresh.opened == 1


async def test_a_given_backend_stays_open(backend: Any) -> None:
    turn = one_shot.query("hi", backend=backend)
    with anyio.fail_after(30):
        async with turn:
            assert turn.session in backend.sessions  # type: ignore[attr-defined]  # of the turn of a one-shot
        assert turn.result is not None
        assert turn.result.outcome == "interrupted"
        assert not backend.sessions
        assert backend.host.running


async def test_leaving_the_block_early_interrupts_and_closes(fresh: Any) -> None:
    fresh.prepare = lambda session: None
    turn = one_shot.query("hi", backend="memory")
    with anyio.fail_after(30), pytest.raises(ZeroDivisionError):
        async with turn:
            raise ZeroDivisionError
    assert turn.result is not None
    assert turn.result.outcome == "interrupted"
    assert not fresh.host.running


async def test_before_it_is_sent_it_is_empty_and_can_be_interrupted(fresh: Any) -> None:
    turn = one_shot.query("hi", backend="memory")
    assert turn.uuid
    assert turn.text == ""
    assert turn.result is None
    await turn.interrupt()
    assert fresh.opened == 0
    assert repr(turn) == "<OneShotTurn unsent>"
    with pytest.warns(ResourceWarning, match="A query was never sent. Await it"):
        del turn


async def test_it_can_be_awaited(fresh: Any) -> None:
    turn = one_shot.query("hi", backend="memory")
    with anyio.fail_after(30):
        assert (await turn).result == "done"
    assert repr(turn) == f"<OneShotTurn <SessionTurn {turn.uuid} completed>>"
    assert not fresh.host.running


async def test_it_can_be_interrupted(fresh: Any) -> None:
    fresh.prepare = lambda session: None
    turn = one_shot.query("hi", backend="memory")
    with anyio.fail_after(30):
        async with turn:
            await turn.interrupt()
            assert turn.result is not None


async def test_a_bad_prompt_is_refused_before_anything_starts(fresh: Any) -> None:
    with pytest.raises(InvalidRequestError):
        one_shot.query("", backend="memory")
    assert not fresh.host.running


@pytest.mark.parametrize("way", ["wait", "iterate", "enter"])
async def test_an_opening_that_fails_closes_everything(fresh: Any, way: str) -> None:
    async def fail() -> None:
        raise InvalidRequestError("no such folder")

    fresh.opening = fail
    turn = one_shot.query("hi", backend="memory")
    with anyio.fail_after(30), pytest.raises(InvalidRequestError, match="no such folder"):
        await use(turn, way)
    assert not fresh.host.running


@pytest.mark.parametrize("way", ["wait", "iterate", "enter"])
async def test_a_prompt_that_is_refused_closes_everything(fresh: Any, way: str) -> None:
    def prepare(session: Any) -> None:
        async def refuse(*_: object) -> None:
            raise InvalidRequestError("too long")

        session.driver.hooks["start_turn"] = refuse

    fresh.prepare = prepare
    turn = one_shot.query("hi", backend="memory")
    with anyio.fail_after(30), pytest.raises(InvalidRequestError, match="too long"):
        await use(turn, way)
    assert not fresh.host.running
    assert not fresh.sessions


@pytest.mark.parametrize("way", ["wait", "enter"])
@pytest.mark.parametrize("nth", range(16))
async def test_cancelled_anywhere_it_leaves_nothing_behind(fresh: Any, way: str, nth: int) -> None:
    fresh.prepare = lambda session: None
    turn = one_shot.query("hi", backend="memory")
    with anyio.fail_after(30):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(use, turn, way)
            for _ in range(nth):
                await anyio.lowlevel.checkpoint()
            tasks.cancel_scope.cancel()
        await anyio.wait_all_tasks_blocked()
    assert not fresh.host.running
    assert not fresh.sessions


async def test_two_tasks_open_one_session(fresh: Any) -> None:
    turn = one_shot.query("hi", backend="memory")
    seen: list[str] = []

    async def read() -> None:
        async for message in turn:
            seen.append(message.type)

    with anyio.fail_after(30):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(read)
            tasks.start_soon(read)
    assert seen == ["system", "assistant", "result"]
    assert fresh.opened == 1


async def test_once_closed_it_does_not_open_again(fresh: Any) -> None:
    await fresh.aclose()
    turn = one_shot.query("hi", backend="memory")
    with anyio.fail_after(30), pytest.raises(SessionClosedError):
        await turn.wait()


@pytest.mark.parametrize("broken", ["turn", "session"])
async def test_a_close_that_fails_still_closes_the_rest(
    fresh: Any, broken: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: object) -> None:
        raise OSError("broken")

    turn = one_shot.query("hi", backend="memory")
    with anyio.fail_after(30):
        await turn.__aenter__()
        session = turn.session  # type: ignore[attr-defined]  # of the turn of a one-shot
        inner = turn._turn if broken == "turn" else session  # type: ignore[attr-defined]  # of the turn of a one-shot
        with monkeypatch.context() as patch:
            patch.setattr(inner, "__aexit__" if broken == "turn" else "aclose", fail)
            with pytest.raises(OSError, match="broken"):
                await turn.__aexit__(None, None, None)
        assert not fresh.host.running
        await fresh.aclose()


async def use(turn: Turn, way: str) -> None:
    match way:
        case "wait":
            await turn.wait()
        case "iterate":
            async for _ in turn:
                pass
        case _:
            async with turn:
                await anyio.sleep_forever()


@pytest.mark.parametrize("how", ["break", "cancel"])
async def test_a_loop_that_is_left_closes_everything_once_nobody_holds_the_turn(fresh: Any, how: str) -> None:
    events = fresh.events()

    async def use(scope: anyio.CancelScope) -> None:
        async for _ in one_shot.query("hi", backend="memory"):
            if how == "break":
                break
            scope.cancel()

    with anyio.fail_after(30):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(use, tasks.cancel_scope)
        assert [event.kind async for event in events] == ["started"]  # Ended by the close.
    assert not fresh.host.running
    assert not fresh.sessions


@pytest.mark.parametrize("loop", ["asyncio", "trio"])
def test_a_turn_that_outlives_its_event_loop_is_dropped_in_silence(make_backend: Any, loop: str) -> None:
    turns: list[Turn] = []

    async def main() -> None:
        turns.append(one_shot.query("hi", backend=make_backend()))
        await turns[0].__aenter__()

    anyio.run(main, backend=loop)
    turns.clear()
