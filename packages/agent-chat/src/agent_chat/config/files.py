"""The two files of the settings: read, changed under a lock, checked as a whole before they are replaced."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from agent_chat.config import editing
from agent_chat.config.keys import Scope
from agent_sdk_core.config import files, writing
from agent_sdk_core.config.runtime import RuntimeConfig
from agent_sdk_core.config.sources import ValueSource, invalid
from agent_sdk_core.errors import InvalidRequestError

_USER_MODE = 0o600
_WORKSPACE_MODE = 0o644


@dataclass(frozen=True, slots=True)
class SettingsFiles:
    """Where the settings of a folder are written.

    Attributes:
        user: The user's own file.
        workspace: The workspace's file; None where there is no such folder.
    """

    user: Path
    workspace: Path | None

    @classmethod
    def of(
        cls,
        cwd: str | os.PathLike[str] | None,
        env: Mapping[str, str],
        user_file: str | os.PathLike[str] | None = None,
    ) -> SettingsFiles:
        """Return the files that count for a folder, with `AGENT_SDK_CONFIG` of an environment."""
        root = files.workspace_root(cwd)
        return cls(files.user_file(env, user_file)[0], None if root is None else root / files.WORKSPACE_FILE)

    def path(self, scope: Scope) -> Path:
        """Return the file of a scope.

        Raises:
            InvalidRequestError: There is no workspace.
        """
        if scope == "user":
            return self.user
        if self.workspace is None:
            raise InvalidRequestError("There is no folder whose .agent-sdk.toml could be written.")
        return self.workspace

    def change(self, scope: Scope, changes: Mapping[tuple[str, ...], object]) -> None:
        """Put settings in and take them out, all or none; every other line and comment stays.

        Args:
            scope: The file.
            changes: The values by the names that lead to them; None takes one out.

        Raises:
            InvalidRequestError: A value is of no use there, or the file cannot be read or written.
        """
        path = self.path(scope)

        def changed(text: str) -> str:
            try:
                return editing.edited(text, changes)
            except editing.UneditableError as error:
                keys = ", ".join(".".join(key) for key in changes)
                raise invalid(
                    f"{keys} cannot be changed there: {error}; change it with `agent-sdk config edit`.",
                    ValueSource(scope, path),
                ) from None

        self.rewrite(scope, changed)

    def rewrite(self, scope: Scope, change: Callable[[str], str], *, expected: str | None = None) -> None:
        """Replace the text of a file by what a function makes of it, if that can be used.

        Args:
            scope: The file.
            change: Returns the new text.
            expected: What the file has to hold before; absent: anything that is TOML.

        Raises:
            InvalidRequestError: The new text is of no use, somebody else has changed the file, or it cannot be written.
        """
        path = self.path(scope)
        with writing.locked(scope, path) as target:
            if scope == "workspace" and target.parent != path.parent:
                raise invalid("it is a link out of the workspace, which is not written to.", ValueSource(scope, path))
            try:
                text = text_of(path) if expected is not None else files.read(scope, path).text
                if expected is not None and text != expected:
                    raise invalid("another program has changed it meanwhile; begin again.", ValueSource(scope, path))
                changed = change(text)
                self.check(scope, changed)
                if changed != text or not path.exists():
                    writing.replace(target, changed, mode=_USER_MODE if scope == "user" else _WORKSPACE_MODE)
            except OSError as error:
                raise writing.unwritable(scope, path, error) from None

    def check(self, scope: Scope, text: str) -> None:
        """Refuse a text that could not be used: the user's file by itself, a workspace's above the user's.

        Raises:
            InvalidRequestError: Says what is wrong, and on which line.
        """
        path = self.path(scope)
        cwd = path.parent if scope == "workspace" else os.devnull  # which is no folder, and so no workspace
        user = self.user if self.user.exists() or scope == "user" else Path(os.devnull)
        RuntimeConfig.preview(cwd=cwd, env={}, user_file=user, texts={path: text})


def text_of(path: Path) -> str:
    """Return what a file holds, whatever it is; "" where there is none. Raises `OSError`."""
    try:
        return path.read_bytes().decode("utf-8-sig", errors="replace")
    except FileNotFoundError:
        return ""
