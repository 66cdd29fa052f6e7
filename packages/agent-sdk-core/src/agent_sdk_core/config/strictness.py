"""What a workspace file may say: it comes with a stranger's repository, so it may choose, and tighten, and no more."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from agent_sdk_core.asking.permissions import PermissionMode
from agent_sdk_core.config.flags import FLAGS
from agent_sdk_core.options import SandboxPolicy

Key = tuple[str, ...]
"""The names that lead to a setting, such as ("backends", "codex", "model")."""

MODE_RANKS: Final[Mapping[PermissionMode, int]] = {
    "plan": 0,
    "dont_ask": 0,
    "default": 1,
    "accept_edits": 2,
    "auto": 3,
    "bypass": 4,
}
"""How much each mode lets the agent do without a person's yes. Of two equal ones neither is the stricter."""

SANDBOX_RANKS: Final[Mapping[str, int]] = {"read-only": 0, "workspace-write": 1, "danger-full-access": 2}

_UNCONFIGURED_MODE: Final[PermissionMode] = "default"
"""What an absent mode counts as: the agent's own configuration is unknown, and in this mode a person is asked first."""

_CHOICES: Final = frozenset({("backend",), ("model",), ("reasoning_effort",)})
_BACKEND_CHOICES: Final = frozenset({"model", "reasoning_effort"})


def objection(key: Key, value: object, below: Mapping[Key, object], *, trusted: bool) -> str | None:
    """Return why a workspace file may not say this, None if it may.

    Args:
        key: The setting.
        value: Its checked value.
        below: The checked values of the lower layers.
        trusted: Whether the user's own file trusts the folder.
    """
    match key:
        case ("flags", name) if not trusted and FLAGS[name].stricter == value:
            return None
        case ("trusted_folders",):
            return "only your own file says which folders are trusted"
        case ("tools",):
            return "only your own file names tools to be loaded"
        case ("retention", _):
            return "only your own file says which of your chats are removed"
        case ("policy", "allow"):
            return "a repository may refuse more, and allow nothing"
        case ("policy", "scope"):
            return "only your own file says what binds you"
        case ("policy", *_):
            return None  # Refusals add up, and of limits the tightest counts.
        case _ if trusted or key in _CHOICES:
            return None
        case ("backends", _, name) if name in _BACKEND_CHOICES:
            return None
        case ("permission_mode",):
            return _looser_mode(value, below.get(key))
        case ("sandbox",):
            return _looser_sandbox(value, below.get(key))
        case _:
            return "it comes with the repository, which you have not trusted"


def is_trusted(root: Path, trusted_folders: Iterable[Path]) -> bool:
    """Whether a folder is one of the trusted ones. What lies in or above a trusted folder is another one.

    Args:
        root: The folder, with its symbolic links resolved.
        trusted_folders: The user's list.
    """
    return any(_is_same(root, folder) for folder in trusted_folders)


def _is_same(root: Path, folder: Path) -> bool:
    try:
        return os.path.samefile(root, folder)  # noqa: PTH121  # resolves links, and asks the file system
    except (OSError, ValueError):
        return False


def _looser_mode(value: object, below: object) -> str | None:
    reference = _UNCONFIGURED_MODE if below is None else below
    if value == reference or _mode_rank(value) < _mode_rank(reference):
        return None
    yours = "what applies without it" if below is None else "yours"
    return f"{value!r} is not stricter than {yours}, {reference!r}"


def _mode_rank(mode: object) -> int:
    return next(rank for name, rank in MODE_RANKS.items() if name == mode)


def _looser_sandbox(value: object, below: object) -> str | None:
    assert isinstance(value, SandboxPolicy)
    if not isinstance(below, SandboxPolicy):
        # Whatever the agent would use otherwise, reading alone is not more.
        below = SandboxPolicy(mode="read-only", network=None)
        yours = "what may apply without it"
    else:
        yours = "yours"
    if SANDBOX_RANKS[value.mode] > SANDBOX_RANKS[below.mode]:
        return f"{value.mode!r} is looser than {yours}, {below.mode!r}"
    if value.network is not False and value.network != below.network and below.network is not True:
        return f"its network is looser than {yours}; say network = false"
    if added := {str(root) for root in value.writable_roots} - {str(root) for root in below.writable_roots}:
        return f"{', '.join(sorted(added))} is not writable in {yours}"
    return None
