"""Hooks: they see what runs unasked as well, decide alike on every agent, and whatever they do is no consent."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextvars import ContextVar
from typing import Any, cast

import anyio
import pytest

from agent_sdk_core import (
    AddContext,
    Allow,
    Block,
    ChangeInput,
    Hook,
    HookEvent,
    Hooks,
    MessageStream,
    PermissionRequest,
    PolicyDeniedError,
    PolicyGuard,
    PostToolUseEvent,
    PreToolUseEvent,
    PromptSubmitEvent,
    SessionEndEvent,
    SessionStartEvent,
    StopEvent,
    StopTurn,
    SystemMessage,
    UnsupportedOptionError,
)
from agent_sdk_testing import text
from agent_sdk_testing.contract.agent import Agent
from agent_sdk_testing.contract.cases.test_user_code import RAISES
from agent_sdk_testing.contract.traits import needs
from agent_sdk_testing.contract.watching import Ran, run

pytestmark = [pytest.mark.anyio, needs("hook:pre_tool_use")]

ACT = "echo done >> done.txt; echo printed"
PLACE: ContextVar[str] = ContextVar("place", default="nowhere")


def told(ran: Ran) -> list[tuple[str, str]]:
    """What messages say that hooks did: which event, and what came of it."""
    return [
        (str(extra["hook_event"]), str(extra["outcome"]))
        for message in ran.all(SystemMessage)
        if message.subtype == "hook_response" and (extra := message.model_extra or {})
    ]


async def heard(stream: MessageStream) -> tuple[str, str]:
    """What the next message says that a hook did: of a prompt that was blocked no turn tells."""
    async for message in stream:
        if isinstance(message, SystemMessage) and message.subtype == "hook_response":
            extra = message.model_extra or {}
            return str(extra["hook_event"]), str(extra["outcome"])
    raise AssertionError("the stream has ended")


def said(agent: Agent, words: str) -> list[bool]:
    """Tell for each request to the model whether it says this."""
    return [words in str(request.json) for request in agent.model.requests]


async def acted(agent: Agent, hooks: Hooks, *, command: str = ACT, **options: Any) -> Ran:
    agent.model.reply(agent.command(command)).reply(text("Went on."))
    async with agent.session(hooks=hooks, **{"permission_mode": "bypass", **options}) as session:
        return await run(session, "Act.")


class Seen:
    """A hook that remembers what it is told, and answers the same each time."""

    def __init__(self, answer: Any = None) -> None:
        self.answer = answer
        self.events: list[Any] = []

    async def __call__(self, event: HookEvent) -> Any:
        self.events.append(event)
        return self.answer


@needs("mode:bypass")
async def test_a_hook_sees_a_tool_before_and_after_it_runs_unasked(agent: Agent) -> None:
    before, after = Seen(), Seen()
    ran = await acted(agent, Hooks(pre_tool_use=before, post_tool_use=[after]))
    assert agent.read("done.txt") == "done\n"
    [use], [event], [result] = ran.uses, before.events, after.events
    assert isinstance(event, PreToolUseEvent)
    assert isinstance(result, PostToolUseEvent)
    for seen in (event, result):
        assert (seen.tool_name, seen.input["command"], seen.tool_use_id) == ("Bash", ACT, use.id)
        assert seen.session_id == ran.result.session_id
        assert str(seen.cwd) == str(agent.workspace)
    assert "printed" in str(result.response)
    assert told(ran) == []


@needs("mode:bypass")
async def test_what_a_hook_blocks_does_not_run_and_the_model_hears_why(agent: Agent) -> None:
    ran = await acted(agent, Hooks(pre_tool_use=Seen(Block("Not on a Friday."))))
    assert not agent.exists("done.txt")
    assert ran.results[0].is_error is True
    assert "Not on a Friday." in agent.model.requests[-1].tool_outputs[-1].text
    assert told(ran) == [("pre_tool_use", "blocked")]
    assert [denial["tool_use_id"] for denial in ran.result.permission_denials] == [ran.results[0].tool_use_id]


@needs("mode:bypass")
async def test_a_tool_runs_with_the_input_that_hooks_have_changed_in_order(agent: Agent) -> None:
    async def first(event: PreToolUseEvent) -> ChangeInput:
        return ChangeInput({**event.input, "command": "echo first >> done.txt"})

    async def second(event: PreToolUseEvent) -> ChangeInput:
        return ChangeInput({**event.input, "command": f"{event.input['command']}; echo second >> done.txt"})

    after = Seen()
    ran = await acted(agent, Hooks(pre_tool_use=[first, second], post_tool_use=after))
    assert agent.read("done.txt") == "first\nsecond\n"
    assert [event.input["command"] for event in after.events] == ["echo first >> done.txt; echo second >> done.txt"]
    assert told(ran) == [("pre_tool_use", "changed")] * 2


@needs("mode:default")
async def test_an_input_that_a_hook_changes_in_place_runs_and_is_asked_about_as_it_was(agent: Agent) -> None:
    async def change(event: PreToolUseEvent) -> None:
        cast("dict[str, object]", event.input)["command"] = "echo changed > done.txt"

    asked: list[str] = []

    async def ask(request: PermissionRequest) -> Allow:
        asked.append(str(request.input["command"]))
        cast("dict[str, object]", request.input)["command"] = "echo changed > done.txt"
        return Allow()

    agent.model.reply(agent.command("echo told > done.txt", escalate=True)).reply(text("Done."))
    hooks = Hooks(pre_tool_use=[change, change])
    async with agent.session(hooks=hooks, can_use_tool=ask, permission_mode="default") as session:
        assert (await run(session, "Go.")).result.outcome == "completed"
    assert ["changed" in command for command in asked] == [False]
    assert agent.read("done.txt") == "told\n"


async def test_what_a_hook_changes_is_asked_about_as_it_will_run(agent: Agent) -> None:
    asked: list[PermissionRequest] = []

    async def allow(request: PermissionRequest) -> Allow:
        asked.append(request)
        return Allow()

    async def change(event: PreToolUseEvent) -> ChangeInput:
        return ChangeInput({**event.input, "command": "echo changed >> done.txt"})

    agent.model.reply(agent.command(ACT, escalate=True)).reply(text("Went on."))
    hooks = Hooks(pre_tool_use=change)
    async with agent.session(permission_mode="default", can_use_tool=allow, hooks=hooks) as session:
        await run(session, "Act.")
    assert [request.input["command"] for request in asked] == ["echo changed >> done.txt"]
    assert agent.read("done.txt") == "changed\n"


@needs("mode:bypass", "policy")
async def test_a_policy_judges_what_hooks_change(agent: Agent) -> None:
    change = Seen(ChangeInput({"command": "echo changed >> done.txt"}))
    policy = PolicyGuard(deny=["Bash(echo changed*)"])
    await acted(agent, Hooks(pre_tool_use=change), policy=policy, policy_scope="asked_only")
    assert [event.input["command"] for event in change.events] == [ACT]
    assert agent.name == "mini" or not agent.exists("done.txt")


@needs("mode:bypass")
async def test_the_model_is_told_what_hooks_add(agent: Agent) -> None:
    hooks = Hooks(
        session_start=Seen(AddContext("It is a session of the suite.")),
        prompt_submit=Seen(AddContext("It is Thursday.")),
        pre_tool_use=Seen(AddContext("It is about to run.")),
        post_tool_use=Seen(AddContext("It has run.")),
    )
    ran = await acted(agent, hooks)
    assert said(agent, "It is a session of the suite.") == said(agent, "It is Thursday.") == [True, True]
    assert said(agent, "It is about to run.") == said(agent, "It has run.") == [False, True]
    assert told(ran) == [(name, "context") for name in ("prompt_submit", "pre_tool_use", "post_tool_use")]


@needs("mode:bypass")
@pytest.mark.parametrize("event", ["pre_tool_use", "post_tool_use"])
async def test_a_hook_stops_the_turn(agent: Agent, event: str) -> None:
    async with agent.session(hooks=Hooks(**{event: Seen(StopTurn("Enough."))}), permission_mode="bypass") as session:
        agent.model.reply(agent.command(ACT)).otherwise(text("Never read."))
        ran = await run(session, "Act.")
        assert ran.result.result in (None, "")
        assert ran.result.terminal_reason in ("hook_stopped", "aborted_streaming", "aborted_tools")
        assert agent.exists("done.txt") is (event == "post_tool_use")
        assert told(ran) == [(event, "stopped")]
        assert (await run(session, "And now?")).result.result == "Never read."


@needs("mode:bypass")
async def test_a_hook_of_the_result_tells_the_model_what_is_wrong_with_it(agent: Agent) -> None:
    ran = await acted(agent, Hooks(post_tool_use=Seen(Block("Do not believe it."))))
    assert said(agent, "Do not believe it.") == [False, True]
    assert told(ran) == [("post_tool_use", "blocked")]


async def test_a_prompt_that_a_hook_blocks_is_never_sent_and_has_a_result(agent: Agent) -> None:
    async def check(event: PromptSubmitEvent) -> Block | None:
        return Block("No secrets.") if "secret" in event.prompt else None

    agent.model.otherwise(text("Fine."))
    async with agent.session(hooks=Hooks(prompt_submit=check)) as session:
        stream = session.messages()
        ran = await run(session, "My secret is 7.")
        assert (ran.result.outcome, ran.result.error and ran.result.error.code) == ("failed", "policy_denied")
        assert "No secrets." in " ".join(ran.result.errors)
        assert await heard(stream) == ("prompt_submit", "blocked")
        assert not agent.model.requests
        assert (await run(session, "Hello.")).result.result == "Fine."
        assert said(agent, "My secret") == [False]


async def test_the_beginning_and_the_end_of_a_session_are_told_once(agent: Agent) -> None:
    start, end = Seen(), Seen()
    agent.model.otherwise(text("Fine."))
    async with agent.session(hooks=Hooks(session_start=start, session_end=end)) as session:
        assert [(type(event), event.source) for event in start.events] == [(SessionStartEvent, "startup")]
        await run(session, "Hello.")
        await run(session, "Hello again.")
        assert len(start.events) == 1
        assert not end.events
    assert [(type(event), event.reason) for event in end.events] == [(SessionEndEvent, "closed")]


async def test_a_session_that_a_hook_blocks_is_not_opened(agent: Agent) -> None:
    async with agent.backend() as backend:
        with pytest.raises(PolicyDeniedError, match="Closed today"):
            await agent.open(backend, hooks=Hooks(session_start=Seen(Block("Closed today."))))
        assert not backend.sessions


@needs("hook:stop")
async def test_a_hook_has_the_agent_go_on(agent: Agent) -> None:
    events: list[StopEvent] = []

    async def go_on(event: StopEvent) -> Block | None:
        events.append(event)
        return None if event.active else Block("Say more.")

    agent.model.reply(text("First.")).reply(text("Second."))
    async with agent.session(hooks=Hooks(stop=go_on)) as session:
        ran = await run(session, "Talk.")
    assert ran.result.result == "Second."
    assert [(event.last_message, event.active) for event in events] == [("First.", False), ("Second.", True)]
    assert said(agent, "Say more.") == [False, True]


@needs("mode:bypass")
async def test_matchers_choose_by_the_whole_name(agent: Agent) -> None:
    part, other, every = Seen(), Seen(), Seen()
    hooks = [Hook(part, matcher="Ba"), Hook(other, matcher="Read|Write"), Hook(every, matcher="Ba.*|Edit")]
    await acted(agent, Hooks(pre_tool_use=hooks))
    assert [len(seen.events) for seen in (part, other, every)] == [0, 0, 1]


@needs("mode:bypass")
async def test_a_hook_that_fails_in_whatever_way_blocks_and_no_other_session_notices(agent: Agent) -> None:
    how = ""
    answers: Mapping[str, Any] = {"number": 5, "text": "deny", "class": Block, "another event's": AddContext}

    async def fail(event: PreToolUseEvent) -> Any:
        if how in RAISES:
            return RAISES[how]()
        if how == "cancelled":
            raise anyio.get_cancelled_exc_class()
        if how == "slow":
            await anyio.sleep_forever()
        return answers[how]

    async with (
        agent.backend() as backend,
        await agent.open(
            backend, hooks=Hooks(pre_tool_use=Hook(fail, timeout=0.5)), permission_mode="bypass"
        ) as session,
        await agent.open(backend) as other,
    ):
        for how in (*RAISES, *answers, "cancelled", "slow"):  # The hook reads it.
            agent.model.reply(agent.command(ACT)).reply(text("Went on."))
            ran = await run(session, "Act.")
            assert (ran.result.outcome, ran.result.result) == ("completed", "Went on."), how
            assert not agent.exists("done.txt"), how
            assert ran.results[0].is_error is True, how
            assert told(ran) == [("pre_tool_use", "failed")], how
            assert "pre_tool_use hook fail" in agent.model.requests[-1].tool_outputs[-1].text, how
        agent.model.reply(text("Here."))
        assert (await run(other, "And you?")).result.result == "Here."


@pytest.mark.parametrize("event", ["prompt_submit", "session_start"])
async def test_a_prompt_and_a_session_do_not_pass_a_hook_that_fails(agent: Agent, event: str) -> None:
    async def fail(told: HookEvent) -> None:
        raise SystemExit("a hook that breaks")

    agent.model.otherwise(text("Fine."))
    hooks = Hooks(**{event: fail})
    if event == "session_start":
        with pytest.raises(PolicyDeniedError, match="a hook that breaks"):
            async with agent.session(hooks=hooks):
                pass
        return
    async with agent.session(hooks=hooks) as session:
        ran = await run(session, "Hello.")
    assert ran.result.outcome == "failed"
    assert "a hook that breaks" in " ".join(ran.result.errors)
    assert not agent.model.requests


@needs("hook:stop")
async def test_a_turn_ends_although_its_hook_fails(agent: Agent) -> None:
    async def fail(event: StopEvent) -> None:
        raise SystemExit("a hook that breaks")

    agent.model.reply(text("Fine."))
    async with agent.session(hooks=Hooks(stop=fail)) as session:
        ran = await run(session, "Hello.")
    assert ran.result.result == "Fine."
    assert told(ran) == [("stop", "failed")]


@needs("mode:bypass")
async def test_a_hook_runs_in_the_context_of_its_session_and_may_use_it(agent: Agent) -> None:
    seen: list[tuple[str, str]] = []

    async def use(event: PreToolUseEvent) -> None:
        seen.append((PLACE.get(), session.state))
        await session.send("Next.")

    agent.model.reply(agent.command(ACT)).reply(text("Went on.")).reply(text("Then this."))
    token = PLACE.set("made")
    async with agent.backend() as backend:
        session = await agent.open(backend, hooks=Hooks(pre_tool_use=use), permission_mode="bypass")
        PLACE.reset(token)
        await run(session, "Act.")
        await session.wait_idle()
    assert seen == [("made", "running")]
    assert len(agent.model.requests) == 3


@needs("mode:bypass")
async def test_a_waiting_hook_holds_up_no_other_session(agent: Agent) -> None:
    reached, go_on = anyio.Event(), anyio.Event()

    async def wait(event: PreToolUseEvent) -> None:
        reached.set()
        await go_on.wait()

    async with (
        agent.backend() as backend,
        await agent.open(backend, hooks=Hooks(pre_tool_use=wait), permission_mode="bypass") as session,
        await agent.open(backend) as other,
        anyio.create_task_group() as tasks,
    ):
        agent.model.reply(agent.command(ACT)).reply(text("Here.")).reply(text("Went on."))
        tasks.start_soon(run, session, "Act.")
        await reached.wait()
        assert (await run(other, "And you?")).result.result == "Here."
        go_on.set()
    assert agent.exists("done.txt")


async def test_hooks_that_an_agent_cannot_call_are_refused_by_name(agent: Agent) -> None:
    known = agent.backend_class().capabilities.hooks
    for name in ("pre_skill_command", "pre_compact", "subagent_start"):
        if name in known:
            continue
        with pytest.raises(UnsupportedOptionError, match=re.escape(name)) as caught:
            async with agent.session(hooks=Hooks(**{name: Seen()})):
                pass
        assert caught.value.details == {"option": "hooks", "hook": name}
