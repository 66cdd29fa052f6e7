"""Where the codex executable is, and which versions of it this package works with."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from agent_sdk_core.errors import ExecutableNotFoundError, UnsupportedVersionError

PATH_VARIABLE: Final = "AGENT_SDK_CODEX_PATH"
MINIMUM_VERSION: Final = (0, 133, 0)
"""Oldest version that sessions with approvals and patches have run on; its protocol lacks some of what is used here."""

OLDEST_TESTED_VERSION: Final = (0, 162, 1)
TESTED_VERSION: Final = (0, 163, 0)
"""Oldest and newest version that the test suite runs with; one outside this range works as far as the protocol does.

0.155.1 fails one behaviour of the suite, but one to rely on: tools inherit everything, whatever `inherit_env` says.
"""

_VERSION: Final = re.compile(r"(\d+)\.(\d+)\.(\d+)")
_INSTALL: Final = 'Install it with `pip install "codex-sdk[cli]"`, or point AGENT_SDK_CODEX_PATH at an installed one.'
_ADVICE: Final = "what its protocol lacks does not work. CodexBackend.check_protocol() says what that is."


def find_executable(explicit: str | os.PathLike[str] | None, env: Mapping[str, str]) -> Path:
    """Return the codex executable: the explicit one, the environment's, the bundled one, or the one on `PATH`.

    Args:
        explicit: What the caller named.
        env: Environment that the agent will run in.

    Raises:
        ExecutableNotFoundError: None is there; the message says how to install it.
    """
    for named, origin in ((explicit, "executable="), (env.get(PATH_VARIABLE), PATH_VARIABLE)):
        if named:
            path = Path(named).expanduser()
            if not path.is_file():
                raise ExecutableNotFoundError(
                    f"There is no codex executable at {path} (from {origin}). {_INSTALL}", backend="codex"
                )
            return path
    if (bundled := _bundled()) is not None:
        return bundled
    if (found := shutil.which("codex", path=env.get("PATH"))) is not None:
        return Path(found)
    raise ExecutableNotFoundError(f"The codex executable was not found. {_INSTALL}", backend="codex")


def _bundled() -> Path | None:
    """Return the executable of the package openai-codex-cli-bin, found without importing it."""
    spec = find_spec("codex_cli_bin")
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        path = Path(folder) / "bin" / "codex"
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
        raise UnsupportedVersionError(
            f"{executable} is codex {shown}, and this SDK needs {least} or newer; it is tested with {tested}. "
            f"{_INSTALL}",
            backend="codex",
            details={"version": shown, "minimum": least, "tested": tested},
        )
    if version[:2] > TESTED_VERSION[:2]:
        return f"codex {shown} is newer than what this SDK was tested with, {tested}: {_ADVICE}"
    if version < OLDEST_TESTED_VERSION:
        return f"codex {shown} is older than what this SDK was tested with, {tested}: {_ADVICE}"
    return None


def _dotted(version: tuple[int, int, int]) -> str:
    return ".".join(map(str, version))
