"""The own tools of the agent in memory: what each returns, as a test said."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import Any

from agent_sdk_core import AgentError, ToolContext, ToolResult

_Returned = object | Awaitable[object]
ToolCode = Callable[[Mapping[str, Any]], _Returned] | Callable[[Mapping[str, Any], ToolContext], _Returned]
"""A function of a tool's input, and perhaps of the context of its call."""


class Tools:
    """What the agent's own tools return."""

    def __init__(self) -> None:
        self._results: dict[str, object] = {}

    def __iter__(self) -> Iterator[str]:
        return iter(self._results)

    def add(self, name: str, result: object) -> None:
        """Say what a tool returns."""
        self._results[name] = result

    async def run(self, name: str, given: Mapping[str, Any], context: ToolContext) -> ToolResult:
        """Return what a tool returns; nothing, where nobody said.

        Raises:
            AgentError: What the test said raised.
        """
        result = self._results.get(name)
        try:
            if callable(result):
                result = result(*(given, context)[: _taken(result)])
                if inspect.isawaitable(result):
                    result = await result
            return ToolResult.of(result)
        except Exception as error:
            raise AgentError(f"on({name!r}, …) of the test raised {error!r}.") from error


def _taken(code: Callable[..., object]) -> int:
    """Return how many arguments a function takes: the input of the tool, and perhaps the context of its call."""
    try:
        parameters = inspect.signature(code).parameters.values()
    except ValueError:  # Some that are built in do not say.
        return 1
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return min(2, max(1, sum(each.kind in kinds for each in parameters)))
