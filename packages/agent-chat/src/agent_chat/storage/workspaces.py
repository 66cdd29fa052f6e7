"""Workspaces: the project that a folder belongs to."""

from __future__ import annotations

from pathlib import Path


def workspace_of(folder: Path) -> Path:
    """Return the root of the project that a resolved folder is in: the next one with `.git`, else itself."""
    return next((each for each in (folder, *folder.parents) if (each / ".git").exists()), folder)
