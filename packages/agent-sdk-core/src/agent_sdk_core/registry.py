"""Backends by name: found through the entry points `agent_sdk.backends`, loaded only when asked for.

A backend's package may register further names of it in the group `agent_sdk.backend_aliases`, with the same object.
"""

from __future__ import annotations

import builtins
import re
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING, Any, Final, cast

from agent_sdk_core.backend import AgentBackend, BackendType
from agent_sdk_core.errors import AgentError, ExecutableNotFoundError, InvalidRequestError
from agent_sdk_core.options import SessionOptions
from agent_sdk_core.prompts import Prompt
from agent_sdk_core.session import Turn

if TYPE_CHECKING:
    from pathlib import Path

    from agent_sdk_core.config.runtime import RuntimeConfig

GROUP: Final = "agent_sdk.backends"
ALIAS_GROUP: Final = "agent_sdk.backend_aliases"
DEFAULT_BACKEND: Final = "codex"
"""What is used when several backends are installed and none is configured."""

_SEPARATORS: Final = re.compile(r"[\s_-]+")


@dataclass(frozen=True, slots=True)
class AvailableBackend:
    """A registered backend.

    Attributes:
        type: Its name.
        executable: The executable it would start, if it can.
        problem: Why it cannot start, or None.
    """

    type: BackendType
    executable: str | None = None
    problem: str | None = None


def available_backends(*, config: RuntimeConfig | None = None) -> list[AvailableBackend]:
    """Return the registered backends in the order of their names, each with its executable or what is wrong.

    Args:
        config: The configuration, which may name executables; absent: it is read.

    Raises:
        InvalidRequestError: The configuration is wrong.
    """
    config = _loaded(config)
    return [_describe(entry, config) for entry in sorted(_entries(), key=lambda entry: entry.name)]


def backend_names() -> tuple[BackendType, ...]:
    """Return the names of the registered backends, sorted."""
    return tuple(sorted(entry.name for entry in _entries()))


def parse_backend_type(name: str) -> BackendType:
    """Return the name under which a backend is registered, from any way of writing it, or one of its aliases.

    Upper case, spaces, hyphens and underscores make no difference.

    Raises:
        InvalidRequestError: No backend of this name is registered; the message lists those that are.
    """
    return _found(name).name


def canonical_name(name: str) -> BackendType:
    """Return the name under which a backend is registered, or the name itself, normalized, if none is."""
    entry = _find(name)
    return _normalized(name) if entry is None else entry.name


def chosen_backend(config: RuntimeConfig) -> BackendType:
    """Return the backend that is used when the caller names none: the configured, the only, or the default one.

    Raises:
        InvalidRequestError: It is not registered, or there are several and none of them is the default.
    """
    if config.backend is not None:
        return _found(config.backend, config).name
    names = backend_names()
    if len(names) == 1 or DEFAULT_BACKEND in names or not names:
        return _found(names[0] if len(names) == 1 else DEFAULT_BACKEND).name
    raise InvalidRequestError(
        f"Several backends are installed ({', '.join(names)}) and none is chosen: name one, or set AGENT_SDK_BACKEND."
    )


def create_backend(
    type: BackendType | None = None,  # noqa: A002  # the field's name
    *,
    config: RuntimeConfig | None = None,
    **settings: Any,
) -> AgentBackend:
    """Return a new backend, not yet started.

    The configuration gives `executable` and `env` where they are not among the settings: an executable named here
    comes first, then `AGENT_SDK_<NAME>_PATH`, then the user's file, then where the backend itself looks.

    Args:
        type: Its name; absent: as configured.
        config: The configuration; absent: it is read, see `RuntimeConfig.load`. `RuntimeConfig()` is an empty one.
        settings: Passed to the backend: `executable`, `env` and what else it takes.

    Raises:
        InvalidRequestError: No backend of this name is registered, or the configuration is wrong.
        ExecutableNotFoundError: The configured executable is not there.
    """
    config = _loaded(config)
    kind = load_backend(type, config=config)
    name = chosen_backend(config) if type is None else parse_backend_type(type)
    configured: dict[str, Any] = {**config.backend_settings(name)}
    if _names_executable(name, settings):
        configured.pop("executable", None)
    elif "executable" in configured:
        _require(configured["executable"], name, config)
    return cast("AgentBackend", cast("Any", kind)(**(configured | settings)))


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
    name = chosen_backend(_loaded(config)) if type is None else type
    return cast("builtins.type[AgentBackend]", _found(name).load())


def query(
    prompt: Prompt,
    *,
    backend: AgentBackend | BackendType | None = None,
    options: SessionOptions | None = None,
    config: RuntimeConfig | None = None,
) -> Turn:
    """Return a turn that opens a session of its own for one prompt, and closes it with the turn.

    Args:
        prompt: The prompt.
        backend: A backend, or the name of one that is made for this turn and ends with it; absent: as configured.
        options: Options of the session; they beat what is configured.
        config: The configuration; absent: it is read, unless `backend` is a backend, which is used as it is.

    Raises:
        InvalidRequestError: No backend of this name is registered, or the configuration is wrong.
    """
    from agent_sdk_core.runtime.oneshot import OneShotTurn

    if isinstance(backend, AgentBackend):
        if config is not None:
            options = _configured(config, backend.type, options)
        return OneShotTurn(prompt, backend, options, owns_backend=False)
    if config is None:
        config = _loaded(None, cwd=None if options is None else options.cwd)
    made = create_backend(backend, config=config)
    return OneShotTurn(prompt, made, _configured(config, made.type, options), owns_backend=True)


def _configured(config: RuntimeConfig, backend: BackendType, options: SessionOptions | None) -> SessionOptions:
    given = {} if options is None else {name: getattr(options, name) for name in options.model_fields_set}
    return config.session_options(backend, **given)


def _loaded(config: RuntimeConfig | None, *, cwd: Any = None) -> RuntimeConfig:
    from agent_sdk_core.config.runtime import RuntimeConfig

    return RuntimeConfig.load(cwd=cwd) if config is None else config


def _names_executable(backend: BackendType, settings: dict[str, Any]) -> bool:
    """Whether the caller names the executable, or hands over an environment that does."""
    from agent_sdk_core.config.environment import path_variable

    env = settings.get("env")
    return settings.get("executable") is not None or bool(env and env.get(path_variable(backend)))


def _require(executable: Path, backend: BackendType, config: RuntimeConfig) -> None:
    if not executable.is_file():
        source = config.source(f"backends.{backend}.executable")
        raise ExecutableNotFoundError(
            f"There is no {backend} executable at {executable} (from {source}). Correct the path, or remove it.",
            backend=backend,
        )


def _normalized(name: str) -> str:
    return _SEPARATORS.sub("-", name.strip().casefold())


def _found(name: str, config: RuntimeConfig | None = None) -> EntryPoint:
    if (entry := _find(name)) is not None:
        return entry
    from agent_sdk_core.config.sources import nearest

    source = None if config is None else config.source("backend")
    origin = "" if source is None or source.kind == "argument" else f" (from {source})"
    names = backend_names()
    meant = nearest(_normalized(name), [*names, *(_normalized(entry.name) for entry in _aliases())])
    hint = f"; did you mean {meant!r}?" if meant else "."
    raise InvalidRequestError(
        f"No backend is called {name!r}{origin}{hint} Registered: {', '.join(names) or 'none; install codex-sdk'}.",
        details={"type": name},
    )


def _find(name: str) -> EntryPoint | None:
    wanted = _normalized(name)
    entries = list(_entries())
    for entry in entries:
        if _normalized(entry.name) == wanted:
            return entry
    for alias in _aliases():
        if _normalized(alias.name) == wanted:
            return next((entry for entry in entries if entry.value == alias.value), None)
    return None


def _entries() -> Iterable[EntryPoint]:
    return entry_points(group=GROUP)


def _aliases() -> Iterable[EntryPoint]:
    return entry_points(group=ALIAS_GROUP)


def _describe(entry: EntryPoint, config: RuntimeConfig) -> AvailableBackend:
    try:
        configured = config.backend_settings(entry.name).get("executable")
        if configured is not None:
            _require(configured, entry.name, config)
        executable = configured or cast("type[AgentBackend]", entry.load()).locate()
        return AvailableBackend(entry.name, executable=None if executable is None else str(executable))
    except AgentError as error:
        return AvailableBackend(entry.name, problem=error.message)
    except Exception as error:  # a broken third-party package must not hide the others
        return AvailableBackend(entry.name, problem=f"{entry.value} cannot be loaded: {error}")
