"""Making of backends by name, as the configuration wants them; their packages load only then."""

from __future__ import annotations

import builtins
import inspect
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

from agent_sdk_core.arguments import checked
from agent_sdk_core.errors import ExecutableNotFoundError, InvalidRequestError
from agent_sdk_core.interfaces.backend import AgentBackend
from agent_sdk_core.names import BackendType, entry_point, nearest, parse_backend_type
from agent_sdk_core.options import SessionOptions

if TYPE_CHECKING:
    from pathlib import Path

    from agent_sdk_core.config.runtime import RuntimeConfig


@checked
def create_backend(
    type: BackendType | None = None,  # noqa: A002  # the field's name
    *,
    config: RuntimeConfig | None = None,
    **settings: Any,
) -> AgentBackend:
    """Return a new backend, not yet started.

    The configuration gives `executable` and `env` where they are not among the settings: an executable named here
    comes first, then `AGENT_SDK_<NAME>_PATH`, then the user's file, then where the backend itself looks. It also fills
    what the options of the backend's sessions leave unset.

    Args:
        type: Its name; absent: as configured.
        config: The configuration; absent: it is read, see `RuntimeConfig.load`. `RuntimeConfig()` is an empty one.
        settings: Passed to the backend: `executable`, `env` and what else it takes.

    Raises:
        InvalidRequestError: No backend of this name is registered, it does not take a setting, or the configuration is
            wrong.
        ExecutableNotFoundError: The configured executable is not there.
    """
    config = loaded_config(config)
    kind = load_backend(type, config=config)
    name = config.chosen_type() if type is None else parse_backend_type(type)
    configured: dict[str, Any] = {**config.backend_settings(name)}
    if _names_executable(name, settings):
        configured.pop("executable", None)
    elif "executable" in configured:
        require_executable(configured["executable"], name, config)
    require_arguments(name, kind, settings)
    made = cast("AgentBackend", cast("Any", kind)(**(configured | settings)))
    made.configuration = config
    return made


def require_arguments(name: BackendType, kind: builtins.type[AgentBackend], settings: Mapping[str, object]) -> None:
    """Refuse arguments that a backend does not take.

    Raises:
        InvalidRequestError: The message says where they belong, or what was meant.
    """
    from agent_sdk_core.spellings import belongs_to_backend, spelled  # Only errors need it.

    taken = inspect.signature(kind).parameters
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in taken.values()):
        return
    for setting in settings:
        if setting not in taken:
            meant = belongs_to_backend(setting) or nearest(setting, tuple(taken))
            hint = f"did you mean {meant!r}?" if meant else f"it takes {', '.join(taken) or 'none'}."
            if setting in SessionOptions.model_fields:
                hint = "it belongs to a session: SessionOptions."
            elif (option := spelled("SessionOptions", setting)) is not None:
                hint = f"it belongs to a session: SessionOptions({option}=…)."
            raise InvalidRequestError(
                f"The {name} backend takes no {setting!r}; {hint}", backend=name, details={"option": setting}
            )


def load_backend(
    type: BackendType | None = None,  # noqa: A002  # the field's name
    *,
    config: RuntimeConfig | None = None,
) -> builtins.type[AgentBackend]:
    """Return the class of a backend.

    Args:
        type: Its name; absent: as configured.
        config: The configuration, for when `type` is absent; absent: it is read.

    Raises:
        InvalidRequestError: No backend of this name is registered; the message lists those that are.
    """
    name = loaded_config(config).chosen_type() if type is None else type
    return cast("builtins.type[AgentBackend]", entry_point(name).load())


def loaded_config(config: RuntimeConfig | None, *, cwd: Any = None) -> RuntimeConfig:
    """Return a configuration, read if there is none yet.

    Raises:
        InvalidRequestError: It is wrong.
    """
    from agent_sdk_core.config.runtime import RuntimeConfig

    return RuntimeConfig.load(cwd=cwd) if config is None else config


def _names_executable(backend: BackendType, settings: dict[str, Any]) -> bool:
    """Whether the caller names the executable, or hands over an environment that does."""
    from agent_sdk_core.config.environment import path_variable

    env = settings.get("env")
    return settings.get("executable") is not None or (
        isinstance(env, Mapping) and bool(cast("Mapping[str, object]", env).get(path_variable(backend)))
    )


def require_executable(executable: Path, backend: BackendType, config: RuntimeConfig) -> None:
    """Refuse a configured executable that is not there.

    Raises:
        ExecutableNotFoundError: The message says where it is configured.
    """
    if not executable.is_file():
        source = config.source(f"backends.{backend}.executable")
        raise ExecutableNotFoundError(
            f"There is no {backend} executable at {executable} (from {source}). Correct the path, or remove it.",
            backend=backend,
        )
