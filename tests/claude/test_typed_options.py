from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from tests.claude.driving import Claude, agent, by_child, wire

from agent_sdk_core import InitMessage, InvalidRequestError, TurnOptions, UnsupportedOptionError, UserMessage
from agent_sdk_testing import ModelRequest, http_error, text
from agent_sdk_testing.contract.watching import Ran, run

pytestmark = pytest.mark.anyio

LISTED = "context-1m-2025-08-07"


def init(ran: Ran) -> Mapping[str, Any]:
    """Return what the first message of a turn says of the session."""
    return wire(ran.all(InitMessage)[0])


async def asked(claude: Claude, **options: Any) -> ModelRequest:
    """Return what the model is asked in a session with these options."""
    claude.model.otherwise(text("Fine."))
    async with claude.session(**options) as session:
        await run(session, "Talk.")
    return claude.model.requests[-1]


async def test_the_model_is_offered_the_builtin_tools_that_were_chosen(claude: Claude) -> None:
    chosen = await asked(claude, builtin_tools=("Read", "Bash"))
    assert {"Read", "Bash"} <= set(chosen.tools) <= {"Read", "Bash", "DeferredToolPlaceholder"}
    assert "Edit" in (await asked(claude)).tools
    assert not (await asked(claude, builtin_tools=())).tools


async def test_a_sub_agent_has_the_prompt_model_effort_and_tools_of_its_definition(claude: Claude) -> None:
    definition = {
        "description": "Reviews code.",
        "prompt": "You review as a parrot.",
        "model": "claude-opus-5-5",
        "reasoning_effort": "low",
        "tools": ["Read", "Grep", "Write"],
        "disallowed_tools": ["Write"],
        "permission_mode": "acceptEdits",
        "background": False,
    }
    claude.model.reply(agent(subagent_type="reviewer")).otherwise(text("Fine."))
    async with claude.session(agents={"reviewer": definition}) as session:
        ran = await run(session, "Delegate.")
        await session.wait_idle()
    [child] = [request for request in claude.model.requests if by_child(request)]
    assert "reviewer" in init(ran)["agents"]
    assert "You review as a parrot." in child.instructions
    assert (child.model, claude.effort_of(child)) == ("claude-opus-5-5", "low")
    assert "Read" in child.tools
    assert not {"Write", "Bash"} & set(child.tools)


async def test_a_sub_agent_stops_after_the_turns_of_its_definition(claude: Claude) -> None:
    definition = {"description": "Works.", "prompt": "You work.", "max_turns": 2}
    claude.model.when(by_child).reply(claude.command("echo again"))
    claude.model.reply(agent(subagent_type="worker")).otherwise(text("Fine."))
    async with claude.session(agents={"worker": definition}, permission_mode="bypass") as session:
        await session.query("Delegate.").wait()
        await session.wait_idle()
    assert len([request for request in claude.model.requests if by_child(request)]) == 2


def plugin(claude: Claude) -> str:
    """Make a plugin with a skill, and return its folder."""
    folder = claude.folder / "plugin"
    for name, content in (
        (".claude-plugin/plugin.json", json.dumps({"name": "demo", "description": "A demo.", "version": "1.0.0"})),
        ("skills/parrot/SKILL.md", "---\nname: parrot\ndescription: Says it twice, as a parrot.\n---\nSay it twice.\n"),
    ):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content)
    return str(folder)


async def test_a_plugin_is_loaded_and_its_skill_told_to_the_model(claude: Claude) -> None:
    claude.model.otherwise(text("Fine."))
    async with claude.session(plugins=[plugin(claude)]) as session:
        ran = await run(session, "Talk.")
    assert "demo" in [loaded["name"] for loaded in init(ran)["plugins"]]
    assert "Says it twice, as a parrot." in claude.model.requests[-1].body.decode()


async def test_the_model_is_told_of_the_skills_that_were_chosen(claude: Claude) -> None:
    words = "Says it twice, as a parrot."
    folder = plugin(claude)
    assert words in (await asked(claude, plugins=[folder], skills=["demo:parrot"])).body.decode()
    assert words not in (await asked(claude, plugins=[folder], skills=[])).body.decode()


async def test_a_plugin_that_is_not_there_is_refused_and_one_that_is_none_is_told(claude: Claude) -> None:
    claude.model.otherwise(text("Fine."))
    broken = claude.folder / "broken"
    (broken / ".claude-plugin").mkdir(parents=True)
    (broken / ".claude-plugin" / "plugin.json").write_text("{")
    async with claude.backend() as backend:
        events = backend.events()
        with pytest.raises(InvalidRequestError, match=r"SessionOptions\.plugins: .* does not exist"):
            await claude.open(backend, plugins=[str(claude.folder / "nowhere")])
        session = await claude.open(backend, plugins=[str(broken)])
        await run(session, "Talk.")
    warnings = [event.message async for event in events if event.kind == "warning"]
    assert [message for message in warnings if message.startswith("claude could not load a plugin: ")]


async def test_the_fallback_model_takes_over_while_the_other_is_busy(claude: Claude) -> None:
    claude.model.when(lambda request: request.model == "claude-opus-5-5").reply(
        http_error(529, "Busy.", kind="overloaded_error")
    )
    claude.model.otherwise(text("Fine."))
    claude.variables["CLAUDE_CODE_MAX_RETRIES"] = "4"
    async with claude.session(model="claude-opus-5-5", fallback_model="claude-sonnet-4-5") as session:
        ran = await run(session, "Talk.")
    assert (ran.result.result, claude.model.requests[-1].model) == ("Fine.", "claude-sonnet-4-5")


async def test_betas_are_sent_and_one_that_claude_drops_is_told(claude: Claude) -> None:
    claude.model.otherwise(text("Fine."))
    async with claude.backend() as backend:
        events = backend.events()
        session = await claude.open(backend, betas=[LISTED, "no-such-2020-01-01"], builtin_tools=["Read", "Reed"])
        ran = await run(session, "Talk.")
        await run(session, "Talk.")
    assert init(ran)["betas"] == [LISTED]
    assert LISTED in claude.model.requests[-1].headers["anthropic-beta"]
    told = [event.message async for event in events if event.kind == "warning"]
    assert [message for message in told if message.startswith("claude knows no ")] == [
        "claude knows no 'Reed' of SessionOptions.builtin_tools, and does without.",
        "claude knows no 'no-such-2020-01-01' of SessionOptions.betas, and does without.",
    ]


@pytest.mark.parametrize(
    ("tokens", "thinking"), [(4000, {"type": "enabled", "budget_tokens": 4000}), (0, {"type": "disabled"})]
)
async def test_a_model_thinks_as_many_tokens_as_it_may(
    claude: Claude, tokens: int, thinking: dict[str, object]
) -> None:
    request = await asked(claude, model="claude-sonnet-4-5", max_thinking_tokens=tokens)
    assert thinking.items() <= request.json["thinking"].items()


async def test_settings_hold_for_the_session_and_beat_nothing_that_has_an_option(claude: Claude) -> None:
    hook = {"hooks": [{"type": "command", "command": f"touch '{claude.workspace}/hooked.txt'"}]}
    settings = {
        "model": "claude-haiku-4-5",
        "effortLevel": "high",
        "outputStyle": "Explanatory",
        "env": {"WORD": "parrot"},
        "permissions": {"allow": ["Bash(printenv *)"], "defaultMode": "plan"},
        "hooks": {"UserPromptSubmit": [hook]},
    }
    claude.model.reply(claude.command("printenv WORD")).otherwise(text("Fine."))
    options = {"model": "claude-opus-5-5", "reasoning_effort": "low", "permission_mode": "default"}
    async with claude.session(settings=settings, **options) as session:
        ran = await run(session, "Talk.")
        request = claude.model.requests[0]
        assert (request.model, claude.effort_of(request)) == ("claude-opus-5-5", "low")
        assert (init(ran)["output_style"], session.info.permission_mode) == ("Explanatory", "default")
    assert ran.results[0].text.strip() == "parrot"
    assert claude.exists("hooked.txt")


async def test_settings_decide_what_no_option_does_and_may_stand_in_a_file(claude: Claude) -> None:
    assert (await asked(claude, settings={"model": "claude-haiku-4-5"})).model == "claude-haiku-4-5"
    file = claude.folder / "mine.json"
    file.write_text(json.dumps({"model": "claude-sonnet-4-5"}))
    assert (await asked(claude, settings=file)).model == "claude-sonnet-4-5"
    with pytest.raises(InvalidRequestError, match=r"SessionOptions\.settings: .* is not a file"):
        await asked(claude, settings=str(claude.folder / "nowhere.json"))


async def test_no_secret_of_the_settings_stands_on_the_command_line(claude: Claude) -> None:
    async with claude.session(settings={"env": {"API_KEY": "quite-secret-words"}}) as session:
        assert b"quite-secret-words" not in (claude.proc(session) / "cmdline").read_bytes()


async def test_a_strict_session_runs_its_own_mcp_servers_alone(claude: Claude) -> None:
    claude.write(".mcp.json", json.dumps({"mcpServers": {"theirs": claude.mcp_servers["bench"]}}))
    claude.model.otherwise(text("Fine."))
    for strict, names in ((False, {"bench", "theirs"}), (True, {"bench"})):
        sources = ("user", "project")
        options = {"mcp_servers": claude.mcp_servers, "setting_sources": sources, "strict_mcp_servers": strict}
        async with claude.session(**options) as session:
            ran = await run(session, "Talk.")
        assert {server["name"] for server in init(ran)["mcp_servers"]} == names


async def test_a_mistyped_native_field_is_named_with_the_nearest(claude: Claude) -> None:
    async with claude.backend() as backend:
        with pytest.raises(InvalidRequestError, match=r"native\['agentss'\]; did you mean 'agents'\?"):
            await claude.open(backend, native={"agentss": {}})
        with pytest.raises(UnsupportedOptionError, match=r"claude backend .*SessionOptions\.personality"):
            await claude.open(backend, personality="pragmatic")


async def test_the_application_introduces_itself_to_the_provider(claude: Claude) -> None:
    claude.model.otherwise(text("Fine."))
    async with claude.backend(client_name="my-app", client_version="1.2.3") as backend:
        await run(await claude.open(backend), "Talk.")
    assert "client-app/my-app/1.2.3" in claude.model.requests[-1].headers["user-agent"]
    with pytest.raises(InvalidRequestError, match=r"^client_name='my app'"):
        claude.backend(client_name="my app")


async def test_a_prompt_that_is_from_a_person_says_so_in_result_and_history(claude: Claude) -> None:
    claude.model.otherwise(text("Fine."))
    async with claude.session() as session:
        results = [await session.run("Talk.", options=TurnOptions(origin="human")), await session.run("Talk.")]
        prompts = [message for message in await session.history() if isinstance(message, UserMessage)]
    assert [wire(result).get("origin") for result in results] == [{"kind": "human"}, None]
    assert [prompt.origin for prompt in prompts] == [{"kind": "human"}, None]


async def test_an_origin_that_claude_would_pass_over_is_refused(claude: Claude) -> None:
    claude.model.otherwise(text("Fine."))
    async with claude.session() as session:
        with pytest.raises(UnsupportedOptionError, match=r"origin='human'.*passes over 'automation'") as caught:
            await session.run("Talk.", options=TurnOptions(origin="automation"))
        assert caught.value.details["option"] == "origin"
        assert (await session.run("Talk.")).outcome == "completed"
    assert len(claude.model.requests) == 1
