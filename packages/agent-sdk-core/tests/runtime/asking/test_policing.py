"""The policy of a session on the way of a request: what it decides, what it leaves, what it looks at again."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent_sdk_core.asking.permissions import Allow, Deny, PermissionRequest
from agent_sdk_core.asking.questions import Answers, Question, QuestionRequest
from agent_sdk_core.options import SessionOptions
from agent_sdk_core.policy.guard import PolicyGuard
from agent_sdk_core.runtime.asking.policing import Police

pytestmark = pytest.mark.anyio

POLICE = Police.of(SessionOptions(policy=PolicyGuard(deny=["Bash(rm *)"], allow=["Bash(ls *)"])))
QUESTION = QuestionRequest((Question("1", "Which?"),))


def request(command: str) -> PermissionRequest:
    return PermissionRequest("Bash", {"command": command})


async def test_without_a_policy_there_is_no_police() -> None:
    assert Police.of(SessionOptions()) is None


async def test_it_decides_or_leaves_the_decision() -> None:
    assert POLICE is not None
    assert await POLICE.decide(request("ls")) == Allow()
    assert await POLICE.decide(request("rm x")) == Deny("The policy refuses it: Bash(rm *) covers 'rm x'.")
    assert await POLICE.decide(request("make")) is None
    assert await POLICE.decide(QUESTION) is None


async def test_a_changed_input_is_judged_again() -> None:
    assert POLICE is not None
    changed = Allow(updated_input={"command": "rm x"})
    assert isinstance(await POLICE.review(request("ls"), changed), Deny)
    for answer in (Allow(), Allow(updated_input={"command": "make"}), Deny(), None):
        assert await POLICE.review(request("ls"), answer) is answer
    assert await POLICE.review(QUESTION, Answers({})) == Answers({})


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
        assert await police.decide(elsewhere) is None
        assert await police.decide(within) == Allow()


async def test_a_resumed_session_without_a_folder_has_no_path_allowed_that_counts_from_one() -> None:
    policy = PolicyGuard(allow=["Edit(**)", "Edit(/a/**)", "Bash(ls *)"], deny=["Read(.env)"])
    police = Police.of(SessionOptions(resume="s", policy=policy))
    assert police is not None
    assert await police.decide(PermissionRequest("Write", {"file_path": "x"}, cwd="/r")) is None
    assert await police.decide(PermissionRequest("Write", {"file_path": "/a/x"}, cwd="/r")) == Allow()
    assert await police.decide(PermissionRequest("Bash", {"command": "ls"}, cwd="/r")) == Allow()
    assert isinstance(await police.decide(PermissionRequest("Read", {"file_path": ".env"}, cwd="/r")), Deny)
