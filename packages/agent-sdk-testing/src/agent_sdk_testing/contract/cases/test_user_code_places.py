"""Code of the application at each place that an agent calls: it fails, never ends, or closes what it belongs to."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

import anyio
import anyio.from_thread
import anyio.to_thread
import pytest

from agent_sdk_core import (
    AgentBackend,
    AgentSession,
    Allow,
    Answers,
    Deny,
    ElicitationAnswer,
    MessageStream,
    RequestResolved,
    SessionClosedError,
    ToolRegistry,
    tool,
)
from agent_sdk_testing import Action, Step, text
from agent_sdk_testing.contract.agent import Agent
from agent_sdk_testing.contract.cases.test_tools import SERVERS
from agent_sdk_testing.contract.cases.test_user_code import RAISES, TOLD, raising
from agent_sdk_testing.contract.traits import needs
from agent_sdk_testing.contract.watching import Asker, Ran, result_of, run, until

pytestmark = pytest.mark.anyio

Code = Callable[..., Coroutine[Any, Any, Any]]
Close = Callable[[], Coroutine[Any, Any, None]]
_BOUND: Final = 60.0
"""Seconds for what has to end soon, on a machine that is busy."""
_LARGE: Final = "x" * 70_000_000


class Unspeakable(Exception):
    def __str__(self) -> str:
        raise SystemExit(3)


@dataclass(frozen=True)
class Place:
    """A place where an agent calls the application.

    Attributes:
        options: What makes a session call the code there.
        step: What makes the model want it.
        fine: What the code returns when nothing is wrong with it.
        large: What no message can hold.
    """

    options: Callable[[Agent, Code], Mapping[str, Any]]
    step: Callable[[Agent], Step | Action]
    fine: Callable[[Any], Any]
    large: Callable[[Any], Any]

    async def open(self, agent: Agent, backend: AgentBackend, code: Code) -> AgentSession:
        return await agent.open(backend, **self.options(agent, code))


def _tool(agent: Agent, code: Code) -> Mapping[str, Any]:
    @tool(ask="never")
    async def call() -> Any:
        """Call the code."""
        return await code()

    return {"tools": ToolRegistry("code", [call]), "permission_mode": "default"}


PLACES: Final = {
    "tool": Place(_tool, lambda agent: agent.application_tool("code", "call"), lambda _: "fine", lambda _: _LARGE),
    "permission": Place(
        lambda agent, code: {"can_use_tool": code, "permission_mode": "default"},
        lambda agent: agent.command("echo done >> done.txt", escalate=True),
        lambda _: Deny("No."),
        lambda _: Allow(updated_input={"command": _LARGE}),
    ),
    "question": Place(
        lambda agent, code: {"on_question": code, "permission_mode": agent.question_mode},
        lambda agent: agent.question("Which colour?", "Red", "Blue"),
        lambda request: Answers({request.questions[0].id: ("Red",)}),
        lambda request: Answers({request.questions[0].id: (_LARGE,)}),
    ),
    "elicitation": Place(
        lambda agent, code: {"mcp_servers": SERVERS, "can_use_tool": Asker(), "on_elicitation": code},
        lambda agent: agent.mcp_tool("bench", "ask"),
        lambda _: ElicitationAnswer("cancel"),
        lambda _: ElicitationAnswer("accept", {"name": _LARGE}),
    ),
}
NEEDS: Final = {
    "tool": ("tools",),
    "permission": (),
    "question": ("questions", "on_question"),
    "elicitation": ("mcp_servers", "on_elicitation"),
}
at_each_place = pytest.mark.parametrize("at", [pytest.param(at, marks=needs(*NEEDS[at])) for at in PLACES])

RETURNS: Final[Mapping[str, object]] = {"nothing": None, "text": "yes", "number": float("nan"), "bytes": b"x"}
MORE_RAISES: Final[Mapping[str, Callable[[], Any]]] = {
    "generator": raising(GeneratorExit()),
    "iteration": raising(StopAsyncIteration()),
    "unspeakable": raising(Unspeakable()),
    "nested": raising(BaseExceptionGroup("outer", [BaseExceptionGroup("inner", [KeyboardInterrupt()])])),
}


async def cancelled_by_itself() -> None:
    """Raise the cancellation of the event loop, which nobody asked for."""
    caught: list[BaseException] = []
    with anyio.CancelScope() as scope:
        scope.cancel()
        try:
            await anyio.lowlevel.checkpoint()
        except BaseException as error:
            caught.append(error)
            raise
    raise caught[0]


async def cancelled_children() -> None:
    """Fail beside a child, whose cancellation stands in no group."""
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(anyio.sleep_forever)
        await anyio.lowlevel.checkpoint()
        raise KeyboardInterrupt


@needs("tools")
async def test_half_a_character_in_what_the_application_says_is_replaced(agent: Agent) -> None:
    @tool(ask="never")
    async def call() -> dict[str, str]:
        """Cut a character in two."""
        return {"cut": "half \ud83d"}

    options = {"can_use_tool": Asker([Deny("no \ud83d")]), "permission_mode": "default"}
    agent.model.reply(agent.command("echo done >> done.txt", escalate=True))
    agent.model.reply(agent.application_tool("code", "call")).reply(text("Went on."))
    async with agent.session(tools=ToolRegistry("code", [call]), **options) as session:
        ran = await run(session, "Go.")
    assert ran.result.outcome == "completed"
    for message in ran.messages:
        assert type(message).from_json(message.to_json()).to_wire() == message.to_wire()


@asynccontextmanager
async def busy(agent: Agent, backend: AgentBackend, place: Place) -> AsyncGenerator[AgentSession]:
    """A session of the same backend in the midst of a turn, whose code waits at the same place, and notices nothing."""
    asked, go = anyio.Event(), anyio.Event()

    async def wait(request: Any = None) -> Any:
        asked.set()
        await go.wait()
        return place.fine(request)

    agent.model.when("Stay.").reply(place.step(agent)).reply(text("Stayed."))
    async with await place.open(agent, backend, wait) as session:
        watch = session.messages()
        uuid = await session.send("Stay.")
        await asked.wait()
        yield session
        assert session.state in ("running", "requires_action")
        go.set()
        result = await result_of(watch, uuid)
        assert (result.outcome, result.result) == ("completed", "Stayed.")


async def went_on(agent: Agent, session: AgentSession, place: Place, how: str) -> Ran:
    """Run a turn that calls the code, and check that it went on whatever the code did."""
    agent.model.reply(place.step(agent)).reply(text("Went on."))
    with anyio.fail_after(_BOUND):
        ran = await run(session, "Act.")
    assert (ran.result.outcome, ran.result.result) == ("completed", "Went on."), how
    return ran


@at_each_place
async def test_code_that_raises_or_returns_whatever_ends_no_turn_and_no_neighbour_notices(
    agent: Agent, at: str
) -> None:
    place = PLACES[at]
    how = ""
    raises = {**RAISES, **MORE_RAISES}

    async def fail(request: Any = None) -> Any:
        match how:
            case "cancelled":
                return await cancelled_by_itself()
            case "children":
                return await cancelled_children()
            case "large":
                return place.large(request)
            case "fine":
                return place.fine(request)
            case _:
                return raises[how]() if how in raises else RETURNS[how]

    async with (
        agent.backend() as backend,
        await place.open(agent, backend, fail) as session,
        busy(agent, backend, place),
    ):
        for how in (*raises, "cancelled", "children", *RETURNS, "large", "fine"):  # The code reads it.
            ran = await went_on(agent, session, place, how)
            if at == "tool":
                [result] = ran.results
                assert bool(result.is_error) == (how not in ("fine", "nothing", "text")), how
                assert TOLD.get(how, "") in agent.model.requests[-1].tool_outputs[-1].text, how
            else:
                [resolved] = [resolved for resolved in ran.all(RequestResolved) if resolved.kind == at]
                assert resolved.by == ("callback" if how == "fine" else "callback_error"), how
                assert resolved.outcome in ("denied", "declined", "answered" if how == "fine" else ""), how
    assert not agent.exists("done.txt")


async def settled(session: AgentSession, requests: MessageStream) -> None:
    """Wait until nothing is asked any more: a withdrawal may come behind the end of its turn."""
    while session.pending:
        await until(requests, RequestResolved)


@at_each_place
async def test_code_that_never_returns_ends_with_its_turn_or_its_session(agent: Agent, at: str) -> None:
    place = PLACES[at]
    asked = anyio.Event()
    over = anyio.Event()
    stubborn = False

    async def never(request: Any = None) -> Any:
        asked.set()
        with anyio.move_on_after(agent.seconds, shield=stubborn):  # Only a case that failed waits for that.
            await over.wait()
        return place.fine(request)

    agent.model.otherwise(text("Too late."))
    async with agent.backend() as backend, busy(agent, backend, place):
        session = await place.open(agent, backend, never)
        for how in ("interrupt", "interrupt", "aclose", "kill"):
            if session.state == "closed":
                session = await place.open(agent, backend, never)
            asked = anyio.Event()
            agent.model.when("Act.", times=1).reply(place.step(agent))
            watch, requests = session.messages(), session.messages()
            uuid = await session.send("Act.")
            await asked.wait()
            with anyio.fail_after(_BOUND):
                await getattr(session, how)()
                assert (await result_of(watch, uuid)).outcome == "interrupted", how
                await settled(session, requests)
            if how == "interrupt":
                agent.model.when("Next.", times=1).reply(text("Next."))
                assert (await run(session, "Next.")).result.result == "Next."
                stubborn = True  # From the second time on.
        over.set()
    assert not agent.exists("done.txt")


async def _directly(close: Close) -> None:
    await close()


async def _in_a_child(close: Close) -> None:
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(close)


async def _in_a_thread(close: Close) -> None:
    await anyio.to_thread.run_sync(anyio.from_thread.run, close)


async def _shielded(close: Close) -> None:
    with anyio.CancelScope(shield=True):
        await close()


WAYS: Final = {
    "tool": (_in_a_thread, _shielded),
    "permission": (_directly, _in_a_child),
    "question": (_shielded, _in_a_thread),
    "elicitation": (_in_a_child, _directly),
}
"""How the code closes its session at each place, and in the last way its backend; each agent meets them all."""


@dataclass
class Closing:
    """Code that closes what it belongs to, and tells that this returned."""

    place: Place
    way: Callable[[Close], Coroutine[Any, Any, None]]
    close: Close | None = None
    returned: anyio.Event | None = None

    async def __call__(self, request: Any = None) -> Any:
        assert self.close is not None
        assert self.returned is not None
        try:
            await self.way(self.close)
        finally:
            self.returned.set()
        return self.place.fine(request)

    async def check(self, agent: Agent, session: AgentSession, close: Close) -> None:
        """Run a turn whose code closes, and check that the close ends both in time."""
        self.close, self.returned = close, anyio.Event()
        agent.model.when("Act.", times=1).reply(self.place.step(agent))
        with anyio.fail_after(_BOUND):
            turn = session.query("Act.")
            result = await turn.wait()
            assert (result.outcome, result.user_message_uuids) == ("interrupted", [turn.uuid])
            await self.returned.wait()
            await session.aclose()
        assert session.state == "closed"
        with pytest.raises(SessionClosedError):
            session.query("More.")


@at_each_place
async def test_code_may_close_its_session_in_whatever_way(agent: Agent, at: str) -> None:
    place = PLACES[at]
    agent.model.otherwise(text("Too late."))
    async with agent.backend() as backend, busy(agent, backend, place):
        for way in WAYS[at]:
            code = Closing(place, way)
            session = await place.open(agent, backend, code)
            await code.check(agent, session, session.kill if way is _directly else session.aclose)
    assert not agent.exists("done.txt")


@at_each_place
async def test_code_may_close_its_backend_in_whatever_way(agent: Agent, at: str) -> None:
    place = PLACES[at]
    agent.model.otherwise(text("Too late."))
    async with agent.backend() as backend:
        code = Closing(place, WAYS[at][-1])
        session = await place.open(agent, backend, code)
        await code.check(agent, session, backend.aclose)
        with anyio.fail_after(_BOUND):
            await backend.aclose()
    assert not agent.exists("done.txt")
