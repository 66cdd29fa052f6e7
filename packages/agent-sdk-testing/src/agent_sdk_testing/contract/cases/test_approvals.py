"""Permissions that are asked for: what a request says, and what each answer does."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any, Literal, cast

import pytest

from agent_sdk_core import DEFER, Allow, Answers, Deny, PermissionRequest, RequestOpened, RequestResolved
from agent_sdk_testing import Step, text
from agent_sdk_testing.contract.agent import Agent
from agent_sdk_testing.contract.traits import needs
from agent_sdk_testing.contract.watching import Asker, Ran, run

pytestmark = pytest.mark.anyio

Kind = Literal["command", "patch"]

both_kinds = pytest.mark.parametrize("kind", ["command", pytest.param("patch", marks=needs("edits"))])


def act(agent: Agent, kind: Kind) -> Sequence[Step]:
    """The steps of a reply that leaves a file `done.txt` behind, once somebody allowed it."""
    if kind == "command":
        return [agent.command("echo done >> done.txt", escalate=True)]
    if agent.exists("done.txt"):
        return agent.patch(update={"done.txt": [("done", "done\nagain")]})
    return agent.patch(add={"done.txt": "done\n"})


async def asked(agent: Agent, kind: Kind, answer: Any, **options: Any) -> Ran:
    agent.model.reply(*act(agent, kind)).reply(text("Went on."))
    async with agent.session(permission_mode="default", can_use_tool=answer, **options) as session:
        ran = await run(session, "Act.")
        assert not session.pending
    return ran


def check_denied(agent: Agent, ran: Ran, by: str) -> None:
    """The tool did not run, its card says so, and the model went on."""
    assert not agent.exists("done.txt")
    [result] = ran.results
    assert result.is_error is True
    [resolved] = ran.all(RequestResolved)
    assert (resolved.outcome, resolved.by) == ("denied", by)
    assert (ran.result.outcome, ran.result.result) == ("completed", "Went on.")
    assert [denial["tool_use_id"] for denial in ran.result.permission_denials] == [result.tool_use_id]


@both_kinds
async def test_an_allowed_tool_runs(agent: Agent, kind: Kind) -> None:
    asker = Asker()
    ran = await asked(agent, kind, asker)
    assert agent.exists("done.txt")
    assert not ran.results[0].is_error
    [opened], [resolved] = ran.all(RequestOpened), ran.all(RequestResolved)
    assert opened.request_id == resolved.request_id == asker.requests[0].request_id
    assert (resolved.outcome, resolved.by) == ("allowed", "callback")
    assert not ran.result.permission_denials


@both_kinds
async def test_a_request_says_what_will_happen(agent: Agent, kind: Kind) -> None:
    asker = Asker()
    ran = await asked(agent, kind, asker)
    [request] = asker.requests
    [use] = ran.uses
    assert use.name == "Bash" or kind != "command"
    assert (request.tool_name, request.tool_use_id, dict(request.input)) == (use.name, use.id, dict(use.input))
    assert request.session_id == ran.result.session_id
    assert request.cwd == str(agent.workspace)
    assert request.escalates == agent.escalates
    assert {"allow", "deny", "deny_stop"} <= {option.id for option in request.options}
    if kind == "command":
        assert request.input["command"] == "echo done >> done.txt"
        assert "echo done" in request.command_parts
        assert request.requires_person is agent.titles_commands
        assert request.agent_id is None
    else:
        assert "done.txt" in str(request.input)
        assert request.diff is None or "+done" in request.diff.splitlines()


@needs("session_grants")
@both_kinds
async def test_an_allow_for_the_session_is_not_asked_again(agent: Agent, kind: Kind) -> None:
    asker = Asker([Allow("session")])
    agent.model.reply(*act(agent, kind)).reply(text("Once."))
    async with agent.session(permission_mode="default", can_use_tool=asker) as session:
        await run(session, "Act.")
        agent.model.reply(*act(agent, kind)).reply(text("Twice."))
        again = await run(session, "Again.")
    assert len(asker.requests) == 1
    assert not again.results[-1].is_error
    assert agent.read("done.txt").splitlines()[0] == "done"
    assert len(agent.read("done.txt").splitlines()) == 2


@both_kinds
async def test_an_allow_for_one_call_is_asked_again(agent: Agent, kind: Kind) -> None:
    asker = Asker([Allow(), Deny()])
    agent.model.reply(*act(agent, kind)).reply(text("Once."))
    async with agent.session(permission_mode="default", can_use_tool=asker) as session:
        await run(session, "Act.")
        agent.model.reply(*act(agent, kind)).reply(text("Twice."))
        again = await run(session, "Again.")
    assert len(asker.requests) == 2
    assert any(result.is_error for result in again.results), "beside it an agent may have read the file"
    assert agent.read("done.txt") == "done\n"


@both_kinds
async def test_a_denied_tool_does_not_run_and_the_model_goes_on(agent: Agent, kind: Kind) -> None:
    check_denied(agent, await asked(agent, kind, Asker([Deny("Rather not.")])), "callback")


@both_kinds
async def test_a_deny_that_interrupts_ends_the_turn(agent: Agent, kind: Kind) -> None:
    agent.model.reply(*act(agent, kind))
    async with agent.session(permission_mode="default", can_use_tool=Asker([Deny(interrupt=True)])) as session:
        ran = await run(session, "Act.")
        assert session.state == "idle"
    assert ran.result.outcome == "interrupted"
    assert ran.results[0].is_error is True
    assert not agent.exists("done.txt")


@both_kinds
async def test_a_callback_that_raises_denies_and_is_logged(
    agent: Agent, kind: Kind, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(request: object) -> Allow:
        raise ValueError("The callback is broken.")

    with caplog.at_level(logging.ERROR):
        check_denied(agent, await asked(agent, kind, broken), "callback_error")
    assert "The callback is broken." in caplog.text


@both_kinds
async def test_a_callback_that_returns_nonsense_denies(agent: Agent, kind: Kind) -> None:
    async def nonsense(request: object) -> Any:
        return True

    check_denied(agent, await asked(agent, kind, nonsense), "callback_error")


@both_kinds
async def test_an_answer_of_another_kind_of_request_denies(agent: Agent, kind: Kind) -> None:
    check_denied(agent, await asked(agent, kind, Asker(cast("Any", [Answers({})]))), "callback_error")


@both_kinds
async def test_without_a_callback_a_request_is_denied(agent: Agent, kind: Kind) -> None:
    check_denied(agent, await asked(agent, kind, None), "no_callback")


@both_kinds
async def test_a_request_that_nobody_answers_in_time_is_denied(agent: Agent, kind: Kind) -> None:
    ran = await asked(agent, kind, DEFER, request_timeout=0.05)
    check_denied(agent, ran, "deadline")
    assert ran.all(RequestOpened)[0].deadline is not None


@both_kinds
async def test_a_changed_input_runs_as_changed_or_not_at_all(agent: Agent, kind: Kind) -> None:
    async def change(request: PermissionRequest) -> Allow:
        other = {"command": "echo changed >> other.txt"} if kind == "command" else {"file_path": str(other_file)}
        return Allow(updated_input={**request.input, **other})

    other_file = agent.workspace / "other.txt"
    ran = await asked(agent, kind, change)
    [resolved] = ran.all(RequestResolved)
    if resolved.outcome == "allowed":
        assert other_file.exists()
        assert not agent.exists("done.txt")
    else:
        check_denied(agent, ran, "callback_error")
        assert not other_file.exists()


@both_kinds
async def test_an_equal_input_is_no_change(agent: Agent, kind: Kind) -> None:
    async def same(request: Any) -> Allow:
        return Allow(updated_input=dict(request.input))

    await asked(agent, kind, same)
    assert agent.exists("done.txt")


@both_kinds
@pytest.mark.parametrize(
    "choice", ["allow", pytest.param("allow_session", marks=needs("session_grants")), "deny", "deny_stop"]
)
async def test_each_option_of_a_request_does_what_it_says(agent: Agent, kind: Kind, choice: str) -> None:
    async def choose(request: Any) -> Any:
        return request.option(choice).answer

    agent.model.otherwise(text("Went on.")).reply(*act(agent, kind))
    async with agent.session(permission_mode="default", can_use_tool=choose) as session:
        ran = await run(session, "Act.")
    assert agent.exists("done.txt") == choice.startswith("allow")
    assert ran.result.outcome == ("interrupted" if choice == "deny_stop" else "completed")


@both_kinds
async def test_an_option_that_the_request_does_not_have_denies(agent: Agent, kind: Kind) -> None:
    check_denied(agent, await asked(agent, kind, Asker([Allow(option="everything")])), "callback_error")


@needs("lasting_grants")
async def test_a_lasting_grant_holds_in_the_next_process(agent: Agent) -> None:
    async def always(request: Any) -> Any:
        [option] = [option for option in request.options if option.id == "allow_always"]
        assert option.stored
        return option.answer

    await asked(agent, "command", always)
    asker = Asker([Deny()])
    await asked(agent, "command", asker)
    assert not asker.requests
    assert agent.read("done.txt") == "done\ndone\n"


@needs("multi_file_edits")
async def test_one_patch_of_several_files_is_one_request_with_all_of_them(agent: Agent) -> None:
    asker = Asker()
    agent.write("b.txt", "b\n")
    agent.model.reply(*agent.patch(add={"a.txt": "a\n"}, update={"b.txt": [("b", "B")]})).reply(text("Done."))
    async with agent.session(permission_mode="default", can_use_tool=asker) as session:
        ran = await run(session, "Edit.")
    [request] = asker.requests
    assert len(ran.results) == 2
    for word in ("a.txt", "b.txt"):
        assert word in str(request.input)
        assert word in (request.diff or "")


@needs("multi_file_edits")
async def test_a_denied_patch_of_several_files_fails_each_of_them(agent: Agent) -> None:
    agent.model.reply(*agent.patch(add={"a.txt": "a\n", "b.txt": "b\n"})).reply(text("Went on."))
    async with agent.session(permission_mode="default", can_use_tool=Asker([Deny()])) as session:
        ran = await run(session, "Edit.")
    assert [result.is_error for result in ran.results] == [True, True]
    assert not agent.exists("a.txt")
    assert not agent.exists("b.txt")


@needs("edits", "mode:accept_edits")
async def test_an_edit_outside_the_workspace_says_that_it_leaves_it(agent: Agent) -> None:
    asker = Asker()
    target = agent.outside / "there.txt"
    agent.model.reply(*agent.patch(add={str(target): "hi\n"})).reply(text("Done."))
    async with agent.session(permission_mode="accept_edits", can_use_tool=asker) as session:
        await run(session, "Edit.")
    assert asker.requests[0].escalates == {"path"}
    assert target.read_text() == "hi\n"
