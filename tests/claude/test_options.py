from __future__ import annotations

import json

import pytest
from tests.claude.driving import Claude

from agent_sdk_core import (
    DocumentInput,
    ImageInput,
    InvalidRequestError,
    PolicyGuard,
    PolicyLimits,
    ResultMessage,
    SessionNotFoundError,
    TextInput,
    UnsupportedOptionError,
)
from agent_sdk_testing import Tokens, call, text
from agent_sdk_testing.contract.watching import run

pytestmark = pytest.mark.anyio

PIXEL = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010804000000b51c0c020000000b4944415478da6364f80f00010501012718e366"
    "0000000049454e44ae426082"
)
PDF = b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[]/Count 0>>endobj\n%%EOF\n"


async def test_an_image_a_pdf_and_a_text_reach_the_model_as_they_are(claude: Claude) -> None:
    claude.model.reply(text("I see."))
    notes = claude.write("notes.txt", "Buy apples.\n")
    picture = ImageInput(data=PIXEL, media_type="image/png")
    paper = DocumentInput(data=PDF, media_type="application/pdf")
    async with claude.session() as session:
        ran = await run(session, [TextInput("Look:"), picture, paper, DocumentInput(path=str(notes))])
    assert ran.result.outcome == "completed"
    request = claude.model.requests[0]
    assert (claude.images_of(request), claude.documents_of(request)) == (1, 2)
    assert "Look:" in request.text
    assert "Buy apples." in request.body.decode()


async def test_a_prompt_that_takes_too_many_calls_of_the_model_hits_its_limit(claude: Claude) -> None:
    claude.model.otherwise(claude.command("echo again"))
    async with claude.session(max_turns=2, permission_mode="bypass") as session:
        ran = await run(session, "Go round.")
        assert (ran.result.subtype, ran.result.outcome) == ("error_max_turns", "limit")
        assert len(claude.model.requests) == 2
        claude.model.otherwise(text("On."))
        assert (await run(session, "Go on.")).result.result == "On."


async def test_a_session_that_costs_too_much_hits_its_limit(claude: Claude) -> None:
    claude.model.otherwise(claude.command("echo again"), usage=Tokens(input=100_000, output=10_000))
    async with claude.session(max_budget_usd=0.01, permission_mode="bypass") as session:
        ran = await run(session, "Spend.")
    assert (ran.result.subtype, ran.result.outcome) == ("error_max_budget_usd", "limit")
    assert ran.result.total_cost_usd is not None
    assert ran.result.total_cost_usd > 0.01


async def test_a_policy_limits_the_cost_within_a_turn_and_after_it(claude: Claude) -> None:
    claude.model.otherwise(claude.command("echo again"), usage=Tokens(input=100_000, output=10_000))
    policy = PolicyGuard(limits=PolicyLimits(cost_usd=0.01))
    async with claude.session(policy=policy, max_budget_usd=5, permission_mode="bypass") as session:
        assert (await run(session, "Spend.")).result.subtype == "error_max_budget_usd"
        asked = len(claude.model.requests)
        again = await session.run("Spend more.")
    assert (again.subtype, again.outcome) == ("error_max_budget_usd", "limit")
    assert len(claude.model.requests) == asked


async def test_an_answer_that_does_not_fit_the_schema_is_asked_for_again(claude: Claude) -> None:
    schema = {"type": "object", "properties": {"number": {"type": "integer"}}, "required": ["number"]}
    claude.model.reply(call("StructuredOutput", number="seven")).reply(call("StructuredOutput", number=7))
    claude.model.otherwise(text("There."))
    async with claude.session(output_schema=schema) as session:
        ran = await run(session, "A number.")
    assert ran.result.structured_output == {"number": 7}
    assert [bool(result.is_error) for result in ran.results] == [True, False]


async def test_after_five_answers_that_do_not_fit_claude_gives_up_and_its_limit_has_the_code_of_every_agent(
    claude: Claude,
) -> None:
    schema = {"type": "object", "properties": {"number": {"type": "integer"}}, "required": ["number"]}
    claude.model.otherwise(call("StructuredOutput", number="seven"))
    async with claude.session(output_schema=schema) as session:
        result = (await run(session, "A number.")).result
    assert len(claude.model.requests) == 5
    assert (result.subtype, result.outcome) == ("error_max_structured_output_retries", "limit")
    assert result.error is not None
    assert (result.error.code, result.error.retryable) == ("structured_output_invalid", True)


async def test_a_schema_that_claude_would_drop_without_a_word_reaches_the_model(claude: Claude) -> None:
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "properties": {
            "pair": {"type": "array", "prefixItems": [{"type": "integer"}, {"type": "string"}]},
            "pet": {"oneOf": [{"type": "object"}, {"type": "null"}], "discriminator": {"propertyName": "kind"}},
            "year": {"type": "string", "pattern": "(?P<year>2)"},
        },
        "required": ["pair"],
        "unevaluatedProperties": False,
    }
    claude.model.reply(call("StructuredOutput", pair=[1, "a"])).otherwise(text("There."))
    async with claude.session(output_schema=schema) as session:
        result = (await run(session, "A pair.")).result
    assert result.structured_output == {"pair": [1, "a"]}


async def test_model_and_effort_reach_the_provider(claude: Claude) -> None:
    claude.model.otherwise(text("Fine."))
    async with claude.session(model="claude-opus-5-5", reasoning_effort="low") as session:
        await run(session, "Talk.")
        await session.set_reasoning_effort("high")
        await run(session, "Talk.")
    assert [claude.effort_of(request) for request in claude.model.requests] == ["low", "high"]
    assert {request.model for request in claude.model.requests} == {"claude-opus-5-5"}


async def test_a_flag_of_claudes_own_reaches_it(claude: Claude) -> None:
    claude.model.otherwise(text("Fine."))
    async with claude.session(native={"flags": {"tools": "Read"}}) as session:
        await run(session, "Talk.")
    offered = claude.model.requests[0].tools
    assert "Read" in offered
    assert "Bash" not in offered


async def test_an_unknown_flag_and_a_bad_value_are_refused_by_name(claude: Claude) -> None:
    async with claude.backend() as backend:
        for flags, words in (
            ({"no-such-flag": True}, r"claude does not know the flag 'no-such-flag' of .*\.$"),
            ({"fallbck-model": "x"}, r"flag 'fallbck-model' of .*; did you mean 'fallback-model'\?$"),
            ({"--no-session-persistence": "yes"}, r"flag 'no-session-persistence' of .*, or it takes no value: "),
            ({"fallback-model": True}, r"flag 'fallback-model' of .* needs a value; True is for flags that take none"),
        ):
            with pytest.raises(InvalidRequestError, match=words):
                await claude.open(backend, native={"flags": flags})
        with pytest.raises(UnsupportedOptionError, match="hooks"):
            await claude.open(backend, native={"hooks": {}})
        with pytest.raises(InvalidRequestError, match="UUID"):
            await claude.open(backend, session_id="mine")
        assert backend.sessions == ()


def project(claude: Claude) -> None:
    """Make the workspace one whose settings run a hook, and whose CLAUDE.md gives orders."""
    settings = claude.workspace / ".claude"
    settings.mkdir()
    command = f"touch '{claude.workspace}/hooked.txt'"
    hooks = {"UserPromptSubmit": [{"hooks": [{"type": "command", "command": command}]}]}
    (settings / "settings.json").write_text(json.dumps({"hooks": hooks}))
    claude.write("CLAUDE.md", "Say everything backwards.\n")


async def test_a_projects_hooks_and_instructions_are_left_alone_by_default(claude: Claude) -> None:
    project(claude)
    claude.model.reply(text("Fine."))
    async with claude.session() as session:
        await run(session, "Talk.")
    assert not claude.exists("hooked.txt")
    assert b"Say everything backwards." not in claude.model.requests[0].body


async def test_a_projects_hooks_and_instructions_hold_where_they_are_asked_for(claude: Claude) -> None:
    project(claude)
    claude.model.reply(text("Fine."))
    async with claude.session(setting_sources=("user", "project")) as session:
        await run(session, "Talk.")
    assert claude.exists("hooked.txt")
    assert b"Say everything backwards." in claude.model.requests[0].body


async def test_the_users_instructions_hold_unless_they_are_left_out(claude: Claude) -> None:
    (claude.config / "CLAUDE.md").write_text("Say everything twice.\n")
    claude.model.otherwise(text("Fine."))
    async with claude.session() as session:
        await run(session, "Talk.")
    async with claude.session(setting_sources=()) as session:
        await run(session, "Talk.")
    with_user, without = (b"Say everything twice." in request.body for request in claude.model.requests)
    assert (with_user, without) == (True, False)


async def test_an_mcp_server_of_a_project_does_not_start_by_default(claude: Claude) -> None:
    marker = claude.workspace / "started.txt"
    server = {"command": "/bin/sh", "args": ["-c", f"touch '{marker}'"]}
    claude.write(".mcp.json", json.dumps({"mcpServers": {"theirs": server}}))
    claude.model.reply(text("Fine."))
    async with claude.session() as session:
        ran = await run(session, "Talk.")
        assert "theirs" not in session.info.mcp_servers
    assert not marker.exists()
    assert isinstance(ran.messages[-1], ResultMessage)


async def test_a_session_that_is_not_stored_is_not_resumable(claude: Claude) -> None:
    claude.model.otherwise(text("Fine."))
    async with claude.session(native={"flags": {"no-session-persistence": True}}) as session:
        await run(session, "Talk.")
        assert not session.resumable
        with pytest.raises(SessionNotFoundError):
            await session.backend.read_history(session.resolved_session_id)
