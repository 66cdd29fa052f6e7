"""Each field of the session options, and the settings that change later."""

from __future__ import annotations

import base64
import os
from collections.abc import Mapping
from typing import Any

import pytest

from agent_sdk_core import (
    DEFER,
    AgentDefinition,
    Allow,
    Hooks,
    ImageInput,
    InitMessage,
    InvalidRequestError,
    PolicyGuard,
    PreToolUseEvent,
    RuntimeConfig,
    SandboxPolicy,
    Secret,
    SessionNotFoundError,
    SessionOptions,
    TextInput,
    ToolRegistry,
    UnsupportedOptionError,
    tool,
)
from agent_sdk_testing import text
from agent_sdk_testing.contract.agent import Agent
from agent_sdk_testing.contract.disk import watch_the_disk
from agent_sdk_testing.contract.process_agent import ProcessAgent
from agent_sdk_testing.contract.traits import OPTIONS, lacks, needs
from agent_sdk_testing.contract.watching import Asker, run

pytestmark = pytest.mark.anyio

_UNKNOWN = "01a1fb00-0000-7000-8000-000000000000"


@needs("model")
async def test_the_model_is_the_one_that_was_asked_for(agent: Agent) -> None:
    agent.model.reply(text("Fine."))
    wanted = agent.other_models[0]
    async with agent.session(model=wanted) as session:
        ran = await run(session, "Talk.")
        assert session.info.model == wanted
    assert agent.model_of(agent.model.requests[0]) == wanted
    assert ran.all(InitMessage)[0].model == wanted


@needs("reasoning_effort")
async def test_the_reasoning_effort_reaches_the_model(agent: Agent) -> None:
    agent.model.reply(text("Fine."))
    async with agent.session(reasoning_effort="high") as session:
        await run(session, "Talk.")
        assert session.info.reasoning_effort == "high"
    assert agent.effort_of(agent.model.requests[0]) == "high"


@needs("system_prompt")
async def test_a_system_prompt_replaces_the_agents_own(agent: Agent) -> None:
    agent.model.otherwise(text("Fine."))
    async with agent.backend() as backend:
        async with await agent.open(backend) as session:
            await run(session, "Talk.")
        async with await agent.open(backend, system_prompt="You are a parrot.") as session:
            await run(session, "Talk.")
    plain, parrot = agent.model.requests
    assert "You are a parrot." in parrot.instructions
    assert plain.instructions[:1000] not in parrot.instructions


@needs("system_prompt", "resume")
async def test_a_system_prompt_goes_before_that_of_the_session_that_is_resumed(agent: Agent) -> None:
    agent.model.otherwise(text("Fine."))
    async with agent.backend() as backend:
        async with await agent.open(backend, system_prompt="You are a parrot.") as session:
            await run(session, "Talk.")
        resume = session.resolved_session_id
        async with await agent.open(backend, resume=resume, system_prompt="You are an owl.") as session:
            await run(session, "Talk.")
    _, owl = agent.model.requests
    assert "You are an owl." in owl.instructions
    assert "You are a parrot." not in owl.instructions


@needs("append_system_prompt")
async def test_an_appended_system_prompt_is_added_to_the_agents_own(agent: Agent) -> None:
    agent.model.otherwise(text("Fine."))
    async with agent.backend() as backend:
        async with await agent.open(backend) as session:
            await run(session, "Talk.")
        async with await agent.open(backend, append_system_prompt="Answer in verse.") as session:
            await run(session, "Talk.")
    plain, verse = agent.model.requests
    assert len(verse.instructions) > len(plain.instructions) > 0
    assert "Answer in verse." not in plain.instructions
    assert "Answer in verse." in verse.instructions


@needs("output_schema")
async def test_an_output_schema_reaches_the_model_and_its_answer_is_parsed(agent: Agent) -> None:
    schema = {
        "type": "object",
        "properties": {"answer": {"type": "integer"}},
        "required": ["answer"],
        "additionalProperties": False,
    }
    async with agent.session(output_schema=schema) as session:
        for _ in range(2):
            agent.model.reply(*agent.structured('{"answer": 42}')).otherwise(text("Done."))
            ran = await run(session, "Answer.")
            assert ran.result.structured_output == {"answer": 42}
    assert all(agent.schema_of(request) == schema for request in agent.model.requests)


@needs("env")
async def test_env_reaches_the_tools_and_only_those_of_its_session(agent: Agent) -> None:
    agent.model.when("One.").reply(agent.command('echo "$WORD" "$KEY"')).reply(text("Ran."))
    agent.model.when("Two.").reply(agent.command('echo "[$WORD]"')).reply(text("Ran."))
    env = {"WORD": "with 'quotes' and = sign", "KEY": Secret("key-of-the-tools-7f31")}
    async with (
        agent.backend() as backend,
        await agent.open(backend, permission_mode="bypass", env=env) as one,
        await agent.open(backend, permission_mode="bypass") as two,
    ):
        assert (await run(one, "One.")).results[0].text.strip() == "with 'quotes' and = sign key-of-the-tools-7f31"
        assert (await run(two, "Two.")).results[0].text.strip() == "[]"


@needs("process", "inherit_env")
async def test_tools_inherit_the_environment_or_not(agent: ProcessAgent) -> None:
    show = 'echo "[$INHERITED] [$OTHER] [$WORD]"'
    agent.model.otherwise(text("Ran."))
    shown: list[str] = []
    async with agent.backend(env={**agent.env, "INHERITED": Secret("inherited-7f31"), "OTHER": "too"}) as backend:
        for inherit in (None, True, ("INHERITED",), False):
            agent.model.reply(agent.command(show))
            options: dict[str, Any] = {} if inherit is None else {"inherit_env": inherit}
            async with await agent.open(backend, permission_mode="bypass", env={"WORD": "w"}, **options) as session:
                lines = (await run(session, "Show.")).results[0].text.splitlines()
                shown += [line for line in lines if line.startswith("[")]  # A shell may complain about its profile.
    assert shown == [
        "[inherited-7f31] [too] [w]",
        "[inherited-7f31] [too] [w]",
        "[inherited-7f31] [] [w]",
        "[] [] [w]",
    ]


@needs("add_dirs", "edits", "mode:accept_edits")
async def test_add_dirs_may_be_edited_without_asking(agent: Agent) -> None:
    target = agent.outside / "there.txt"
    agent.model.reply(*agent.patch(add={str(target): "hi\n"})).reply(text("Done."))
    asker = Asker()
    async with agent.session(permission_mode="accept_edits", add_dirs=(agent.outside,), can_use_tool=asker) as session:
        await run(session, "Edit.")
    assert target.read_text() == "hi\n"
    assert not asker.requests


@needs("sandbox", "edits")
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
    agent.model.reply(*agent.patch(add={"new.txt": "hi\n"})).reply(text("Done."))
    asker = Asker()
    async with agent.session(sandbox=sandbox, can_use_tool=asker) as session:
        await run(session, "Edit.")
    assert bool(asker.requests) == asks
    assert agent.exists("new.txt")


@needs("sandbox", "edits", "mode:accept_edits")
async def test_the_sandbox_beats_the_one_of_the_permission_mode(agent: Agent) -> None:
    agent.model.reply(*agent.patch(add={"new.txt": "hi\n"})).reply(text("Done."))
    asker = Asker()
    sandbox = SandboxPolicy(mode="read-only")
    async with agent.session(permission_mode="accept_edits", sandbox=sandbox, can_use_tool=asker) as session:
        await run(session, "Edit.")
    assert len(asker.requests) == 1


@needs("sandbox")
async def test_writable_roots_of_a_sandbox_may_be_written_to(agent: Agent) -> None:
    agent.model.reply(agent.command(f"echo hi > '{agent.outside}/there.txt'")).reply(text("Done."))
    sandbox = SandboxPolicy(mode="workspace-write", writable_roots=(agent.outside,))
    async with agent.session(sandbox=sandbox) as session:
        await run(session, "Write.")
    assert (agent.outside / "there.txt").read_text() == "hi\n"


@needs("native")
async def test_native_options_reach_the_agent_and_beat_ours(agent: Agent) -> None:
    agent.model.otherwise(text("Fine."))
    ours, native = agent.other_models
    async with agent.session(model=ours, native=agent.native_model(native)) as session:
        await run(session, "Talk.")
    assert agent.model.requests[0].model == native


@needs("model")
async def test_a_changed_model_holds_from_the_next_turn_on(agent: Agent) -> None:
    agent.model.otherwise(text("Fine."))
    async with agent.session() as session:
        other = agent.other_models[1]
        await run(session, "Talk.")
        default = session.info.model
        await session.set_model(other)
        assert session.info.model == other
        ran = await run(session, "Talk.")
        assert session.info.model == other
        assert ran.all(InitMessage)[0].model == other
        await run(session, "Talk.")
        await session.set_model(None)
        await run(session, "Talk.")
        assert session.info.model == default
    first, *changed, last = agent.model.requests
    assert [agent.model_of(request) for request in changed] == [other] * 2
    assert last.model == first.model


@needs("reasoning_effort")
async def test_a_changed_reasoning_effort_holds_from_the_next_turn_on(agent: Agent) -> None:
    agent.model.otherwise(text("Fine."))
    async with agent.session() as session:
        await run(session, "Talk.")
        await session.set_reasoning_effort("low")
        assert session.info.reasoning_effort == "low"
        await run(session, "Talk.")
        assert session.info.reasoning_effort == "low"
        await run(session, "Talk.")
        await session.set_reasoning_effort(None)
        await run(session, "Talk.")
    first, *changed, last = agent.model.requests
    assert [agent.effort_of(request) for request in changed] == ["low"] * 2
    assert agent.effort_of(last) == agent.effort_of(first)


@lacks("reasoning_effort")
async def test_an_effort_that_the_agent_cannot_honour_raises(agent: Agent) -> None:
    async with agent.session() as session:
        with pytest.raises(UnsupportedOptionError, match="effort"):
            await session.set_reasoning_effort("low")


@needs("edits", "mode:accept_edits")
async def test_a_changed_permission_mode_holds_from_the_next_turn_on(agent: Agent) -> None:
    for name in ("a.txt", "b.txt", "c.txt"):
        agent.model.reply(*agent.patch(add={name: "hi\n"})).reply(text("Done."))
    asker = Asker()
    async with agent.session(permission_mode="default", can_use_tool=asker) as session:
        assert session.info.permission_mode == "default"
        await run(session, "Edit.")
        assert len(asker.requests) == 1
        await session.set_permission_mode("accept_edits")
        assert session.info.permission_mode == "accept_edits"
        await run(session, "Edit.")
        assert session.info.permission_mode == "accept_edits"
        assert len(asker.requests) == 1
        await session.set_permission_mode("default")
        await run(session, "Edit.")
        assert len(asker.requests) == 2
    assert all(agent.exists(name) for name in ("a.txt", "b.txt", "c.txt"))


@needs("edits")
async def test_the_default_permission_mode_can_be_had_back(agent: Agent) -> None:
    agent.model.reply(text("Fine.")).reply(*agent.patch(add={"new.txt": "hi\n"})).reply(text("Done."))
    asker = Asker()
    async with agent.session(permission_mode="bypass", can_use_tool=asker) as session:
        await run(session, "Talk.")
        await session.set_permission_mode(None)
        await run(session, "Edit.")
    assert len(asker.requests) == 1


async def _let_go_on(event: PreToolUseEvent) -> None:
    """Let every tool run."""


VALUES: Mapping[str, object] = {
    "cwd": ".",
    "model": "one",
    "reasoning_effort": "low",
    "permission_mode": "default",
    "system_prompt": "You are a parrot.",
    "append_system_prompt": "Answer in verse.",
    "resume": _UNKNOWN,
    "fork": True,
    "fork_at": _UNKNOWN,
    "session_id": _UNKNOWN,
    "can_use_tool": DEFER,
    "on_question": DEFER,
    "on_elicitation": DEFER,
    "tools": ToolRegistry(),
    "add_dirs": (".",),
    "sandbox": SandboxPolicy(mode="read-only"),
    "env": {"WORD": "w"},
    "inherit_env": False,
    "mcp_servers": {"one": {"command": "true"}},
    "allowed_tools": ("Bash",),
    "disallowed_tools": ("Bash",),
    "setting_sources": ("user",),
    "max_turns": 1,
    "max_budget_usd": 0.01,
    "output_schema": {"type": "object", "properties": {"word": {"type": "string"}}, "required": ["word"]},
    "include_partial_messages": False,
    "policy": PolicyGuard(allow=["Read"]),
    "policy_scope": "asked_only",
    "hooks": Hooks(pre_tool_use=_let_go_on),
    "request_timeout": 1.0,
    "turn_timeout": 60.0,
    "stall_timeout": 60.0,
    "retry_timeout": 60.0,
    "idle_timeout": 60.0,
    "agents": {"reviewer": AgentDefinition(description="Reviews code.", prompt="You review.")},
    "builtin_tools": (),
    "skills": (),
    "plugins": (".",),
    "fallback_model": "two",
    "betas": ("context-1m-2025-08-07",),
    "max_thinking_tokens": 4000,
    "reasoning_summary": "auto",
    "personality": "pragmatic",
    "service_tier": "flex",
    "settings": {"model_verbosity": "low"},
    "strict_mcp_servers": True,
    "ephemeral": True,
    "native": {"one": 1},
}
"""A value of each option, so that no option is forgotten."""

NEEDED: Mapping[str, tuple[str, ...]] = {"fork": ("resume",), "fork_at": ("resume", "fork")}
"""What goes with an option that means nothing alone."""


def with_option(option: str) -> SessionOptions:
    return SessionOptions.model_validate({name: VALUES[name] for name in (option, *NEEDED.get(option, ()))})


@pytest.mark.parametrize("option", [pytest.param(option, marks=lacks(option)) for option in OPTIONS])
async def test_an_option_that_the_agent_cannot_honour_raises(agent: Agent, option: str) -> None:
    async with agent.backend() as backend:
        named = "|".join((option, *NEEDED.get(option, ())))
        with pytest.raises(UnsupportedOptionError, match=rf"{agent.backend_class().type} backend.*({named})"):
            await backend.create_session(with_option(option))
        assert not backend.sessions


async def test_a_backend_declares_the_options_that_raise(agent: Agent) -> None:
    declared = agent.backend_class().capabilities.unsupported_options
    assert declared <= set(OPTIONS)
    async with agent.backend() as backend:
        for option in declared:
            with pytest.raises(UnsupportedOptionError) as caught:
                await backend.create_session(with_option(option))
            assert caught.value.backend == agent.backend_class().type
            assert caught.value.details["option"] in (option, *NEEDED.get(option, ()))


async def test_no_other_option_than_the_declared_ones_is_refused(agent: Agent) -> None:
    refused = agent.backend_class().capabilities.unsupported_options | agent.unsupported_options
    # Those of stored sessions have cases of their own, a budget may need prices, and what is native differs.
    apart = {"resume", "fork", "fork_at", "session_id", "max_budget_usd", "native"}
    taken = {option: value for option, value in VALUES.items() if option not in refused | apart}
    taken |= {"cwd": str(agent.workspace), "model": agent.other_models[0], "request_timeout": 60.0}
    async with agent.backend() as backend:
        session = await backend.create_session(SessionOptions.model_validate(taken))
        assert session.state == "idle"


@needs("ephemeral")
async def test_an_ephemeral_session_is_not_stored(agent: Agent) -> None:
    agent.model.otherwise(text("Fine."))
    async with agent.backend() as backend:
        session = await agent.open(backend, ephemeral=True)
        assert (await run(session, "Talk.")).result.outcome == "completed"
        assert not session.resumable
        assert not await session.history()
        with pytest.raises(SessionNotFoundError):
            await backend.read_history(session.resolved_session_id)
        with pytest.raises(SessionNotFoundError):
            await backend.session_info(session.resolved_session_id)
        await session.aclose()
        with pytest.raises(SessionNotFoundError):
            await agent.open(backend, resume=session.resolved_session_id)


async def test_an_unknown_option_is_refused_when_the_options_are_made(agent: Agent) -> None:
    with pytest.raises(InvalidRequestError, match=r"SessionOptions\.modle does not exist; did you mean 'model'\?"):
        SessionOptions.model_validate({"modle": "one"})


async def test_a_synchronous_callback_is_refused_when_the_options_are_made(agent: Agent) -> None:
    def callback(request: object) -> Allow:
        return Allow()

    with pytest.raises(InvalidRequestError, match="async"):
        SessionOptions(can_use_tool=callback)  # type: ignore[arg-type]  # what is tested


@needs("mcp_servers", "native", "output_schema")
@pytest.mark.parametrize(
    "options",
    [
        {"mcp_servers": {"one": {"command": b"true"}}},
        {"mcp_servers": {"one": {"args": {"-v"}}}},
        {"native": {"one": float("nan")}},
        {"native": {"one": {1: 2}}},
        {"output_schema": {"required": {"a"}}},
        {"env": {"WORD": "x\0y"}},
        {"cwd": ""},
        {"model": ""},
        {"reasoning_effort": " "},
        {"resume": ""},
        {"request_timeout": float("nan")},
    ],
    ids=str,
)
async def test_what_no_agent_can_be_sent_is_refused_alike_before_anything_starts(
    agent: Agent, options: dict[str, object]
) -> None:
    async with agent.backend() as backend:
        with pytest.raises(InvalidRequestError, match=rf"^SessionOptions\.{next(iter(options))}"):
            await backend.create_session(SessionOptions(permission_mode="default").model_copy(update=options))
        assert not backend.sessions


@needs("tools")
async def test_a_list_of_tools_is_taken_as_a_registry(agent: Agent) -> None:
    @tool
    async def stock(symbol: str) -> str:
        """Tell the price of a stock."""
        return f"{symbol}: 42"

    agent.model.otherwise(text("Fine."))
    async with agent.session(tools=[stock]) as session:
        await run(session, "Talk.")
    assert b"Tell the price of a stock." in agent.model.requests[0].body


@pytest.mark.parametrize("option", ["cwd", pytest.param("add_dirs", marks=needs("add_dirs"))])
async def test_a_folder_that_cannot_be_used_raises_one_clear_sentence(agent: Agent, option: str) -> None:
    file = agent.write("file.txt", "not a folder")
    async with agent.backend() as backend:
        for path, why in (
            (agent.folder / "missing", "missing does not exist"),
            (file, "file.txt is not a folder"),
            (file / "below", "below does not exist"),
            ("~nobody-of-this-name/x", "there is no such user"),
            ("n" * 300, "File name too long"),
            ("n/" * 3000, "File name too long"),
            ("a\0b", "holds a NUL character"),
            (os.fsdecode(b"\xff"), "is not valid UTF-8"),
        ):
            with pytest.raises(InvalidRequestError, match=rf"{option}.*{why}"):
                await agent.open(backend, **{option: path if option == "cwd" else (path,)})
        assert not backend.sessions


async def test_a_current_folder_that_was_deleted_raises_one_clear_sentence(
    agent: Agent, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = agent.folder / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    async with agent.backend() as backend:
        gone.rmdir()
        with pytest.raises(InvalidRequestError, match=r"SessionOptions\.cwd: .*current folder .*deleted"):
            await backend.create_session()
        agent.model.reply(text("Fine."))
        async with await agent.open(backend) as session:  # It names its folder.
            assert (await run(session, "Talk.")).result.outcome == "completed"


async def test_a_session_without_a_folder_works_in_the_current_one(
    agent: Agent, monkeypatch: pytest.MonkeyPatch
) -> None:
    agent.model.reply(agent.command("pwd")).reply(text("There."))
    monkeypatch.chdir(agent.outside)
    async with agent.backend() as backend:
        session = await backend.create_session(SessionOptions(permission_mode="bypass"))
        ran = await run(session, "Where are you?")
    assert ran.results[0].text.strip() == str(agent.outside)


@needs("native")
async def test_a_native_option_that_nobody_knows_is_refused_with_the_nearest(agent: Agent) -> None:
    async with agent.backend() as backend:
        for native, words in (
            ({"nonsense": 1}, rf"(?i)^{agent.called} knows no .*'nonsense'"),
            ({**agent.native_model("m"), "cwdd": "."}, r"'cwdd'"),
        ):
            with pytest.raises(InvalidRequestError, match=words) as caught:
                await agent.open(backend, native=native)
            assert (caught.value.backend, caught.value.details["option"]) == (agent.called, "native")
        assert not backend.sessions


@needs("mode:bypass")
async def test_a_callback_that_is_never_called_is_told_once(agent: Agent, caplog: pytest.LogCaptureFixture) -> None:
    told = "SessionOptions.can_use_tool is never called: in permission_mode='bypass' nobody is asked."
    async with agent.backend() as backend:
        events = backend.events()
        await (await agent.open(backend, permission_mode="default", can_use_tool=DEFER)).aclose()
        assert told not in caplog.text
        for _ in range(2):
            await (await agent.open(backend, permission_mode="bypass", can_use_tool=DEFER)).aclose()
    assert [event.message async for event in events if event.message == told] == [told]
    assert caplog.text.count(told) == 1


async def test_opening_and_asking_touch_no_file_on_the_event_loop(
    agent: Agent, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = agent.workspace / "pixel.png"
    image.write_bytes(
        base64.b64decode(
            "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
        )
    )
    agent.model.otherwise(text("Fine."))
    can = agent.backend_class().capabilities
    options = {} if "add_dirs" in can.unsupported_options else {"add_dirs": (agent.outside,)}
    backend = agent.backend()
    touched = watch_the_disk(monkeypatch)
    async with backend:
        session = await agent.open(backend, **options)
        await run(session, "Talk.")
        if can.images:
            await run(session, [TextInput("Look."), ImageInput(path=image)])
        await session.aclose()
        if can.list_sessions:
            await backend.list_sessions(cwd=agent.workspace)
            await backend.read_history(session.resolved_session_id)
        if can.resume:
            await backend.create_session(SessionOptions(resume=session.resolved_session_id))
        assert not touched


@needs("model")
async def test_what_options_leave_unset_is_as_the_backend_is_configured(agent: Agent) -> None:
    agent.model.otherwise(text("Fine."))
    configured, named = agent.other_models
    backend = agent.backend()
    backend.configuration = RuntimeConfig(model=configured, permission_mode="bypass")
    async with backend:
        plain = await backend.create_session()
        explicit = await backend.create_session(SessionOptions(model=named, permission_mode="default"))
        assert (plain.info.model, plain.info.permission_mode) == (configured, "bypass")
        assert (explicit.info.model, explicit.info.permission_mode) == (named, "default")
        await run(explicit, "Talk.")
    assert agent.model_of(agent.model.requests[0]) == named
