"""Diagnosis of backends by name, as `create_backend` would make them."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import EntryPoint
from typing import TYPE_CHECKING, cast

from agent_sdk_core.arguments import checked, checked_class
from agent_sdk_core.errors import AgentError, ExecutableNotFoundError
from agent_sdk_core.factory.registry import create_backend, loaded_config, require_executable
from agent_sdk_core.interfaces.backend import AgentBackend
from agent_sdk_core.interfaces.diagnosis import DEFAULT_SECONDS, Diagnosis, Problem, located
from agent_sdk_core.names import BackendType, entry_points_of_backends, parse_backend_type

if TYPE_CHECKING:
    from agent_sdk_core.config.runtime import RuntimeConfig


@checked_class()
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


@checked
def available_backends(*, config: RuntimeConfig | None = None) -> list[AvailableBackend]:
    """Return the registered backends in the order of their names, each with its executable or what is wrong.

    Args:
        config: The configuration, which may name executables; absent: it is read.

    Raises:
        InvalidRequestError: The configuration is wrong.
    """
    config = loaded_config(config)
    return [_describe(entry, config) for entry in sorted(entry_points_of_backends(), key=lambda entry: entry.name)]


def _describe(entry: EntryPoint, config: RuntimeConfig) -> AvailableBackend:
    try:
        configured = config.backend_settings(entry.name).get("executable")
        if configured is not None:
            require_executable(configured, entry.name, config)
        executable = configured or cast("type[AgentBackend]", entry.load()).locate()
        return AvailableBackend(entry.name, executable=None if executable is None else str(executable))
    except AgentError as error:
        return AvailableBackend(entry.name, problem=error.message)
    except Exception as error:  # a broken third-party package must not hide the others
        return AvailableBackend(entry.name, problem=f"{entry.value} cannot be loaded: {error}")


@checked
async def diagnose_backend(
    type: BackendType | None = None,  # noqa: A002  # the field's name
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
    name = config.chosen_type() if type is None else parse_backend_type(type)
    try:
        return await create_backend(name, config=config).diagnose(timeout=timeout)
    except ExecutableNotFoundError as error:  # of the one that is configured
        return located(name, None, error, named=True)
    except Exception as error:  # a broken third-party package
        what = f"The {name} backend cannot be used: {error.__class__.__name__}: {error}".rstrip(".")
        return Diagnosis(name, problems=(Problem(f"{what}.", "Install its package again, or remove it."),))
