"""Diagnosis of backends by name, as `create_backend` would make them."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from importlib.metadata import EntryPoint
from typing import TYPE_CHECKING, Final, TypeAlias, cast

from agent_sdk_core.arguments import checked
from agent_sdk_core.errors import AgentError, ExecutableNotFoundError
from agent_sdk_core.factory.registry import create_backend, loaded_config, require_executable
from agent_sdk_core.interfaces.backend import AgentBackend
from agent_sdk_core.interfaces.diagnosis import DEFAULT_SECONDS, Diagnosis, Problem, located
from agent_sdk_core.names import BackendType, canonical_name, entry_points_of_backends, parse_backend_type

if TYPE_CHECKING:
    from agent_sdk_core.config.runtime import RuntimeConfig


AvailableBackend: TypeAlias = Diagnosis
"""What `available_backends` tells of each."""

_NOT_STARTED: Final = "it was not started"
_PACKAGE: Final = "Install its package again, or remove it."


@checked
def available_backends(*, config: RuntimeConfig | None = None) -> list[Diagnosis]:
    """Return what is known of each registered backend, in the order of their names, without starting an agent.

    `usable` says whether its executable is there; whether that works, and who is logged in, `diagnose_backend` finds.

    Args:
        config: The configuration, which may name executables; absent: it is read.

    Raises:
        InvalidRequestError: The configuration is wrong.
    """
    config = loaded_config(config)
    entries = {entry.name: entry for entry in entry_points_of_backends()}
    return [
        _describe(entries[name], config) if name in entries else _describe_configured(name, config)
        for name in config.names()
    ]


def _describe_configured(name: BackendType, config: RuntimeConfig) -> Diagnosis:
    """Describe an agent that the configuration names: the program of its command, where that is found."""
    settings = config.backend_settings(name)
    if (url := settings.get("url")) is not None:
        return _placed(name, url)
    command = settings.get("command", ())
    found = shutil.which(command[0], path=settings.get("env", os.environ).get("PATH")) if command else None
    if found is None:
        what = f"there is no program {command[0]!r} on PATH" if command else "it has no command"
        return _unusable(
            name, f"The {name} agent cannot be started: {what}.", f"Correct backends.{name}.command, or remove it."
        )
    return _placed(name, found)


def _describe(entry: EntryPoint, config: RuntimeConfig) -> Diagnosis:
    configured = None
    try:
        settings = config.backend_settings(entry.name)
        if (url := settings.get("url")) is not None:
            return _placed(entry.name, url)
        configured = settings.get("executable")
        if configured is not None:
            require_executable(configured, entry.name, config)
        return _placed(entry.name, configured or cast("type[AgentBackend]", entry.load()).locate())
    except AgentError as error:
        return replace(located(entry.name, None, error, named=configured is not None), incomparable=_NOT_STARTED)
    except Exception as error:  # a broken third-party package must not hide the others
        return _unusable(entry.name, f"{entry.value} cannot be loaded: {error}.", _PACKAGE)


def _placed(name: BackendType, executable: object) -> Diagnosis:
    return Diagnosis(name, None if executable is None else str(executable), incomparable=_NOT_STARTED)


def _unusable(name: BackendType, what: str, advice: str) -> Diagnosis:
    return Diagnosis(name, incomparable=_NOT_STARTED, problems=(Problem(what, advice),))


@checked
async def diagnose_backend(
    type: BackendType | None = None,
    *,
    config: RuntimeConfig | None = None,
    timeout: float = DEFAULT_SECONDS,
) -> Diagnosis:
    """Look at an agent as `create_backend` would make it.

    Args:
        type: Name of its backend; absent: as configured.
        config: The configuration; absent: it is read.
        timeout: Seconds that the agent has to start and answer.

    Raises:
        InvalidRequestError: No backend of this name is registered, or the configuration is wrong.
    """
    config = loaded_config(config)
    name = config.chosen_type() if type is None else type
    name = canonical_name(name) if config.kind_of(name) is not None else parse_backend_type(name)
    try:
        return await create_backend(name, config=config).diagnose(timeout=timeout)
    except ExecutableNotFoundError as error:  # of the one that is configured
        return located(name, None, error, named=True)
    except Exception as error:  # a broken third-party package
        what = f"The {name} backend cannot be used: {error.__class__.__name__}: {error}".rstrip(".")
        return Diagnosis(name, problems=(Problem(f"{what}.", _PACKAGE),))
