"""The registry of an application's tools."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from weakref import WeakMethod

from agent_sdk_core.arguments import checked_class
from agent_sdk_core.errors import InvalidRequestError
from agent_sdk_core.tools.context import ToolContext
from agent_sdk_core.tools.results import ToolResult
from agent_sdk_core.tools.tool import TOOL_NAME, Tool
from agent_sdk_core.wire.shown import described


@checked_class(methods=True)
class ToolRegistry:
    """Tools under one name, for `SessionOptions.tools`; the agent shows them as `mcp__<registry>__<tool>`.

    It may change while sessions use it, from any thread: Claude is told, and shows the model other tools from its next
    call on; Codex keeps those that a session was started with, and a tool that was removed there fails.

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
        self._watchers: list[WeakMethod[Callable[[], None]]] = []
        for entry in tools:
            self.add(entry)

    def add(self, entry: Tool) -> Tool:
        """Add a tool and return it, so that this also works as a decorator above `@tool`.

        Raises:
            InvalidRequestError: It has a tool of that name.
        """
        if entry.name in self._tools:
            raise InvalidRequestError(f"There are two tools called {entry.name!r} in registry {self.name!r}.")
        self._tools = {**self._tools, entry.name: entry}
        self._tell()
        return entry

    def remove(self, name: str) -> Tool:
        """Take a tool out, and return it; a call that runs goes on.

        Raises:
            InvalidRequestError: It has none of that name.
        """
        if name not in self._tools:
            known = ", ".join(self._tools) or "none"
            raise InvalidRequestError(f"Registry {self.name!r} has no tool {name!r}; it has: {known}.")
        tools = {**self._tools}
        removed = tools.pop(name)
        self._tools = tools
        self._tell()
        return removed

    def watch(self, changed: Callable[[], None]) -> None:
        """Call a method after each change, from whichever thread makes it, for as long as its object lives.

        Args:
            changed: A bound method; must not raise.
        """
        self._watchers.append(WeakMethod(changed))

    def _tell(self) -> None:
        alive = [(watcher, changed) for watcher in self._watchers if (changed := watcher()) is not None]
        self._watchers = [watcher for watcher, _ in alive]
        for _, changed in alive:
            changed()

    def get(self, name: str) -> Tool | None:
        """Return a tool by its name, or None."""
        return self._tools.get(name)

    @property
    def names(self) -> tuple[str, ...]:
        """The names under which messages show the tools."""
        return tuple(f"mcp__{self.name}__{name}" for name in self._tools)

    @property
    def unasked(self) -> tuple[str, ...]:
        """The names of those that run unasked, see `Tool.ask`."""
        return tuple(f"mcp__{self.name}__{name}" for name, entry in self._tools.items() if entry.runs_unasked)

    @property
    def always_asked(self) -> tuple[str, ...]:
        """The names of those about which somebody is asked each time."""
        return tuple(f"mcp__{self.name}__{name}" for name, entry in self._tools.items() if entry.ask == "always")

    def __repr__(self) -> str:
        return described(self, name=self.name, tools=tuple(self._tools))

    def __iter__(self) -> Iterator[Tool]:
        return iter(self._tools.values())

    def __len__(self) -> int:
        return len(self._tools)

    async def run(self, name: str, arguments: object, context: ToolContext | None = None) -> ToolResult:
        """Run a tool by its name; one that does not exist is an error result. See `Tool.run`."""
        found = self._tools.get(name)
        if found is None:
            known = ", ".join(self._tools) or "none"
            return ToolResult.failed(f"There is no tool {name!r}; there are: {known}.")
        return await found.run(arguments, context)
