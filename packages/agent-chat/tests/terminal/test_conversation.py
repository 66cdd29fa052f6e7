from __future__ import annotations

import io
import os
import signal
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import pytest

from agent_chat.terminal.conversation import Conversation, Ended, Stage
from agent_chat.terminal.output import DirectOutput
from agent_chat.terminal.screens import PlainView
from agent_sdk_core.errors import AgentError, SpawnError
from agent_sdk_core.options import SessionOptions

pytestmark = pytest.mark.anyio


def stage_of(backend: Any) -> Stage:
    @asynccontextmanager
    async def stage() -> AsyncGenerator[tuple[Any, SessionOptions]]:
        async with backend:
            yield backend, SessionOptions()

    return stage


class Screen(PlainView):
    def __init__(self) -> None:
        self.out, self.err = io.StringIO(), io.StringIO()
        super().__init__(DirectOutput(self.out), self.err)


async def converse(backend: Any, view: PlainView | None = None) -> Ended:
    with anyio.fail_after(30):
        return await Conversation(stage_of(backend), view or Screen()).run("hello")


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({}, 0),
        ({"subtype": "error_during_execution", "is_error": True}, 1),
        ({"subtype": "error_max_turns"}, 1),
        ({"subtype": "error_during_execution", "terminal_reason": "aborted_tools"}, 130),
        ({"subtype": "success", "terminal_reason": "cancelled"}, 130),
    ],
)
async def test_the_outcome_decides_the_exit_code(
    wire: Any, fake_backend: Any, fields: dict[str, Any], code: int
) -> None:
    result = wire.result(**fields)

    async def script(session: Any) -> AsyncIterator[Any]:
        yield wire.text("m", "hi")
        yield result

    backend, view = fake_backend(script), Screen()
    ended = await converse(backend, view)
    assert ended == Ended(code, result, "session-1")
    assert view.out.getvalue().startswith("hi\n")
    assert backend.opened[0].prompts == ["hello"]
    assert backend.closed
    assert backend.opened[0].closed


async def test_a_session_that_is_not_stored_cannot_be_resumed(wire: Any, fake_backend: Any) -> None:
    async def script(session: Any) -> AsyncIterator[Any]:
        yield wire.result()

    backend = fake_backend(script)
    backend.resumable = False
    assert (await converse(backend)).resume is None


async def test_a_turn_that_ends_without_a_result_is_an_error(fake_backend: Any) -> None:
    async def script(session: Any) -> AsyncIterator[Any]:
        for nothing in ():
            yield nothing

    assert (await converse(fake_backend(script))).exit_code == 1


async def test_an_agent_that_cannot_start_raises_its_own_error(fake_backend: Any) -> None:
    class Broken(fake_backend):
        async def start(self) -> None:
            raise SpawnError("no such agent")

    with pytest.raises(SpawnError, match="no such agent"):
        await converse(Broken(None))


async def test_a_broken_pipe_closes_the_agent(wire: Any, fake_backend: Any) -> None:
    class Broken(Screen):
        def show(self, message: Any) -> None:
            raise BrokenPipeError

    async def script(session: Any) -> AsyncIterator[Any]:
        yield wire.text("m", "hi")

    backend = fake_backend(script)
    with pytest.raises(BrokenPipeError):
        await converse(backend, Broken())
    assert backend.closed


async def test_a_terminal_that_goes_away_while_it_is_drawn_ends_the_conversation(fake_backend: Any) -> None:
    class Gone(Screen):
        async def animate(self) -> None:
            raise OSError("gone")

    async def script(session: Any) -> AsyncIterator[Any]:
        await anyio.sleep_forever()
        yield

    backend = fake_backend(script)
    assert (await converse(backend, Gone())).exit_code == 141
    assert backend.closed


async def test_ctrl_c_interrupts_the_turn_and_shows_its_result(wire: Any, fake_backend: Any) -> None:
    async def script(session: Any) -> AsyncIterator[Any]:
        os.kill(os.getpid(), signal.SIGINT)
        await session.interrupted.wait()
        yield wire.result(subtype="error_during_execution", terminal_reason="aborted_streaming")

    view = Screen()
    ended = await converse(fake_backend(script), view)
    assert (ended.exit_code, ended.resume) == (130, "session-1")
    assert view.err.getvalue() == "agent-sdk: interrupting… press Ctrl-C again to quit\n"
    assert "[interrupted · 1.5 s]" in view.out.getvalue()


async def test_ctrl_c_twice_quits_even_if_the_agent_does_not_react(fake_backend: Any) -> None:
    async def script(session: Any) -> AsyncIterator[Any]:
        session.deaf = True
        os.kill(os.getpid(), signal.SIGINT)
        await session.interrupted.wait()
        os.kill(os.getpid(), signal.SIGINT)
        await anyio.sleep_forever()
        yield

    backend = fake_backend(script)
    ended = await converse(backend)
    assert (ended.exit_code, ended.result, ended.resume) == (130, None, "session-1")
    assert backend.closed


async def test_ctrl_c_before_the_turn_quits_at_once(fake_backend: Any) -> None:
    class Slow(fake_backend):
        async def start(self) -> None:
            os.kill(os.getpid(), signal.SIGINT)
            await anyio.sleep_forever()

    assert (await converse(Slow(None))).exit_code == 130


async def test_ctrl_c_while_the_agent_closes_does_not_cut_that_short(wire: Any, fake_backend: Any) -> None:
    class Watched(Screen):
        closed = anyio.Event()

        def close(self) -> None:
            self.closed.set()

    view = Watched()

    class Careful(fake_backend):
        async def aclose(self) -> None:
            os.kill(os.getpid(), signal.SIGINT)
            with anyio.CancelScope(shield=True):
                await view.closed.wait()
            self.closed = True

    async def script(session: Any) -> AsyncIterator[Any]:
        yield wire.result()

    backend = Careful(script)
    assert (await converse(backend, view)).exit_code == 130
    assert backend.closed


async def test_an_interrupt_that_the_agent_refuses_is_no_crash(wire: Any, fake_backend: Any) -> None:
    async def script(session: Any) -> AsyncIterator[Any]:
        refused = anyio.Event()

        async def refuse(**_: Any) -> None:
            refused.set()
            raise AgentError("not now")

        session.interrupt = refuse
        os.kill(os.getpid(), signal.SIGINT)
        await refused.wait()
        yield wire.result()

    assert (await converse(fake_backend(script))).exit_code == 0


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129)])
async def test_a_signal_that_ends_the_process_closes_the_agent_first(
    fake_backend: Any, number: signal.Signals, code: int
) -> None:
    async def script(session: Any) -> AsyncIterator[Any]:
        os.kill(os.getpid(), number)
        await anyio.sleep_forever()
        yield

    backend = fake_backend(script)
    assert (await converse(backend)).exit_code == code
    assert backend.closed


async def test_a_reader_that_does_not_read_is_waited_for_until_ctrl_c(wire: Any, fake_backend: Any) -> None:
    class Stuck(Screen):
        draining = 0

        async def drain(self) -> None:
            self.draining += 1
            if self.draining == 1:
                os.kill(os.getpid(), signal.SIGINT)
            await anyio.sleep_forever()

    async def script(session: Any) -> AsyncIterator[Any]:
        yield wire.result()

    backend, view = fake_backend(script), Stuck()
    assert (await converse(backend, view)).exit_code == 130
    assert (backend.closed, view.draining) == (True, 2)


async def test_a_reader_that_went_away_at_the_end_is_reported(wire: Any, fake_backend: Any) -> None:
    class Gone(Screen):
        async def drain(self) -> None:
            raise BrokenPipeError

    async def script(session: Any) -> AsyncIterator[Any]:
        yield wire.result()

    with pytest.raises(BrokenPipeError):
        await converse(fake_backend(script), Gone())
