"""Configuration files: where they are, what they hold, and on which line a setting stands."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, cast

from agent_sdk_core.config.sources import SourceKind, ValueSource, invalid
from agent_sdk_core.paths import own_folder
from agent_sdk_core.records import dataclass

CONFIG_VARIABLE: Final = "AGENT_SDK_CONFIG"
"""Names another user file; `/dev/null` is an empty one."""

WORKSPACE_FILE: Final = ".agent-sdk.toml"
_USER_FILE: Final = "config.toml"
_MOST_BYTES: Final = 1 << 20
"""A configuration is written by hand; what is larger is something else."""

_MOST_LINES_OF_A_VALUE: Final = 100
_MOST_READ: Final = 4 << 20
"""Characters that are read again, at most, to find the line of a setting."""

_DEEPEST: Final = 64
"""Parts of a dotted key, and levels of nesting; what they cost the parser grows with their square, or faster."""

_PUNCTUATION: Final = re.compile(
    r'"""(?:[^"\\]|\\.|"{1,2}(?!"))*(?:"{3,5}|\Z)|' + r"'''.*?(?:'{3,5}|\Z)"
    r'|"(?:[^"\\\n]|\\.)*"?' + r"|'[^'\n]*'?|#[^\n]*|[][{}.,=\n]",
    re.DOTALL,
)
"""What shapes a TOML document; strings and comments as a whole, so that nothing in them counts."""


@dataclass(frozen=True, slots=True)
class ConfigFile:
    """A file that was looked for.

    Attributes:
        kind: Whose it is, "user" or "workspace".
        path: Where.
        exists: Whether it was there.
    """

    kind: SourceKind
    path: Path
    exists: bool


@dataclass(frozen=True, slots=True)
class Document:
    """What a configuration file holds.

    Attributes:
        file: The file.
        data: Its tables.
        text: The file as it is written.
    """

    file: ConfigFile
    data: Mapping[str, Any]
    text: str = ""

    def source(self, path: tuple[str, ...]) -> ValueSource:
        """Return where a setting stands, by the names that lead to it; for one that is missing, its table."""
        prefixes = (path[:length] for length in range(len(path), 0, -1))
        line = next((line for prefix in prefixes if (line := self._line(prefix)) is not None), None)
        return ValueSource(self.file.kind, self.file.path, line)

    def _line(self, path: tuple[str, ...]) -> int | None:
        """Find the line by reading the file up to it: the setting is there as soon as its statement has been read."""
        lines = self.text.replace("\r\n", "\n").split("\n")
        read = 0
        for start, line in enumerate(lines):
            if path[-1] not in line:
                continue
            for end in range(start + 1, min(start + _MOST_LINES_OF_A_VALUE, len(lines)) + 1):
                read += len(text := "\n".join(lines[:end]))
                if read > _MOST_READ:
                    return None
                if (data := parsed(text)) is not None:
                    if _holds(data, path):
                        return start + 1
                    break
        return None


def user_file(env: Mapping[str, str], explicit: str | os.PathLike[str] | None = None) -> tuple[Path, bool]:
    """Return the user's own file, and whether it was named and so has to exist.

    Args:
        env: The environment, for `AGENT_SDK_CONFIG`.
        explicit: What the caller named.
    """
    if (named := explicit or env.get(CONFIG_VARIABLE)) is not None and str(named):
        return Path(os.path.abspath(os.path.expanduser(named))), True  # never raise
    from platformdirs import user_config_path

    return own_folder(user_config_path) / _USER_FILE, False


def workspace_root(cwd: str | os.PathLike[str] | None = None) -> Path | None:
    """Return the folder whose file counts: the nearest one upward that holds `.git`, else `cwd` itself.

    Symbolic links are resolved first. The search stops below the user's home, below the root of the file system, and
    below a folder that everybody may write to, such as /tmp, and below those of the variable GIT_CEILING_DIRECTORIES,
    as git's own does; a folder that is asked for by itself may be any of them.

    Args:
        cwd: Where to begin; absent: the current folder.

    Returns:
        None when there is no such folder.
    """
    try:
        start = Path(cwd if cwd is not None else ".").expanduser().resolve()
        home = Path(os.path.expanduser("~")).resolve()  # Path.home() raises without one
    except (OSError, RuntimeError, ValueError):
        return None
    ceilings = {Path(each) for each in os.environ.get("GIT_CEILING_DIRECTORIES", "").split(os.pathsep) if each}
    for folder in (start, *start.parents):
        if folder != start and (folder in {home, Path(folder.anchor), *ceilings} or _is_everybodys(folder)):
            break
        if os.path.lexists(folder / ".git"):
            return folder
    return start


def read(kind: SourceKind, path: Path, *, required: bool = False, text: str | None = None) -> Document:
    """Return what a file holds; one that is not there holds nothing.

    Args:
        kind: Whose it is. A workspace's must be a regular file.
        path: The file.
        required: Whether it has to be there.
        text: What it holds; absent: what is on the disk.

    Raises:
        InvalidRequestError: It cannot be read, or it is not TOML in UTF-8.
    """
    source = ValueSource(kind, path)
    if text is not None:
        return Document(ConfigFile(kind, path, exists=True), _toml(text, source), text)
    try:
        raw = _bytes(path, regular=kind == "workspace")
    except (FileNotFoundError, NotADirectoryError):
        if required:
            raise invalid("there is no such file; create it, or name another one.", source) from None
        return Document(ConfigFile(kind, path, exists=False), {})
    except IsADirectoryError:
        raise invalid("this is a folder, and a configuration file was expected.", source) from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise invalid(f"the file cannot be read: {reason}.", source) from None
    if len(raw) > _MOST_BYTES:
        raise invalid("the file is larger than 1 MiB, which no configuration is.", source)
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise invalid("the file is not text in UTF-8.", ValueSource(kind, path, line)) from None
    return Document(ConfigFile(kind, path, exists=True), _toml(text, source), text)


def _is_everybodys(folder: Path) -> bool:
    try:
        return bool(folder.stat().st_mode & stat.S_IWOTH)
    except OSError:
        return False


def _bytes(path: Path, *, regular: bool) -> bytes:
    if regular and not stat.S_ISREG(path.stat().st_mode) and not path.is_dir():
        raise OSError(None, "it is not a regular file")
    with path.open("rb") as file:
        return file.read(_MOST_BYTES + 1)


def _toml(text: str, source: ValueSource) -> dict[str, Any]:
    import tomllib

    if _is_too_deep(text):
        raise invalid(f"the file is not valid TOML: it is nested too deeply, more than {_DEEPEST} levels.", source)
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise invalid("the file is not valid TOML: it is nested too deeply.", source) from None
    except ValueError as error:  # Also a number of too many digits.
        raise invalid(f"the file is not valid TOML: {str(error).rstrip('.')}.", source) from None


def _is_too_deep(text: str) -> bool:
    parts = level = 0
    for found in _PUNCTUATION.finditer(text):
        mark = found[0]
        if mark == ".":
            parts += 1
        elif mark in "[{":
            level, parts = level + 1, 0
        elif mark in "]}":
            level -= 1
        elif mark in ",=\n":
            parts = 0
        if max(parts, level) > _DEEPEST:
            return True
    return False


def parsed(text: str) -> dict[str, Any] | None:
    """Return what a text holds as TOML; None where it is none."""
    import tomllib

    try:
        return tomllib.loads(text)
    except ValueError:
        return None


def _holds(data: Mapping[str, Any], path: tuple[str, ...]) -> bool:
    at: object = data
    for name in path:
        if not isinstance(at, dict) or name not in at:
            return False
        at = cast("dict[str, object]", at)[name]
    return True
