"""The registry of an application's tools."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from agent_sdk_core.arguments import checked_class
from agent_sdk_core.errors import InvalidRequestError
from agent_sdk_core.tools.results import ToolResult
from agent_sdk_core.tools.tool import TOOL_NAME, Tool
from agent_sdk_core.wire.shown import described


@checked_class(methods=True)
class ToolRegistry:
    """Tools under one name, for `SessionOptions.tools`; the agent shows them as `mcp__<registry>__<tool>`.

    Args:
        name: Name of the registry.
        tools: Its first tools.

    Raises:
        InvalidRequestError: Two tools share a name.
    """

    def __init__(self, name: str = "tools", tools: Iterable[Tool] = ()) -> None:
        if not TOOL_NAME.fullmatch(name) or "__" in name:
            raise InvalidRequestError(f"A registry's name has letters, digits, '_' or '-', and no '__', not {name!r}.")
        self.name = name
        self._tools: dict[str, Tool] = {}
        for entry in tools:
            self.add(entry)

    def add(self, entry: Tool) -> Tool:
        """Add a tool and return it, so that this also works as a decorator above `@tool`.

        Raises:
            InvalidRequestError: It has a tool of that name.
        """
        if entry.name in self._tools:
            raise InvalidRequestError(f"There are two tools called {entry.name!r} in registry {self.name!r}.")
        self._tools[entry.name] = entry
        return entry

    def get(self, name: str) -> Tool | None:
        """Return a tool by its name, or None."""
        return self._tools.get(name)

    @property
    def names(self) -> tuple[str, ...]:
        """The names under which messages show the tools."""
        return tuple(f"mcp__{self.name}__{name}" for name in self._tools)

    def __repr__(self) -> str:
        return described(self, name=self.name, tools=tuple(self._tools))

    def __iter__(self) -> Iterator[Tool]:
        return iter(tuple(self._tools.values()))

    def __len__(self) -> int:
        return len(self._tools)

    async def run(self, name: str, arguments: object) -> ToolResult:
        """Run a tool by its name; one that does not exist is an error result."""
        found = self._tools.get(name)
        if found is None:
            known = ", ".join(self._tools) or "none"
            return ToolResult.failed(f"There is no tool {name!r}; there are: {known}.")
        return await found.run(arguments)
