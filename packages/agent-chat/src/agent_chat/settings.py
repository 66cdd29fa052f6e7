"""What the command line says, checked and turned into a backend and session options before anything is started."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast, get_args

if TYPE_CHECKING:
    from agent_sdk_core.backend import AgentBackend
    from agent_sdk_core.options import SessionOptions
    from agent_sdk_core.permissions import CanUseTool, PermissionMode
    from agent_sdk_core.questions import OnQuestion

INHERIT: Final = "inherit"
"""The permission mode that leaves everything to the agent's own configuration."""


class UsageError(Exception):
    """The command line cannot be followed; the message says why in a sentence."""


@dataclass(frozen=True, slots=True)
class RunSettings:
    """What `run` was told.

    Attributes:
        backend: Name of the backend; None: as configured.
        model: Model id; None: the agent's default.
        cwd: Folder the agent works in; None: the current one.
        permission_mode: A permission mode, or "inherit".
        resume: Session to go on with.
    """

    backend: str | None = None
    model: str | None = None
    cwd: str | None = None
    permission_mode: str = "default"
    resume: str | None = None


def open_backend(name: str | None, **settings: str | Mapping[str, str]) -> AgentBackend:
    """Return the backend of this name, not yet started.

    Raises:
        UsageError: No backend of this name is installed.
        AgentError: It cannot be used.
    """
    from agent_sdk_core import InvalidRequestError, create_backend

    try:
        return create_backend(name, **settings)
    except InvalidRequestError as error:
        raise UsageError(error.message) from None


def session_options(
    settings: RunSettings, can_use_tool: CanUseTool, on_question: OnQuestion | None = None
) -> SessionOptions:
    """Return the options of the session.

    Raises:
        UsageError: The folder or the permission mode cannot be used.
    """
    from agent_sdk_core.options import SessionOptions

    given: dict[str, object] = {"cwd": working_folder(settings.cwd), "can_use_tool": can_use_tool}
    if on_question is not None:
        given["on_question"] = on_question
    if settings.model:
        given["model"] = settings.model
    if settings.resume:
        given["resume"] = settings.resume
    if (mode := permission_mode(settings.permission_mode)) is not None:
        given["permission_mode"] = mode
    return SessionOptions.model_validate(given)


def permission_mode(name: str) -> PermissionMode | None:
    """Return the mode of this name, None for "inherit"; hyphens and underscores are the same.

    Raises:
        UsageError: There is no such mode.
    """
    from agent_sdk_core import permissions

    modes = cast("tuple[PermissionMode, ...]", get_args(permissions.PermissionMode))
    wanted = name.replace("-", "_")
    if wanted == INHERIT:
        return None
    for mode in modes:
        if mode == wanted:
            return mode
    raise UsageError(f"There is no permission mode {name!r}; choose one of {', '.join(modes)}, {INHERIT}.")


def working_folder(path: str | None) -> str:
    """Return the absolute path of a folder that can be worked in.

    Raises:
        UsageError: It is not a folder, or it cannot be read.
    """
    try:
        folder = Path(path or ".").expanduser().resolve()
    except (OSError, RuntimeError, ValueError) as error:
        raise UsageError(f"The folder {path or '.'!r} cannot be found: {error}.") from None
    if not folder.is_dir():
        raise UsageError(f"{folder} is not a folder.")
    if not os.access(folder, os.R_OK | os.X_OK):
        raise UsageError(f"The folder {folder} cannot be read; check its permissions.")
    return str(folder)
