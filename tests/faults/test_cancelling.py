"""The application is cancelled at each of its awaits in turn: no task, process, descriptor, file or lock is left."""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import anyio
import pytest
import trio
from tests.faults.cancelling import cancelled_at
from tests.faults.fakes import AGENTS

from agent_sdk_core import DEFER, AgentBackend, AgentError, AgentSession, Allow, SessionOptions
from agent_sdk_testing import FakeClaude, FakeCodex, clean_env

pytestmark = pytest.mark.anyio

_MOST: Final = 400
"""Awaits that no program here has."""

_SETTLED: Final = 30.0

NAMES: Final = ("claude", "codex")
"""The agents that have all that is cancelled here."""


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    return request.param


def tasks() -> int:
    """Return how many tasks there are."""
    if "asyncio" in sys.modules and _runs_asyncio():
        return len(asyncio.all_tasks())
    return trio.lowlevel.current_statistics().tasks_living


def _runs_asyncio() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def descriptors() -> Counter[str]:
    """Return what this process has open, but for what tells nothing; a thread of before may close something yet."""
    found: Counter[str] = Counter()
    for path in Path("/proc/self/fd").iterdir():
        with suppress(OSError):
            found[os.readlink(path).partition(":")[0]] += 1  # noqa: PTH115  # a pipe is no path
    return found


async def settles(holds: Callable[[], bool]) -> bool:
    """Wait a moment until something holds that threads bring about."""
    with anyio.move_on_after(_SETTLED):
        while not holds():
            await anyio.sleep(0.01)
        return True
    return False


def backend_of(agent: str, fake: Any) -> AgentBackend:
    return AGENTS[agent][1](executable=fake.executable, env=clean_env(CLAUDE_CONFIG_DIR="/nowhere"))


def asking(fake: FakeCodex | FakeClaude) -> None:
    """Let the agent ask for permission with each prompt, and end its turn with the answer."""
    if isinstance(fake, FakeCodex):

        def take(request: Any) -> None:
            turn = fake.accept(request)
            item = turn.item(
                "commandExecution", open=True, command="ls", cwd="/", status="inProgress", commandActions=[]
            )
            names = {"threadId": turn.thread_id, "turnId": turn.id, "itemId": item}
            fake.ask("item/commandExecution/requestApproval", request_id=f"ask-{turn.id}", command="ls", **names)

        fake.on("turn/start", take)
    else:
        fake.on_prompt(lambda prompt: (prompt.accept(), prompt.process.ask("can_use_tool", tool_name="Bash", input={})))


async def whole_life(agent: str, fake: Any) -> None:
    """What an application does from beginning to end."""
    async with backend_of(agent, fake) as backend, backend.create_session(SessionOptions(cwd="/")) as session:
        async with session.query("Talk.") as turn:
            async for _ in turn:
                pass
        await session.send("Talk on.")
        await session.interrupt()
        await session.wait_idle()
        await session.history()


@pytest.mark.parametrize("agent", NAMES)
async def test_an_application_that_is_cancelled_at_any_await_leaves_nothing(
    agent: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    fake_class = AGENTS[agent][0]
    for number in range(1, _MOST):
        alive, opened = tasks(), descriptors()
        with fake_class() as fake:
            with anyio.fail_after(60):
                reached = await cancelled_at(number, lambda fake=fake: whole_life(agent, fake))
            assert await settles(lambda fake=fake: all(process.gone for process in fake.processes)), f"await {number}"
        assert await settles(lambda alive=alive: tasks() == alive), f"await {number}: a task is left"
        assert await settles(lambda opened=opened: descriptors() <= opened), f"await {number}: {descriptors() - opened}"
        assert not list(tmp_path.iterdir()), f"await {number}: a file is left"
        if not reached:
            return
    raise AssertionError("the program has no end")


async def _iterate(session: AgentSession) -> None:
    async with session.query("Talk.") as turn:
        async for _ in turn:
            pass


async def _fork(session: AgentSession) -> None:
    async with session.fork():
        pass


async def _open(session: AgentSession) -> None:
    async with session.backend.create_session(SessionOptions(cwd="/")):
        pass


OPERATIONS: Final[Mapping[str, Callable[[AgentSession], Awaitable[object]]]] = {
    "open": _open,
    "send": lambda session: session.send("Talk."),
    "iterate": _iterate,
    "interrupt": lambda session: session.interrupt(),
    "wait_idle": lambda session: session.wait_idle(),
    "set_model": lambda session: session.set_model("another"),
    "history": lambda session: session.history(),
    "fork": _fork,
    "models": lambda session: session.backend.list_models(),
    "sessions": lambda session: session.backend.list_sessions(),
}
"""What an application awaits of a session that it goes on with."""


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("agent", NAMES)
async def test_an_operation_that_is_cancelled_at_any_await_holds_no_lock(agent: str, operation: str) -> None:
    with AGENTS[agent][0]() as fake:
        async with backend_of(agent, fake) as backend, backend.create_session(SessionOptions(cwd="/")) as session:
            for number in range(1, _MOST):

                async def operate() -> None:
                    with suppress(AgentError):  # The fake claude stores nothing, so that it has no history.
                        await OPERATIONS[operation](session)

                with anyio.fail_after(60):
                    reached = await cancelled_at(number, operate)
                    assert (await session.run("Go on.")).outcome == "completed", f"await {number}"
                if not reached:
                    return
    raise AssertionError("the operation has no end")


@pytest.mark.parametrize("agent", NAMES)
async def test_an_answer_that_is_cancelled_at_any_await_is_given_or_not(agent: str) -> None:
    with AGENTS[agent][0]() as fake:
        asking(fake)
        options = SessionOptions(cwd="/", can_use_tool=DEFER, permission_mode="default")
        async with backend_of(agent, fake) as backend:
            for number in range(1, 20):
                async with backend.create_session(options) as session:
                    stream = session.messages()
                    await session.send("Act.")
                    while not session.pending:
                        await anext(stream)
                    (pending,) = session.pending

                    async def answer(session: AgentSession = session, request_id: str = pending.request_id) -> None:
                        await session.answer(request_id, Allow())

                    with anyio.fail_after(60):
                        reached = await cancelled_at(number, answer)
                if not reached:
                    return
    raise AssertionError("the answer has no end")
