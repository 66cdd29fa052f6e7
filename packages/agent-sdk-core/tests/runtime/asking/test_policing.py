"""The policy of a session on the way of a request: what it decides, what it leaves, what it looks at again."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from agent_sdk_core.asking.permissions import Allow, Deny, PermissionRequest
from agent_sdk_core.asking.questions import Answers, Question, QuestionRequest
from agent_sdk_core.hooks.events import PreToolUseEvent
from agent_sdk_core.messages.result import ResultMessage
from agent_sdk_core.options import SessionOptions
from agent_sdk_core.policy.guard import PolicyDecision, PolicyGuard
from agent_sdk_core.runtime.asking.hooking import check_tool
from agent_sdk_core.runtime.asking.policing import Police, Ruling, denial
from agent_sdk_core.tools.tool import tool

pytestmark = pytest.mark.anyio

POLICE = Police.of(SessionOptions(policy=PolicyGuard(deny=["Bash(rm *)"], allow=["Bash(ls *)"])))
QUESTION = QuestionRequest((Question("1", "Which?"),))


def request(command: str) -> PermissionRequest:
    return PermissionRequest("Bash", {"command": command})


async def test_without_a_policy_there_is_no_police() -> None:
    assert Police.of(SessionOptions()) is None


async def test_it_decides_or_leaves_the_decision() -> None:
    assert POLICE is not None
    assert await POLICE.decide(request("ls")) == Ruling(Allow(), "Bash(ls *)")
    assert await POLICE.decide(request("rm x")) == Ruling(
        Deny("The policy refuses it: Bash(rm *) covers 'rm x'."),
        "Bash(rm *)",
    )
    assert await POLICE.decide(request("make")) == Ruling(None)
    assert await POLICE.decide(QUESTION) == Ruling(None)


async def test_an_allow_is_no_answer_about_a_tool_that_is_always_asked_about() -> None:
    @tool(ask="always")
    async def pay() -> None:
        """Pay."""

    police = Police.of(SessionOptions(policy=PolicyGuard(allow=["mcp__tools__*"]), tools=[pay]))
    assert police is not None
    assert await police.decide(PermissionRequest("mcp__tools__pay")) == Ruling(None)
    assert (await police.decide(PermissionRequest("mcp__tools__look"))).answer == Allow()


async def test_a_changed_input_is_judged_again() -> None:
    assert POLICE is not None
    changed = Allow(updated_input={"command": "rm x"})
    ruling = await POLICE.review(request("ls"), changed)
    assert isinstance(ruling.answer, Deny)
    assert (ruling.rule, ruling.by) == ("Bash(rm *)", "policy")
    for answer in (Allow(), Allow(updated_input={"command": "make"}), Deny()):
        assert await POLICE.review(request("ls"), answer) == Ruling(None)
    assert await POLICE.review(QUESTION, Answers({})) == Ruling(None)


class Broken(PolicyGuard):
    """Raises, or returns, what no policy does."""

    def __init__(self, outcome: object) -> None:
        super().__init__(deny=["Bash(rm *)"])
        self.outcome = outcome

    def judge(self, *args: Any, **kwargs: Any) -> Any:
        if isinstance(self.outcome, BaseException):
            raise self.outcome
        return self.outcome


class Unspeakable(Exception):
    def __str__(self) -> str:
        raise SystemExit(3)


@pytest.mark.parametrize(
    "outcome",
    [
        ZeroDivisionError("oops"),
        SystemExit("oops"),
        KeyboardInterrupt(),
        GeneratorExit(),
        StopIteration(),
        RecursionError("oops"),
        Unspeakable(),
        None,
        True,
        "allow",
        PolicyDecision("yes", None, "oops"),  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  # no verdict: what is refused
    ],
    ids=lambda outcome: type(outcome).__name__,
)
async def test_a_policy_that_breaks_denies_whoever_asks_it(outcome: object, caplog: pytest.LogCaptureFixture) -> None:
    police = Police.of(SessionOptions(policy=Broken(outcome)))
    assert police is not None
    decision = await police.judge("Bash", {"command": "ls"}, None, tool_use_id="use")
    assert (decision.verdict, decision.rule) == ("deny", None)
    assert "it failed, and lets nothing pass" in decision.why
    for ruling in (
        await police.decide(request("ls")),
        await police.review(request("ls"), Allow(updated_input={"command": "make"})),
    ):
        assert isinstance(ruling.answer, Deny)
        assert ruling.answer.message.startswith("The policy refuses it: it failed")
    event = PreToolUseEvent("Bash", {"command": "ls"}, "use", session_id="s", cwd=None)
    assert (await check_tool(event, police, None)).block == denial(decision).message
    assert "the policy failed, which counts as a denial" in caplog.text


async def test_relative_rules_count_from_the_workspace_wherever_a_call_would_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "repo").mkdir()
    monkeypatch.chdir(tmp_path / "repo")
    elsewhere = PermissionRequest("Write", {"file_path": "x"}, cwd=str(tmp_path))
    within = PermissionRequest("Write", {"file_path": str(tmp_path / "repo" / "x")}, cwd=str(tmp_path))
    for cwd in (None, tmp_path / "repo"):
        police = Police.of(SessionOptions(cwd=cwd, policy=PolicyGuard(allow=["Edit(**)"])))
        assert police is not None
        assert (await police.decide(elsewhere)).answer is None
        assert (await police.decide(within)).answer == Allow()


async def test_a_resumed_session_without_a_folder_has_no_path_allowed_that_counts_from_one() -> None:
    policy = PolicyGuard(allow=["Edit(**)", "Edit(/a/**)", "Bash(ls *)"], deny=["Read(.env)"])
    police = Police.of(SessionOptions(resume="s", policy=policy))
    assert police is not None
    assert (await police.decide(PermissionRequest("Write", {"file_path": "x"}, cwd="/r"))).answer is None
    assert (await police.decide(PermissionRequest("Write", {"file_path": "/a/x"}, cwd="/r"))).answer == Allow()
    assert (await police.decide(PermissionRequest("Bash", {"command": "ls"}, cwd="/r"))).answer == Allow()
    assert isinstance((await police.decide(PermissionRequest("Read", {"file_path": ".env"}, cwd="/r"))).answer, Deny)


async def test_a_refusal_is_told_with_the_rule_and_where_it_stands(caplog: pytest.LogCaptureFixture) -> None:
    guard = PolicyGuard(deny=["Bash(rm *)"], source="/r/.agent-sdk.toml:2")
    police = Police.of(SessionOptions(policy=guard))
    assert police is not None
    with caplog.at_level(logging.INFO):
        await police.decide(replace(request("rm x"), tool_use_id="one"))
        await police.judge("Bash", {"command": "rm y"}, None, tool_use_id="two")
        await police.judge("Bash", {"command": "ls"}, None, tool_use_id="three")
    assert "deny of Bash by Bash(rm *) (/r/.agent-sdk.toml:2): " in caplog.text
    denials: list[dict[str, object]] = [{"tool_use_id": use_id} for use_id in ("one", "two", "three")]
    result = ResultMessage(subtype="success", permission_denials=denials)
    named = police.named(result)
    assert [denial.get("rule") for denial in named.permission_denials] == ["Bash(rm *)", "Bash(rm *)", None]
    other = ResultMessage(subtype="success", permission_denials=[{"tool_use_id": "three"}])
    assert police.named(other) is other


async def test_an_allow_is_no_answer_where_the_agent_wants_a_person_and_a_refusal_is_one() -> None:
    assert POLICE is not None
    assert await POLICE.decide(replace(request("ls"), requires_person=True)) == Ruling(None)
    assert isinstance((await POLICE.decide(replace(request("rm x"), requires_person=True))).answer, Deny)
