"""Code that the running turn waits for cannot wait for its session: it is told so, where it would never end."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
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
