"""Our hook before each tool call: it refuses, it asks, and whatever goes wrong with it is never taken for consent."""

from __future__ import annotations

from typing import Any

import pytest

from agent_sdk_core import PolicyGuard, SessionOptions
from agent_sdk_core.runtime.asking.policing import Police
from claude_sdk.asking.hooks import hook_call, hooks_of, refused, unseen

pytestmark = pytest.mark.anyio

POLICY = PolicyGuard(deny=["Bash(rm *)"], ask=["Bash(git *)"], allow=["Bash(ls *)"])


def call(command: str, **fields: Any) -> dict[str, Any]:
    told = {"hook_event_name": "PreToolUse", "tool_name": "Bash", "tool_input": {"command": command}, "cwd": "/"}
    return {"callback_id": "agent_sdk:PreToolUse", "input": {**told, **fields}}


async def decided(params: dict[str, Any]) -> Any:
    work = hook_call(params, Police.of(SessionOptions(policy=POLICY)))
    assert work is not None
    body = await work.run()
    assert body is not None
    return body.get("hookSpecificOutput", body)


def test_a_hook_is_announced_where_a_policy_refuses() -> None:
    assert hooks_of(SessionOptions()) == {}
    assert hooks_of(SessionOptions(policy=PolicyGuard(allow=["Bash"]))) == {}
    [hook] = hooks_of(SessionOptions(policy=POLICY))["hooks"].pop("PreToolUse")
    assert hook == {"hookCallbackIds": ["agent_sdk:PreToolUse"], "onFailure": "block", "timeout": 30.0}


async def test_a_refusal_names_its_rule() -> None:
    told = await decided(call("ls; rm x"))
    assert told["permissionDecision"] == "deny"
    assert "Bash(rm *)" in told["permissionDecisionReason"]


async def test_what_a_person_decides_is_asked() -> None:
    assert (await decided(call("git log")))["permissionDecision"] == "ask"


@pytest.mark.parametrize("command", ["ls", "make"])
async def test_what_is_allowed_or_left_open_is_left_to_claude(command: str) -> None:
    assert await decided(call(command)) == {}


async def test_a_call_without_a_tool_is_refused() -> None:
    assert (await decided(call("ls", tool_name=None)))["permissionDecision"] == "deny"


@pytest.mark.parametrize(
    ("params", "policy"),
    [
        ({**call("ls"), "callback_id": "of somebody"}, POLICY),
        (call("ls", hook_event_name="Stop"), POLICY),
        ({}, POLICY),
        (call("ls"), None),
    ],
)
def test_a_hook_that_is_not_ours_is_not_answered_by_the_policy(
    params: dict[str, Any], policy: PolicyGuard | None
) -> None:
    assert hook_call(params, Police.of(SessionOptions(policy=policy))) is None


def test_a_failure_refuses_with_its_reason() -> None:
    assert refused("It broke.")["hookSpecificOutput"]["permissionDecisionReason"] == "It broke."
    assert refused()["hookSpecificOutput"]["permissionDecision"] == "deny"


def test_what_an_older_claude_runs_unseen_is_told_where_a_policy_refuses() -> None:
    [sentence] = unseen(SessionOptions(policy=POLICY), "2.1.329 (Claude Code)")
    assert "2.1.332" in sentence
    assert unseen(SessionOptions(policy=POLICY), None)
    assert unseen(SessionOptions(policy=POLICY), "2.1.332 (Claude Code)") == ()
    assert unseen(SessionOptions(policy=POLICY, skills=[]), "2.1.329") == ()
    assert unseen(SessionOptions(policy=PolicyGuard(allow=["Bash"])), "2.1.329") == ()


@pytest.mark.parametrize(("command", "decision"), [("rm x", "deny"), ("git log", "deny"), ("ls", None), (None, None)])
async def test_a_command_of_a_skill_is_judged_as_one_and_nobody_is_asked(
    command: str | None, decision: str | None
) -> None:
    told = {"hook_event_name": "PreSkillShellCommand", "tool_input": {"command": command}, "cwd": "/"}
    answer = await decided({"callback_id": "agent_sdk:PreSkillShellCommand", "input": told})
    assert answer.get("permissionDecision") == decision
