"""Each answer to each kind of request: what is told of it, what it does, and that the session goes on behind it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any, Final

import pytest

from agent_sdk_core import (
    DEFER,
    AgentSession,
    Allow,
    Answers,
    Deny,
    ElicitationAnswer,
    RequestOpened,
    RequestResolved,
    ToolRegistry,
    tool,
)
from agent_sdk_testing import Action, Step, text
from agent_sdk_testing.contract.agent import Agent
from agent_sdk_testing.contract.cases.test_tools import SERVERS
from agent_sdk_testing.contract.traits import needs
from agent_sdk_testing.contract.watching import Asker, Ran, result_of, run, until

pytestmark = pytest.mark.anyio

_NUMBERS = count()


@tool(ask="always")
async def act() -> str:
    """Do something."""
    return "acted"


def _file() -> str:
    return f"done-{next(_NUMBERS)}.txt"


@dataclass(frozen=True)
class Kind:
    """A kind of request.

    Attributes:
        asks: `PermissionRequest`, `QuestionRequest` or `ElicitationRequest`, as messages call it.
        callback: The option that answers it.
        steps: Make the model cause one.
        yes: An answer that lets it happen.
        no: One that does not.
        stop: One that ends the turn as well, or the nearest to it.
        options: What else the session needs.
        patience: Seconds until nobody has answered, in which others may have to.
    """

    asks: str
    callback: str
    steps: Callable[[Agent], Sequence[Step | Action]]
    yes: Callable[[Any], Any] = lambda request: Allow()
    no: Any = Deny("Rather not.")  # noqa: RUF009  # frozen
    stop: Any = Deny("Stop.", interrupt=True)  # noqa: RUF009  # frozen
    options: Callable[[Agent], Mapping[str, Any]] = lambda agent: {}
    patience: float = 0.05


KINDS: Final[Mapping[str, Kind]] = {
    "command": Kind(
        "permission", "can_use_tool", lambda agent: [agent.command(f"echo done > {_file()}", escalate=True)]
    ),
    "edit": Kind("permission", "can_use_tool", lambda agent: agent.patch(add={_file(): "done\n"})),
    "mcp tool": Kind(
        "permission",
        "can_use_tool",
        lambda agent: [agent.mcp_tool("bench", "wipe", name="it")],
        options=lambda agent: {"mcp_servers": SERVERS},
    ),
    "own tool": Kind(
        "permission",
        "can_use_tool",
        lambda agent: [agent.application_tool("own", "act")],
        options=lambda agent: {"tools": ToolRegistry("own", [act])},
    ),
    "question": Kind(
        "question",
        "on_question",
        lambda agent: [agent.question("Which colour?", "Red", "Blue")],
        yes=lambda request: Answers({request.questions[0].id: "Red"}),
        no=Answers({}),
        stop=Answers({}),
        options=lambda agent: {"permission_mode": agent.question_mode},
    ),
    "form": Kind(
        "elicitation",
        "on_elicitation",
        lambda agent: [agent.mcp_tool("bench", "ask")],
        yes=lambda request: ElicitationAnswer("accept", {"name": "Ada"}),
        no=ElicitationAnswer("decline"),
        stop=ElicitationAnswer("cancel"),
        options=lambda agent: {"mcp_servers": SERVERS, "can_use_tool": Asker()},
        patience=3.0,
    ),
    "link": Kind(
        "elicitation",
        "on_elicitation",
        lambda agent: [agent.mcp_tool("bench", "visit")],
        yes=lambda request: ElicitationAnswer("accept"),
        no=ElicitationAnswer("decline"),
        stop=ElicitationAnswer("cancel"),
        options=lambda agent: {"mcp_servers": SERVERS, "can_use_tool": Asker()},
        patience=3.0,
    ),
}
NEEDS: Final[Mapping[str, tuple[str, ...]]] = {
    "command": ("can_use_tool",),
    "edit": ("can_use_tool", "edits"),
    "mcp tool": ("can_use_tool", "mcp_servers"),
    "own tool": ("can_use_tool", "tools"),
    "question": ("questions", "on_question"),
    "form": ("mcp_servers", "on_elicitation"),
    "link": ("mcp_servers", "on_elicitation"),
}
CALLED: Final = ("yes", "no", "stop", "raises", "nonsense", "another kind")
"""What a callback may do."""
of_each_kind = pytest.mark.parametrize("kind", [pytest.param(kind, marks=needs(*NEEDS[kind])) for kind in KINDS])


class Answering:
    """A callback that does what it is told to, and keeps what it was asked."""

    def __init__(self, kind: Kind) -> None:
        self.kind = kind
        self.how = ""

    async def __call__(self, request: Any) -> Any:
        match self.how:
            case "yes":
                return self.kind.yes(request)
            case "no":
                return self.kind.no
            case "stop":
                return self.kind.stop
            case "nonsense":
                return True
            case "another kind":
                return Answers({}) if self.kind.asks != "question" else Allow()
            case _:
                raise ZeroDivisionError("It is broken.")


def script(agent: Agent, kind: Kind) -> None:
    """Let the model cause one request, and go on."""
    agent.model.reply(*kind.steps(agent))


def told(ran: Sequence[Any], kind: Kind) -> tuple[str, str]:
    """Return how the one request of a turn ended, and by whom."""
    [resolved] = [one for one in ran if isinstance(one, RequestResolved) and one.kind == kind.asks]
    return resolved.outcome, resolved.by


def check(ran: Ran, kind: Kind, how: str) -> None:
    """Check what was told of an answer, and what became of the tool that waited for it."""
    good, bad = ("allowed", "denied") if kind.asks == "permission" else ("answered", "declined")
    by = "callback" if how in ("yes", "no", "stop") else "callback_error"
    assert told(ran.messages, kind) == (good if how == "yes" else bad, by)
    stopped = how == "stop" and kind.asks == "permission"
    assert ran.result.outcome == ("interrupted" if stopped else "completed")
    if kind.asks == "permission":
        assert {bool(result.is_error) for result in ran.results} == {how != "yes"}


def open_session(agent: Agent, kind: Kind, callback: Any, **options: Any) -> Any:
    given: dict[str, Any] = {"permission_mode": "default", **kind.options(agent), kind.callback: callback, **options}
    return agent.session(**given)


@of_each_kind
async def test_each_answer_of_a_callback_does_what_it_says(agent: Agent, kind: str) -> None:
    asked, answering = KINDS[kind], Answering(KINDS[kind])
    agent.model.otherwise(text("Went on."))
    async with open_session(agent, asked, answering) as session:
        for answering.how in CALLED:
            script(agent, asked)
            check(await run(session, f"Act: {answering.how}."), asked, answering.how)
            assert not session.pending


@of_each_kind
async def test_each_answer_from_elsewhere_an_interrupt_and_a_close_do_what_they_say(agent: Agent, kind: str) -> None:
    asked = KINDS[kind]
    good, bad = ("allowed", "denied") if asked.asks == "permission" else ("answered", "declined")
    ends = {
        "yes": (good, "answer", "completed"),
        "no": (bad, "answer", "completed"),
        "interrupt": ("withdrawn", "agent", "interrupted"),
        "close": (bad, "close", "interrupted"),
    }
    agent.model.otherwise(text("Went on."))
    async with open_session(agent, asked, DEFER) as session:
        for how, (outcome, by, ended) in ends.items():
            script(agent, asked)
            watch, results = session.messages(), session.messages()
            uuid = await session.send(f"Act: {how}.")
            opened = await until(watch, RequestOpened, lambda opened: opened.kind == asked.asks)
            [request] = [one for one in session.pending if one.request_id == opened.request_id]
            await _end(session, asked, request, how)
            resolved = await until(watch, RequestResolved, lambda resolved: resolved.kind == asked.asks)
            assert (resolved.request_id, resolved.outcome, resolved.by) == (opened.request_id, outcome, by)
            assert (await result_of(results, uuid)).outcome == ended


async def _end(session: AgentSession, kind: Kind, request: Any, how: str) -> None:
    match how:
        case "yes":
            await session.answer(request.request_id, kind.yes(request))
        case "no":
            await session.answer(request.request_id, kind.no)
        case "interrupt":
            await session.interrupt()
        case _:
            await session.aclose()


@of_each_kind
async def test_where_nobody_answers_or_not_in_time_it_does_not_happen(agent: Agent, kind: str) -> None:
    asked = KINDS[kind]
    bad = "denied" if asked.asks == "permission" else "declined"
    agent.model.otherwise(text("Went on."))
    for callback, timeout, by in ((None, None, "no_callback"), (DEFER, asked.patience, "deadline")):
        async with open_session(agent, asked, callback, request_timeout=timeout) as session:
            script(agent, asked)
            ran = await run(session, "Act.")
        assert told(ran.messages, asked) == (bad, by)
        assert {opened.deadline is None for opened in ran.all(RequestOpened)} == {timeout is None}
        assert ran.result.outcome == "completed"
        if asked.asks == "permission":
            assert {bool(result.is_error) for result in ran.results} == {True}
