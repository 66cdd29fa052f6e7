"""The own tools of the agent in memory: what each returns, as a test said."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import Any

from agent_sdk_core import AgentError, ToolContext, ToolResult
from agent_sdk_core.runtime.asking.user_code import UserCodeError, call_user_code

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

        async def work() -> ToolResult:
            result = self._results.get(name)
            if callable(result):
                result = result(*(given, context)[: _taken(result)])
                if inspect.isawaitable(result):
                    result = await result
            return ToolResult.of(result)

        try:
            result = await call_user_code(work, f"on({name!r}, …) of the test")
        except UserCodeError as error:
            raise AgentError(f"on({name!r}, …) of the test raised {str(error).rstrip('.')}.") from error.__cause__
        return ToolResult.of(result)


def _taken(code: Callable[..., object]) -> int:
    """Return how many arguments a function takes: the input of the tool, and perhaps the context of its call."""
    try:
        parameters = inspect.signature(code).parameters.values()
    except ValueError:  # Some that are built in do not say.
        return 1
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return min(2, max(1, sum(each.kind in kinds for each in parameters)))
