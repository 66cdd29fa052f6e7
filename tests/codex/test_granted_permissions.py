from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import pytest
from tests.codex.driving import Codex

from agent_sdk_core import DEFER, Allow, Deny, RequestOpened, RequestResolved
from agent_sdk_testing import call, text
from agent_sdk_testing.contract.cases.test_each_answer import CALLED, Answering, Kind, script, told
from agent_sdk_testing.contract.watching import Asker, Ran, result_of, run, until

pytestmark = pytest.mark.anyio


async def asking_for_permissions(codex: Codex, asker: Asker | None) -> Ran:
    """Run a turn in which the model asks for the network and for a folder, and then writes to that folder."""
    codex.settings(features={"request_permissions_tool": True})
    wanted: dict[str, Any] = {"network": {"enabled": True}, "file_system": {"write": [str(codex.outside)]}}
    codex.model.reply(call("request_permissions", reason="I need them.", permissions=wanted))
    codex.model.reply(call("exec_command", cmd=f"echo hi > {codex.outside}/hi.txt"))
    codex.model.reply(text("Done."))
    async with codex.session(permission_mode="accept_edits", can_use_tool=asker) as session:
        return await run(session, "Ask for what you need.")


class Partly(Asker):
    """Grants the folder, and not the network."""

    async def __call__(self, request: Any) -> Allow | Deny:
        await super().__call__(request)
        wanted = cast("Mapping[str, object]", request.input["permissions"])
        return Allow(updated_input={"permissions": {"fileSystem": wanted["fileSystem"]}})


async def test_permissions_are_granted_as_they_were_asked_for(codex: Codex) -> None:
    asker = Asker()
    await asking_for_permissions(codex, asker)
    [request] = asker.requests
    assert (request.tool_name, request.reason) == ("RequestPermissions", "I need them.")
    assert request.escalates == {"permissions", "network", "path"}
    granted = codex.model.requests[1].tool_outputs[0].text
    assert "network" in granted
    assert str(codex.outside) in granted
    assert (codex.outside / "hi.txt").read_text() == "hi\n"


async def test_permissions_are_granted_in_part(codex: Codex) -> None:
    await asking_for_permissions(codex, Partly())
    granted = codex.model.requests[1].tool_outputs[0].text
    assert str(codex.outside) in granted
    assert "enabled" not in granted
    assert (codex.outside / "hi.txt").read_text() == "hi\n"


@pytest.mark.parametrize("asker", [Asker([Deny()]), None], ids=["denied", "no callback"])
async def test_permissions_that_are_denied_are_not_there(codex: Codex, asker: Asker | None) -> None:
    ran = await asking_for_permissions(codex, asker)
    assert not (codex.outside / "hi.txt").exists()
    # What the sandbox said of the command that came last reaches the model.
    assert "Read-only file system" in codex.model.requests[2].tool_outputs[-1].text
    assert ran.result.outcome == "completed"


async def test_each_answer_to_a_request_for_permissions(codex: Codex) -> None:
    codex.settings(features={"request_permissions_tool": True})
    wanted: dict[str, Any] = {"network": {"enabled": True}}
    ask = call("request_permissions", reason="I need it.", permissions=wanted)
    kind = Kind("permission", "can_use_tool", lambda agent: [ask])
    answering = Answering(kind)
    codex.model.otherwise(text("Went on."))
    async with codex.session(permission_mode="accept_edits", can_use_tool=answering) as session:
        for answering.how in CALLED:
            script(codex, kind)
            ran = await run(session, f"Ask: {answering.how}.")
            by = "callback" if answering.how in ("yes", "no", "stop") else "callback_error"
            assert told(ran.messages, kind) == ("allowed" if answering.how == "yes" else "denied", by)
            assert ran.result.outcome == ("interrupted" if answering.how == "stop" else "completed")
            outputs = [output.text for request in codex.model.requests[-1:] for output in request.tool_outputs]
            if answering.how not in ("yes", "stop"):
                assert "enabled" not in outputs[-1]


@pytest.mark.parametrize("how", ["yes", "no", "interrupt", "close"])
async def test_a_request_for_permissions_that_is_settled_elsewhere(codex: Codex, how: str) -> None:
    codex.settings(features={"request_permissions_tool": True})
    ask = call("request_permissions", reason="I need it.", permissions={"network": {"enabled": True}})
    codex.model.otherwise(text("Went on.")).reply(ask)
    async with codex.session(permission_mode="accept_edits", can_use_tool=DEFER) as session:
        watch, results = session.messages(), session.messages()
        uuid = await session.send("Ask.")
        opened = await until(watch, RequestOpened)
        if how == "interrupt":
            await session.interrupt()
        elif how == "close":
            await session.aclose()
        else:
            await session.answer(opened.request_id, Allow() if how == "yes" else Deny())
        resolved = await until(watch, RequestResolved)
        ended = (await result_of(results, uuid)).outcome
    outcomes = {
        "yes": ("allowed", "answer", "completed"),
        "no": ("denied", "answer", "completed"),
        "interrupt": ("withdrawn", "agent", "interrupted"),
        "close": ("denied", "close", "interrupted"),
    }
    assert (resolved.outcome, resolved.by, ended) == outcomes[how]


@pytest.mark.parametrize("command", ["touch refused.txt", "sleep 1; touch refused.txt"])
async def test_a_command_that_the_sandbox_refuses_is_a_denial_however_long_it_ran(codex: Codex, command: str) -> None:
    codex.model.reply(codex.command(command)).reply(text("Then not."))
    async with codex.session(permission_mode="dont_ask") as session:
        ran = await run(session, "Try.")
    [use], [result] = ran.uses, ran.results
    assert (use.input["command"], result.is_error) == (command, True)
    assert [denial["tool_use_id"] for denial in ran.result.permission_denials] == [use.id]


@pytest.mark.parametrize("answer", [Deny(interrupt=True), Deny(option="deny_stop")])
async def test_a_deny_of_permissions_can_end_the_turn(codex: Codex, answer: Deny) -> None:
    codex.settings(features={"request_permissions_tool": True})
    codex.model.reply(call("request_permissions", reason="", permissions={"network": {"enabled": True}}))
    asker = Asker([answer])
    async with codex.session(can_use_tool=asker) as session:
        assert (await run(session, "Ask for what you need.")).result.outcome == "interrupted"
    assert [option.id for option in asker.requests[0].options] == ["allow", "allow_session", "deny", "deny_stop"]


async def test_permissions_that_were_granted_for_the_session_are_there_in_the_next_turn(codex: Codex) -> None:
    codex.settings(features={"request_permissions_tool": True})
    wanted: dict[str, Any] = {"file_system": {"write": [str(codex.outside)]}}
    ask = call("request_permissions", reason="I need it.", permissions=wanted)
    codex.model.reply(ask).reply(text("Good."))
    codex.model.reply(codex.command(f"touch {codex.outside}/one.txt")).reply(text("Done."))
    codex.model.reply(ask).reply(codex.command(f"touch {codex.outside}/two.txt")).reply(text("Done."))
    asker = Asker([Allow("session"), Deny()])
    async with codex.session(permission_mode="accept_edits", can_use_tool=asker) as session:
        for _ in range(3):
            await run(session, "Go on.")
    assert len(asker.requests) == 1
    assert sorted(path.name for path in codex.outside.iterdir()) == ["one.txt", "two.txt"]


async def test_an_execution_rule_holds_for_the_second_run_and_is_stored(codex: Codex) -> None:
    touched = codex.outside / "touched"
    for _ in range(2):
        codex.model.reply(codex.command(f"touch {touched}", escalate=True)).reply(text("Done."))
    asker = Asker([Allow(option="allow_always"), Deny()])
    async with codex.session(permission_mode="default", can_use_tool=asker) as session:
        for _ in range(2):
            await run(session, "Touch.")
            touched.unlink()
    [request] = asker.requests
    option = request.option("allow_always")
    assert option is not None
    assert option.answer == Allow("always", option="allow_always")
    [rules] = (codex.home / "rules").iterdir()
    assert "prefix_rule" in rules.read_text()
    assert "touch" in rules.read_text()


async def test_a_granular_policy_refuses_what_it_switches_off_without_asking(codex: Codex) -> None:
    codex.model.reply(codex.command("echo out", escalate=True)).reply(text("Then not."))
    granular = {
        "sandbox_approval": False,
        "rules": True,
        "skill_approval": True,
        "request_permissions": True,
        "mcp_elicitations": True,
    }
    asker = Asker()
    async with codex.session(native={"approvalPolicy": {"granular": granular}}, can_use_tool=asker) as session:
        ran = await run(session, "Try.")
        assert session.info.approval_policy == "granular"
    assert asker.requests == []
    assert ran.all(RequestOpened) == []
    [use], [result] = ran.uses, ran.results
    assert (use.name, use.input["command"], result.is_error) == ("Bash", "echo out", True)
    assert [denial["tool_use_id"] for denial in ran.result.permission_denials] == [use.id]
    assert ran.result.outcome == "completed"
    assert codex.model.requests[1].tool_outputs[0].text
