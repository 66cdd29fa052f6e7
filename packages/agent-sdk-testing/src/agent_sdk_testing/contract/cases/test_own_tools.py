"""Who is asked before a tool of the application runs: alike on every agent, and nobody's silence is a yes."""

from __future__ import annotations

from typing import Annotated, Any, cast

import anyio
import pytest
from pydantic import AfterValidator

from agent_sdk_core import (
    DEFER,
    Allow,
    Deny,
    PermissionMode,
    PermissionRequest,
    PolicyGuard,
    RequestOpened,
    RequestResolved,
    Tool,
    ToolRegistry,
    tool,
)
from agent_sdk_testing import text
from agent_sdk_testing.contract.agent import Agent
from agent_sdk_testing.contract.cases.test_user_code import RAISES, TOLD
from agent_sdk_testing.contract.traits import needs
from agent_sdk_testing.contract.watching import Asker, Ran, run, until

pytestmark = [pytest.mark.anyio, needs("tools", "can_use_tool")]

NAME = "mcp__sums__add"


class Adder:
    """A tool that remembers what it added, and a session in which the model calls it."""

    def __init__(self, agent: Agent, **hints: Any) -> None:
        self.agent = agent
        self.calls: list[tuple[int, int]] = []

        @tool(**hints)
        async def add(first: int, second: int) -> int:
            """Add two numbers."""
            self.calls.append((first, second))
            return first + second

        self.tool: Tool = add

    def session(self, **options: Any) -> Any:
        return self.agent.session(tools=ToolRegistry("sums", [self.tool]), **{"permission_mode": "default", **options})

    def expect(self, first: int = 1, second: int = 2) -> None:
        self.agent.model.reply(self.agent.application_tool("sums", "add", first=first, second=second))
        self.agent.model.reply(text("Went on."))

    async def ran(self, **options: Any) -> Ran:
        self.expect()
        async with self.session(**options) as session:
            ran = await run(session, "Add.")
            assert not session.pending
        return ran


def denied(ran: Ran) -> bool:
    """Tell whether the one tool use of a turn was refused, after checking that the turn went on and says so."""
    assert ran.result.outcome == "completed"
    [use], [result] = ran.uses, ran.results
    listed = [denial["tool_use_id"] for denial in ran.result.permission_denials]
    assert listed == ([use.id] if result.is_error else [])
    return bool(result.is_error)


async def test_a_tool_that_may_change_something_does_not_run_where_nobody_is_asked(agent: Agent) -> None:
    adder = Adder(agent)
    assert denied(await adder.ran())
    assert not adder.calls


@pytest.mark.parametrize(
    "hints",
    [{"read_only": True}, {"ask": "never"}, {"ask": "never", "destructive": True}],
    ids=["reads", "never", "destroys"],
)
@pytest.mark.parametrize("mode", ["default", "dont_ask"])
async def test_one_that_only_reads_or_was_offered_as_allowed_runs_unasked(
    agent: Agent, hints: dict[str, Any], mode: PermissionMode
) -> None:
    if mode not in agent.modes:
        pytest.skip("the agent has no such mode")
    adder, asker = Adder(agent, **hints), Asker()
    ran = await adder.ran(can_use_tool=asker, permission_mode=mode)
    assert (adder.calls, asker.requests, ran.all(RequestOpened)) == ([(1, 2)], [], [])
    assert not denied(ran)


async def test_a_request_says_which_tool_waits_and_what_for(agent: Agent) -> None:
    adder, asker = Adder(agent), Asker()
    ran = await adder.ran(can_use_tool=asker)
    [request] = asker.requests
    assert (request.tool_name, request.input, request.kind) == (NAME, {"first": 1, "second": 2}, "mcp")
    assert request.tool_use_id == ran.uses[0].id
    assert request.cwd is not None
    assert not request.escalates
    ids = [option.id for option in request.options]
    assert (ids[0], ids[-2:], "allow_session" in ids) == ("allow", ["deny", "deny_stop"], True)
    assert [(one.outcome, one.by) for one in ran.all(RequestResolved)] == [("allowed", "callback")]
    assert adder.calls == [(1, 2)]


async def test_a_refusal_reaches_the_model(agent: Agent) -> None:
    adder = Adder(agent)
    ran = await adder.ran(can_use_tool=Asker([Deny("Not today.")]))
    assert denied(ran)
    assert "Not today." in ran.results[0].text
    assert not adder.calls


async def test_an_input_that_was_changed_is_what_the_tool_runs_with(agent: Agent) -> None:
    adder = Adder(agent)
    ran = await adder.ran(can_use_tool=Asker([Allow(updated_input={"first": 20, "second": 3})]))
    assert adder.calls == [(20, 3)]
    assert ran.results[0].text == "23"


async def test_a_refusal_that_stops_ends_the_turn(agent: Agent) -> None:
    adder = Adder(agent)
    agent.model.reply(agent.application_tool("sums", "add", first=1, second=2))
    async with adder.session(can_use_tool=Asker([Deny("Stop.", interrupt=True)])) as session:
        ran = await run(session, "Add.")
        assert ran.result.outcome == "interrupted"
        assert not adder.calls


async def test_what_was_allowed_for_the_session_is_not_asked_again(agent: Agent) -> None:
    adder, asker = Adder(agent), Asker([Allow("session")])
    async with adder.session(can_use_tool=asker) as session:
        for second in (2, 3):
            adder.expect(1, second)
            await run(session, "Add.")
    assert adder.calls == [(1, 2), (1, 3)]
    assert len(asker.requests) == 1


@pytest.mark.parametrize("mode", ["default", "accept_edits", "bypass"])
async def test_one_that_is_always_asked_about_is_asked_about_each_time(agent: Agent, mode: PermissionMode) -> None:
    if mode not in agent.modes:
        pytest.skip("the agent has no such mode")
    adder, asker = Adder(agent, ask="always", read_only=True), Asker([Allow("session")])
    policy = PolicyGuard(allow=["mcp__sums__*"])
    async with adder.session(can_use_tool=asker, policy=policy, permission_mode=mode) as session:
        for second in (2, 3):
            adder.expect(1, second)
            await run(session, "Add.")
    assert adder.calls == [(1, 2), (1, 3)]
    assert len(asker.requests) == 2
    assert not [option for option in asker.requests[0].options if "session" in option.id]


@pytest.mark.parametrize("ask", ["policy", "always"])
@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ("default", "asks"),
        ("accept_edits", "asks"),
        ("plan", "asks"),
        ("bypass", "runs"),
        ("dont_ask", "denies"),
    ],
)
async def test_each_mode_means_the_same_for_them_on_every_agent(
    agent: Agent, mode: PermissionMode, expected: str, ask: str
) -> None:
    if mode not in agent.modes:
        pytest.skip("the agent has no such mode")
    adder, asker = Adder(agent, ask=ask), Asker()
    ran = await adder.ran(can_use_tool=asker, permission_mode=mode)
    expected = "asks" if (mode, ask) == ("bypass", "always") else expected
    assert (len(asker.requests), denied(ran)) == (int(expected == "asks"), expected == "denies")


@pytest.mark.parametrize("hints", [{}, {"ask": "never"}, {"read_only": True}], ids=["asked", "never", "reads"])
@pytest.mark.parametrize("mode", ["default", "bypass"])
async def test_what_a_policy_denies_runs_in_no_mode(agent: Agent, hints: dict[str, Any], mode: PermissionMode) -> None:
    if mode not in agent.modes:
        pytest.skip("the agent has no such mode")
    adder, asker = Adder(agent, **hints), Asker()
    policy = PolicyGuard(deny=["mcp__sums__add"])
    ran = await adder.ran(can_use_tool=asker, policy=policy, permission_mode=mode, policy_scope="asked_only")
    assert denied(ran)
    assert "mcp__sums__add" in ran.results[0].text
    assert (adder.calls, asker.requests) == ([], [])


@pytest.mark.parametrize("hints", [{}, {"ask": "never"}, {"read_only": True}], ids=["asked", "never", "reads"])
async def test_a_policy_that_breaks_lets_none_run_and_the_turn_goes_on(agent: Agent, hints: dict[str, Any]) -> None:
    class Broken(PolicyGuard):
        def judge(self, *args: Any, **kwargs: Any) -> Any:
            raise SystemExit("a rule that breaks")

    adder, asker = Adder(agent, **hints), Asker()
    policy = Broken(deny=["Bash(sudo *)"])
    assert denied(await adder.ran(can_use_tool=asker, policy=policy, policy_scope="asked_only"))
    assert (adder.calls, asker.requests) == ([], [])


@pytest.mark.parametrize("hints", [{"ask": "never"}, {"read_only": True}], ids=["never", "reads"])
async def test_what_a_policy_wants_asked_is_asked_about_though_the_application_would_not(
    agent: Agent, hints: dict[str, Any]
) -> None:
    adder, asker = Adder(agent, **hints), Asker()
    policy = PolicyGuard(ask=["mcp__sums"])
    assert not denied(await adder.ran(can_use_tool=asker, policy=policy, policy_scope="asked_only"))
    assert [request.tool_name for request in asker.requests] == [NAME]


async def test_what_a_policy_allows_runs_unasked(agent: Agent) -> None:
    adder, asker = Adder(agent), Asker()
    ran = await adder.ran(can_use_tool=asker, policy=PolicyGuard(allow=["mcp__sums__add"]))
    assert not denied(ran)
    assert (adder.calls, asker.requests) == ([(1, 2)], [])
    assert [(one.outcome, one.by) for one in ran.all(RequestResolved)] == [("allowed", "policy")]


async def test_a_request_may_be_answered_from_elsewhere(agent: Agent) -> None:
    adder = Adder(agent)
    adder.expect()
    async with adder.session(can_use_tool=DEFER) as session:
        turn = session.query("Add.")
        opened = await until(turn, RequestOpened)
        [request] = session.pending
        assert (request.tool_name, request.request_id) == (NAME, opened.request_id)
        await session.answer(request.request_id, Allow())
        await finish_rest(turn)
    assert adder.calls == [(1, 2)]


async def test_an_interrupt_takes_the_question_back(agent: Agent) -> None:
    adder = Adder(agent)
    agent.model.reply(agent.application_tool("sums", "add", first=1, second=2))
    async with adder.session(can_use_tool=DEFER) as session:
        told = session.messages()
        turn = session.query("Add.")
        await until(turn, RequestOpened)
        await turn.interrupt()
        resolved = await until(told, RequestResolved)  # The turn's own end may come before it.
        assert (resolved.outcome, resolved.by) == ("withdrawn", "agent")
        assert not session.pending
        assert (await turn.wait()).outcome == "interrupted"
        agent.model.reply(text("On."))
        assert (await run(session, "Go on.")).result.outcome == "completed"
    assert not adder.calls


async def test_a_close_denies_what_is_still_asked(agent: Agent) -> None:
    adder = Adder(agent)
    agent.model.reply(agent.application_tool("sums", "add", first=1, second=2))
    async with adder.session(can_use_tool=DEFER) as session:
        turn = session.query("Add.")
        await until(turn, RequestOpened)
        with anyio.fail_after(30):
            await session.aclose()
    assert not adder.calls


async def finish_rest(turn: Any) -> None:
    """Read a turn to its end."""
    async for _ in turn:
        pass
    assert turn.result is not None


async def test_a_check_of_an_argument_that_raises_is_told_to_the_model_and_asks_nobody(agent: Agent) -> None:
    how, asker = "", Asker()

    def check(value: int) -> int:
        RAISES[how]()
        return value

    @tool
    async def add(first: Annotated[int, AfterValidator(check)], second: int) -> int:
        """Add two numbers."""
        return first + second

    async with agent.session(
        tools=ToolRegistry("sums", [add]), can_use_tool=asker, permission_mode="default"
    ) as session:
        for how in RAISES:  # The check reads it.
            agent.model.reply(agent.application_tool("sums", "add", first=1, second=2)).reply(text("Went on."))
            with anyio.fail_after(60.0):
                ran = await run(session, "Add.")
            [result] = ran.results
            assert (result.is_error, ran.result.outcome) == (True, "completed"), how
            assert TOLD[how] in agent.model.requests[-1].tool_outputs[-1].text


async def test_a_call_that_who_is_asked_changes_in_place_runs_as_it_was(agent: Agent) -> None:
    async def ask(request: PermissionRequest) -> Allow:
        cast("dict[str, object]", request.input)["first"] = "no number"
        return Allow()

    adder = Adder(agent)
    ran = await adder.ran(can_use_tool=ask)
    assert (adder.calls, ran.result.outcome) == ([(1, 2)], "completed")
