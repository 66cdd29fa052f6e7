"""Plug-ins: tools of installed packages, registered as entry points, which load only when somebody names them."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import entry_points
from typing import Final, cast

from agent_sdk_core.errors import InvalidRequestError, failure_text
from agent_sdk_core.names import nearest
from agent_sdk_core.tools.registry import ToolRegistry
from agent_sdk_core.tools.tool import Tool

GROUP: Final = "agent_sdk.tools"
"""The entry points: a `Tool`, a `ToolRegistry`, or a list of tools, by a name of their package's choice."""


def tool_names() -> tuple[str, ...]:
    """Return the names of the tools that are installed, unloaded."""
    return tuple(sorted({entry.name for entry in entry_points(group=GROUP)}))


def missing(name: str, known: Sequence[str]) -> str:
    """Return, as a sentence, that no tool is installed under a name, with what is."""
    meant = nearest(name, known)
    hint = f"{meant!r} is." if meant else f"there are: {', '.join(known) or 'none'}."
    return f"No tool is installed as {name!r}; {hint}"


def load_tools(name: str) -> tuple[Tool | ToolRegistry, ...]:
    """Load what is registered under a name.

    Raises:
        InvalidRequestError: No installed package has it, it cannot be loaded, or it is no tool.
    """
    entry = next((entry for entry in entry_points(group=GROUP) if entry.name == name), None)
    if entry is None:
        raise InvalidRequestError(missing(name, tool_names()), details={"tool": name})
    try:
        loaded: object = entry.load()
    except BaseException as error:  # A stranger's module may raise anything as it is imported.
        if isinstance(error, KeyboardInterrupt):
            raise
        raise InvalidRequestError(
            f"The tool {name!r} ({entry.value}) cannot be loaded: {failure_text(error)}"
        ) from error
    listed = isinstance(loaded, list | tuple)
    given = cast("list[object]", loaded) if listed else [loaded]
    found = tuple(each for each in given if isinstance(each, Tool | ToolRegistry))
    if len(found) < len(given):
        kind = type(loaded).__name__
        raise InvalidRequestError(
            f"The entry point {name!r} ({entry.value}) is no Tool, no ToolRegistry and no list of them, but {kind}."
        )
    return found
