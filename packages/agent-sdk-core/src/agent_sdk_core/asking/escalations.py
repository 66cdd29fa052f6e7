"""What an allowed path lifts: nothing inside of the folders that a session works in."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path


def absolute_folders(folders: Iterable[str | os.PathLike[str]]) -> tuple[str, ...]:
    """Return folders that an application names as absolute paths; links are not followed."""
    return tuple(os.path.normpath(Path(folder).expanduser().absolute()) for folder in folders)


def is_within(path: str, cwd: str | None, add_dirs: Iterable[str] = ()) -> bool:
    """Tell whether a path that a tool names lies in the session's folders; links are not followed.

    Args:
        path: As the agent writes it; a relative one counts from `cwd`. One that begins with "~" is another's to
            resolve, so it counts as outside.
        cwd: The folder that the session works in; None: unknown, and nothing is within.
        add_dirs: Further folders that it works in, as absolute paths.
    """
    if cwd is None or path.startswith("~"):
        return False
    absolute = os.path.normpath(os.path.join(cwd, path))  # Path.resolve would follow links
    folders = (os.path.normpath(folder) for folder in (cwd, *add_dirs))
    return any(absolute == folder or absolute.startswith(folder.rstrip("/") + "/") for folder in folders)
