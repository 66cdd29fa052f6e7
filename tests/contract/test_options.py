from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError
from tests.contract.agents import Agent
from tests.contract.watching import Asker, run

from agent_sdk_core import (
    Allow,
    InitMessage,
    InvalidRequestError,
    SandboxPolicy,
    SessionOptions,
    UnsupportedOptionError,
)
from agent_sdk_testing import text

pytestmark = pytest.mark.anyio


async def test_the_model_is_the_one_that_was_asked_for(agent: Agent) -> None:
    agent.model.reply(text("Fine."))
    async with agent.session(model="gpt-5.5-scripted") as session:
        assert session.info.model == "gpt-5.5-scripted"
        ran = await run(session, "Talk.")
    assert agent.model.requests[0].model == "gpt-5.5-scripted"
    assert ran.all(InitMessage)[0].model == "gpt-5.5-scripted"


async def test_the_reasoning_effort_reaches_the_model(agent: Agent) -> None:
    agent.model.reply(text("Fine."))
    async with agent.session(reasoning_effort="high") as session:
        assert session.info.reasoning_effort == "high"
        await run(session, "Talk.")
    assert agent.model.requests[0].json["reasoning"]["effort"] == "high"


async def test_a_system_prompt_replaces_the_agents_own(agent: Agent) -> None:
    agent.model.reply(text("Fine."))
    async with agent.session(system_prompt="You are a parrot.") as session:
        await run(session, "Talk.")
    assert agent.model.requests[0].instructions.startswith("You are a parrot.\n")


async def test_an_appended_system_prompt_is_added_to_the_agents_own(agent: Agent) -> None:
    agent.model.otherwise(text("Fine."))
    async with agent.backend() as backend:
        async with await agent.open(backend) as session:
            await run(session, "Talk.")
        async with await agent.open(backend, append_system_prompt="Answer in verse.") as session:
            await run(session, "Talk.")
    plain, verse = agent.model.requests
    assert plain.instructions[:1000] == verse.instructions[:1000] != ""
    assert "Answer in verse." not in plain.instructions
    assert "Answer in verse." in verse.instructions


async def test_an_output_schema_reaches_the_model_and_its_answer_is_parsed(agent: Agent) -> None:
    schema = {
        "type": "object",
        "properties": {"answer": {"type": "integer"}},
        "required": ["answer"],
        "additionalProperties": False,
    }
    agent.model.otherwise(text('{"answer": 42}'))
    async with agent.session(output_schema=schema) as session:
        for _ in range(2):
            ran = await run(session, "Answer.")
            assert ran.result.structured_output == {"answer": 42}
    assert all(request.json["text"]["format"]["schema"] == schema for request in agent.model.requests)


async def test_env_reaches_the_tools_and_only_those_of_its_session(agent: Agent) -> None:
    agent.model.when("One.").reply(agent.command('echo "$WORD"')).reply(text("Ran."))
    agent.model.when("Two.").reply(agent.command('echo "[$WORD]"')).reply(text("Ran."))
    async with (
        agent.backend() as backend,
        await agent.open(backend, permission_mode="bypass", env={"WORD": "with 'quotes' and = sign"}) as one,
        await agent.open(backend, permission_mode="bypass") as two,
    ):
        assert (await run(one, "One.")).results[0].text == "with 'quotes' and = sign\n"
        assert (await run(two, "Two.")).results[0].text == "[]\n"


async def test_tools_inherit_the_environment_or_not(agent: Agent) -> None:
    show = 'echo "[$INHERITED] [$OTHER] [$WORD]"'
    agent.model.otherwise(text("Ran."))
    shown: list[str] = []
    async with agent.backend(env={**agent.env, "INHERITED": "yes", "OTHER": "too"}) as backend:
        for inherit in (None, True, ("INHERITED",), False):
            agent.model.reply(agent.command(show))
            options: dict[str, Any] = {} if inherit is None else {"inherit_env": inherit}
            async with await agent.open(backend, permission_mode="bypass", env={"WORD": "w"}, **options) as session:
                shown.append((await run(session, "Show.")).results[0].text.splitlines()[-1])
    assert shown == ["[yes] [too] [w]", "[yes] [too] [w]", "[yes] [] [w]", "[] [] [w]"]


async def test_add_dirs_may_be_edited_without_asking(agent: Agent) -> None:
    target = agent.outside / "there.txt"
    agent.model.reply(agent.patch(add={str(target): "hi\n"})).reply(text("Done."))
    asker = Asker()
    async with agent.session(permission_mode="accept_edits", add_dirs=(agent.outside,), can_use_tool=asker) as session:
        await run(session, "Edit.")
    assert target.read_text() == "hi\n"
    assert not asker.requests


@pytest.mark.parametrize(
    ("sandbox", "asks"),
    [
        (SandboxPolicy(mode="read-only"), True),
        (SandboxPolicy(mode="workspace-write"), False),
        (SandboxPolicy(mode="danger-full-access"), False),
    ],
    ids=["read-only", "workspace-write", "danger-full-access"],
)
async def test_the_sandbox_decides_whether_an_edit_is_asked_about(
    agent: Agent, sandbox: SandboxPolicy, asks: bool
) -> None:
    agent.model.reply(agent.patch(add={"new.txt": "hi\n"})).reply(text("Done."))
    asker = Asker()
    async with agent.session(sandbox=sandbox, can_use_tool=asker) as session:
        await run(session, "Edit.")
    assert bool(asker.requests) == asks
    assert agent.exists("new.txt")


async def test_the_sandbox_beats_the_one_of_the_permission_mode(agent: Agent) -> None:
    agent.model.reply(agent.patch(add={"new.txt": "hi\n"})).reply(text("Done."))
    asker = Asker()
    sandbox = SandboxPolicy(mode="read-only")
    async with agent.session(permission_mode="accept_edits", sandbox=sandbox, can_use_tool=asker) as session:
        await run(session, "Edit.")
    assert len(asker.requests) == 1


async def test_writable_roots_of_a_sandbox_may_be_written_to(agent: Agent) -> None:
    agent.model.reply(agent.command(f"echo hi > '{agent.outside}/there.txt'")).reply(text("Done."))
    sandbox = SandboxPolicy(mode="workspace-write", writable_roots=(agent.outside,))
    async with agent.session(sandbox=sandbox) as session:
        await run(session, "Write.")
    assert (agent.outside / "there.txt").read_text() == "hi\n"


async def test_native_options_reach_the_agent_and_beat_ours(agent: Agent) -> None:
    agent.model.otherwise(text("Fine."))
    async with agent.session(model="ours", native={"model": "gpt-5.5-native"}) as session:
        await run(session, "Talk.")
    assert agent.model.requests[0].model == "gpt-5.5-native"


async def test_changed_settings_hold_from_the_next_turn_on(agent: Agent) -> None:
    agent.model.otherwise(text("Fine."))
    async with agent.session() as session:
        default = session.info.model
        await run(session, "Talk.")
        await session.set_model("gpt-5.5-other")
        await session.set_reasoning_effort("low")
        ran = await run(session, "Talk.")
        assert (session.info.model, session.info.reasoning_effort) == ("gpt-5.5-other", "low")
        assert ran.all(InitMessage)[0].model == "gpt-5.5-other"
        await run(session, "Talk.")
        await session.set_model(None)
        await session.set_reasoning_effort(None)
        await run(session, "Talk.")
        assert session.info.model == default
    first, *changed, last = agent.model.requests
    assert [request.model for request in changed] == ["gpt-5.5-other"] * 2
    assert [request.json["reasoning"]["effort"] for request in changed] == ["low"] * 2
    assert last.model == first.model


async def test_a_changed_permission_mode_holds_from_the_next_turn_on(agent: Agent) -> None:
    for name in ("a.txt", "b.txt", "c.txt"):
        agent.model.reply(agent.patch(add={name: "hi\n"})).reply(text("Done."))
    asker = Asker()
    async with agent.session(permission_mode="default", can_use_tool=asker) as session:
        assert session.info.permission_mode == "default"
        await run(session, "Edit.")
        assert len(asker.requests) == 1
        await session.set_permission_mode("accept_edits")
        await run(session, "Edit.")
        assert session.info.permission_mode == "accept_edits"
        assert len(asker.requests) == 1
        await session.set_permission_mode("default")
        await run(session, "Edit.")
        assert len(asker.requests) == 2
    assert all(agent.exists(name) for name in ("a.txt", "b.txt", "c.txt"))


async def test_the_default_permission_mode_can_be_had_back(agent: Agent) -> None:
    agent.model.reply(text("Fine.")).reply(agent.patch(add={"new.txt": "hi\n"})).reply(text("Done."))
    asker = Asker()
    async with agent.session(permission_mode="bypass", can_use_tool=asker) as session:
        await run(session, "Talk.")
        await session.set_permission_mode(None)
        await run(session, "Edit.")
    assert len(asker.requests) == 1


async def test_an_option_that_the_agent_cannot_honour_raises(agent: Agent) -> None:
    async with agent.backend() as backend:
        with pytest.raises(UnsupportedOptionError, match=rf"{agent.name} backend.*session_id"):
            await agent.open(backend, session_id="01a1fb00-0000-7000-8000-000000000000")
        assert not backend.sessions


async def test_an_unknown_option_is_refused_when_the_options_are_made(agent: Agent) -> None:
    with pytest.raises(ValidationError, match="modle"):
        SessionOptions(modle="gpt-5.5")  # type: ignore[arg-type]


async def test_a_synchronous_callback_is_refused_when_the_options_are_made(agent: Agent) -> None:
    def callback(request: object) -> Allow:
        return Allow()

    with pytest.raises(ValidationError, match="async"):
        SessionOptions(can_use_tool=callback)  # type: ignore[arg-type]


@pytest.mark.parametrize("option", ["cwd", "add_dirs"])
async def test_a_folder_that_cannot_be_used_raises_one_clear_sentence(agent: Agent, option: str) -> None:
    file = agent.write("file.txt", "not a folder")
    async with agent.backend() as backend:
        for path, why in ((agent.folder / "missing", "does not exist"), (file, "is not a folder")):
            with pytest.raises(InvalidRequestError, match=rf"{option}.*{path.name} {why}"):
                await agent.open(backend, **{option: path if option == "cwd" else (path,)})


async def test_a_session_without_options_works_in_the_current_folder(
    agent: Agent, monkeypatch: pytest.MonkeyPatch
) -> None:
    agent.model.reply(agent.command("pwd")).reply(text("There."))
    monkeypatch.chdir(agent.outside)
    async with agent.backend() as backend:
        session = await backend.create_session()
        ran = await run(session, "Where are you?")
    assert ran.results[0].text == f"{agent.outside}\n"
