"""Trust in a chat's folder: whose settings its agent reads, for what comes with a project can run programs."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from agent_chat.transcript.paths import short_path
from agent_sdk_core.config.files import CONFIG_VARIABLE
from agent_sdk_core.config.trust import FolderTrust, folder_trust

if TYPE_CHECKING:
    from agent_sdk_core.options import SettingSource

_PROJECT: Final = (
    ".claude",
    ".mcp.json",
    ".codex",
    ".agents",
    "CLAUDE.md",
    "AGENTS.md",
    "AGENTS.override.md",
)
"""What agents read of a project: settings with their hooks, MCP servers, plug-ins, skills, and instructions."""

USER_ALONE: Final[tuple[SettingSource, ...]] = ("user",)
WITH_PROJECT: Final[tuple[SettingSource, ...]] = ("user", "project")


@dataclass(frozen=True, slots=True)
class ProjectTrust:
    """What a folder brings along, and whether the user trusts it.

    Attributes:
        trust: Which folder is trusted or not, and by which file.
        found: Names of what agents would read there; empty: nothing.
    """

    trust: FolderTrust
    found: tuple[str, ...]

    @property
    def sources(self) -> tuple[SettingSource, ...] | None:
        """Whose settings an agent reads there; None where the project has none of its own."""
        if not self.found:
            return None
        return WITH_PROJECT if self.trust.trusted else USER_ALONE

    @property
    def left_out(self) -> str | None:
        """Say what an agent does not read there; None where it reads all there is."""
        if not self.found or self.trust.trusted:
            return None
        root = short_path(str(self.trust.root))
        return f"{root} is not trusted: its {', '.join(self.found)} may be left out"


def project_trust(folder: str | os.PathLike[str], user_file: Path | None = None) -> ProjectTrust | None:
    """Return what a folder brings along, and whether the user trusts it; None when there is no such folder.

    Args:
        folder: The folder.
        user_file: The user's own file; absent: as the environment says.

    Raises:
        InvalidRequestError: The user's own file cannot be read.
    """
    trust = folder_trust(folder, os.environ if user_file is None else {CONFIG_VARIABLE: str(user_file)})
    return None if trust is None else ProjectTrust(trust, project_files(*_folders(trust.root, Path(folder))))


def _folders(root: Path, folder: Path) -> list[Path]:
    """Return the folders of which agents read what comes with a project: from its root down to where they work."""
    inner = Path(os.path.realpath(folder.expanduser()))
    return [root, *(each for each in (inner, *inner.parents) if each != root and each.is_relative_to(root))]


def project_files(*folders: Path) -> tuple[str, ...]:
    """Return the names of what agents read in these folders, each once."""
    return tuple(name for name in _PROJECT if any(os.path.lexists(folder / name) for folder in folders))
