from __future__ import annotations

import pytest
from tests.codex.driving import Codex, mcp

from agent_sdk_core import Allow, Deny
from agent_sdk_testing import text
from agent_sdk_testing.contract.watching import Asker, run

pytestmark = pytest.mark.anyio


def script(codex: Codex, calls: int) -> None:
    """Let the model call the destructive tool in as many turns."""
    for _ in range(calls):
        codex.model.reply(mcp("erase", name="it")).reply(text("Done."))


async def test_a_destructive_mcp_tool_asks_and_says_what_it_is(codex: Codex) -> None:
    codex.settings(mcp_servers=codex.mcp_servers)
    script(codex, 1)
    asker = Asker()
    async with codex.session(can_use_tool=asker) as session:
        ran = await run(session, "Erase it.")
    [request] = asker.requests
    assert (request.tool_name, request.input, request.kind) == ("mcp__bench__erase", {"name": "it"}, "mcp")
    assert [option.id for option in request.options] == ["allow", "allow_session", "allow_always", "deny", "deny_stop"]
    assert request.tool_use_id == ran.uses[0].id
    assert ran.results[0].text == "Erased it."


async def test_a_grant_for_one_call_of_an_mcp_tool_is_asked_again(codex: Codex) -> None:
    script(codex, 2)
    asker = Asker()
    async with codex.session(can_use_tool=asker, mcp_servers=codex.mcp_servers) as session:
        for _ in range(2):
            assert (await run(session, "Erase it.")).results[0].text == "Erased it."
    assert len(asker.requests) == 2


async def test_a_grant_for_the_session_of_an_mcp_tool_is_not_asked_again(codex: Codex) -> None:
    script(codex, 2)
    asker = Asker([Allow("session"), Deny()])
    async with codex.session(can_use_tool=asker, mcp_servers=codex.mcp_servers) as session:
        for _ in range(2):
            assert (await run(session, "Erase it.")).results[0].text == "Erased it."
    assert len(asker.requests) == 1


async def test_a_lasting_grant_of_an_mcp_tool_holds_in_the_next_process(codex: Codex) -> None:
    codex.settings(mcp_servers=codex.mcp_servers)
    script(codex, 2)
    asker = Asker([Allow("always"), Deny()])
    for _ in range(2):
        async with codex.session(can_use_tool=asker) as session:
            assert (await run(session, "Erase it.")).results[0].text == "Erased it."
    assert len(asker.requests) == 1
    assert "erase" in (codex.home / "config.toml").read_text()


@pytest.mark.parametrize("answer", [Deny(), Deny(option="deny")])
async def test_a_denied_mcp_tool_does_not_run_and_the_model_goes_on(codex: Codex, answer: Deny) -> None:
    script(codex, 1)
    async with codex.session(can_use_tool=Asker([answer]), mcp_servers=codex.mcp_servers) as session:
        ran = await run(session, "Erase it.")
    assert ran.results[0].is_error is True
    assert "rejected" in ran.results[0].text
    assert ran.result.outcome == "completed"


@pytest.mark.parametrize("answer", [Deny(interrupt=True), Deny(option="deny_stop")])
async def test_a_deny_of_an_mcp_tool_can_end_the_turn(codex: Codex, answer: Deny) -> None:
    codex.model.reply(mcp("erase", name="it"))
    async with codex.session(can_use_tool=Asker([answer]), mcp_servers=codex.mcp_servers) as session:
        ran = await run(session, "Erase it.")
    assert ran.results[0].is_error is True
    assert ran.result.outcome == "interrupted"


async def test_without_a_callback_a_destructive_mcp_tool_is_denied(codex: Codex) -> None:
    script(codex, 1)
    async with codex.session(mcp_servers=codex.mcp_servers) as session:
        ran = await run(session, "Erase it.")
    assert ran.results[0].is_error is True
