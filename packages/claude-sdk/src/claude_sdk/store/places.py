"""Where the agent keeps a session: its folder, the key of a project, and the files of one session.

A session is `projects/<key of the folder it was started in>/<session id>.jsonl`, and stays there when it is resumed
elsewhere. Beside it a folder named after the id holds its sub-agents, its title and its archive mark. Names that come
from outside are checked before they become paths, and nothing here follows a symbolic link below `projects`.
"""

from __future__ import annotations

import os
import re
import stat
import unicodedata
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final, NamedTuple

from agent_sdk_core import paths
from agent_sdk_core.errors import AgentError, InvalidRequestError, SessionNotFoundError

_SESSION_ID: Final = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_KEY_LENGTH: Final = 200
_SUFFIX: Final = ".jsonl"
_DIGITS: Final = "0123456789abcdefghijklmnopqrstuvwxyz"


class StoredFile(NamedTuple):
    """A session's file as the folder lists it; they sort by when they were written.

    Attributes:
        modified_ns: When it was last written, Unix time in nanoseconds.
        session_id: The id it is named after.
        project: The folder it is in.
    """

    modified_ns: int
    session_id: str
    project: Path

    @property
    def path(self) -> Path:
        """The file. Of thousands of files only those on a page need it."""
        return self.project / f"{self.session_id}{_SUFFIX}"


def folder(env: Mapping[str, str]) -> Path:
    """Return the folder in which an agent with this environment keeps its sessions; it may not exist.

    Args:
        env: The whole environment of the agent's process: CLAUDE_CONFIG_DIR, else `.claude` in HOME.
    """
    if configured := env.get("CLAUDE_CONFIG_DIR"):
        return Path(unicodedata.normalize("NFC", configured)).absolute()
    home = env.get("HOME") or _account_home()
    return (Path(unicodedata.normalize("NFC", home)) / ".claude").absolute()


def unwritable(root: Path) -> str | None:
    """Return why no session can be stored in a folder, which may not exist; None where one can, and nothing is left.

    Claude (2.1.332) works all the same, and does not say that what is said is lost.

    Args:
        root: What `folder` returned.
    """
    return paths.unwritable(root / "projects")


def project_key(cwd: str | os.PathLike[str]) -> str:
    """Return the name of the folder that holds the sessions started in `cwd`.

    Symbolic links are resolved, and each UTF-16 unit that is no ASCII letter or digit becomes "-". What is longer than
    200 units is cut there and goes on with a hash of the whole, so that long paths stay apart; short ones may collide.
    """
    units = os.path.realpath(cwd).encode("utf-16-le", "surrogatepass")
    codes = [units[at] | units[at + 1] << 8 for at in range(0, len(units), 2)]
    key = "".join(chr(code) if code < 128 and chr(code).isalnum() else "-" for code in codes)
    if len(key) <= _KEY_LENGTH:
        return key
    hashed = 0
    for code in codes:
        hashed = (hashed * 31 + code) & 0xFFFFFFFF
    return f"{key[:_KEY_LENGTH]}-{_base36(hashed if hashed < 1 << 31 else (1 << 32) - hashed)}"


def is_session_id(text: str) -> bool:
    """Tell whether a text has the shape of a session id, so that it can become the name of a file."""
    return _SESSION_ID.fullmatch(text) is not None


def find_session(root: Path, session_id: str) -> Path:
    """Return the file of a stored session, whatever folder it was started in; the newest, if there are several.

    Args:
        root: What `folder` returned.
        session_id: The session.

    Raises:
        SessionNotFoundError: No such session is stored, or this is no session id.
        AgentError: The folder of the sessions cannot be read.
    """
    found: list[tuple[int, Path]] = []
    if _SESSION_ID.fullmatch(session_id):
        for project in project_folders(root):
            path = project / f"{session_id}{_SUFFIX}"
            if (modified := _modified(path)) is not None:
                found.append((modified, path))
    if not found:
        raise SessionNotFoundError(f"No session {session_id!r} is stored in {root}.", backend="claude")
    return max(found)[1]


def project_folders(root: Path) -> list[Path]:
    """Return the folders of the projects that have sessions.

    Raises:
        AgentError: The folder of all projects is there and cannot be read; code "session_unreadable".
    """
    try:
        with os.scandir(root / "projects") as entries:
            return [Path(entry.path) for entry in entries if entry.is_dir(follow_symlinks=False)]
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise AgentError(
            f"The folder of the sessions, {root / 'projects'}, cannot be read: {error.strerror}.",
            code="session_unreadable",
            backend="claude",
        ) from error


def session_files(project: Path) -> Iterator[StoredFile]:
    """Yield the session files of one project, in no order; none if it does not exist."""
    if project.is_symlink():
        return
    try:
        with os.scandir(project) as entries:
            listed = [entry for entry in entries if entry.name.endswith(_SUFFIX)]
    except OSError:
        return
    for entry in listed:
        session_id = entry.name.removesuffix(_SUFFIX)
        if not _SESSION_ID.fullmatch(session_id):
            continue
        try:
            status = entry.stat(follow_symlinks=False)
        except OSError:
            continue
        if stat.S_ISREG(status.st_mode):
            yield StoredFile(status.st_mtime_ns, session_id, project)


def side_folder(path: Path) -> Path:
    """Return the folder of a session's own side files; it may not exist."""
    return path.with_suffix("")


def kept_elsewhere(path: Path) -> list[Path]:
    """Return what else the agent may keep of a session: file backups, shell environment, tasks."""
    root = path.parent.parent.parent
    return [root / name / path.stem for name in ("file-history", "session-env", "tasks")]


def _account_home() -> str:
    import pwd  # Not on Windows, where this package is to import all the same.

    try:
        return pwd.getpwuid(os.getuid()).pw_dir
    except KeyError:
        raise InvalidRequestError(
            "This user has no home directory: the variable HOME is not set, and no account tells one. Set HOME, or "
            "CLAUDE_CONFIG_DIR.",
            code="no_home",
            backend="claude",
        ) from None


def _modified(path: Path) -> int | None:
    """Return when a regular file was last written; None if it is none."""
    try:
        status = path.lstat()
    except OSError:
        return None
    return status.st_mtime_ns if stat.S_ISREG(status.st_mode) else None


def _base36(number: int) -> str:
    digits = ""
    while number:
        number, digit = divmod(number, 36)
        digits = _DIGITS[digit] + digits
    return digits or "0"
