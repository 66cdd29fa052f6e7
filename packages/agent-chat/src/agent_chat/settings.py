"""What the command line says, checked and turned into a backend and session options before anything is started."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from agent_sdk_core.asking.permissions import CanUseTool, PermissionMode
    from agent_sdk_core.asking.questions import OnElicitation, OnQuestion
    from agent_sdk_core.config.runtime import RuntimeConfig
    from agent_sdk_core.interfaces.backend import AgentBackend
    from agent_sdk_core.options import SessionOptions

INHERIT: Final = "inherit"
"""The permission mode that leaves everything to the agent's own configuration."""

_SHOWN: Final = 100
"""Characters of a value that a sentence repeats."""

DEFAULT_MODE: Final = "default"
"""What applies when neither the command line nor the configuration names a mode: the agent asks first."""


class UsageError(Exception):
    """The command line cannot be followed; the message says why in a sentence."""


@dataclass(frozen=True, slots=True)
class RunSettings:
    """What `run` was told.

    Attributes:
        backend: Name of the backend; None: as configured.
        model: Model id; None: as configured.
        cwd: Folder the agent works in; None: the current one.
        permission_mode: A permission mode, or "inherit"; None: as configured.
        resume: Session to go on with.
        effort: How much the model reasons; None: as configured.
        tools: Names of installed tools, beside those that are configured.
        trust: Whether the folder is trusted from now on.
    """

    backend: str | None = None
    model: str | None = None
    cwd: str | None = None
    permission_mode: str | None = None
    resume: str | None = None
    effort: str | None = None
    tools: tuple[str, ...] = ()
    trust: bool = False


def load_config(settings: RunSettings) -> RuntimeConfig:
    """Return the configuration for the folder, with what the command line says above everything else.

    Raises:
        UsageError: The folder or the permission mode cannot be used, or the configuration is wrong.
    """
    from agent_sdk_core import InvalidRequestError, RuntimeConfig

    mode = permission_mode(settings.permission_mode)
    try:
        return RuntimeConfig.load(
            cwd=working_folder(settings.cwd),
            backend=settings.backend or None,
            model=settings.model or None,
            reasoning_effort=settings.effort or None,
            permission_mode=mode,
        )
    except InvalidRequestError as error:
        raise UsageError(error.message) from None


def open_backend(
    name: str | None, config: RuntimeConfig | None = None, **settings: str | Mapping[str, str]
) -> AgentBackend:
    """Return the backend of this name, not yet started.

    Args:
        name: Its name; None: as configured.
        config: The configuration; None: an empty one.
        settings: What the backend takes, which beats the configuration.

    Raises:
        UsageError: No backend of this name is installed.
        AgentError: It cannot be used.
    """
    from agent_sdk_core import InvalidRequestError, RuntimeConfig, create_backend

    try:
        made = create_backend(name, config=config or RuntimeConfig(), **settings)
    except InvalidRequestError as error:
        raise UsageError(error.message) from None
    made.configuration = None  # `session_options` says all, and what the command line leaves to the agent stays so.
    return made


def session_options(
    settings: RunSettings,
    can_use_tool: CanUseTool,
    on_question: OnQuestion | None = None,
    on_elicitation: OnElicitation | None = None,
    *,
    config: RuntimeConfig | None = None,
) -> SessionOptions:
    """Return the options of the session.

    Args:
        settings: What the command line says.
        can_use_tool: Answers permission requests.
        on_question: Answers questions.
        on_elicitation: Answers MCP servers.
        config: The configuration, which holds what the command line says; None: nothing is configured.

    Raises:
        UsageError: The folder or the permission mode cannot be used, or the configured backend is not installed.
    """
    from agent_sdk_core import InvalidRequestError, RuntimeConfig

    given: dict[str, object] = {"cwd": working_folder(settings.cwd), "can_use_tool": can_use_tool}
    if on_question is not None:
        given["on_question"] = on_question
    tools = () if config is None else config.tools
    if named := list(dict.fromkeys((*tools, *settings.tools))):
        given["tools"] = named
    if on_elicitation is not None:
        given["on_elicitation"] = on_elicitation
    if settings.resume:
        given["resume"] = settings.resume
    mode = permission_mode(settings.permission_mode)
    if config is None:
        effort = settings.effort or None
        config = RuntimeConfig(model=settings.model or None, reasoning_effort=effort, permission_mode=mode)
    if is_inherit(settings.permission_mode):
        config = config.model_copy(update={"permission_mode": None})
    elif config.permission_mode is None:
        given["permission_mode"] = DEFAULT_MODE
    try:
        return config.session_options(settings.backend, **given)
    except InvalidRequestError as error:
        raise UsageError(error.message) from None


def is_inherit(mode: str | None) -> bool:
    """Whether the command line leaves the permission mode to the agent's own configuration."""
    return mode is not None and mode.replace("-", "_") == INHERIT


def permission_mode(name: str | None) -> PermissionMode | None:
    """Return the mode of this name, None for "inherit" and for none; Claude's spellings are taken as well.

    Raises:
        UsageError: There is no such mode.
    """
    from agent_sdk_core.asking.mode_names import MODES, mode_of
    from agent_sdk_core.errors import InvalidRequestError
    from agent_sdk_core.names import nearest

    if name is None or is_inherit(name):
        return None
    try:
        wanted = mode_of(name)
    except InvalidRequestError as error:
        raise UsageError(error.message) from None
    for mode in MODES:
        if mode == wanted:
            return mode
    meant = nearest(name, (*MODES, INHERIT))
    hint = f"did you mean {meant!r}?" if meant else f"choose one of {', '.join(MODES)}, {INHERIT}."
    raise UsageError(f"There is no permission mode {shortened(name)!r}; {hint}")


def working_folder(path: str | None) -> str:
    """Return the absolute path of a folder that can be worked in.

    Raises:
        UsageError: It is not a folder, or it cannot be read.
    """
    named = path or "."
    try:
        folder = Path(os.path.expanduser(named)).resolve()  # never raises, unlike Path.expanduser()
        is_folder, is_readable = folder.is_dir(), os.access(folder, os.R_OK | os.X_OK)
    except OSError as error:
        raise UsageError(f"The folder {shortened(named)!r} cannot be found: {error.strerror}.") from None
    except (RuntimeError, ValueError) as error:
        raise UsageError(f"The folder {shortened(named)!r} cannot be found: {error}.") from None
    if not is_folder:
        raise UsageError(f"{folder} is not a folder.")
    if not is_readable:
        raise UsageError(f"The folder {folder} cannot be read; check its permissions.")
    return str(folder)


def shortened(text: str) -> str:
    """Return what somebody wrote as a sentence repeats it."""
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
