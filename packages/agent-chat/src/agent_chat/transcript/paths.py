"""Paths as people write them: relative to the folder at hand, else with "~" for home."""

from __future__ import annotations

import os


def short_path(path: str, cwd: str = "") -> str:
    """Return the path relative to `cwd` where it lies below it, else with the user's home as "~"."""
    if cwd and path.startswith(f"{cwd.rstrip('/')}/"):
        return path[len(cwd.rstrip("/")) + 1 :]
    home = os.path.expanduser("~")  # never raises, unlike Path.home()
    return f"~{path[len(home) :]}" if home != "/" and (path == home or path.startswith(f"{home}/")) else path
