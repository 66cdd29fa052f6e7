"""Git of a chat's folder: its files as they stood before and after a turn, a turn undone, and a worktree of its own.

Nothing is committed, and neither index nor branch of the folder are touched: a state is a tree that nobody names, made
with an index beside the folder's own. Hooks of the repository never run.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from agent_sdk_core.errors import AgentError, InvalidRequestError
from agent_sdk_core.wire.forms import WireForm

SECONDS: Final = 20.0
"""What one call of git may take."""

Change = Literal["added", "changed", "deleted", "touched"]
"""What a turn did to a file; "touched": one of them, which the agent alone knows."""

_CHANGES: Final[dict[str, Change]] = {"A": "added", "M": "changed", "T": "changed", "D": "deleted"}
_KEPT: Final = frozenset({"GIT_CEILING_DIRECTORIES", "GIT_DISCOVERY_ACROSS_FILESYSTEM"})
"""Variables of git that say where a repository is looked for; others would say which one it is."""

_QUIET: Final = ("-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false", "-c", "core.quotePath=false")


@dataclass(frozen=True, slots=True, repr=False)
class UndoneFile(WireForm):
    """A file that undoing a turn touches.

    Attributes:
        path: It, from the root of the work tree.
        change: What the turn did to it: undoing does the opposite.
        conflict: Whether it was changed again since; then nothing is undone.
    """

    path: str
    change: Change
    conflict: bool = False


@dataclass(frozen=True, slots=True)
class TurnFiles:
    """The files of a work tree around a turn.

    Attributes:
        root: The root of the work tree.
        before: The tree before the turn.
        after: The tree after it.
    """

    root: Path
    before: str
    after: str


def root_of(folder: Path) -> Path | None:
    """Return the root of the git work tree that a folder lies in; None where there is none, or no git."""
    try:
        told = _git(folder, "rev-parse", "--show-toplevel").strip()
    except AgentError:
        return None
    return Path(told) if told else None


def snapshot(root: Path) -> str:
    """Return the tree of a work tree as it stands, without what git ignores.

    Raises:
        AgentError: Git could not.
    """
    with tempfile.TemporaryDirectory(prefix="agent-sdk-index-") as folder:
        index = Path(folder) / "index"
        own = root / _git(root, "rev-parse", "--git-path", "index").strip()
        if own.is_file():
            # With its time, by which git knows of which files their own time says nothing: those of the same second.
            shutil.copy2(own, index)
        _git(root, "add", "--all", index=index)
        return _git(root, "write-tree", index=index).strip()


def plan_undo(turn: TurnFiles) -> list[UndoneFile]:
    """Return what undoing a turn would touch, and what of it was changed again since; raises what `snapshot` raises."""
    now = snapshot(turn.root)
    touched = _changes(turn.root, turn.before, turn.after)
    since = {path for path, _ in _changes(turn.root, turn.after, now)}
    return [UndoneFile(path, change, path in since) for path, change in touched]


def undo(turn: TurnFiles) -> list[UndoneFile]:
    """Put the files of a turn back to how they were before it, and return them.

    Raises:
        InvalidRequestError: Something of it was changed again since; then nothing is undone.
        AgentError: Git could not.
    """
    files = plan_undo(turn)
    if conflicts := [file.path for file in files if file.conflict]:
        raise InvalidRequestError(
            f"Changed again since this turn: {', '.join(conflicts[:5])}. Nothing was undone.", code="undo_conflict"
        )
    back = [file.path for file in files if file.change != "added"]
    with tempfile.TemporaryDirectory(prefix="agent-sdk-index-") as folder:
        index = Path(folder) / "index"
        _git(turn.root, "read-tree", turn.before, index=index)
        if back:
            paths = "\0".join(back) + "\0"
            _git(turn.root, "checkout-index", "--force", "-z", "--stdin", index=index, given=paths)
    for file in files:
        if file.change == "added":
            path = turn.root / file.path
            path.unlink(missing_ok=True)
            for parent in path.parents:
                if parent == turn.root or not parent.is_dir() or any(parent.iterdir()):
                    break
                parent.rmdir()
    return files


def add_worktree(folder: Path, name: str) -> Path:
    """Make a worktree of a folder's repository, on a branch of its own, and return the same folder in it.

    Args:
        folder: The folder.
        name: Names branch and worktree.

    Raises:
        InvalidRequestError: The folder is in no git repository, or the repository has no commit.
    """
    root = root_of(folder)
    if root is None:
        raise InvalidRequestError(f"{folder} is in no git repository, so it can have no worktree.")
    label = re.sub(r"[^A-Za-z0-9-]", "", name)[:12]
    place = root.parent / f"{root.name}.worktrees" / label
    try:
        _git(root, "worktree", "add", "--quiet", "-b", f"agent-sdk/{label}", str(place))
    except AgentError as error:
        raise InvalidRequestError(f"No worktree could be made: {error.message}") from None
    return place / folder.resolve().relative_to(root.resolve())


def remove_worktree(folder: Path) -> bool:
    """Remove a worktree of `add_worktree`, unless it holds what is not committed, and return whether it is gone."""
    root = root_of(folder)
    if root is None or not root.parent.name.endswith(".worktrees") or not (root / ".git").is_file():
        return False
    try:
        common = Path(_git(root, "rev-parse", "--path-format=absolute", "--git-common-dir").strip())
        _git(common, "worktree", "remove", str(root))
    except AgentError:
        return False
    return True


def branch_of(folder: Path) -> str | None:
    """Return the branch of a work tree; None where there is none."""
    try:
        return _git(folder, "symbolic-ref", "--short", "--quiet", "HEAD").strip() or None
    except AgentError:
        return None


def _changes(root: Path, old: str, new: str) -> list[tuple[str, Change]]:
    told = _git(root, "diff-tree", "-r", "-z", "--no-renames", "--name-status", old, new).split("\0")
    return [(path, _CHANGES.get(status[:1], "changed")) for status, path in zip(told[::2], told[1::2], strict=False)]


def _git(folder: Path, *arguments: str, index: Path | None = None, given: str = "") -> str:
    environment = {name: value for name, value in os.environ.items() if name in _KEPT or not name.startswith("GIT_")}
    environment |= {"GIT_TERMINAL_PROMPT": "0", "GIT_OPTIONAL_LOCKS": "0"}
    if index is not None:
        environment["GIT_INDEX_FILE"] = str(index)
    command: Sequence[str] = ("git", *_QUIET, *arguments)
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            env=environment,
            input=given,
            capture_output=True,
            encoding="utf-8",
            errors="surrogateescape",
            timeout=SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise AgentError(f"Git cannot be used here: {error}.", code="git_failed") from None
    if done.returncode != 0:
        said = (done.stderr or done.stdout).strip().splitlines()
        raise AgentError(f"Git: {said[-1] if said else arguments[0]}", code="git_failed")
    return done.stdout
