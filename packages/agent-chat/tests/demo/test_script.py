from __future__ import annotations

from pathlib import Path

import pytest

from agent_chat.demo.script import Proof, Step, step_of, write_project
from agent_sdk_core.asking.permissions import PermissionRequest

SCRIPTED: dict[Step, bool] = {"check": True, "edit": True, "publish": False}


def test_a_fresh_project_proves_nothing(tmp_path: Path) -> None:
    write_project(tmp_path / "project")
    assert Proof.read(tmp_path / "project") == Proof(check=False, edit=False, publish=False)


def test_what_happened_is_seen_in_the_folder(tmp_path: Path) -> None:
    write_project(tmp_path / "project")
    folder = tmp_path / "project"
    (folder / "check.log").touch()
    (folder / "published.txt").touch()
    (folder / "greeting.txt").write_text("Hello, world!\nNice to see you.\n")
    proof = Proof.read(folder)
    assert proof == Proof(check=True, edit=True, publish=True)
    assert "public" in proof.report()


@pytest.mark.parametrize(
    ("proof", "answers", "problems"),
    [
        (Proof(True, True, False), SCRIPTED, []),
        (
            Proof(True, True, True),
            {"check": True, "edit": True, "publish": False},
            ["the step 'publish' happened although it was not allowed"],
        ),
        (
            Proof(True, False, False),
            {"check": True, "edit": True, "publish": False},
            ["the step 'edit' did not happen although it was allowed"],
        ),
        (
            Proof(True, True, False),
            {"check": True, "publish": False},
            ["the agent never asked about the step 'edit'", "the step 'edit' happened although it was not allowed"],
        ),
    ],
)
def test_what_contradicts_the_answers_is_named(proof: Proof, answers: dict[Step, bool], problems: list[str]) -> None:
    assert proof.contradictions(answers) == problems


@pytest.mark.parametrize(
    ("tool_name", "command", "step"),
    [
        ("Bash", "sh check.sh", "check"),
        ("Bash", "sh publish.sh", "publish"),
        ("Bash", "rm -rf /", None),
        ("Edit", "", "edit"),
    ],
)
def test_requests_are_told_apart(tool_name: str, command: str, step: Step | None) -> None:
    assert step_of(PermissionRequest(tool_name, {"command": command}, "r", "s")) == step
