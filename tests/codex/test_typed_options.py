from __future__ import annotations

import json
import tempfile
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from tests.codex.driving import Codex, backend_of

from agent_sdk_core import InvalidRequestError, TurnOptions, UnsupportedOptionError
from agent_sdk_testing import ModelRequest, Step, call, text
from agent_sdk_testing.contract.watching import run
from codex_sdk.process.config_keys import KEYS, TABLES
from codex_sdk.threads.mcp_servers import NATIVE_KEYS

pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("anyio_backend", ["asyncio"])]

REVIEWER = {
    "description": "Reviews haikus alone.",
    "prompt": "You review as a parrot.",
    "model": "gpt-5.4",
    "reasoning_effort": "low",
}
SPAWNS: Mapping[str, Step] = {
    "mock-model": call("spawn_agent", namespace="multi_agent_v1", message="the child's task", agent_type="reviewer"),
    "gpt-6.1-sol": call(
        "spawn_agent",
        namespace="collaboration",
        task_name="one",
        message="a task",
        fork_turns="none",
        agent_type="reviewer",
    ),
}
"""How each of Codex's two ways of sub-agents starts one, by a model that has it."""


async def asked(codex: Codex, **options: Any) -> ModelRequest:
    """Return what the model is asked in a session with these options."""
    codex.model.otherwise(text("Fine."))
    async with codex.session(**options) as session:
        await run(session, "Talk.")
    return codex.model.requests[-1]


def instructions(request: ModelRequest) -> list[str]:
    """Return what the developer tells the model."""
    said = [entry for entry in request.json["input"] if entry.get("role") == "developer"]
    return [part["text"] for entry in said for part in entry["content"]]


@pytest.mark.parametrize("slug", SPAWNS)
async def test_a_sub_agent_has_the_prompt_model_and_effort_of_its_definition(
    codex: Codex, slug: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(codex.outside))
    codex.settings(slug=slug)
    codex.model.reply(SPAWNS[slug]).otherwise(text("Done."))
    async with codex.backend() as backend:
        session = await codex.open(backend, agents={"reviewer": REVIEWER}, append_system_prompt="You are a cat.")
        await run(session, "Delegate.")
        await session.wait_idle()
        [folder] = codex.outside.iterdir()
        assert folder.stat().st_mode & 0o77 == 0
    parent, *others = codex.model.requests
    [child] = [request for request in others if request.model == "gpt-5.4"]
    assert "Reviews haikus alone." in parent.body.decode()
    assert codex.effort_of(child) == "low"
    assert "You review as a parrot." in instructions(child)
    assert "You are a cat." not in instructions(child)
    assert not folder.exists(), "the definitions are gone with the backend"


async def test_what_no_role_can_be_told_is_refused(codex: Codex) -> None:
    with pytest.raises(UnsupportedOptionError, match=r"cannot honour 'tools' of SessionOptions\.agents\['reviewer'\]"):
        await asked(codex, agents={"reviewer": {**REVIEWER, "tools": ["Read"]}})


async def test_the_personality_decides_whether_the_model_is_told_of_one(codex: Codex) -> None:
    told = [len("".join(instructions(await asked(codex, personality=each)))) for each in ("pragmatic", "none")]
    assert told[0] > told[1] + 100


async def test_the_service_tier_reaches_the_provider_and_one_that_there_is_not_is_refused(codex: Codex) -> None:
    for tier, sent in (("flex", "flex"), ("priority", "priority"), ("fast", "priority")):
        assert (await asked(codex, service_tier=tier)).json["service_tier"] == sent
    with pytest.raises(InvalidRequestError, match=r"no service tier 'prioritty'; did you mean 'priority'\?"):
        await asked(codex, service_tier="prioritty")


async def test_the_summary_of_the_reasoning_is_asked_for(codex: Codex) -> None:
    assert (await asked(codex, reasoning_summary="detailed")).json["reasoning"]["summary"] == "detailed"


async def test_settings_hold_for_the_session_and_may_stand_in_a_file(codex: Codex) -> None:
    settings = {"model_verbosity": "high", "model_reasoning_effort": "high"}
    request = await asked(codex, settings=settings, reasoning_effort="low")
    assert (request.json["text"]["verbosity"], codex.effort_of(request)) == ("high", "low")
    file = codex.folder / "mine.toml"
    file.write_text('model_verbosity = "high"\n')
    assert (await asked(codex, settings=file)).json["text"]["verbosity"] == "high"
    file.write_text("model_verbosity =")
    with pytest.raises(InvalidRequestError, match=r"SessionOptions\.settings: .*mine\.toml cannot be read as TOML"):
        await asked(codex, settings=file)
    with pytest.raises(InvalidRequestError, match="is not a file"):
        await asked(codex, settings=codex.folder / "nowhere.toml")


async def test_a_mistyped_setting_or_parameter_is_named_with_the_nearest(codex: Codex) -> None:
    write = {"netwrok_access": True}
    for options, words in (
        ({"settings": {"model_verbositty": "low"}}, "key 'model_verbositty' .*; did you mean 'model_verbosity'"),
        (
            {"settings": {"sandbox_workspace_write": write}},
            "'sandbox_workspace_write.netwrok_access' .*'network_access'",
        ),
        ({"native": {"config": {"model_verbositty": "low"}}}, "key 'model_verbositty' .*'model_verbosity'"),
        ({"native": {"aprovalPolicy": "never"}}, r"parameter native\['aprovalPolicy'\]; did you mean 'approvalPolicy'"),
    ):
        with pytest.raises(InvalidRequestError, match=words):
            await asked(codex, **options)
    assert not codex.model.requests


async def test_a_strict_session_runs_its_own_mcp_servers_alone(codex: Codex) -> None:
    marker = codex.workspace / "started.txt"
    other = {"command": "/bin/sh", "args": ["-c", f"touch '{marker}'"]}
    codex.settings(mcp_servers={"theirs": other})
    await asked(codex, mcp_servers=codex.mcp_servers, strict_mcp_servers=True)
    assert not marker.exists()
    await asked(codex, mcp_servers=codex.mcp_servers)
    assert marker.exists()


async def test_the_model_is_told_of_the_skills_that_were_chosen(codex: Codex) -> None:
    codex.skill("parrot", "Say it twice.")
    codex.skill("cat", "Purr.")
    for chosen, names in ((("parrot",), {"parrot"}), ((), set[str]()), (None, {"parrot", "cat"})):
        body = (await asked(codex, skills=chosen)).body.decode()
        assert {name for name in ("parrot", "cat") if f"- {name}: " in body} == names
    with pytest.raises(InvalidRequestError, match=r"Codex has no skill 'parot'; did you mean 'parrot'\?"):
        await asked(codex, skills=["parot"])


async def test_an_ephemeral_copy_is_not_stored_and_a_stored_session_cannot_become_ephemeral(codex: Codex) -> None:
    codex.model.otherwise(text("Fine."))
    async with codex.backend() as backend:
        session = await codex.open(backend)
        await run(session, "Talk.")
        stored = session.resolved_session_id
        await session.aclose()
        copy = await codex.open(backend, resume=stored, fork=True, ephemeral=True)
        await run(copy, "Talk.")
        assert not copy.resumable
        with pytest.raises(UnsupportedOptionError, match="needs fork=True"):
            await codex.open(backend, resume=stored, ephemeral=True)


async def test_codex_knows_the_keys_of_its_configuration_and_no_other(codex: Codex, tmp_path: Path) -> None:
    odd = {"zzz": {"yyy": 1}}

    async def known(config: dict[str, object], name: str) -> bool:
        params = {"cwd": str(codex.workspace), "ephemeral": True, "config": config}
        with pytest.raises(InvalidRequestError) as caught:
            await backend_of(session).request("thread/start", params)
        return f"field `{name}`" not in caught.value.message

    async def known_of_server(key: str) -> bool:
        servers = {"x": {"command": "true", key: odd}, "y": {"url": "http://127.0.0.1:1", key: odd}}
        return await known({"mcp_servers": servers}, f"mcp_servers.x.{key}")

    wrapper = codex.folder / "strict-codex"
    wrapper.write_text(f'#!/bin/sh\nexec "{codex.real_executable()}" "$@" --strict-config\n')
    wrapper.chmod(0o755)
    async with codex.backend(executable=wrapper) as backend:
        session = await codex.open(backend)
        assert not await known({"nonsense": odd}, "nonsense")
        assert [key for key in sorted(KEYS) if not await known({key: odd, "nonsense": 1}, key)] == []
        assert [key for key in sorted(NATIVE_KEYS) if not await known_of_server(key)] == []
        assert not await known_of_server("command_line")
        for table, keys in TABLES.items():
            assert [key for key in sorted(keys) if not await known({table: {key: odd}}, f"{table}.{key}")] == []
    assert set(tomllib.loads((codex.home / "config.toml").read_text())) <= KEYS


async def test_who_a_prompt_is_from_is_told_to_the_provider_with_its_turn(codex: Codex) -> None:
    codex.model.otherwise(text("Fine."))
    async with codex.session() as session:
        await session.run("Talk.", options=TurnOptions(origin="automation"))
        await session.run("Talk.")
    told = [json.loads(request.headers["x-codex-turn-metadata"]) for request in codex.model.requests]
    assert [one.get("turn_trigger") for one in told] == ["automation", None]
