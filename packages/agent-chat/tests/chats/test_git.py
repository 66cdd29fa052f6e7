"""Turns undone and worktrees, in real repositories."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from agent_chat.chats import agent_files, git
from agent_chat.chats.turn_files import TurnHistory
from agent_sdk_core import AgentError, InvalidRequestError

pytestmark = pytest.mark.anyio


def run(folder: Path, *arguments: str) -> str:
    identity = ("-c", "user.name=n", "-c", "user.email=e@e", "-c", "commit.gpgsign=false")
    command = ("git", *identity, *arguments)
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "repo"
    (folder / "sub").mkdir(parents=True)
    run(folder, "init", "-q")
    for name in ("kept", "changed", "gone", "sub/ä b"):
        (folder / name).write_text("old\n")
    (folder / ".gitignore").write_text("ignored\n")
    run(folder, "add", "-A")
    run(folder, "commit", "-qm", "first")
    return folder


def test_a_change_in_the_second_of_the_index_is_seen_later_too(repository: Path) -> None:
    run(repository, "config", "core.trustctime", "false")
    index, changed, then = repository / ".git/index", repository / "changed", (1_700_000_000, 1_700_000_000)
    os.utime(changed, then)
    run(repository, "update-index", "--refresh")
    changed.write_text("new\n")  # As long as before.
    for path in (changed, index):
        os.utime(path, then)
    tree = git.snapshot(repository)
    assert run(repository, "show", f"{tree}:changed") == "new\n"


def act(folder: Path) -> None:
    """Do what a turn does."""
    (folder / "changed").write_text("new\n")
    (folder / "gone").unlink()
    (folder / "made/deep").mkdir(parents=True)
    (folder / "made/deep/file").write_text("new\n")
    (folder / "sub/ä b").write_text("new\n")
    (folder / "ignored").write_text("new\n")


def state(folder: Path) -> dict[str, str]:
    paths = [path for path in folder.rglob("*") if path.is_file() and ".git/" not in f"{path}"]
    return {str(path.relative_to(folder)): path.read_text() for path in paths}


async def test_a_turn_is_undone_file_by_file_and_nothing_else(repository: Path) -> None:
    (repository / "mine").write_text("not committed\n")
    run(repository, "add", "mine")
    staged = run(repository, "status", "--porcelain")
    before = state(repository)
    turns = TurnHistory(repository / "sub")
    await turns.begin()
    act(repository)
    (repository / "mine").write_text("mine still\n")
    await turns.end(["p"])
    assert turns.last == "p"
    planned = {(file.path, file.change, file.conflict) for file in await turns.plan("p")}
    assert planned == {
        ("changed", "changed", False),
        ("gone", "deleted", False),
        ("made/deep/file", "added", False),
        ("mine", "changed", False),
        ("sub/ä b", "changed", False),
    }
    await turns.undo("p")
    assert state(repository) == {**before, "ignored": "new\n"}
    assert not (repository / "made").exists()
    assert run(repository, "status", "--porcelain") == staged
    with pytest.raises(InvalidRequestError, match="cannot be undone"):
        await turns.plan("p")


async def test_what_was_changed_again_is_not_undone(repository: Path) -> None:
    turns = TurnHistory(repository)
    await turns.begin()
    act(repository)
    await turns.end(["p"])
    (repository / "changed").write_text("newer\n")
    now = state(repository)
    assert [file.path for file in await turns.plan("p") if file.conflict] == ["changed"]
    with pytest.raises(InvalidRequestError, match="changed"):
        await turns.undo("p")
    assert state(repository) == now


async def test_turns_after_each_other_are_undone_one_by_one(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agent_chat.chats.turn_files.TURNS", 2)
    turns = TurnHistory(repository)
    await turns.begin()
    for number in range(4):
        (repository / "changed").write_text(f"{number}\n")
        await turns.end([f"p{number}"])
    await turns.end(["nothing"])
    for number in range(3, 1, -1):
        await turns.undo(f"p{number}")
        assert (repository / "changed").read_text() == f"{number - 1}\n"
    with pytest.raises(InvalidRequestError):
        await turns.undo("p0")


async def test_a_folder_without_git_has_nothing_to_undo(tmp_path: Path) -> None:
    turns = TurnHistory(tmp_path)
    await turns.begin()
    (tmp_path / "made").write_text("x")
    await turns.end(["p"])
    assert turns.last is None
    assert git.root_of(tmp_path) is None
    assert git.branch_of(tmp_path) is None
    with pytest.raises(AgentError):
        git.snapshot(tmp_path)


class Rewinding:
    """A session whose agent keeps files, as long as it says so."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.told: dict[str, Any] | AgentError = {"canRewind": True, "filesChanged": [str(file)]}

    async def rewind_files(self, user_message_uuid: str, *, dry_run: bool = False) -> dict[str, Any]:
        assert user_message_uuid == "p"
        if isinstance(self.told, AgentError):
            raise self.told
        if not dry_run and self.told["canRewind"]:
            self.file.write_text("before")
        return self.told


async def test_outside_of_git_the_agent_undoes_what_it_has_edited(tmp_path: Path) -> None:
    file = tmp_path / "sub" / "edited"
    file.parent.mkdir()
    file.write_text("after")
    session = Rewinding(file)
    turns = TurnHistory(tmp_path, lambda: session)
    await turns.begin()
    await turns.end(["p"])
    assert turns.last == "p"
    assert await turns.plan("p") == [git.UndoneFile("sub/edited", "touched")]
    file.write_text("by hand")
    assert await turns.plan("p") == [git.UndoneFile("sub/edited", "touched", conflict=True)]
    with pytest.raises(InvalidRequestError, match="changed again"):
        await turns.undo("p")
    file.write_text("after")
    session.told = {"canRewind": False, "error": "No checkpoint."}
    with pytest.raises(InvalidRequestError, match="No checkpoint"):
        await turns.undo("p")
    session.told = {"canRewind": True}
    assert [each.path for each in await turns.undo("p")] == ["sub/edited"]
    assert file.read_text() == "before"
    assert turns.last is None


async def test_a_turn_of_which_the_agent_keeps_nothing_is_not_undone(tmp_path: Path) -> None:
    session = Rewinding(tmp_path / "none")
    turns = TurnHistory(tmp_path, lambda: session)
    nothing: dict[str, Any] = {"canRewind": True, "filesChanged": []}
    for told in (nothing, {"canRewind": False}, AgentError("It has gone.")):
        session.told = told
        await turns.begin()
        await turns.end(["p"])
        assert turns.last is None
    session.told = {"canRewind": True, "filesChanged": [str(tmp_path / "none")]}
    await turns.end(["p"])
    gone = agent_files.AgentFiles("p", {tmp_path / "none": None})
    with pytest.raises(InvalidRequestError, match="does not run"):
        await agent_files.undo(None, gone, tmp_path)


async def test_a_repository_that_breaks_lets_the_turn_go_on(repository: Path) -> None:
    turns = TurnHistory(repository)
    await turns.begin()
    (repository / ".git/index").write_bytes(b"broken")
    await turns.end(["p"])
    assert turns.last is None


def test_no_hook_of_the_repository_runs(repository: Path, tmp_path: Path) -> None:
    for name in ("post-checkout", "post-index-change", "fsmonitor-watchman"):
        hook = repository / ".git/hooks" / name
        hook.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
        hook.chmod(0o755)
    run(repository, "config", "core.fsmonitor", ".git/hooks/fsmonitor-watchman")
    git.snapshot(repository)
    git.add_worktree(repository, "abc")
    assert not (tmp_path / "ran").exists()


def test_a_worktree_stands_beside_and_goes_when_it_is_clean(repository: Path) -> None:
    made = git.add_worktree(repository / "sub", "0123456789abcdef/../x")
    assert made == repository.parent / "repo.worktrees" / "0123456789ab" / "sub"
    assert (made / "ä b").read_text() == "old\n"
    assert git.branch_of(made) == "agent-sdk/0123456789ab"
    (made / "work").write_text("not committed")
    assert not git.remove_worktree(made)
    assert not git.remove_worktree(repository)
    (made / "work").unlink()
    assert git.remove_worktree(made)
    assert not made.exists()
    with pytest.raises(InvalidRequestError, match="already exists"):
        git.add_worktree(repository, "0123456789abcdef")


def test_no_worktree_without_a_repository(tmp_path: Path) -> None:
    with pytest.raises(InvalidRequestError, match="no git repository"):
        git.add_worktree(tmp_path, "a")
