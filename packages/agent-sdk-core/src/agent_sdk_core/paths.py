"""Folders and files that an application names: checked before an agent sees them, so that a mistake is one sentence.

The checks ask the disk, which may hang for as long as a network folder does: on an event loop, call what needs them
through `off_the_loop`.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar, TypeVarTuple, Unpack

from anyio import to_thread

from agent_sdk_core.errors import InvalidRequestError

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


async def off_the_loop(function: Callable[[Unpack[Ts]], T], *arguments: *Ts) -> T:
    """Return what a function that asks the disk returns; it runs in a thread, which is left behind when cancelled."""
    return await to_thread.run_sync(function, *arguments, abandon_on_cancel=True)


def own_folder(place: Callable[..., Path]) -> Path:
    """Return this SDK's own folder among those of the user.

    Args:
        place: Of platformdirs, which finds it, such as `user_config_path`.

    Raises:
        InvalidRequestError: The user has no home.
    """
    try:
        return place("agent-sdk", appauthor=False)
    except RuntimeError:
        raise InvalidRequestError(
            "This user has no home directory: the variable HOME is not set, and no account tells one. Set HOME.",
            code="no_home",
        ) from None


def existing_folder(option: str, value: str | os.PathLike[str], *, backend: str, owner: str = "SessionOptions") -> Path:
    """Return an existing, readable folder as an absolute path.

    Args:
        option: The field that names it.
        value: The folder.
        backend: Name of the backend that wants it.
        owner: The options that it is a field of.

    Raises:
        InvalidRequestError: It does not exist, is no folder, or cannot be read or named.
    """
    what = f"{owner}.{option}:"
    path, mode = _located(what, value, backend)
    if mode is None or not stat.S_ISDIR(mode):
        why = "does not exist" if mode is None else "is not a folder"
        raise InvalidRequestError(f"{what} {path} {why}. Name an existing folder.", backend=backend)
    if not os.access(path, os.R_OK | os.X_OK):
        raise InvalidRequestError(
            f"{what} {path} cannot be read. Check its permissions, or name another folder.", backend=backend
        )
    return path


def working_folder(value: str | os.PathLike[str], *, backend: str, owner: str = "SessionOptions") -> Path:
    """Return the folder that a session works in, without symbolic links: what works in it knows no other path.

    Raises:
        InvalidRequestError: As `existing_folder`.
    """
    return Path(os.path.realpath(existing_folder("cwd", value, backend=backend, owner=owner)))


def resolved_path(what: str, value: str | os.PathLike[str], *, backend: str) -> str:
    """Return a path as `absolute_path` does, without symbolic links.

    Raises:
        InvalidRequestError: It cannot be named.
    """
    return os.path.realpath(absolute_path(what, value, backend=backend))


def unwritable(place: Path) -> str | None:
    """Return why nothing can be written to a folder, which may not exist yet; None where something can.

    It is tried, for what a mode says binds neither root nor every file system; nothing is left of that.
    """
    from tempfile import TemporaryFile  # It loads what makes archives.

    try:
        while not place.exists():
            place = place.parent
        with TemporaryFile(dir=place):
            return None
    except OSError as error:
        return f"nothing can be written to {place}: {error.strerror or error}"


def existing_file(what: str, value: str | os.PathLike[str], *, backend: str) -> Path:
    """Return an existing file of a prompt as an absolute path.

    Raises:
        InvalidRequestError: There is no such file, or it cannot be named.
    """
    path, mode = _located(f"The prompt's {what}:", value, backend)
    if mode is None or not stat.S_ISREG(mode):
        raise InvalidRequestError(f"The prompt's {what} {path} is not a file.", backend=backend)
    return path


def existing_option_file(option: str, value: str | os.PathLike[str], *, backend: str) -> Path:
    """Return an existing file of an option as an absolute path.

    Args:
        option: The field of `SessionOptions` that names it.
        value: The file.
        backend: Name of the backend that wants it.

    Raises:
        InvalidRequestError: There is no such file, or it cannot be named.
    """
    path, mode = _located(f"SessionOptions.{option}:", value, backend)
    if mode is None or not stat.S_ISREG(mode):
        raise InvalidRequestError(f"SessionOptions.{option}: {path} is not a file.", backend=backend)
    return path


def absolute_path(what: str, value: str | os.PathLike[str], *, backend: str) -> Path:
    """Return a path from the root on, with "~" resolved; it need not exist.

    Args:
        what: What names it, to go before the complaint.
        value: The path.
        backend: Name of the backend that wants it.

    Raises:
        InvalidRequestError: It cannot be named: no such user, no UTF-8, no current folder to begin in.
    """
    from agent_sdk_core.option_values import path_problem  # Pydantic with it, which finding a folder does without.

    if (problem := path_problem(value)) is not None:
        shown = str(value).encode("utf-8", "backslashreplace").decode()
        raise InvalidRequestError(f"{what} {shown!r} {problem}. Name another one.", backend=backend)
    try:
        path = Path(value).expanduser()
    except RuntimeError:
        raise InvalidRequestError(
            f"{what} {value}: there is no such user. Name another path.", backend=backend
        ) from None
    try:
        return path.absolute()
    except OSError:
        raise InvalidRequestError(
            f"{what} {path} is relative to the current folder of this process, which was deleted. Name another.",
            backend=backend,
        ) from None


def _located(what: str, value: str | os.PathLike[str], backend: str) -> tuple[Path, int | None]:
    """Return an absolute path and its mode, None where nothing is."""
    path = absolute_path(what, value, backend=backend)
    try:
        return path, path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return path, None
    except OSError as error:
        raise InvalidRequestError(f"{what} {path}: {error.strerror}. Name another one.", backend=backend) from None
