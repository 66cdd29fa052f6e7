"""Which folder the user trusts: looked up, and remembered in the user's own file, whose other lines stay."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, cast

from agent_sdk_core.config import files, writing
from agent_sdk_core.config.sources import ValueSource, invalid
from agent_sdk_core.config.strictness import is_trusted
from agent_sdk_core.records import dataclass
from agent_sdk_core.wire.toml import toml_value

_KEY: Final = "trusted_folders"


@dataclass(frozen=True, slots=True)
class FolderTrust:
    """Whether the user trusts the folder of a workspace.

    Attributes:
        root: The folder that is trusted or not, with its links resolved.
        trusted: Whether it is.
        user_file: The user's own file, which says so.
    """

    root: Path
    trusted: bool
    user_file: Path


def folder_trust(cwd: str | os.PathLike[str], env: Mapping[str, str]) -> FolderTrust | None:
    """Return whether the user trusts the workspace of a folder; None when there is no such folder.

    Raises:
        InvalidRequestError: The user's file cannot be read.
    """
    if (root := files.workspace_root(cwd)) is None:
        return None
    path, _ = files.user_file(env)
    document = files.read("user", path)
    return FolderTrust(root, _trusts(document, path, root), path)


def trust_folder(trust: FolderTrust) -> None:
    """Add a folder to those that the user's own file trusts; the file is replaced in one step.

    Raises:
        InvalidRequestError: The file cannot be written, or its list cannot be found; says what to write by hand.
    """
    by_hand = f'add "{trust.root}" to {_KEY} by hand.'
    with writing.locked("user", trust.user_file, advice=by_hand) as target:
        document = files.read("user", trust.user_file)
        if _trusts(document, trust.user_file, trust.root):  # Somebody else has written it meanwhile.
            return
        wanted = [*map(str, _entries(document)), str(trust.root)]
        text = _changed(document, f"{_KEY} = {toml_value(wanted)}\n")
        if files.parsed(text) != {**document.data, _KEY: wanted}:
            raise invalid(f"its {_KEY} cannot be changed; {by_hand}", ValueSource("user", trust.user_file))
        try:
            writing.replace(target, text)
        except OSError as error:
            raise writing.unwritable("user", trust.user_file, error, by_hand) from None


def _trusts(document: files.Document, path: Path, root: Path) -> bool:
    return is_trusted(root, [path.parent / folder for folder in _listed(document)])


def _entries(document: files.Document) -> list[object]:
    told: Any = document.data.get(_KEY)
    return cast("list[object]", told) if isinstance(told, list) else []


def _listed(document: files.Document) -> list[Path]:
    return [Path(entry).expanduser() for entry in _entries(document) if isinstance(entry, str)]


def _changed(document: files.Document, statement: str) -> str:
    """Return the file's text with a statement in place of the one that it has, or before everything else."""
    lines = document.text.splitlines(keepends=True)
    line = document.source((_KEY,)).line if _KEY in document.data else None
    if line is None:
        return statement + document.text
    start = line - 1
    for end in range(start + 1, len(lines) + 1):
        found = files.parsed("".join(lines[start:end]))
        if found is not None and _KEY in found:
            return "".join([*lines[:start], statement, *lines[end:]])
    return document.text
