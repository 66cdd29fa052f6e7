"""Folders and files that an application names: checked before an agent sees them, so that a mistake is one sentence."""

from __future__ import annotations

import os
from pathlib import Path

from agent_sdk_core.errors import InvalidRequestError


def existing_folder(option: str, value: str | os.PathLike[str], *, backend: str) -> Path:
    """Return an existing, readable folder as an absolute path.

    Args:
        option: The field of `SessionOptions` that names it.
        value: The folder.
        backend: Name of the backend that wants it.

    Raises:
        InvalidRequestError: It does not exist, is no folder, or cannot be read.
    """
    path = Path(value).expanduser().absolute()
    if not path.is_dir():
        what = "is not a folder" if path.exists() else "does not exist"
        raise InvalidRequestError(f"SessionOptions.{option}: {path} {what}. Name an existing folder.", backend=backend)
    if not os.access(path, os.R_OK | os.X_OK):
        raise InvalidRequestError(
            f"SessionOptions.{option}: {path} cannot be read. Check its permissions, or name another folder.",
            backend=backend,
        )
    return path


def existing_file(what: str, value: str | os.PathLike[str], *, backend: str) -> Path:
    """Return an existing file of a prompt as an absolute path.

    Raises:
        InvalidRequestError: There is no such file.
    """
    path = Path(value).expanduser().absolute()
    if not path.is_file():
        raise InvalidRequestError(f"The prompt's {what} {path} is not a file.", backend=backend)
    return path
