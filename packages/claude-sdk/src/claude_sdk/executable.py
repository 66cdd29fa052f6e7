"""Where the claude executable is, and which versions of it this package works with."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from agent_sdk_core.errors import ExecutableNotFoundError, UnsupportedVersionError

PATH_VARIABLE: Final = "AGENT_SDK_CLAUDE_PATH"
MINIMUM_VERSION: Final = (2, 1, 306)
"""Oldest version that whole sessions have run on; some twenty before it, claude did not tell its version yet."""

UNTOLD_VERSION: Final = (2, 0, 0)
"""What a claude counts as that greets without a version, as those up to 2.1.283 do."""

OLDEST_TESTED_VERSION: Final = (2, 1, 329)
TESTED_VERSION: Final = (2, 1, 329)
"""Oldest and newest version that the test suite runs with; one outside this range works as far as the protocol does."""

_VERSION: Final = re.compile(r"(\d+)\.(\d+)\.(\d+)")
_INSTALL: Final = 'Install it with `pip install "claude-sdk[cli]"`, or point AGENT_SDK_CLAUDE_PATH at an installed one.'


def find_executable(explicit: str | os.PathLike[str] | None, env: Mapping[str, str]) -> Path:
    """Return the claude executable: the explicit one, the environment's, the bundled one, or an installed one.

    Installed ones are looked for on `PATH`, then in ``~/.local/bin``, where Claude's own installer puts it. The path is
    absolute, for each process starts in the folder of its session.

    Args:
        explicit: What the caller named.
        env: Environment that the agent will run in.

    Raises:
        ExecutableNotFoundError: None is there; the message says how to install it.
    """
    for named, origin in ((explicit, "executable="), (env.get(PATH_VARIABLE), PATH_VARIABLE)):
        if named:
            path = Path(named).expanduser().absolute()
            if not path.is_file():
                raise ExecutableNotFoundError(
                    f"There is no claude executable at {path} (from {origin}). {_INSTALL}", backend="claude"
                )
            return path
    if (bundled := _bundled()) is not None:
        return bundled
    if (found := shutil.which("claude", path=env.get("PATH"))) is not None:
        return Path(found).absolute()
    if (home := env.get("HOME")) and (installed := Path(home, ".local", "bin", "claude")).is_file():
        return installed
    raise ExecutableNotFoundError(f"The claude executable was not found. {_INSTALL}", backend="claude")


def _bundled() -> Path | None:
    """Return the executable that the package claude-agent-sdk carries, found without importing the package."""
    spec = find_spec("claude_agent_sdk")
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        path = Path(folder) / "_bundled" / "claude"
        if path.is_file():
            return path
    return None


def parse_version(text: str) -> tuple[int, int, int] | None:
    """Return the first version number in `text`, or None."""
    found = _VERSION.search(text)
    return (int(found[1]), int(found[2]), int(found[3])) if found else None


def tested_range() -> str:
    """Return the versions that the test suite runs with, in words."""
    oldest, newest = _dotted(OLDEST_TESTED_VERSION), _dotted(TESTED_VERSION)
    return newest if newest == oldest else f"{oldest} to {newest}"


def check_version(version: tuple[int, int, int], executable: Path) -> str | None:
    """Check a version against the range that works.

    Returns:
        A warning when it is outside of what was tested, else None.

    Raises:
        UnsupportedVersionError: It is too old; the message names the range.
    """
    shown, tested = _dotted(version), tested_range()
    if version < MINIMUM_VERSION:
        least = _dotted(MINIMUM_VERSION)
        found = "an old claude that does not tell its version" if version == UNTOLD_VERSION else f"claude {shown}"
        raise UnsupportedVersionError(
            f"{executable} is {found}, and this SDK needs {least} or newer; it is tested with {tested}. {_INSTALL}",
            backend="claude",
            details={"version": shown, "minimum": least, "tested": tested},
        )
    if OLDEST_TESTED_VERSION <= version <= TESTED_VERSION:  # The last number counts claude's releases.
        return None
    age = "older" if version < OLDEST_TESTED_VERSION else "newer"
    return f"claude {shown} is {age} than what this SDK was tested with, {tested}: what it lacks does not work."


def _dotted(version: tuple[int, int, int]) -> str:
    return ".".join(map(str, version))
