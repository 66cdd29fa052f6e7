"""The executable of an agent: one search for it, and one judgement of its version, for every backend."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from agent_sdk_core.errors import ExecutableNotFoundError, SpawnError, UnsupportedVersionError
from agent_sdk_core.records import dataclass

Version = tuple[int, int, int]

_VERSION: Final = re.compile(r"(\d+)\.(\d+)\.(\d+)")


@dataclass(frozen=True, slots=True)
class ExecutableSearch:
    """Where the executable of an agent is looked for.

    Attributes:
        name: What it is called, and the name of its backend.
        variable: Environment variable that says where it is.
        bundled: A package that carries it, and where in it; the package is not imported.
        advice: A sentence on how to install it.
        installed: Where its own installer puts it, below the user's home; absent: on `PATH`.
    """

    name: str
    variable: str
    bundled: tuple[str, str]
    advice: str
    installed: str | None = None

    def find(self, explicit: str | os.PathLike[str] | None, env: Mapping[str, str]) -> Path:
        """Return the executable: the explicit one, the environment's, the bundled one, or an installed one.

        The path is absolute, for a process may start in another folder.

        Args:
            explicit: What the caller, or the configuration, named.
            env: Environment that the agent will run in.

        Raises:
            ExecutableNotFoundError: None is there; the message says how to install it.
            SpawnError: The one that was named may not be executed, or cannot be looked at.
        """
        try:
            for named, origin in ((explicit, "executable="), (env.get(self.variable), self.variable)):
                if named:
                    return self._named(Path(os.path.abspath(os.path.expanduser(named))), origin)  # no ~nobody raises
            if (bundled := self._bundled()) is not None:
                return bundled
            if (found := shutil.which(self.name, path=env.get("PATH"))) is not None:
                return Path(found).absolute()
            if self.installed and (home := env.get("HOME")) and (path := Path(home, self.installed)).is_file():
                return path.absolute()
        except OSError as error:
            what = f"The {self.name} executable cannot be looked for: {error.strerror or error}"
            raise SpawnError(f"{what}{f' ({error.filename})' if error.filename else ''}.", backend=self.name) from error
        raise ExecutableNotFoundError(f"The {self.name} executable was not found. {self.advice}", backend=self.name)

    def _named(self, path: Path, origin: str) -> Path:
        if path.is_file():
            if os.access(path, os.X_OK):
                return path
            raise SpawnError(
                f"{path} (from {origin}) may not be executed; make it executable (chmod +x).", backend=self.name
            )
        problem = "there is nothing"
        if path.is_dir():
            problem = "it is a folder; name the file in it"
        elif path.is_symlink():
            problem = f"it is a link to {path.readlink()}, which is not there"
        raise ExecutableNotFoundError(
            f"There is no {self.name} executable at {path} (from {origin}): {problem}. {self.advice}",
            backend=self.name,
        )

    def _bundled(self) -> Path | None:
        module, inside = self.bundled
        spec = find_spec(module)
        folders = (spec.submodule_search_locations or ()) if spec else ()
        return next((path for folder in folders if (path := Path(folder, inside).absolute()).is_file()), None)


@dataclass(frozen=True, slots=True)
class VersionRange:
    """The versions of an agent that work with this SDK, and the very ones that it is tested with.

    Attributes:
        search: Where the agent is looked for.
        minimum: Oldest version that works.
        tested: The versions that are tested, oldest first.
        advice: What to expect of one that is not tested, as the end of a sentence.
        untold: What a version counts as that does not tell itself; one of them is too old.
    """

    search: ExecutableSearch
    minimum: Version
    tested: tuple[Version, ...]
    advice: str
    untold: Version | None = None

    def in_words(self) -> str:
        """Return the versions that the test suite has run with, in words."""
        *others, last = map(dotted, self.tested)
        return f"{', '.join(others)} and {last}" if others else last

    def is_newer(self, version: Version) -> bool:
        """Tell whether a version is newer than what was tested, so that it may know what this SDK does not."""
        return version > self.tested[-1]

    def check(self, version: Version, executable: Path | str) -> str | None:
        """Check a version against the range that works.

        Returns:
            A warning when it is none of those that were tested, else None.

        Raises:
            UnsupportedVersionError: It is too old; the message names the range.
        """
        name, shown, least, tested = self.search.name, dotted(version), dotted(self.minimum), self.in_words()
        if version < self.minimum:
            found = f"an old {name} that does not tell its version" if version == self.untold else f"{name} {shown}"
            raise UnsupportedVersionError(
                f"{executable} is {found}, and this SDK needs {least} or newer; it is tested with {tested}. "
                f"{self.search.advice}",
                backend=name,
                details={"version": shown, "minimum": least, "tested": tested},
            )
        if version in self.tested:
            return None
        age = "older than" if version < self.tested[0] else "newer than" if version > self.tested[-1] else "not among"
        return f"{name} {shown} is {age} what this SDK was tested with, {tested}: {self.advice}"


def parse_version(text: str) -> Version | None:
    """Return the first version number in `text`, or None."""
    found = _VERSION.search(text)
    return (int(found[1]), int(found[2]), int(found[3])) if found else None


def dotted(version: Version) -> str:
    """Return a version as it is written."""
    return ".".join(map(str, version))
