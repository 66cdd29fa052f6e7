"""Making of backends by name, as the configuration wants them; their packages load only then."""

from __future__ import annotations

import builtins
import inspect
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

from agent_sdk_core.arguments import checked
from agent_sdk_core.errors import ExecutableNotFoundError, InvalidRequestError, SpawnError
from agent_sdk_core.interfaces.backend import AgentBackend
from agent_sdk_core.names import (
    BackendType,
    canonical_name,
    entry_point,
    is_registered,
    nearest,
    parse_backend_type,
)
from agent_sdk_core.options import SessionOptions

if TYPE_CHECKING:
    from pathlib import Path

    from agent_sdk_core.config.runtime import RuntimeConfig


@checked
def create_backend(
    type: BackendType | None = None,
    *,
    config: RuntimeConfig | None = None,
    **settings: Any,
) -> AgentBackend:
    """Return a new backend, not yet started.

    The configuration gives `executable` and `env`, or `url` and `token`, where they are not among the settings: an
    executable named here comes first, then `AGENT_SDK_<NAME>_PATH`, then the user's file, then where the backend itself
    looks; one named here beats a configured address. It also fills what the options of the backend's sessions leave
    unset.

    Args:
        type: Its name; absent: as configured.
        config: The configuration; absent: it is read, see `RuntimeConfig.load`. `RuntimeConfig()` is an empty one.
        settings: Passed to the backend: `executable`, `env` and what else it takes.

    Raises:
        InvalidRequestError: No backend of this name is registered, it does not take a setting, or the configuration is
            wrong.
        ExecutableNotFoundError: The configured executable is not there.
        SpawnError: It may not be executed.
    """
    config = loaded_config(config)
    name = config.chosen_type() if type is None else type
    of_kind = config.kind_of(name)
    kind = load_backend(name, config=config)
    name = parse_backend_type(name) if of_kind is None else canonical_name(name)
    # How an agent is started says nothing of one that runs elsewhere, and the other way round.
    configured: dict[str, Any] = {} if settings.get("url") is not None else {**config.backend_settings(name)}
    if _names_executable(name, settings):
        for setting in ("executable", "url", "token"):
            configured.pop(setting, None)
    require_configurable(name, kind, configured, config)
    if of_kind is not None:
        configured["name"] = name
    if "executable" in configured:
        require_executable(configured["executable"], name, config)
    require_arguments(name, kind, settings)
    require_given(name, kind, {*configured, *settings})
    made = cast("AgentBackend", cast("Any", kind)(**(configured | settings)))
    made.configuration = config
    return made


def require_configurable(
    name: BackendType, kind: builtins.type[AgentBackend], configured: Mapping[str, object], config: RuntimeConfig
) -> None:
    """Refuse what is configured for a backend that does not take it, or takes no name of the user's own.

    Raises:
        InvalidRequestError: The message says where it stands.
    """
    from agent_sdk_core.config.sources import invalid

    taken = inspect.signature(kind).parameters
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in taken.values()):
        return
    if (of_kind := config.kind_of(name)) is not None and "name" not in taken:
        key = f"backends.{name}.type"
        sentence = f"{key} is {of_kind!r}, of which there is one; its settings go below [backends.{of_kind}]."
        raise invalid(sentence, config.source(key), key)
    for setting in configured:
        if setting not in taken:
            key = f"backends.{name}.{setting}"
            sentence = f"{key} is nothing that the {of_kind or name} backend takes; remove it."
            raise invalid(sentence, config.source(key), key)


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


def require_given(name: BackendType, kind: builtins.type[AgentBackend], given: set[str]) -> None:
    """Refuse to make a backend without what it cannot be made without.

    Raises:
        InvalidRequestError: The message says what is missing.
    """
    for argument, parameter in inspect.signature(kind).parameters.items():
        needed = parameter.kind is parameter.KEYWORD_ONLY and parameter.default is parameter.empty
        if needed and argument not in given:
            raise InvalidRequestError(
                f"The {name} backend needs {argument}: create_backend({name!r}, {argument}=…), or {argument} below "
                f"[backends.NAME] in your configuration, with type = {name!r}.",
                backend=name,
                details={"option": argument},
            )


def load_backend(
    type: BackendType | None = None,
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
    if type is None or not is_registered(type):
        config = loaded_config(config)
        type = config.chosen_type() if type is None else type
        type = config.kind_of(type) or type
    return cast("builtins.type[AgentBackend]", entry_point(type).load())


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
    """Refuse a configured executable that is not there, or is none.

    Raises:
        ExecutableNotFoundError: It is not there; the message says where it is configured.
        SpawnError: It may not be executed; the message says the same.
    """
    source = config.source(f"backends.{backend}.executable")
    if not executable.is_file():
        problem = ": it is a folder; name the file in it" if executable.is_dir() else ""
        raise ExecutableNotFoundError(
            f"There is no {backend} executable at {executable} (from {source}){problem}. Correct the path, or remove "
            "it.",
            backend=backend,
        )
    if not os.access(executable, os.X_OK):
        raise SpawnError(
            f"{executable} (from {source}) may not be executed; make it executable (chmod +x), or correct the path.",
            backend=backend,
        )
