"""Names of backends: found through the entry points `agent_sdk.backends`, from any way of writing them.

A backend's package may register further names of it in the group `agent_sdk.backend_aliases`, with the same object. A
backend that is no agent by itself, but needs to be told which, is registered in `agent_sdk.backend_kinds`: it is made
by its name, and is the `type` of the agents that a configuration names.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from agent_sdk_core.errors import InvalidRequestError

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

BackendType = str
"""Name of a backend: "codex", "claude", or any name registered as an entry point `agent_sdk.backends`."""

GROUP: Final = "agent_sdk.backends"
KIND_GROUP: Final = "agent_sdk.backend_kinds"
ALIAS_GROUP: Final = "agent_sdk.backend_aliases"
DEFAULT_BACKEND: Final = "codex"
"""What is used when several backends are installed and none is configured."""

_EXTRAS: Final = ("claude", "codex")
"""Backends that are extras of the distribution `agent-sdk`."""

_ALIKE: Final = 0.6
_SEPARATORS: Final = re.compile(r"[\s_-]+")


def entry_points(*, group: str) -> Iterable[EntryPoint]:
    """Return the entry points of a group; looking for them loads much that a session does without.

    What is installed is read once, and again when an import could find something else: each reading opens a file of
    every distribution.
    """
    return _installed(group, tuple((path, _changed(path)) for path in sys.path))


@lru_cache(maxsize=3)
def _installed(group: str, at: tuple[tuple[str, int | None], ...]) -> tuple[EntryPoint, ...]:
    """Return the entry points of a group; `at` is where they are looked for, with when each folder was changed."""
    from importlib import metadata

    del at
    return tuple(metadata.entry_points(group=group))


def _changed(path: str) -> int | None:
    """Return when something was put into a folder or removed, in nanoseconds; None if it is not there."""
    try:
        return Path(path).stat().st_mtime_ns
    except (OSError, ValueError):
        return None


def backend_names() -> tuple[BackendType, ...]:
    """Return the names of the registered backends, sorted."""
    return tuple(sorted(entry.name for entry in entry_points_of_backends()))


def parse_backend_type(name: str) -> BackendType:
    """Return the name under which a backend is registered, from any way of writing it, or one of its aliases.

    Upper case, spaces, hyphens and underscores make no difference.

    Raises:
        InvalidRequestError: No backend of this name is registered; the message lists those that are.
    """
    return entry_point(name).name


def canonical_name(name: str) -> BackendType:
    """Return the name under which a backend is registered, or the name itself, normalized, if none is."""
    entry = _find(name)
    return _normalized(name) if entry is None else entry.name


def chosen_backend(configured: str | None, *, source: str | None = None) -> BackendType:
    """Return the backend that is used when the caller names none: the configured, the only, or the default one.

    Args:
        configured: What the configuration says, or None.
        source: Where it says so, in words.

    Raises:
        InvalidRequestError: It is not registered, or there are several and none of them is the default.
    """
    if configured is not None:
        return entry_point(configured, source=source).name
    names = backend_names()
    if len(names) == 1 or DEFAULT_BACKEND in names or not names:
        return entry_point(names[0] if len(names) == 1 else DEFAULT_BACKEND).name
    raise InvalidRequestError(
        f"Several backends are installed ({', '.join(names)}) and none is chosen: name one, or set AGENT_SDK_BACKEND."
    )


def is_registered(name: str) -> bool:
    """Tell whether a backend, or a kind of backends, is registered under a name or an alias."""
    return _find(name) is not None


def entry_points_of_backends() -> Iterable[EntryPoint]:
    """Return the registered backends, unloaded."""
    return entry_points(group=GROUP)


def entry_point(name: str, *, source: str | None = None) -> EntryPoint:
    """Return what is registered under a name or an alias, unloaded.

    Args:
        name: Any way of writing it.
        source: Where somebody wrote it, in words, for the error.

    Raises:
        InvalidRequestError: No backend of this name is registered; the message lists those that are.
    """
    if (entry := _find(name)) is not None:
        return entry
    names = backend_names()
    wanted = _normalized(name)
    meant = nearest(wanted, [*names, *(_normalized(entry.name) for entry in _aliases())])
    origin = f" (from {source})" if source else ""
    hint = f"; did you mean {meant!r}?" if meant else "."
    registered = f"Registered: {', '.join(names) or 'none'}."
    if missing := [extra for extra in _EXTRAS if extra not in names and (not names or wanted.startswith(extra))]:
        brought = " or ".join(f'`pip install "agent-sdk[{extra}]"`' for extra in missing)
        registered += f" {brought} brings {'one' if len(missing) > 1 else missing[0]}."
    raise InvalidRequestError(
        f"No backend is called {name!r}{origin}{hint} {registered}",
        details={"type": name},
    )


def _normalized(name: object) -> str:
    if not isinstance(name, str):
        raise InvalidRequestError(
            f"A backend is named by text, such as {DEFAULT_BACKEND!r}, not by {type(name).__name__}.",
            details={"option": "type"},
        )
    return _SEPARATORS.sub("-", name.strip().casefold())


def _find(name: str) -> EntryPoint | None:
    wanted = _normalized(name)
    entries = list(entry_points_of_backends())
    for entry in entries:
        if _normalized(entry.name) == wanted:
            return entry
    for kind in entry_points(group=KIND_GROUP):
        if _normalized(kind.name) == wanted:
            return kind
    for alias in _aliases():
        if _normalized(alias.name) == wanted:
            return next((entry for entry in entries if entry.value == alias.value), None)
    return None


def _aliases() -> Iterable[EntryPoint]:
    return entry_points(group=ALIAS_GROUP)


def nearest(name: str, known: Sequence[str], *, alike: float = _ALIKE) -> str | None:
    """Return the known name that is most like this one, None if none is like it.

    Args:
        name: What was written.
        known: The names that exist.
        alike: How much alike they must be, from 0 to 1.
    """
    from difflib import get_close_matches  # Only errors need it.

    return next(iter(get_close_matches(name, known, n=1, cutoff=alike)), None)
