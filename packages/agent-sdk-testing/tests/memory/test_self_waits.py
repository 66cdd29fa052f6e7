"""Code that the running turn waits for cannot wait for its session: it is told so, where it would never end."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import anyio
import pytest

from agent_sdk_core import (
    AgentSession,
    Allow,
    Deny,
    Hooks,
    InvalidRequestError,
    PermissionRequest,
    PreToolUseEvent,
    SessionOptions,
    sync,
    tool,
)
from agent_sdk_testing import MemoryBackend, call, call_tool, text

pytestmark = pytest.mark.anyio

WORDS = "cannot wait for a turn of its own session"


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    return request.param


async def iterate(session: AgentSession) -> None:
    async for _ in session.query("More."):
        pass


async def enter(session: AgentSession) -> None:
    async with session.query("More."):
        pass


WAYS: dict[str, Callable[[AgentSession], Awaitable[object]]] = {
    "run": lambda session: session.run("More."),
    "iterate": iterate,
    "enter": enter,
    "wait_idle": lambda session: session.wait_idle(),
}


def places(act: Callable[[], Awaitable[object]]) -> dict[str, Any]:
    """Options of sessions whose callback, hook and tool do this, once."""

    async def can_use_tool(request: PermissionRequest) -> Allow:
        await act()
        return Allow()

    async def hook(event: PreToolUseEvent) -> None:
        await act()

    @tool(name="act", description="Act.", read_only=True)
    async def own() -> str:
        await act()
        return "Acted."

    return {
        "callback": {"can_use_tool": can_use_tool},
        "hook": {"hooks": Hooks(pre_tool_use=hook), "permission_mode": "bypass"},
        "tool": {"tools": [own]},
    }


@pytest.mark.parametrize("place", ["callback", "hook", "tool"])
@pytest.mark.parametrize("way", WAYS)
async def test_code_that_would_wait_for_itself_is_told_so(place: str, way: str) -> None:
    held: list[AgentSession] = []
    refused: list[str] = []

    async def act() -> None:
        with pytest.raises(InvalidRequestError, match=WORDS) as caught:
            await WAYS[way](held[0])
        refused.append(caught.value.message)

    with anyio.fail_after(30):
        async with MemoryBackend() as agent:
            agent.reply(call_tool("act") if place == "tool" else call("Bash", command="ls")).reply(text("Done."))
            async with agent.create_session(SessionOptions(**places(act)[place])) as session:
                held.append(session)
                assert (await session.run("Act.")).result == "Done."
            agent.check()
    assert len(refused) == 1


Work = Callable[[], Coroutine[Any, Any, object]]


async def _group(work: Work) -> None:
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(work)
        await anyio.lowlevel.checkpoint()


async def _nested_group(work: Work) -> None:
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(_group, work)


async def _task(work: Work) -> None:
    task = asyncio.create_task(work())
    await task


async def _asyncio_group(work: Work) -> None:
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(work())
        await asyncio.sleep(0)


async def _wait(work: Work) -> None:
    await asyncio.wait([asyncio.create_task(work())])


async def _group_in_gather(work: Work) -> None:
    await asyncio.gather(_group(work), asyncio.sleep(0))


async def _as_completed(work: Work) -> None:
    for ended in asyncio.as_completed([asyncio.sleep(0), work()]):
        await ended


async def _as_completed_in_time(work: Work) -> None:
    for ended in asyncio.as_completed([work()], timeout=60):
        await ended


CHILDREN: dict[str, Callable[[Work], Awaitable[object]]] = {
    "task group": _group,
    "task group in a task group": _nested_group,
    "task": _task,
    "asyncio's task group": _asyncio_group,
    "gather": lambda work: asyncio.gather(asyncio.sleep(0), work()),
    "gather in gather": lambda work: asyncio.gather(asyncio.gather(work()), asyncio.sleep(0)),
    "task group in gather": _group_in_gather,
    "wait_for": lambda work: asyncio.wait_for(work(), 60),
    "wait": _wait,
    "shield": lambda work: asyncio.shield(work()),
    "as_completed": _as_completed,
    "as_completed in time": _as_completed_in_time,
}


CHILDREN_ON: list[tuple[str, str]] = [
    *((child, "asyncio") for child in CHILDREN),
    *((child, "trio") for child in ("task group", "task group in a task group")),
]


@pytest.mark.parametrize(("child", "anyio_backend"), CHILDREN_ON)
async def test_a_task_that_such_code_waits_for_is_told_so_too(child: str, anyio_backend: str) -> None:
    held: list[AgentSession] = []
    refused: list[str] = []

    async def work() -> None:
        with pytest.raises(InvalidRequestError, match=WORDS) as caught:
            await held[0].run("More.")
        refused.append(caught.value.message)

    async def can_use_tool(request: PermissionRequest) -> Allow:
        await CHILDREN[child](work)
        return Allow()

    with anyio.fail_after(60):
        async with MemoryBackend() as agent:
            agent.reply(call("Bash", command="ls")).reply(text("Done."))
            async with agent.create_session(SessionOptions(can_use_tool=can_use_tool)) as session:
                held.append(session)
                assert (await session.run("Act.")).result == "Done."
            agent.check()
    assert len(refused) == 1


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
@pytest.mark.parametrize("way", ["run", "wait_idle"])
async def test_a_task_that_such_code_comes_to_wait_for_later_is_told_so_then(way: str, anyio_backend: str) -> None:
    held: list[AgentSession] = []
    refused: list[str] = []

    async def can_use_tool(request: PermissionRequest) -> Allow:
        task = asyncio.ensure_future(WAYS[way](held[0]))
        with anyio.move_on_after(0.1):
            await asyncio.shield(asyncio.Event().wait())
        with pytest.raises(InvalidRequestError, match=WORDS) as caught:
            await task
        refused.append(caught.value.message)
        return Allow()

    with anyio.fail_after(60):
        async with MemoryBackend() as agent:
            agent.reply(call("Bash", command="ls")).reply(text("Done."))
            async with agent.create_session(SessionOptions(can_use_tool=can_use_tool)) as session:
                held.append(session)
                assert (await session.run("Act.")).result == "Done."
                await session.wait_idle()
            agent.check()
    assert len(refused) == 1


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_a_task_that_is_only_started_may_wait(anyio_backend: str) -> None:
    held: list[Any] = []

    async def can_use_tool(request: PermissionRequest) -> Allow:
        held.append(asyncio.create_task(held[0].run("Later.")))
        await asyncio.sleep(0)
        return Allow()

    with anyio.fail_after(60):
        async with MemoryBackend() as agent:
            agent.reply(call("Bash", command="ls")).reply(text("Done.")).reply(text("Later done."))
            async with agent.create_session(SessionOptions(can_use_tool=can_use_tool)) as session:
                held.append(session)
                assert (await session.run("Act.")).result == "Done."
                assert (await held[1]).result == "Later done."


async def test_it_may_send_and_wait_in_a_task_of_its_own_and_for_another_session() -> None:
    held: list[Any] = []
    results: list[str | None] = []

    async def later() -> None:
        results.append((await held[0].run("Later.")).result)

    async def callback(request: PermissionRequest) -> Deny:
        session, other, tasks = held
        await session.send("Sent.")
        results.append((await other.run("Other.")).result)
        tasks.start_soon(later)
        return Deny()

    with anyio.fail_after(30):
        async with MemoryBackend() as agent, agent.create_session() as other:
            agent.reply(call("Bash", command="ls"))
            agent.otherwise(lambda request: text(f"To {request.last_user_text}"))
            options = SessionOptions(can_use_tool=callback)
            async with agent.create_session(options) as session, anyio.create_task_group() as tasks:
                held += [session, other, tasks]
                await session.run("Act.")
                await session.wait_idle()
    assert results == ["To Other.", "To Later."]


async def test_two_sessions_that_wait_for_each_other_go_on_once_a_request_is_denied() -> None:
    sessions: list[AgentSession] = []

    async def ask_second(request: PermissionRequest) -> Deny:
        await sessions[1].run("Act.")
        return Deny()

    async def ask_first(request: PermissionRequest) -> Deny:
        await sessions[0].run("More.")
        return Deny()

    with anyio.fail_after(60):
        async with MemoryBackend() as agent:
            agent.reply(call("Bash", command="ls")).reply(call("Bash", command="ls"))
            agent.otherwise(text("Done."))
            first = agent.create_session(SessionOptions(can_use_tool=ask_second))
            second = agent.create_session(SessionOptions(can_use_tool=ask_first, request_timeout=0.2))
            async with first as one, second as two:
                sessions += [one, two]
                assert (await one.run("Act.")).result == "Done."
                await one.wait_idle()
                await two.wait_idle()


def test_a_plain_function_is_told_so_too() -> None:
    refused: list[str] = []

    def callback(request: PermissionRequest) -> Deny:
        try:
            session.run("More.")
        except InvalidRequestError as error:
            refused.append(error.message)
        return Deny()

    inner = MemoryBackend()
    inner.reply(call("Bash", command="ls")).reply(text("Done."))
    options = sync.SessionOptions(can_use_tool=callback)
    with sync.AgentBackend(inner) as agent, agent.create_session(options) as session:
        assert session.run("Act.").result == "Done."
    assert len(refused) == 1
    assert WORDS in refused[0]
