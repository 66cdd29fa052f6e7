"""Backends by name: found through the entry points `agent_sdk.backends`, loaded only when asked for."""

from __future__ import annotations

import builtins
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Final, cast

from agent_sdk_core.backend import AgentBackend, BackendType
from agent_sdk_core.errors import AgentError, InvalidRequestError
from agent_sdk_core.options import SessionOptions
from agent_sdk_core.prompts import Prompt
from agent_sdk_core.session import Turn

GROUP: Final = "agent_sdk.backends"
DEFAULT_BACKEND: Final = "codex"


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


def available_backends() -> list[AvailableBackend]:
    """Return the registered backends in the order of their names, each with its executable or what is wrong."""
    return [_describe(entry) for entry in sorted(_entries(), key=lambda entry: entry.name)]


def create_backend(type: BackendType | None = None, **settings: Any) -> AgentBackend:  # noqa: A002  # the field's name
    """Return a new backend, not yet started.

    Args:
        type: Its name; absent: "codex".
        settings: Passed to the backend: `executable`, `env` and what else it takes.

    Raises:
        InvalidRequestError: No backend of this name is registered; the message lists those that are.
    """
    return cast("AgentBackend", cast("Any", load_backend(type))(**settings))


def load_backend(type: BackendType | None = None) -> builtins.type[AgentBackend]:  # noqa: A002  # the field's name
    """Return the class of a backend.

    Args:
        type: Its name; absent: "codex".

    Raises:
        InvalidRequestError: No backend of this name is registered; the message lists those that are.
    """
    wanted = (type or DEFAULT_BACKEND).strip().lower()
    for entry in _entries():
        if entry.name.lower() == wanted:
            return cast("builtins.type[AgentBackend]", entry.load())
    names = ", ".join(sorted(entry.name for entry in _entries())) or "none; install codex-sdk"
    raise InvalidRequestError(f"No backend is called {type!r}. Registered: {names}.", details={"type": type})


def query(
    prompt: Prompt, *, backend: AgentBackend | BackendType | None = None, options: SessionOptions | None = None
) -> Turn:
    """Return a turn that opens a session of its own for one prompt, and closes it with the turn.

    Args:
        prompt: The prompt.
        backend: A backend, or the name of one that is made for this turn and ends with it.
        options: Options of the session.
    """
    from agent_sdk_core.runtime.oneshot import OneShotTurn

    if isinstance(backend, AgentBackend):
        return OneShotTurn(prompt, backend, options, owns_backend=False)
    return OneShotTurn(prompt, create_backend(backend), options, owns_backend=True)


def _entries() -> Iterable[EntryPoint]:
    return entry_points(group=GROUP)


def _describe(entry: EntryPoint) -> AvailableBackend:
    try:
        executable = cast("type[AgentBackend]", entry.load()).locate()
        return AvailableBackend(entry.name, executable=None if executable is None else str(executable))
    except AgentError as error:
        return AvailableBackend(entry.name, problem=error.message)
    except Exception as error:  # a broken third-party package must not hide the others
        return AvailableBackend(entry.name, problem=f"{entry.value} cannot be loaded: {error}")
