"""A policy decides before anybody is asked: the first deny, then an ask, then an allow that names what it lifts."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from agent_sdk_core import (
    DEFER,
    Allow,
    Deny,
    PermissionRequest,
    PolicyGuard,
    RequestOpened,
    RequestResolved,
    UnsupportedOptionError,
)
from agent_sdk_testing import text
from agent_sdk_testing.contract.agent import Agent
from agent_sdk_testing.contract.traits import needs
from agent_sdk_testing.contract.watching import Asker, Ran, run

pytestmark = pytest.mark.anyio

ACT = "echo done >> done.txt"
ALLOWS = ("Bash(echo *)", "Edit(done.txt)")


def lifting(agent: Agent) -> list[str]:
    """Rules that allow the act with all that the agent says an allow lifts."""
    lifted = " ".join(f"+{name}" for name in sorted(agent.escalates))
    return [f"{rule} {lifted}".strip() for rule in ALLOWS]


async def acted(agent: Agent, policy: PolicyGuard, **options: Any) -> Ran:
    options = {"permission_mode": "default", "policy_scope": "asked_only", **options}
    escalate = options["permission_mode"] == "default"  # In another mode an agent may refuse that by itself.
    agent.model.reply(agent.command(ACT, escalate=escalate)).reply(text("Went on."))
    async with agent.session(policy=policy, **options) as session:
        ran = await run(session, "Act.")
        assert not session.pending
    return ran


@pytest.mark.parametrize("callback", [None, DEFER, Asker()], ids=["nobody", "defer", "callback"])
async def test_what_the_policy_denies_does_not_run_and_nobody_is_asked(agent: Agent, callback: Any) -> None:
    ran = await acted(agent, PolicyGuard(deny=["Bash(echo *)"]), can_use_tool=callback)
    assert not agent.exists("done.txt")
    assert ran.results[0].is_error is True
    assert {resolved.by for resolved in ran.all(RequestResolved)} <= {"policy"}
    assert [denial["tool_use_id"] for denial in ran.result.permission_denials] == [ran.results[0].tool_use_id]
    if isinstance(callback, Asker):
        assert not callback.requests


async def test_what_the_policy_allows_runs_and_nobody_is_asked(agent: Agent) -> None:
    asker = Asker()
    ran = await acted(agent, PolicyGuard(allow=lifting(agent)), can_use_tool=asker)
    assert agent.exists("done.txt")
    assert [(one.outcome, one.by) for one in ran.all(RequestResolved)] == [("allowed", "policy")]
    assert not asker.requests


async def test_an_allow_lifts_nothing_that_it_does_not_name(agent: Agent) -> None:
    asker = Asker()
    await acted(agent, PolicyGuard(allow=ALLOWS), can_use_tool=asker)
    assert len(asker.requests) == (1 if agent.escalates else 0)


@pytest.mark.parametrize(
    "policy",
    [PolicyGuard(ask=["Bash"], allow=["Bash +sandbox +path"]), PolicyGuard(allow=["Bash(ls *)"])],
    ids=["ask", "no rule"],
)
async def test_what_the_policy_leaves_open_is_asked(agent: Agent, policy: PolicyGuard) -> None:
    asker = Asker()
    ran = await acted(agent, policy, can_use_tool=asker)
    assert agent.exists("done.txt")
    assert [request.tool_name for request in asker.requests] == ["Bash"]
    assert [one.by for one in ran.all(RequestResolved)] == ["callback"]


async def test_a_policy_that_breaks_denies(agent: Agent, monkeypatch: pytest.MonkeyPatch) -> None:
    def breaks(*_: object, **__: object) -> None:
        raise SystemExit("a rule that breaks")

    monkeypatch.setattr(PolicyGuard, "judge", breaks)
    asker = Asker()
    await acted(agent, PolicyGuard(deny=["Bash(sudo *)"]), can_use_tool=asker)
    assert not agent.exists("done.txt")
    assert not asker.requests


async def test_an_input_that_was_changed_is_judged_again(agent: Agent) -> None:
    async def change(request: PermissionRequest) -> Allow:
        return Allow(updated_input={**request.input, "command": "touch changed.txt"})

    ran = await acted(agent, PolicyGuard(deny=["Bash(touch *)"]), can_use_tool=change)
    assert not agent.exists("changed.txt")
    assert not agent.exists("done.txt")
    assert {resolved.outcome for resolved in ran.all(RequestResolved)} == {"denied"}


@needs("policy_scope:every_call", "mode:bypass")
async def test_a_refusal_binds_what_runs_unasked(agent: Agent) -> None:
    ran = await acted(agent, PolicyGuard(deny=["Bash(echo *)"]), permission_mode="bypass", policy_scope="every_call")
    assert not agent.exists("done.txt")
    assert ran.results[0].is_error is True
    assert "Bash(echo *)" in ran.results[0].text
    assert [denial["rule"] for denial in ran.result.permission_denials] == ["Bash(echo *)"]
    assert not ran.all(RequestOpened)


@needs("policy_scope:every_call", "mode:bypass")
async def test_a_patch_within_a_command_is_held_against_the_refusals_of_its_files(agent: Agent) -> None:
    agent.write("kept.txt", "kept\n")
    lines = ["*** Begin Patch", "*** Add File: new.txt", "+new", " *** Delete File: kept.txt", "*** End Patch"]
    command = "\n".join(["apply_patch <<'EOF'", *lines, "EOF"])
    agent.model.reply(agent.command(command)).reply(text("Went on."))
    policy = PolicyGuard(allow=["Bash"], deny=["Edit(kept.txt)"])
    async with agent.session(policy=policy, permission_mode="bypass", policy_scope="every_call") as session:
        ran = await run(session, "Patch.")
    assert [denial["rule"] for denial in ran.result.permission_denials] == ["Edit(kept.txt)"]
    assert agent.exists("kept.txt")
    assert not agent.exists("new.txt")


@needs("policy_scope:every_call", "mode:bypass")
async def test_what_a_person_decides_is_asked_where_everything_else_runs(agent: Agent) -> None:
    asker = Asker()
    policy = PolicyGuard(ask=["Bash(echo *)"])
    await acted(agent, policy, permission_mode="bypass", policy_scope="every_call", can_use_tool=asker)
    assert [(request.tool_name, request.rule) for request in asker.requests] == [("Bash", "Bash(echo *)")]
    assert agent.exists("done.txt")


@needs("policy_scope:every_call")
@pytest.mark.parametrize("answer", [Allow(), Deny()], ids=["allowed", "denied"])
async def test_what_lifts_something_and_a_rule_wants_to_be_asked_about_is_asked_about_once(
    agent: Agent, answer: Allow | Deny
) -> None:
    asker = Asker([answer, answer])
    ran = await acted(agent, PolicyGuard(ask=["Bash"]), policy_scope="every_call", can_use_tool=asker)
    [request] = asker.requests
    assert request.escalates == agent.escalates
    assert agent.exists("done.txt") is isinstance(answer, Allow)
    assert ran.result.outcome == "completed"


async def test_what_a_refusal_does_not_cover_is_left_alone(agent: Agent) -> None:
    asker = Asker()
    await acted(agent, PolicyGuard(deny=["Bash(sudo *)"], ask=["Edit(/etc/**)"]), can_use_tool=asker)
    assert [request.tool_name for request in asker.requests] == ["Bash"]
    assert agent.exists("done.txt")


async def test_a_decision_names_its_rule_in_messages_result_and_log(
    agent: Agent, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        ran = await acted(agent, PolicyGuard(deny=["Bash(echo *)"], source="rules.toml:3"))
    assert [denial["rule"] for denial in ran.result.permission_denials] == ["Bash(echo *)"]
    assert {resolved.rule for resolved in ran.all(RequestResolved)} <= {"Bash(echo *)"}
    assert "deny of Bash by Bash(echo *) (rules.toml:3)" in caplog.text
    asked = await acted(agent, PolicyGuard(ask=["Bash(echo *)"], allow=["Bash +sandbox +path"]), can_use_tool=Asker())
    assert [(resolved.by, resolved.rule) for resolved in asked.all(RequestResolved)] == [("callback", "Bash(echo *)")]
    assert asked.result.permission_denials == []


@needs("policy_scope:asked_only")
async def test_a_refusal_that_would_not_bind_every_call_is_accepted_knowingly(agent: Agent) -> None:
    for options in ({"policy": PolicyGuard(deny=["Bash"])}, {"policy_scope": "every_call"}):
        with pytest.raises(UnsupportedOptionError, match="asked_only") as caught:
            async with agent.session(**options):
                pass
        assert caught.value.details["option"] == "policy"
    async with agent.session(policy=PolicyGuard(allow=["Bash(ls *)"])):
        pass
