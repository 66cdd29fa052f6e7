"""Options of one turn: they hold for it alone, whatever becomes of it."""

from __future__ import annotations

from typing import Any

import pytest

from agent_sdk_core import (
    InitMessage,
    InvalidRequestError,
    SandboxPolicy,
    SessionOptions,
    TurnOptions,
    UnsupportedOptionError,
)
from agent_sdk_testing import Gate, text
from agent_sdk_testing.contract.agent import Agent
from agent_sdk_testing.contract.disk import watch_the_disk
from agent_sdk_testing.contract.process_agent import ProcessAgent
from agent_sdk_testing.contract.traits import needs
from agent_sdk_testing.contract.watching import Asker, finish, result_of, run

pytestmark = pytest.mark.anyio

_VALUES: dict[str, Any] = {
    "model": "some-model",
    "reasoning_effort": "high",
    "permission_mode": "default",
    "output_schema": {"type": "object"},
    "cwd": ".",
    "sandbox": SandboxPolicy(mode="read-only"),
    "origin": "human",
}


@needs("turn:model")
@pytest.mark.parametrize("chosen", [False, True], ids=["the agent's default", "a model of the session"])
async def test_a_model_is_used_for_one_turn(agent: Agent, chosen: bool) -> None:
    agent.model.otherwise(text("Fine."))
    own, other = agent.other_models
    async with agent.session(**({"model": own} if chosen else {})) as session:
        await run(session, "First.")
        ran = await finish(session.query("Second.", options=TurnOptions(model=other)))
        await run(session, "Third.")
        assert ran.all(InitMessage)[0].model == other
    first, second, third = [agent.model_of(request) for request in agent.model.requests]
    assert (second, third) == (other, first)
    assert first == own or not chosen


@needs("turn:reasoning_effort")
@pytest.mark.parametrize("own", [None, "low"])
async def test_an_effort_is_used_for_one_turn(agent: Agent, own: str | None) -> None:
    agent.model.otherwise(text("Fine."))
    async with agent.session(**({"reasoning_effort": own} if own else {})) as session:
        before = session.info.reasoning_effort
        await session.run("First.")
        await session.run("Second.", options=TurnOptions(reasoning_effort="high"))
        await session.run("Third.")
        assert session.info.reasoning_effort == before
    first, second, third = [agent.effort_of(request) for request in agent.model.requests]
    assert (second, third) == ("high", first)


@needs("turn:permission_mode", "mode:bypass")
async def test_a_permission_mode_holds_for_one_turn(agent: Agent) -> None:
    agent.model.otherwise(text("Done."))
    asker = Asker()
    for prompt, name in (("First.", "one"), ("Second.", "two"), ("Third.", "three")):
        agent.model.when(prompt, times=1).reply(agent.command(f"touch {name}", escalate=name != "two"))
    # Claude lets a session bypass permissions that was opened so.
    async with agent.session(can_use_tool=asker, permission_mode="bypass") as session:
        await session.set_permission_mode("default")
        await session.run("First.")
        assert len(asker.requests) == 1
        await session.run("Second.", options=TurnOptions(permission_mode="bypass"))
        assert len(asker.requests) == 1
        await session.run("Third.")
        assert len(asker.requests) == 2
        assert session.info.permission_mode == "default"
    assert all(agent.exists(name) for name in ("one", "two", "three"))


@needs("turn:permission_mode", "mode:plan", "turn:model")
async def test_a_turn_in_plan_mode_leaves_a_session_that_is_not(agent: Agent) -> None:
    agent.model.otherwise(text("Fine."))
    async with agent.session() as session:
        await session.run("First.")
        before = session.info
        own, other = agent.other_models
        await session.set_model(own)
        await session.run("Second.", options=TurnOptions(permission_mode="plan", model=other))
        await session.run("Third.")
        assert session.info.permission_mode == before.permission_mode
        assert session.info.reasoning_effort == before.reasoning_effort
    assert [agent.model_of(request) for request in agent.model.requests[1:]] == [other, own]


@needs("turn:cwd")
async def test_a_folder_is_worked_in_for_one_turn(agent: Agent, monkeypatch: pytest.MonkeyPatch) -> None:
    agent.model.otherwise(text("Done."))
    before = agent.user_settings
    for prompt in ("First.", "Second.", "Third."):
        agent.model.when(prompt, times=1).reply(agent.command("pwd"))
    async with agent.session(permission_mode="bypass") as session:
        touched = watch_the_disk(monkeypatch)
        turns = {"First.": None, "Second.": TurnOptions(cwd=agent.outside), "Third.": None}
        ran = [await finish(session.query(prompt, options=options)) for prompt, options in turns.items()]
        assert touched == []
        folders = [turn.outcomes[0]["stdout"].strip() for turn in ran]
        assert session.info.cwd == str(agent.workspace)
        with pytest.raises(InvalidRequestError, match=r"TurnOptions\.cwd"):
            await session.run("Fourth.", options=TurnOptions(cwd=agent.folder / "missing"))
        assert (await session.run("Fifth.")).outcome == "completed"
    assert folders == [str(agent.workspace), str(agent.outside), str(agent.workspace)]
    assert agent.user_settings == before


@needs("turn:sandbox")
async def test_a_sandbox_holds_for_one_turn(agent: Agent) -> None:
    agent.model.otherwise(text("Done."))
    for prompt, name in (("First.", "one"), ("Second.", "two"), ("Third.", "three")):
        agent.model.when(prompt, times=1).reply(agent.command(f"touch '{agent.outside}/{name}'"))
    async with agent.session(permission_mode="default") as session:
        await session.run("First.")
        await session.run("Second.", options=TurnOptions(sandbox=SandboxPolicy(mode="danger-full-access")))
        await session.run("Third.")
        with pytest.raises(UnsupportedOptionError, match=r"TurnOptions\.sandbox"):
            await session.run("No.", options=TurnOptions(sandbox=SandboxPolicy(mode="read-only", network=True)))
    assert [path.name for path in agent.outside.iterdir()] == ["two"]


@needs("turn:origin")
async def test_a_prompt_may_say_who_it_is_from(agent: Agent) -> None:
    agent.model.otherwise(text("Fine."))
    async with agent.session() as session:
        for options in (TurnOptions(origin="human"), None):
            assert (await session.run("Talk.", options=options)).outcome == "completed"
    assert [request.last_user_text for request in agent.model.requests] == ["Talk.", "Talk."]


async def test_what_an_agent_cannot_change_for_one_turn_is_refused(agent: Agent) -> None:
    agent.model.otherwise(text("Fine."))
    async with agent.session() as session:
        able = session.backend.capabilities.turn_options
        assert able <= set(TurnOptions.model_fields)
        for name in sorted(set(TurnOptions.model_fields) - able):
            wanted = TurnOptions.model_validate({name: _VALUES[name]})
            with pytest.raises(UnsupportedOptionError, match=rf"{agent.backend_class().type} .*TurnOptions\.{name}"):
                session.query("Talk.", options=wanted)
            with pytest.raises(UnsupportedOptionError, match=rf"TurnOptions\.{name}"):
                await session.send("Talk.", options=wanted)
        wrong: Any = SessionOptions(model="x")
        with pytest.raises(InvalidRequestError, match="options must be TurnOptions or None, not SessionOptions"):
            session.query("Talk.", options=wrong)
        assert (await session.run("Talk.", options=TurnOptions())).outcome == "completed"
    assert len(agent.model.requests) == 1


@needs("turn:model", "steer")
async def test_a_steer_takes_no_options(agent: Agent) -> None:
    async with agent.session() as session:
        with pytest.raises(InvalidRequestError, match="send it without options"):
            await session.send("Talk.", priority="steer", options=TurnOptions(model="x"))


@needs("turn:model")
async def test_queued_prompts_have_options_of_their_own(agent: Agent) -> None:
    gate = Gate()
    agent.model.when("First.").reply(text("One ", gate, "two."))
    agent.model.otherwise(text("Fine."))
    one, two = agent.other_models
    async with agent.session() as session:
        watch = session.messages()
        await session.send("First.")
        await gate.reached()
        await session.send("Second.", options=TurnOptions(model=one))
        await session.send("Third.", options=TurnOptions(model=two))
        last = await session.send("Fourth.")
        assert [prompt.options for prompt in session.queue] == [TurnOptions(model=one), TurnOptions(model=two), None]
        gate.open()
        await result_of(watch, last)
        await session.wait_idle()
    first, second, third, fourth = [agent.model_of(request) for request in agent.model.requests]
    assert (second, third, fourth) == (one, two, first)


@needs("turn:model")
async def test_what_is_set_while_a_turn_borrows_holds_afterwards(agent: Agent) -> None:
    gate = Gate()
    agent.model.when("First.").reply(text("One ", gate, "two."))
    agent.model.otherwise(text("Fine."))
    own, other = agent.other_models
    async with agent.session() as session:
        async with session.query("First.", options=TurnOptions(model=other)) as turn:
            await gate.reached()
            await session.set_model(own)
            gate.open()
            await turn
        await session.run("Second.")
    assert [agent.model_of(request) for request in agent.model.requests] == [other, own]


@needs("turn:model")
@pytest.mark.parametrize("end", ["interrupted", "left", "failed"])
async def test_a_turn_that_ends_early_leaves_the_session_as_it_was(agent: Agent, end: str) -> None:
    gate = Gate()
    own, other = agent.other_models
    agent.model.when("First.").reply(text("One ", gate, "two."))
    agent.model.when("Fail.").reply(agent.failures["bad request"])
    agent.model.otherwise(text("Fine."))
    async with agent.session(model=own) as session:
        if end == "failed":
            assert (await session.run("Fail.", options=TurnOptions(model=other))).outcome == "failed"
        else:
            async with session.query("First.", options=TurnOptions(model=other)) as turn:
                await gate.reached()
                if end == "interrupted":
                    await session.interrupt()
                    assert (await turn).outcome == "interrupted"
        await session.run("Second.")
    assert agent.model_of(agent.model.requests[0]) == other
    assert agent.model_of(agent.model.requests[-1]) == own


@needs("turn:reasoning_effort")
async def test_what_the_agent_refuses_is_told_and_changes_nothing(agent: Agent) -> None:
    agent.model.otherwise(text("Fine."))
    own, other = agent.other_models
    async with agent.session(model=own) as session:
        with pytest.raises(InvalidRequestError, match="hihg"):
            await session.run("Talk.", options=TurnOptions(model=other, reasoning_effort="hihg"))
        await session.run("Talk.")
    assert [agent.model_of(request) for request in agent.model.requests] == [own]


@needs("turn:model", "resume", "process")
async def test_a_session_whose_agent_dies_in_such_a_turn_goes_on_as_it_was(agent: ProcessAgent) -> None:
    gate = Gate()
    agent.model.when("First.").reply(text("Fine."))
    # An agent writes down what happens a moment after it, the model too: a command lies between.
    agent.model.when("Second.").reply(agent.command("true")).reply(text("One ", gate, "two."))
    agent.model.otherwise(text("Fine."))
    _, other = agent.other_models
    async with agent.backend() as backend, await agent.open(backend, permission_mode="bypass") as session:
        await session.run("First.")
        async with session.query("Second.", options=TurnOptions(model=other)) as turn:
            await gate.reached()
            agent.kill(session)
            assert (await turn).error is not None
        await session.run("Third.")
    assert agent.model_of(agent.model.requests[-1]) == agent.model_of(agent.model.requests[0])


@needs("turn:output_schema")
async def test_a_schema_of_one_turn_may_be_the_sessions_own(agent: Agent) -> None:
    agent.model.otherwise(*agent.structured('{"value": 5}'))
    schema = {"title": "Five", "type": "integer"}
    async with agent.session(output_schema=schema) as session:
        result = await session.run("Count.", options=TurnOptions(output_schema=dict(schema)))
        assert (result.outcome, result.structured_output) == ("completed", 5)
