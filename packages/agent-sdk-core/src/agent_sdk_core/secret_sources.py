"""Where secrets lie: the environment, a file that only its owner may read, the system's keyring."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from agent_sdk_core.errors import InvalidRequestError

_MOST: Final = 64 * 1024
"""Bytes that a file with a secret may have."""

_SOURCES: Final = ("env", "file", "keyring")


def secret_of_table(table: Mapping[object, object], *, folder: Path | None = None) -> str:
    """Return the secret that a table of a configuration names.

    Args:
        table: One of `{"env": "NAME"}`, `{"file": "PATH"}`, `{"keyring": "SERVICE/USER"}`.
        folder: Folder that a relative path is relative to; absent: the current one.

    Raises:
        InvalidRequestError: It is another table, or what it names is not to be had.
    """
    if len(table) != 1:
        raise InvalidRequestError(_WRONG)
    ((source, place),) = table.items()
    if source not in _SOURCES or not isinstance(place, str):
        raise InvalidRequestError(_WRONG)
    if source == "env":
        return secret_of_env(place)
    if source == "file":
        return secret_of_file(Path(os.path.join(folder or "", os.path.expanduser(place))))
    service, _, user = place.rpartition("/")
    if not service or not user:
        raise InvalidRequestError(f'keyring is "SERVICE/USER", not {place!r}.')
    return secret_of_keyring(service, user)


def secret_of_env(name: str) -> str:
    """Return what a variable of the environment holds; see `Secret.from_env`."""
    value = os.environ.get(name, "")
    if not value.strip():
        state = "is empty" if value else "is not set"
        raise InvalidRequestError(f"The variable {name} of the environment, which is to hold a secret, {state}.")
    if not _is_text(value):
        raise InvalidRequestError(f"The variable {name} of the environment holds no text.")
    return value


def secret_of_file(path: str | os.PathLike[str]) -> str:
    """Return what a file holds; see `Secret.from_file`."""
    try:
        # Looked at as it is open, so that it is the same file that is read; and without waiting for a pipe's writer.
        with os.fdopen(os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0)), "rb") as file:
            about = os.fstat(file.fileno())
            if not stat.S_ISREG(about.st_mode):
                raise InvalidRequestError(f"{os.fspath(path)} is no file with a secret.")
            if os.name == "posix" and about.st_mode & 0o077:
                raise InvalidRequestError(
                    f"Others than its owner may use {os.fspath(path)} (mode {stat.S_IMODE(about.st_mode):o}): "
                    "`chmod 600` it before a secret is read from it."
                )
            content = file.read(_MOST + 1)
    except OSError as error:
        raise InvalidRequestError(f"The secret in {os.fspath(path)} cannot be read: {error.strerror}.") from error
    if len(content) > _MOST:
        raise InvalidRequestError(f"{os.fspath(path)} is too large for a secret.")
    try:
        value = content.decode("utf-8-sig").removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError:
        value = "\0"
    if "\0" in value:
        raise InvalidRequestError(f"{os.fspath(path)} holds no text.") from None
    if not value.strip():
        raise InvalidRequestError(f"{os.fspath(path)}, which is to hold a secret, is empty.")
    return value


def secret_of_keyring(service: str, user: str) -> str:
    """Return what the system's keyring holds; see `Secret.from_keyring`."""
    try:
        keyring: Any = import_module("keyring")
    except ImportError:
        raise InvalidRequestError("A secret of the keyring needs a package: `pip install keyring`.") from None
    try:
        value = keyring.get_password(service, user)
    except Exception as error:  # Its backends raise what they like; a message of theirs may hold anything.
        raise InvalidRequestError(f"The keyring cannot be asked: {type(error).__name__}.") from error
    if not isinstance(value, str) or not value.strip() or not _is_text(value):
        raise InvalidRequestError(
            f"The keyring holds nothing for {user!r} at {service!r}: `keyring set {service} {user}`."
        )
    return value


def _is_text(value: str) -> bool:
    """Tell whether a value can be handed on: a variable of the environment may hold bytes that are no UTF-8."""
    return not any(letter == "\0" or "\ud800" <= letter <= "\udfff" for letter in value)


_WRONG: Final = 'A secret is a text, or a table { env = "NAME" }, { file = "PATH" } or { keyring = "SERVICE/USER" }.'
